# SPDX-License-Identifier: Apache-2.0
"""A table holds one thing: what would mix is refused before any request, and nothing is written."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.coverage.reader import LakeReader
from airflow_provider_aianalytics.exceptions import (
    InvalidArgumentError,
    MalformedResponseError,
    ManifestVersionError,
    QueryMismatchError,
    StorageError,
    SuspiciousShrinkError,
)
from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.ingest.result import IngestResult
from airflow_provider_aianalytics.simulator import Fault
from airflow_provider_aianalytics.simulator.claude_enterprise.organization import Organization
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.ingest.test_loop import Bench, BenchOf, bench  # noqa: F401 - a fixture
from tests.support import DAY, truth

D = date(2026, 11, 10)
CLAUDE = VENDORS["claude_enterprise"]
NDJSON = FileFormat("ndjson", "gzip")


def land(
    it: Bench,
    day: date,
    dataset: str = "user_cost_report",
    *,
    file_format: FileFormat = NDJSON,
    drop: tuple[str, ...] = (),
    secret: str = "",
    query: dict[str, Any] | None = None,
    **options: Any,
) -> IngestResult:
    hook = ClaudeEnterpriseAnalyticsHook(clock=it.clock)
    table = LakeTable(str(it.root), vendor=CLAUDE.name, table="one", file_format=file_format)
    run = Run(dag_id="dag", run_id=f"{day} {datetime.now()}", task_id="land")
    built = build_query(hook.vendor.dataset(dataset), **(query or {}))
    hidden = ("actor.email_address",) if secret else ()
    privacy = Privacy(hook.vendor.dataset(dataset), drop=drop, pseudonymize=hidden, secret=secret)
    return Ingest(hook, built, table, run=run, privacy=privacy, options=IngestOptions(**options)).land(Period.of(day))


OTHERS: dict[str, dict[str, Any]] = {
    "hidden fields": {"drop": ("actor.email_address",)},
    "format": {"file_format": FileFormat("parquet", "gzip")},
    "compression": {"file_format": FileFormat("ndjson", "zstd")},
    "dataset": {"dataset": "user_usage_report"},
    "group_by": {"query": {"group_by": ["product"]}},
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("day", [D, D + DAY], ids=["the same day", "a new day"])
def test_what_would_mix_is_refused_before_any_request(bench: BenchOf, other: str, day: date) -> None:  # noqa: F811
    it = bench()
    land(it, D)
    before = it.files()
    it.simulator.clear_requests()

    with pytest.raises(QueryMismatchError, match="Give the other query a table of its own") as refused:
        land(it, day, **OTHERS[other])

    assert not it.simulator.requests
    assert it.files() == before
    if other == "hidden fields":
        for folder in ("one", "_revisions/one", "_unfinished/one", "_manifests/one"):
            assert f"{it.root}/claude_enterprise/{folder}" in str(refused.value)


@pytest.mark.parametrize("other", OTHERS)
def test_a_first_run_that_died_has_claimed_the_table(bench: BenchOf, other: str) -> None:  # noqa: F811
    it = bench()
    land(it, D)
    (it.root / f"claude_enterprise/_manifests/one/{D}.json").unlink()

    with pytest.raises(QueryMismatchError, match="was created with"):
        land(it, D, **OTHERS[other])

    assert land(it, D).partitions[0].status == "created"


@pytest.mark.parametrize("left", ["a day", "a claim"])
@pytest.mark.parametrize("day", [D, D + DAY], ids=["the same day", "a new day"])
def test_another_pseudonym_secret_is_refused_before_any_request(
    bench: BenchOf,  # noqa: F811
    left: str,
    day: date,
) -> None:
    it = bench()
    land(it, D, secret="first")
    if left == "a claim":
        shutil.rmtree(it.root / "claude_enterprise/_manifests")
        shutil.rmtree(it.root / "claude_enterprise/one")
    before = it.files()
    it.simulator.clear_requests()

    with pytest.raises(QueryMismatchError, match=r"pseudonym_secret_id.*Put the pseudonym_secret .* back") as refused:
        land(it, day, secret="second")

    assert not it.simulator.requests
    assert it.files() == before
    assert "second" not in str(refused.value)
    assert land(it, day, secret="first").partitions


def test_a_table_from_before_secrets_had_a_name_learns_its_own(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    land(it, D, secret="first")
    forget(it, "pseudonym_secret_id")

    land(it, D, secret="first")

    with pytest.raises(QueryMismatchError, match="pseudonym_secret_id"):
        land(it, D + DAY, secret="second")


def forget(it: Bench, name: str) -> None:
    """Make the records of the table those of an earlier version."""
    for file in [*it.root.rglob("_manifests/one/*.json"), *it.root.rglob("_tables/one/*.json")]:
        known = json.loads(file.read_text())
        known.pop(name, None)
        file.write_text(json.dumps(known))


@pytest.fixture
def organizations(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What the vendor's next answers name as the organization: the last of these."""
    served: list[str | None] = ["org_one"]
    monkeypatch.setattr(Organization, "id", property(lambda _: served[-1], lambda *_: None), raising=False)
    return served


