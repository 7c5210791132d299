# SPDX-License-Identifier: Apache-2.0
"""Numbers that must agree with each other, whatever is drawn (contract section 13)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_aianalytics.simulator import ClaudeSettings, Simulator

WEEK = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-08T00:00:00Z"}
DAY = {"date": "2026-11-05"}
TOKENS = ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")


def cents(rows: Iterable[dict[str, Any]], field: str = "amount") -> Decimal:
    return sum((Decimal(row[field]) for row in rows), Decimal(0))


def results(buckets: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for bucket in buckets for row in bucket["results"]]


def tokens(row: dict[str, Any]) -> int:
    cached = row["cache_creation"]
    return int(
        sum(row[name] for name in TOKENS) + cached["ephemeral_5m_input_tokens"] + cached["ephemeral_1h_input_tokens"]
    )


def test_tokens_add_up(client: Any) -> None:
    rows = client.rows("user_usage_report", {**WEEK, "group_by[]": ["product", "model"], "bucket_width": "1d"})
    assert len(rows) > 200
    assert all(row["total_tokens"] == tokens(row) for row in rows)
    assert all(row["usage"]["total_tokens"] == tokens(row["usage"]) for row in client.rows("usage", WEEK))


def test_net_never_exceeds_list(client: Any) -> None:
    rows = client.rows("user_cost_report", {**WEEK, "group_by[]": ["model", "cost_type", "token_type"]})
    assert all(Decimal(row["amount"]) <= Decimal(row["list_amount"]) for row in rows)
    assert any(Decimal(row["amount"]) < Decimal(row["list_amount"]) for row in rows)
    assert all(row["currency"] == "USD" and row["requests"] is None for row in rows)


@pytest.mark.parametrize(
    "cut",
    [
        ["product"],
        ["model", "speed"],
        ["context_window"],
        ["inference_geo"],
        ["slack_channel_id"],
        ["claude_tag_category"],
        ["cost_type"],
        ["cost_type", "token_type"],
        ["product", "cost_type"],
    ],
)
def test_groups_add_up_to_the_ungrouped_total(client: Any, cut: list[str]) -> None:
    for field in ("amount", "list_amount"):
        whole = cents(results(client.rows("cost_report", WEEK)), field)
        assert cents(results(client.rows("cost_report", {**WEEK, "group_by[]": cut})), field) == whole
    people = cents(client.rows("user_cost_report", WEEK))
    assert cents(client.rows("user_cost_report", {**WEEK, "group_by[]": cut})) == people
    new = [row["cost"] for row in client.rows("cost", {**WEEK, "group_by[]": cut})]
    assert cents(new) == cents(row["cost"] for row in client.rows("cost", WEEK))


def test_group_totals_with_rbac_are_at_least_the_whole(client: Any) -> None:
    grouped = results(client.rows("cost_report", {**WEEK, "group_by[]": "rbac_group_id"}))
    assert cents(grouped) > cents(results(client.rows("cost_report", WEEK)))
    assert None in {row["rbac_group_id"] for row in grouped}


def test_buckets_of_every_width_hold_the_same(client: Any) -> None:
    span = {"starting_at": "2026-11-05T00:00:00Z", "ending_at": "2026-11-06T00:00:00Z"}
    totals = set()
    for width, count in (("1d", 1), ("1h", 24), ("1m", 1440)):
        buckets = client.rows("cost_report", {**span, "bucket_width": width})
        assert len(buckets) == count
        assert [b["ending_at"] for b in buckets[:-1]] == [b["starting_at"] for b in buckets[1:]]
        assert all(len(b["results"]) <= 1 for b in buckets)
        totals.add(cents(results(buckets)))
        totals.add(cents(r["cost"] for r in client.rows("cost", {**span, "time_bucket_width": width})))
    assert len(totals) == 1


def test_costs_of_people_are_at_most_the_total(client: Any) -> None:
    everything = cents(results(client.rows("cost_report", WEEK)))
    people = cents(client.rows("user_cost_report", WEEK))
    assert 0 < people < everything
    assert everything == cents(row["cost"] for row in client.rows("cost", WEEK))


def test_only_a_hundred_groups_a_bucket() -> None:
    sim = Simulator(members=600, now=datetime(2026, 11, 22, 12, tzinfo=UTC))
    query = {**WEEK, "group_by[]": ["product", "model", "context_window", "inference_geo", "speed"]}
    capped, whole = ([json.loads(b) for b in sim.truth("cost_report", q)] for q in (query, WEEK))
    sizes = [len(bucket["results"]) for bucket in capped]
    assert max(sizes) == 100
    for bucket, total in zip(capped, whole, strict=True):
        amounts = [Decimal(row["amount"]) for row in bucket["results"]]
        assert amounts == sorted(amounts, reverse=True)
        assert (sum(amounts) < cents(total["results"])) == (len(amounts) == 100)
    assert cents(json.loads(r)["cost"] for r in sim.truth("cost", query)) == cents(results(whole))


def test_null_dimensions_unless_grouped(client: Any) -> None:
    for row in results(client.rows("cost_report", {**WEEK, "group_by[]": "model"})):
        assert row["product"] is None
        assert row["cost_type"] is None
    models = [row["model"] for row in results(client.rows("cost_report", {**WEEK, "group_by[]": "model"}))]
    assert None in models


FILTERS = [
    ("products[]", "product", "claude_code"),
    ("models[]", "model", "claude-sonnet-5"),
    ("context_windows[]", "context_window", "200k-1M"),
    ("speeds[]", "speed", "fast"),
    ("inference_geos[]", "inference_geo", "us"),
    ("claude_tag_categories[]", "claude_tag_category", "dm"),
]


@pytest.mark.parametrize(("name", "dimension", "value"), FILTERS)
def test_filters_filter(client: Any, name: str, dimension: str, value: str) -> None:
    split = results(client.rows("cost_report", {**WEEK, "group_by[]": dimension}))
    wanted = cents(row for row in split if row[dimension] == value)
    assert wanted
    assert cents(results(client.rows("cost_report", {**WEEK, name: value}))) == wanted
    assert cents(row["cost"] for row in client.rows("cost", {**WEEK, name: value})) == wanted


def test_filters_by_user_group_and_unset_region(client: Any) -> None:
    someone = client.rows("user_cost_report", WEEK)[3]
    user = {"user_ids[]": someone["actor"]["user_id"]}
    assert client.rows("user_cost_report", {**WEEK, **user}) == [someone]
    assert cents(results(client.rows("cost_report", {**WEEK, **user}))) == Decimal(someone["amount"])
    split = results(client.rows("cost_report", {**WEEK, "group_by[]": "rbac_group_id"}))
    group = next(row["rbac_group_id"] for row in split if row["rbac_group_id"])
    filtered = results(client.rows("cost_report", {**WEEK, "rbac_group_ids[]": group}))
    assert cents(filtered) == cents(row for row in split if row["rbac_group_id"] == group)
    geos = results(client.rows("cost_report", {**WEEK, "group_by[]": "inference_geo"}))
    unset = results(client.rows("cost_report", {**WEEK, "inference_geos[]": "not_available"}))
    assert cents(unset) == cents(row for row in geos if row["inference_geo"] is None)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("metric", ["total_tokens", "output_tokens", "uncached_input_tokens", "requests"])
def test_reports_are_ranked(client: Any, metric: str, order: str) -> None:
    rows = client.rows("user_usage_report", {**WEEK, "order_by": metric, "order": order})
    ranked = [row[metric] for row in rows]
    assert ranked == sorted(ranked, reverse=order == "desc")


def test_new_reports_can_be_ordered_by_time(client: Any) -> None:
    query = {**WEEK, "time_bucket_width": "1d", "group_by[]": "product", "order_by": "time", "order": "asc"}
    starts = [row["starting_at"] for row in client.rows("usage", query)]
    assert starts == sorted(starts)
    assert len(set(starts)) == 7


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(("path", "metric"), [("usage", "total_tokens"), ("cost", "amount")])
def test_within_a_time_the_largest_comes_first(client: Any, path: str, metric: str, order: str) -> None:
    """The official client's words: ``order`` is that of the buckets."""
    query = {**WEEK, "time_bucket_width": "1d", "group_by[]": "product", "order_by": "time", "order": order}
    rows = client.rows(path, query)
    for start in {row["starting_at"] for row in rows}:
        ranked = [Decimal(row[path][metric]) for row in rows if row["starting_at"] == start]
        assert ranked == sorted(ranked, reverse=True)


