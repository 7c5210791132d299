# SPDX-License-Identifier: Apache-2.0
"""The catalogue against the wire contracts, copied from their tables by hand; section numbers are the contracts'."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

CLAUDE = CLAUDE_ENTERPRISE.datasets
PPLX = PERPLEXITY.datasets

U = {
    "product",
    "model",
    "context_window",
    "inference_geo",
    "speed",
    "rbac_group_id",
    "slack_channel_id",
    "claude_tag_category",
    "claude_tag_user_id",
}
C = {"cost_type", "token_type"}
BETA = U | {
    "actor",
    "actor_type",
    "agent_id",
    "api_key_id",
    "deployment_id",
    "environment_id",
    "organization_id",
    "service_tier",
    "session_id",
    "user_profile_id",
    "workspace_id",
}
LISTS = {
    "products",
    "models",
    "user_ids",
    "context_windows",
    "inference_geos",
    "speeds",
    "rbac_group_ids",
    "slack_channel_ids",
    "claude_tag_categories",
    "claude_tag_user_ids",
}
BETA_LISTS = (LISTS - {"user_ids"}) | {
    "actor_ids",
    "actor_types",
    "service_tiers",
    "organization_ids",
    "api_key_ids",
    "workspace_ids",
    "agent_ids",
    "deployment_ids",
    "environment_ids",
    "session_ids",
    "user_profile_ids",
}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("users", "users"),
        ("summaries", "summaries"),
        ("chat_projects", "apps/chat/projects"),
        ("skills", "skills"),
        ("connectors", "connectors"),
        ("plugins", "plugins"),
        ("artifacts", "artifacts"),
        ("user_usage_report", "user_usage_report"),
        ("user_cost_report", "user_cost_report"),
        ("usage_report", "usage_report"),
        ("cost_report", "cost_report"),
        ("usage", "usage"),
        ("cost", "cost"),
    ],
)
def test_claude_paths(name: str, path: str) -> None:
    """Section 1, endpoint inventory."""
    assert CLAUDE[name].path == f"/v1/organizations/analytics/{path}"


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [
        ("users", {"rbac_group_id"}),
        ("summaries", set()),
        ("chat_projects", {"rbac_group_id", "user_id"}),
        ("skills", {"product", "rbac_group_id", "user_id"}),
        ("connectors", {"product", "rbac_group_id", "user_id"}),
        ("plugins", {"product", "rbac_group_id", "user_id"}),
        ("artifacts", {"product", "rbac_group_id", "user_id"}),
        ("user_usage_report", U),
        ("user_cost_report", U | C),
        ("usage_report", U),
        ("cost_report", U | C),
        ("usage", BETA),
        ("cost", BETA | C),
    ],
)
def test_claude_group_dimensions(name: str, dimensions: set[str]) -> None:
    """Sections 7.0, 8.0 and 9."""
    assert set(CLAUDE[name].group_by) == dimensions


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("users", {"project_id", "rbac_group_id", "user_id"}),
        ("summaries", {"rbac_group_id"}),
        ("chat_projects", {"project_id", "rbac_group_id", "user_id"}),
        ("skills", {"product", "rbac_group_id", "share_status", "skill_name", "user_id"}),
        ("connectors", {"connector_name", "product", "rbac_group_id", "user_id"}),
        ("plugins", {"plugin_name", "product", "rbac_group_id", "user_id"}),
        ("artifacts", {"artifact_type", "is_shared", "product", "rbac_group_id", "user_id"}),
        ("user_usage_report", LISTS | {"exclude_deleted_users"}),
        ("user_cost_report", LISTS | {"exclude_deleted_users"}),
        ("usage_report", LISTS),
        ("cost_report", LISTS),
        ("usage", BETA_LISTS | {"exclude_deleted_users"}),
        ("cost", BETA_LISTS | {"exclude_deleted_users"}),
    ],
)
def test_claude_filters(name: str, filters: set[str]) -> None:
    """Sections 7.0, 8.0 and 9."""
    assert set(CLAUDE[name].filters) == filters
    assert {flag for flag in CLAUDE[name].filters if not CLAUDE[name].filters[flag].multiple} <= {
        "exclude_deleted_users"
    }


@pytest.mark.parametrize(
    ("names", "filter_name", "values"),
    [
        (("skills", "connectors"), "product", {"chat", "claude_code", "cowork", "office_agent", "chat_cowork_unified"}),
        (("plugins",), "product", {"cowork", "claude_code", "chat_cowork_unified"}),
        (("artifacts",), "product", {"chat", "claude_code", "cowork", "chat_cowork_unified"}),
        (("skills",), "share_status", {"organization", "private", "public"}),
        (("artifacts",), "is_shared", {"true", "false"}),
        (("usage_report", "cost_report", "usage", "cost"), "context_windows", {"0-200k", "200k-1M"}),
        (("usage_report", "cost_report", "usage", "cost"), "inference_geos", {"global", "us", "not_available"}),
        (("usage_report", "cost_report", "usage", "cost"), "speeds", {"fast", "standard"}),
        (
            ("user_usage_report", "cost"),
            "claude_tag_categories",
            {"dm", "engaged", "monitoring", "proactive", "scheduled"},
        ),
        (
            ("usage", "cost"),
            "actor_types",
            {"user_actor", "service_account_actor", "federated_actor", "api_actor"},
        ),
        (
            ("usage", "cost"),
            "service_tiers",
            {"batch", "flex", "flex_discount", "priority", "priority_on_demand", "standard"},
        ),
    ],
)
def test_claude_filter_values(names: tuple[str, ...], filter_name: str, values: set[str]) -> None:
    for name in names:
        assert set(CLAUDE[name].filters[filter_name].values) == values


@pytest.mark.parametrize(
    ("names", "limits"),
    [
        (("users", "summaries", "chat_projects", "skills", "connectors", "plugins", "artifacts"), {None: 1000}),
        (("user_usage_report", "user_cost_report", "usage", "cost"), {"1d": 1000, "1h": 1000, "1m": 1000}),
        (("usage_report", "cost_report"), {"1d": 31, "1h": 168, "1m": 256}),
    ],
)
def test_claude_page_limits(names: tuple[str, ...], limits: dict[str | None, int]) -> None:
    """Section 5."""
    for name in names:
        assert dict(CLAUDE[name].page_limit) == limits


def test_claude_windows() -> None:
    """Sections 6, 7 and 8.0: a day, 31 days, and a day where rows are per minute."""
    for name in ("users", "chat_projects", "skills", "connectors", "plugins", "artifacts"):
        assert (CLAUDE[name].window.start, CLAUDE[name].window.end) == ("date", None)
        assert not CLAUDE[name].has_more
    assert CLAUDE["summaries"].window.limit(None) == 31
    for name in ("user_usage_report", "user_cost_report", "usage", "cost"):
        assert [CLAUDE[name].window.limit(width) for width in ("1d", "1h", "1m")] == [31, 31, 1]
        assert CLAUDE[name].has_more
    for name in ("usage_report", "cost_report"):
        assert [CLAUDE[name].window.limit(width) for width in ("1d", "1h", "1m")] == [31, 31, 31]
        assert CLAUDE[name].groups_per_bucket == 100


def test_claude_dates() -> None:
    """Section 6: the first day, the retention, 10:00 UTC, and 30 days of restatement."""
    for dataset in CLAUDE.values():
        assert dataset.first_day == date(2026, 1, 1)
    for name in ("users", "summaries", "artifacts"):
        assert CLAUDE[name].availability.kind == "aggregated"
        assert CLAUDE[name].availability.at == time(10)
        assert CLAUDE[name].availability.lag == timedelta(days=3)
        assert CLAUDE[name].availability.exists_from(date(2026, 2, 28)) == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert CLAUDE[name].retention is None
    for name in ("user_usage_report", "cost_report", "usage", "cost"):
        assert CLAUDE[name].availability.kind == "watermark"
        assert CLAUDE[name].retention == timedelta(days=365)
        assert CLAUDE[name].availability.final_from(date(2026, 1, 1)) == datetime(2026, 2, 1, tzinfo=UTC)


def test_claude_headers_and_keys() -> None:
    """Sections 2, 4 and 9."""
    assert CLAUDE_ENTERPRISE.base_url == "https://api.anthropic.com"
    assert CLAUDE_ENTERPRISE.key_header.lower() == "x-api-key"
    assert CLAUDE_ENTERPRISE.key_format == "{key}"
    assert CLAUDE_ENTERPRISE.headers["anthropic-version"] == "2026-10-21"
    assert CLAUDE_ENTERPRISE.requests_per_minute == 60
    for name, dataset in CLAUDE.items():
        is_beta = name in {"usage", "cost"}
        assert dict(dataset.headers) == ({"anthropic-beta": "analytics-usage-cost-2026-08-24"} if is_beta else {})
        assert dataset.admin_key == is_beta
        assert dataset.bucket_width_parameter == ("time_bucket_width" if is_beta else "bucket_width")
        assert dataset.max_group_by == (5 if is_beta else None)


def test_perplexity_limits_and_fields() -> None:
    """Sections 1, 2 and 5."""
    assert PERPLEXITY.base_url == "https://api.perplexity.ai"
    assert PERPLEXITY.key_header == "Authorization"
    assert PERPLEXITY.key_format == "Bearer {key}"
    assert PERPLEXITY.max_concurrency == 1, "section 4: one request at a time"
    for name, dataset in PPLX.items():
        assert dataset.window.max_days == 90
        assert dataset.has_more
        assert not dataset.group_by
        parameters = dict(dataset.parameters)
        if name.startswith("member_"):
            assert dataset.path == "/v2/analytics/computer/usage"
            assert parameters == {"dataset": name.removeprefix("member_"), "group_by": "user_email"}
            assert dict(dataset.page_limit) == {None: 100}
            assert not dataset.filters
            assert dataset.results == "results"
        else:
            assert dataset.path == "/v1/analytics/computer/usage"
            assert parameters == {"dataset": name}
            assert dict(dataset.page_limit) == {"1d": 31, "1h": 168}
            assert set(dataset.filters) == {"user_email"}
            assert dataset.results is None


ACTOR = {"type": "user_actor", "user_id": "u", "name": "n", "email_address": None, "deleted": False}
DIMENSIONS: dict[str, Any] = dict.fromkeys(U)
TOKENS = {
    "uncached_input_tokens": 1,
    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1},
    "cache_read_input_tokens": 1,
    "output_tokens": 1,
    "server_tool_use": {"web_search_requests": 1},
    "requests": 1,
}
MONEY = {"currency": "USD", "amount": "1.5", "list_amount": "2.5", "requests": 1}
TYPES = {"cost_type": None, "token_type": None}
BOUNDS = {"starting_at": "2026-09-01T00:00:00Z", "ending_at": "2026-09-02T00:00:00Z"}
USED = {"excel": 1, "powerpoint": 1, "word": 1, "outlook": 1}


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("user_usage_report", {"actor": ACTOR, **BOUNDS, **DIMENSIONS, **TOKENS, "total_tokens": 5}),
        ("user_cost_report", {"actor": ACTOR, **BOUNDS, **DIMENSIONS, **MONEY, **TYPES}),
        ("usage_report", {**BOUNDS, **DIMENSIONS, **TOKENS}),
        ("cost_report", {**BOUNDS, **DIMENSIONS, **MONEY, **TYPES}),
        ("usage", {**BOUNDS, "group": dict.fromkeys(BETA - {"actor"}), "usage": {**TOKENS, "total_tokens": 5}}),
        ("cost", {**BOUNDS, "group": dict.fromkeys((BETA | C) - {"actor"}), "cost": MONEY}),
        (
            "usage",
            {
                "group": {
                    "actor": {
                        **ACTOR,
                        "service_account_id": "s",
                        "api_key_id": "a",
                        "subject": None,
                        "provider": dict.fromkeys(
                            ("account_id", "signed_principal", "subscription_id", "project_number", "issuer")
                        ),
                    }
                }
            },
        ),
        (
            "chat_projects",
            {
                "project_id": "p",
                "project_name": "n",
                "distinct_user_count": 1,
                "distinct_conversation_count": 1,
                "message_count": 1,
                "created_at": "2026-04-01T10:00:00Z",
                "created_by": {"type": "user", "id": "u", "email_address": "e"},
            },
        ),
        (
            "skills",
            {
                "skill_name": "xlsx",
                "skill_display_name": None,
                "share_status": "public",
                "distinct_user_count": 14,
                "invocation_count": 61,
                "enable_count": 2,
                "chat_metrics": {"distinct_conversation_skill_used_count": 30},
                "claude_code_metrics": {"distinct_session_skill_used_count": 4},
                "cowork_metrics": {"distinct_session_skill_used_count": 0},
                "office_metrics": {app: {"distinct_session_skill_used_count": 6} for app in USED},
                "estimated_overage_spend": "1250",
                "attributed_list_price": "2210.5",
                "currency": "USD",
            },
        ),
        (
            "connectors",
            {
                "connector_name": "atlassian",
                "connector_display_name": None,
                "office_metrics": {app: {"distinct_session_connector_used_count": 0} for app in USED},
                "read_call_count": 40,
                "write_call_count": 5,
                "unclassified_call_count": 11,
                "managed_auth_distinct_user_count": None,
                "individual_auth_distinct_user_count": None,
            },
        ),
        (
            "artifacts",
            {
                "artifact_type": "other",
                "is_shared": True,
                "artifacts_created_count": 2,
                "published_artifacts_created_count": 1,
                "distinct_user_count": 1,
            },
        ),
        (
            "users",
            {
                "user": {"type": "user", "id": "u", "email_address": "e"},
                "web_search_count": 2,
                "last_activity_date": "2026-09-01",
                "claude_tag_metrics": {"active_day_count": None, "active_message_count": 1},
                "cowork_metrics": {"sessions_with_file_edits_count": None, "dispatch_turn_count": 0},
            },
        ),
        ("summaries", {**BOUNDS, "daily_adoption_rate": 36.0, "claude_tag_monthly_active_user_count": 4}),
    ],
)
def test_the_fields_of_the_example_bodies_are_columns(name: str, record: dict[str, Any]) -> None:
    """Sections 8.1, 9 and 14: every leaf has its column."""
    assert set(_leaves(record)) <= {column.path for column in CLAUDE[name].columns}


def _leaves(record: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name
