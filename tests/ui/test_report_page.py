# SPDX-License-Identifier: Apache-2.0
"""The report of a configured lake, whichever web server shows it."""

from __future__ import annotations

import html
import re

import pytest

from airflow_provider_aianalytics.ui.report_page import headers, refusal_page, report_page
from tests.coverage.lakes import NOW, ManifestLake


def test_the_first_lake_is_shown_with_links_to_the_others(lake: ManifestLake) -> None:
    page = report_page(lake=None, days=None, now=NOW)

    assert page.status == 200
    assert "claude_enterprise/users" in page.html
    links = dict(re.findall(r'<a href="([^"]+)"(?: aria-current="page")?>([^<]+)</a>', page.html))
    assert [html.unescape(link) for link in links] == [
        "?lake=Production&days=90",
        "?lake=Broken+%3Cb%3E&days=90",
        "?lake=Production&days=365",
    ]
    assert page.html.count('aria-current="page"') == 2


def test_a_year_can_be_shown(lake: ManifestLake) -> None:
    (lake.root / "claude_enterprise/_manifests/users/2026-11-02.json").rename(
        lake.root / "claude_enterprise/_manifests/users/2026-03-02.json"
    )

    assert "2026-03-02" not in report_page(lake="Production", days="90", now=NOW).html
    assert "2026-03-02" in report_page(lake="Production", days="365", now=NOW).html
    assert "2026-03-02" not in report_page(lake="Production", days="-1", now=NOW).html


def test_an_unreadable_lake_is_explained(lake: ManifestLake, caplog: pytest.LogCaptureFixture) -> None:
    page = report_page(lake="Broken <b>", days=None, now=NOW)

    assert page.status == 502
    assert "Lake Broken &lt;b&gt; cannot be read" in page.html
    assert "nostore" in page.html
    assert "check the connection that the path names" in page.html
    assert "Traceback" not in page.html
    assert ">Production</a>" in page.html
    assert caplog.records[-1].exc_info


def test_an_empty_lake_is_explained(lake: ManifestLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__AIANALYTICS__LAKES", f'{{"New": "{lake.path}/new"}}')

    page = report_page(lake=None, days=None, now=NOW)

    assert page.status == 404
    assert f"no table has landed under {lake.path}/new" in page.html


def test_a_lake_of_another_name_is_refused(lake: ManifestLake) -> None:
    page = report_page(lake="/etc/<script>", days=None, now=NOW)

    assert page.status == 404
    assert "<script>" not in page.html.replace("<script>//", "", 1)
    assert ">Production</a>" in page.html


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"a": 1}', '"s3://lake"'])
def test_a_wrong_configuration_is_explained(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AIRFLOW__AIANALYTICS__LAKES", text)

    page = report_page(lake=None, days=None, now=NOW)

    assert page.status == 500
    assert "[aianalytics] lakes is not a JSON object of names and paths" in page.html
    assert "s3://aws_default@lake/ai" in page.html


@pytest.mark.parametrize(("status", "title"), [(401, "not signed in"), (403, "may not see"), (404, "No such page")])
def test_an_access_error_is_a_page(status: int, title: str) -> None:
    page = refusal_page(status)

    assert page.status == status
    assert title in page.html


def test_the_headers_keep_the_page_private() -> None:
    found = headers()

    assert found["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in found["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in found["Content-Security-Policy"]
    assert "unsafe" not in found["Content-Security-Policy"]