@pytest.mark.parametrize("left", ["a day", "a claim"])
@pytest.mark.parametrize("day", [D, D + DAY], ids=["the same day", "a new day"])
def test_days_of_another_organization_do_not_land(
    bench: BenchOf,  # noqa: F811
    organizations: list[str | None],
    left: str,
    day: date,
) -> None:
    it = bench()
    land(it, D)
    if left == "a claim":
        shutil.rmtree(it.root / "claude_enterprise/_manifests")
        shutil.rmtree(it.root / "claude_enterprise/one")
    before = it.published()
    organizations.append("org_other")

    for _ in range(2):
        with pytest.raises(QueryMismatchError, match=r"org_one.*org_other.*Give each organization a table"):
            land(it, day)

    assert it.published() == before


def test_no_window_of_another_organization_lands(bench: BenchOf, organizations: list[str | None]) -> None:  # noqa: F811
    it = bench()
    land(it, D)
    before = it.published()
    organizations.append("org_other")

    with pytest.raises(QueryMismatchError):
        land(it, D + DAY, restate_days=90, max_concurrency=4)

    assert it.published() == before


def test_an_unknown_organization_is_learned_from_the_next_answer(
    bench: BenchOf,  # noqa: F811
    organizations: list[str | None],
) -> None:
    it = bench()
    for name in (None, "org_one", None):
        organizations.append(name)
        land(it, D)
    land(it, D + DAY)
    organizations.append("org_two")

    with pytest.raises(QueryMismatchError, match=r"org_one.*org_two"):
        land(it, D)


@pytest.mark.parametrize("file_format", [NDJSON, FileFormat("parquet", "gzip"), FileFormat("csv", "gzip")])
def test_an_error_of_a_landing_names_vendor_dataset_and_days(
    bench: BenchOf,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    file_format: FileFormat,
) -> None:
    it = bench()
    row = {"starting_at": f"{D}T00:00:00Z", "ending_at": f"{D + DAY}T00:00:00Z", "amount": "abc"}
    page = {"data": [row], "has_more": False, "next_page": None, "data_refreshed_at": "2026-11-20T00:00:00Z"}
    it.simulator.fail(Fault("json", body=json.dumps(page), times=None))

    with pytest.raises(MalformedResponseError, match=WHERE):
        land(it, D, file_format=file_format)

    it.simulator.clear_faults()
    land(it, D)
    with pytest.raises(QueryMismatchError, match=WHERE):
        land(it, D, drop=("actor.email_address",))
    monkeypatch.setattr(Path, "read_bytes", _refuse)
    monkeypatch.setattr(os, "replace", _refuse)
    with pytest.raises(StorageError, match=WHERE):
        land(it, D + DAY)


def _refuse(*_: Any) -> None:
    raise OSError(30, "Read-only file system")


WHERE = r"^claude_enterprise user_cost_report \[2026-11-1\d, 2026-11-1\d\)( page 1)?: "