def test_actors_of_every_kind(client: Any) -> None:
    span = {"starting_at": "2026-10-22T00:00:00Z", "ending_at": "2026-11-20T00:00:00Z"}
    actors = [row["actor"] for row in client.rows("user_cost_report", span)]
    assert any(a["name"] == "Deleted User" and a["deleted"] and a["email_address"] is None for a in actors)
    assert any(a["deleted"] and a["email_address"] and a["name"] != "Deleted User" for a in actors)
    assert any(a["name"] == "Claude Security" and a["email_address"] is None and not a["deleted"] for a in actors)
    kinds = {row["group"]["actor"]["type"] for row in client.rows("cost", {**span, "group_by[]": "actor"})}
    assert kinds == {"user_actor", "service_account_actor"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.dates(date(2026, 1, 1), date(2026, 11, 20)))
def test_active_users(client: Any, day: date) -> None:
    span = {"starting_date": str(day), "ending_date": str(day + timedelta(days=1))}
    [row] = client.rows("summaries", span)
    for name in ("", "cowork_", "chat_", "claude_code_", "claude_design_", "office_agent_", "science_", "claude_tag_"):
        counts = [row[f"{name}{period}_active_user_count"] for period in ("daily", "weekly", "monthly")]
        assert counts == sorted(counts)
    for period in ("daily", "weekly", "monthly"):
        exact = row[f"{period}_active_user_count"] / row["assigned_seat_count"] * 100
        assert abs(row[f"{period}_adoption_rate"] - exact) <= 0.00005
    users = client.rows("users", {"date": str(day)})
    assert len(users) == row["daily_active_user_count"]
    assert [u["user"]["email_address"] for u in users] == sorted(u["user"]["email_address"] for u in users)
    for artifact in client.rows("artifacts", {"date": str(day)}):
        assert artifact["published_artifacts_created_count"] <= artifact["artifacts_created_count"]


