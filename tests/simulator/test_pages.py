# SPDX-License-Identifier: Apache-2.0
"""However a query is cut into pages, the pages joined are the whole; cursors belong to one query and one export."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_aianalytics.simulator import ClaudeSettings

DAY = {"date": "2026-11-05"}
SPAN = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-08T00:00:00Z"}
NEW = {"anthropic-beta": "analytics-usage-cost-2026-08-24"}
QUERIES = [
    ("users", DAY, 1000),
    ("users", {**DAY, "order_by": "chat_metrics.message_count", "filter[]": "rbac_group_id:none"}, 1000),
    ("apps/chat/projects", DAY, 1000),
    ("skills", {**DAY, "group_by[]": ["user_id", "rbac_group_id"]}, 1000),
    ("artifacts", {**DAY, "group_by[]": "user_id"}, 1000),
    ("user_usage_report", SPAN, 1000),
    ("user_cost_report", {**SPAN, "group_by[]": ["token_type", "product"], "exclude_deleted_users": "true"}, 1000),
    ("usage_report", {**SPAN, "bucket_width": "1h"}, 168),
    ("cost_report", {**SPAN, "group_by[]": ["model", "cost_type"]}, 31),
    ("usage", {**SPAN, "group_by[]": ["actor", "product"]}, 1000),
    ("cost", {**SPAN, "group_by[]": ["actor", "cost_type"], "order": "asc"}, 1000),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(QUERIES), data=st.data())
def test_pages_joined_are_the_whole(client: Any, case: tuple[str, Any, int], data: st.DataObject) -> None:
    path, query, most = case
    limit = data.draw(st.integers(1 if most < 1000 else 5, most))
    pages = client.pages(path, {**query, "limit": str(limit)}, NEW)
    joined = [item for page in pages for item in page["data"]]
    assert joined == [json.loads(item) for item in client.sim.truth(path, query)]
    if "token_type" not in str(query) and "cost_type" not in str(query):
        assert all(len(page["data"]) <= limit for page in pages)


def test_truth_is_the_bytes_on_the_wire(client: Any) -> None:
    for path, query, most in QUERIES:
        body = client.get(path, {**query, "limit": str(most)}, NEW).body
        assert b'"data":[' + b",".join(client.sim.truth(path, query)) + b"]" in body


def test_default_limits(client: Any) -> None:
    assert len(client.get("users", DAY).json()["data"]) <= 100
    assert len(client.get("user_usage_report", SPAN).json()["data"]) == 20
    assert len(client.get("cost_report", {**SPAN, "ending_at": "2026-11-20T00:00:00Z"}).json()["data"]) == 7
    assert len(client.get("cost_report", {**SPAN, "bucket_width": "1h"}).json()["data"]) == 24
    assert len(client.get("cost_report", {**SPAN, "bucket_width": "1m"}).json()["data"]) == 60


def test_envelopes(client: Any) -> None:
    assert list(client.get("users", DAY).json()) == ["data", "next_page"]
    assert list(client.get("cost_report", SPAN).json()) == [
        "organization_id",
        "data",
        "has_more",
        "next_page",
        "data_refreshed_at",
    ]
    assert list(client.get("cost", SPAN, NEW).json()) == ["data", "has_more", "next_page", "data_refreshed_at"]


def test_fan_out_rows_do_not_count_and_stay_together(client: Any) -> None:
    query = {**SPAN, "group_by[]": ["cost_type", "token_type"], "limit": "3"}
    for page in client.pages("user_cost_report", query)[:-1]:
        actors = [row["actor"]["user_id"] for row in page["data"]]
        assert len(dict.fromkeys(actors)) == 3
        assert len(actors) > 3
        assert actors == sorted(actors, key=actors.index)


def test_excluded_users_leave_short_and_empty_pages_but_not_the_end(client: Any) -> None:
    query = {
        "starting_at": "2026-10-20T00:00:00Z",
        "ending_at": "2026-11-20T00:00:00Z",
        "limit": "1",
    }
    everyone = client.rows("user_cost_report", query)
    remaining = [row for row in everyone if not row["actor"]["deleted"]]
    pages = client.pages("user_cost_report", {**query, "exclude_deleted_users": "true"})
    assert len(remaining) < len(everyone)
    assert any(not page["data"] and page["has_more"] and page["next_page"] for page in pages)
    assert [row for page in pages for row in page["data"]] == remaining


@pytest.mark.parametrize(
    "change", [{"limit": "11"}, {"date": "2026-11-06"}, {"order": "desc"}, {"filter[]": "user_id:user_1"}]
)
def test_a_cursor_belongs_to_its_query(client: Any, change: dict[str, str]) -> None:
    cursor = client.get("users", {**DAY, "limit": "10"}).json()["next_page"]
    refused = client.get("users", {**DAY, "limit": "10", "page": cursor, **change})
    assert (refused.status, refused.message) == (400, "cursor does not match current query parameters")
    elsewhere = client.get("skills", {**DAY, "limit": "10", "page": cursor})
    assert elsewhere.status == 400


@pytest.mark.parametrize("cursor", ["", "page_", "page_AAAA", "nonsense", "page_" + "QUJD" * 20, "page_é"])
def test_a_made_up_cursor_is_refused(client: Any, cursor: str) -> None:
    assert client.get("users", {**DAY, "page": cursor}).status == 400


def test_limit_may_change_if_the_setting_allows_it(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(cursor_binds_limit=False))
    cursor = client.get("users", {**DAY, "limit": "10"}).json()["next_page"]
    assert client.get("users", {**DAY, "limit": "5", "page": cursor}).status == 200


def test_a_rolled_export_expires_report_cursors_only(fresh: Callable[..., Any]) -> None:
    client = fresh()
    users = client.get("users", {**DAY, "limit": "10"}).json()["next_page"]
    report = client.get("user_cost_report", {**SPAN, "limit": "5"}).json()["next_page"]
    client.sim.advance(timedelta(hours=2))
    assert client.get("user_cost_report", {**SPAN, "limit": "5", "page": report}).status == 200
    client.sim.advance(timedelta(hours=2))
    expired = client.get("user_cost_report", {**SPAN, "limit": "5", "page": report})
    assert (expired.status, expired.json()["error"]["type"]) == (410, "invalid_request_error")
    assert client.get("users", {**DAY, "limit": "10", "page": users}).status == 200


def test_without_expiry_an_old_cursor_reads_the_old_export(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(cursor_expiry=False))
    query = {**SPAN, "limit": "5"}
    first = client.get("user_cost_report", query).json()
    truth = client.rows("user_cost_report", SPAN)
    client.sim.advance(timedelta(days=3))
    second = client.get("user_cost_report", {**query, "page": first["next_page"]}).json()
    assert first["data"] + second["data"] == truth[:10]
    assert second["data_refreshed_at"] == first["data_refreshed_at"]
    assert truth != client.rows("user_cost_report", SPAN)


def test_the_first_page_determines_the_default_end(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(cursor_expiry=False))
    query = {"starting_date": "2026-11-10", "limit": "10"}
    first = client.get("users", query).json()
    truth = client.rows("users", query)
    client.sim.advance(timedelta(days=2))
    second = client.get("users", {**query, "page": first["next_page"]}).json()
    assert first["data"] + second["data"] == truth[:20]
    assert client.rows("users", query) != truth


def test_ungrouped_artifacts_have_no_pages(client: Any) -> None:
    page = client.get("artifacts", {**DAY, "limit": "1"}).json()
    assert len(page["data"]) > 1
    assert page["next_page"] is None
    grouped = client.get("artifacts", {**DAY, "group_by[]": "user_id", "limit": "1"}).json()
    assert grouped["next_page"]
    assert client.get("artifacts", {**DAY, "page": grouped["next_page"]}).status == 400