def test_a_file_of_unknown_origin_keeps_a_table_from_hiding_fields(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    stray = it.root / f"claude_enterprise/one/date={D}/one.ndjson.gz"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"from before tables were claimed")

    with pytest.raises(QueryMismatchError, match="may hold the fields") as refused:
        land(it, D, drop=("actor.email_address",))

    assert str(stray) in str(refused.value)
    assert not it.simulator.requests


def test_raw_pages_go_when_fields_are_hidden(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    page = it.root / "claude_enterprise/_unfinished/one/somebody/page"
    page.parent.mkdir(parents=True)
    page.write_bytes(b"jane@example.com")

    land(it, D, drop=("actor.email_address",))

    assert not page.exists()


def test_the_codec_inside_parquet_is_no_part_of_a_table(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    land(it, D, file_format=FileFormat("parquet", "gzip"))

    same = land(it, D, file_format=FileFormat("parquet", "zstd"))
    land(it, D + DAY, file_format=FileFormat("parquet", "zstd"))

    assert [partition.status for partition in same.partitions] == ["unchanged"], "other bytes, the same rows"


def test_a_content_without_a_manifest_is_saved_and_has_the_shrink_check(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    land(it, D)
    file = it.root / f"claude_enterprise/one/date={D}/one.ndjson.gz"
    manifest = it.root / f"claude_enterprise/_manifests/one/{D}.json"
    large = file.read_bytes() * 3
    file.write_bytes(large)
    manifest.unlink()

    with pytest.raises(SuspiciousShrinkError):
        land(it, D)
    (partition,) = land(it, D, accept_shrink=True).partitions

    (saved,) = partition.manifest.revisions
    assert (it.root / str(saved.file)).read_bytes() == large


def test_a_manifest_of_a_newer_version_is_left_alone(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    land(it, D)
    file = it.root / f"claude_enterprise/_manifests/one/{D}.json"
    newer = json.dumps(json.loads(file.read_text()) | {"schema_version": 2, "provider_version": "9.1.0", "rows": {}})
    file.write_text(newer)

    for day in (D, D + DAY):
        with pytest.raises(
            ManifestVersionError, match=r"schema_version 2.*Install airflow-provider-aianalytics 9\.1\.0"
        ):
            land(it, day)

    assert file.read_text() == newer


def test_a_filter_by_address_does_not_stand_in_a_manifest(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    line = truth(it.simulator, "perplexity", "member_credit_usage", D, D + DAY)[D][0]
    member = json.loads(line)["user_email"]
    cut: dict[str, Any] = {"vendor": "perplexity", "table": "one", "filters": {"user_email": member}}
    it.land("credit_usage", D, D + DAY, **cut)

    assert not [name for name, content in it.files().items() if member.encode() in content]
    assert it.land("credit_usage", D, D + DAY, **cut).partitions[0].status == "unchanged"


@pytest.mark.parametrize("path", [None, "", " ", "None", "lake", "./lake", "../lake"], ids=repr)
def test_what_is_no_place_is_refused(path: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a place"):
        LakeTable(path, vendor="claude_enterprise", table="one", file_format=NDJSON)
    with pytest.raises(InvalidArgumentError, match="is not a place"):
        LakeReader(path).read(vendor=None, table=None, choose=list[date])


def test_a_folder_in_the_place_of_a_file_is_explained(bench: BenchOf) -> None:  # noqa: F811
    it = bench()
    (it.root / f"claude_enterprise/_manifests/one/{D}.json").mkdir(parents=True)

    with pytest.raises(StorageError, match="A folder lies where a file has to be"):
        land(it, D)


def test_a_table_on_another_file_system_is_explained(
    bench: BenchOf,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = bench()

    def across(source: Any, target: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "replace", across)
    with pytest.raises(StorageError, match="on one file system"):
        land(it, D)


def test_a_lake_that_is_read_only_is_explained(bench: BenchOf, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    it = bench()

    def denied(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", denied)
    with pytest.raises(StorageError, match="read-only; make it writable"):
        land(it, D)