def test_users_agree_with_the_entities_they_used(client: Any) -> None:
    users = client.rows("users", DAY)
    connectors = client.rows("connectors", DAY)
    calls = sum(row["read_call_count"] + row["write_call_count"] + row["unclassified_call_count"] for row in connectors)
    used = sum(
        u["chat_metrics"]["connectors_used_count"]
        + u["cowork_metrics"]["connectors_used_count"]
        + sum(app["connectors_used_count"] for app in u["office_metrics"].values())
        for u in users
    )
    assert 0 < used <= calls
    in_projects = sum(row["message_count"] for row in client.rows("apps/chat/projects", DAY))
    assert 0 < in_projects <= 2 * sum(u["chat_metrics"]["message_count"] for u in users)
    created = sum(row["artifacts_created_count"] for row in client.rows("artifacts", DAY))
    assert created == sum(
        u["chat_metrics"]["distinct_artifacts_created_count"]
        + u["claude_code_metrics"]["core_metrics"]["artifacts_created_count"]
        + u["cowork_metrics"]["artifacts_created_count"]
        for u in users
    )


def test_a_range_rolls_days_up(client: Any) -> None:
    days = [client.rows("users", {"date": f"2026-11-0{n}"}) for n in range(1, 8)]
    messages: dict[str, int] = defaultdict(int)
    last: dict[str, str] = {}
    for rows in days:
        for row in rows:
            messages[row["user"]["id"]] += row["chat_metrics"]["message_count"]
            last[row["user"]["id"]] = row["last_activity_date"]
    rolled = client.rows("users", {"starting_date": "2026-11-01", "ending_date": "2026-11-08"})
    assert {row["user"]["id"]: row["chat_metrics"]["message_count"] for row in rolled} == dict(messages)
    assert {row["user"]["id"]: row["last_activity_date"] for row in rolled} == last
    assert all(row["chat_metrics"]["distinct_shared_artifacts_viewed_count"] in (0, 1, None) for row in rolled)
    skills = client.rows("skills", {"starting_date": "2026-11-01", "ending_date": "2026-11-08"})
    assert all(row["enable_count"] is None for row in skills)


def test_grouped_engagement_rows(client: Any) -> None:
    users = client.rows("users", {**DAY, "group_by[]": "rbac_group_id"})
    assert all(row["user"] is None and row["distinct_user_count"] > 0 for row in users)
    assert None in {row["rbac_group_id"] for row in users}
    assert sum(row["distinct_user_count"] for row in users) > len(client.rows("users", DAY))
    group = next(row for row in users if row["rbac_group_id"])
    members = client.rows("users", {**DAY, "filter[]": f"rbac_group_id:{group['rbac_group_id']}"})
    assert len(members) == group["distinct_user_count"]
    skills = client.rows("skills", {**DAY, "group_by[]": "product"})
    assert {row["product"] for row in skills} == {"chat", "claude_code", "cowork", "office_agent"}
    whole = {row["skill_name"]: row["invocation_count"] for row in client.rows("skills", DAY)}
    split: dict[str, int] = defaultdict(int)
    for row in skills:
        split[row["skill_name"]] += row["invocation_count"]
    assert dict(split) == whole


@pytest.mark.parametrize(
    ("path", "dimensions"),
    [
        ("skills", {"skill_name": "skill_name"}),
        ("skills", {"share_status": "share_status"}),
        ("connectors", {"connector_name": "connector_name"}),
        ("plugins", {"plugin_name": "plugin_name"}),
        ("artifacts", {"is_shared": "is_shared", "artifact_type": "artifact_type"}),
        ("apps/chat/projects", {"project_id": "project_id"}),
        ("apps/chat/projects", {"rbac_group_id": ""}),
        ("skills", {"user_id": ""}),
    ],
)
def test_engagement_filters(client: Any, path: str, dimensions: dict[str, str]) -> None:
    whole = client.rows(path, DAY)
    filters = []
    for dimension, field in dimensions.items():
        rows = whole if field else client.rows(path, {**DAY, "group_by[]": dimension})
        value = next(row[field or dimension] for row in rows if row[field or dimension] is not None)
        filters.append(f"{dimension}:{str(value).lower() if isinstance(value, bool) else value}")
    filtered = client.rows(path, {**DAY, "filter[]": filters})
    assert 0 < len(filtered) < len(whole)
    for dimension, field in dimensions.items():
        if field:
            assert len({row[field] for row in filtered}) == 1, dimension


def test_names_match_in_any_format(client: Any) -> None:
    span = {"starting_date": "2026-10-01"}
    for path, dimension, variant, name in (
        ("skills", "skill_name", "XLSX", "xlsx"),
        ("plugins", "plugin_name", "Terraform", "terraform"),
        ("connectors", "connector_name", "google-drive MCP server", "google_drive"),
        ("connectors", "connector_name", "mcp-atlassian", "atlassian"),
    ):
        [row] = client.rows(path, {**span, "filter[]": f"{dimension}:{variant}"})
        assert row[dimension] == name
    shown = client.rows("connectors", {**span, "filter[]": "connector_name:interne datenbank (zürich)"})
    assert len(shown) == 1
    cowork = client.rows("plugins", {**span, "filter[]": "product:cowork"})
    assert cowork
    assert all(row["claude_code_metrics"]["distinct_session_plugin_used_count"] == 0 for row in cowork)


def test_a_project_filter_narrows_users_to_chat_in_it(client: Any) -> None:
    project = client.rows("apps/chat/projects", {**DAY, "order_by": "message_count"})[0]
    rows = client.rows("users", {**DAY, "filter[]": f"project_id:{project['project_id']}"})
    assert len(rows) == project["distinct_user_count"]
    assert sum(row["chat_metrics"]["message_count"] for row in rows) == project["message_count"]
    assert all(row["web_search_count"] == 0 for row in rows)


def test_engagement_order(client: Any) -> None:
    ranked = [
        r["chat_metrics"]["message_count"]
        for r in client.rows("users", {**DAY, "order_by": "chat_metrics.message_count"})
    ]
    assert ranked == sorted(ranked, reverse=True)
    down = client.rows("users", {**DAY, "order": "desc"})
    assert down == client.rows("users", DAY)[::-1]


def test_corner_cases_of_the_contract_occur(client: Any) -> None:
    skills, connectors = (
        client.rows("skills", {"starting_date": "2026-11-01"}),
        client.rows("connectors", {"starting_date": "2026-11-01"}),
    )
    assert any(s["skill_name"].startswith("skill_01") and s["skill_display_name"] for s in skills)
    assert any(s["currency"] is None and s["attributed_list_price"] is None for s in skills)
    assert any(c["connector_display_name"] and len(c["connector_name"]) == 36 for c in connectors)
    early = client.rows("connectors", {"date": "2026-03-03"})
    assert all(c["read_call_count"] is None and c["managed_auth_distinct_user_count"] is None for c in early)
    users = client.rows("users", DAY)
    assert all(u["cowork_metrics"]["file_edit_count"] is None for u in users)
    assert all("chat_cowork_unified_metrics" not in u for u in users)
    assert any(u["claude_tag_metrics"] is None for u in users)
    projects = client.rows("apps/chat/projects", {"starting_date": "2026-10-01"})
    assert any(p["created_by"] is None for p in projects)


def test_weekends_have_less_activity_and_some_days_lack_a_product(client: Any) -> None:
    days = client.rows("summaries", {"starting_date": "2026-08-01", "ending_date": "2026-11-01"})
    counts: dict[bool, list[int]] = {True: [], False: []}
    for row in days:
        counts[date.fromisoformat(row["starting_at"][:10]).weekday() >= 5].append(row["daily_active_user_count"])
    assert 2 * sum(counts[True]) / len(counts[True]) < sum(counts[False]) / len(counts[False])
    assert any(row["claude_code_daily_active_user_count"] == 0 < row["chat_daily_active_user_count"] for row in days)


def test_one_seed_one_organization() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    small, again, large, other = (
        Simulator(seed=s, members=m, now=now).truth("users", DAY) for s, m in ((7, 30), (7, 30), (7, 60), (8, 30))
    )
    assert small == again
    assert set(small) < set(large)
    assert not set(small) & set(other)


def test_an_organization_without_members_works() -> None:
    sim = Simulator(members=0, now=datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert sim.truth("users", DAY) == []
    assert len(sim.truth("cost_report", WEEK)) == 7
    assert len(sim.truth("summaries", {"starting_date": "2026-11-01"})) == 21


def test_watermark_and_partial_days(fresh: Callable[..., Any]) -> None:
    client = fresh()
    today = {"starting_at": "2026-11-22T00:00:00Z", "ending_at": "2026-11-23T00:00:00Z"}
    sums = []
    for hour, mark in ((6, "20:00"), (12, "08:00"), (23, "20:00")):
        client.sim.set_now(datetime(2026, 11, 22, hour, tzinfo=UTC))
        page = client.get("cost_report", today).json()
        if hour == 6:
            assert page["data_refreshed_at"] == "2026-11-22T00:00:00Z" or page["data_refreshed_at"] is None
        else:
            assert page["data_refreshed_at"] == f"2026-11-22T{mark}:00Z"
        sums.append(cents(results(page["data"])))
        assert len(page["data"]) == 1
    assert sums[0] == 0 < sums[1] < sums[2]
    client.sim.set_now(datetime(2026, 11, 22, 1, tzinfo=UTC))
    page = client.get("cost_report", today).json()
    assert (page["data_refreshed_at"], page["data"][0]["results"]) == (None, [])
    assert client.get("user_cost_report", today).json()["data"] == []


def test_numbers_change_for_thirty_days_and_are_final_then(fresh: Callable[..., Any]) -> None:
    client = fresh()
    query = {"starting_at": "2026-10-10T00:00:00Z", "ending_at": "2026-10-11T00:00:00Z", "bucket_width": "1d"}
    seen = {}
    for age in (1, 2, 3, 15, 28, 29, 30, 31, 42):
        client.sim.set_now(datetime(2026, 10, 10, 12, tzinfo=UTC) + timedelta(days=age))
        seen[age] = (client.sim.truth("user_cost_report", query), client.sim.truth("cost_report", query))
    young = [seen[age] for age in (1, 2, 3, 15, 28, 29)]
    assert all(a[0] != b[0] and a[1] != b[1] for n, a in enumerate(young) for b in young[:n])
    assert seen[30] == seen[31] == seen[42] != seen[29]
    client.sim.set_now(datetime(2026, 11, 9, 0, 0, tzinfo=UTC))
    assert seen[30] == (client.sim.truth("user_cost_report", query), client.sim.truth("cost_report", query))


def test_restatement_can_be_slower_or_off(fresh: Callable[..., Any]) -> None:
    query = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z"}
    for how, same_after, differs_after in (("weekly", 1, 8), ("off", 20, None)):
        client = fresh(claude=ClaudeSettings(restatement=how), now=datetime(2026, 11, 8, 12, tzinfo=UTC))
        first = client.sim.truth("cost_report", query)
        client.sim.advance(timedelta(days=same_after))
        assert client.sim.truth("cost_report", query) == first
        if differs_after:
            client.sim.advance(timedelta(days=differs_after))
            assert client.sim.truth("cost_report", query) != first


def test_engagement_is_corrected_late(fresh: Callable[..., Any]) -> None:
    early, late = (fresh(claude=ClaudeSettings(corrected_after=days)) for days in (30, 5))
    day = {"date": "2026-11-05"}
    before, after = (sum(row["web_search_count"] for row in one.rows("users", day)) for one in (early, late))
    assert 0 < before < after
    assert all(row["managed_auth_distinct_user_count"] is None for row in early.rows("connectors", day))
    assert all(row["managed_auth_distinct_user_count"] is not None for row in late.rows("connectors", day))
    assert late.rows("connectors", day) == fresh().rows("connectors", day)
