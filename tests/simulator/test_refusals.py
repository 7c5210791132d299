# SPDX-License-Identifier: Apache-2.0
"""What the vendor turns down, with the status and the body it uses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import ClaudeSettings

DAY = {"date": "2026-11-05"}
AT = "2026-11-05T00:00:00Z"
NEW = {"anthropic-beta": "analytics-usage-cost-2026-08-24"}
BAD = [
    ("users", {}),
    ("users", {"date": "2025-12-31"}),
    ("users", {"date": "2026-11-22"}),
    ("users", {"date": "2026-13-01"}),
    ("users", {"date": "20261105"}),
    ("users", {"date": "2026-11-05T00:00:00Z"}),
    ("users", {**DAY, "starting_date": "2026-11-01"}),
    ("users", {**DAY, "ending_date": "2026-11-06"}),
    ("users", {"starting_date": "2026-11-05", "ending_date": "2026-11-05"}),
    ("users", {"starting_date": "2026-11-05", "ending_date": "2026-11-24"}),
    ("users", {**DAY, "limit": "0"}),
    ("users", {**DAY, "limit": "1001"}),
    ("users", {**DAY, "limit": "ten"}),
    ("users", {**DAY, "limit": ["5", "6"]}),
    ("users", {**DAY, "nonsense": "1"}),
    ("users", {**DAY, "order": "up"}),
    ("users", {**DAY, "order_by": "charm"}),
    ("users", {**DAY, "group_by[]": "user_id"}),
    ("users", {**DAY, "filter[]": "product:chat"}),
    ("users", {**DAY, "filter[]": "user_id"}),
    ("users", {**DAY, "filter[]": ["project_id:x", "rbac_group_id:y"]}),
    ("users", {**DAY, "filter[]": "project_id:x", "group_by[]": "rbac_group_id"}),
    ("users", {**DAY, "filter[]": [f"user_id:{n}" for n in range(101)]}),
    ("summaries", {}),
    ("summaries", DAY),
    ("summaries", {"starting_date": "2026-11-01", "ending_date": "2026-11-23"}),
    ("apps/chat/projects", {**DAY, "filter[]": "product:chat"}),
    ("skills", {**DAY, "filter[]": "product:excel"}),
    ("skills", {**DAY, "filter[]": "share_status:secret"}),
    ("plugins", {**DAY, "filter[]": "product:chat"}),
    ("artifacts", {"starting_date": "2026-11-01"}),
    ("artifacts", {**DAY, "order": "asc"}),
    ("artifacts", {**DAY, "filter[]": "is_shared:yes"}),
    ("cost_report", {}),
    ("cost_report", {"starting_at": "2026-11-05"}),
    ("cost_report", {"starting_at": "2026-11-05T00:00:00"}),
    ("cost_report", {"starting_at": "2026-11-05 00:00:00Z"}),
    ("cost_report", {"starting_at": "2025-12-31T23:00:00Z"}),
    ("cost_report", {"starting_at": "0001-01-01T00:00:00+01:00"}),
    ("cost_report", {"starting_at": "9999-12-31T00:00:00Z"}),
    ("cost_report", {"starting_at": AT, "ending_at": "9999-12-31T23:00:00-01:00"}),
    ("cost_report", {"starting_at": AT, "ending_at": AT}),
    ("cost_report", {"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z"}),
    ("cost_report", {"starting_at": AT, "limit": "32"}),
    ("cost_report", {"starting_at": AT, "bucket_width": "1h", "limit": "169"}),
    ("cost_report", {"starting_at": AT, "bucket_width": "1w"}),
    ("cost_report", {"starting_at": AT, "group_by[]": "actor"}),
    ("cost_report", {"starting_at": AT, "order_by": "amount"}),
    ("cost_report", {"starting_at": AT, "products[]": "claude_tag"}),
    ("usage_report", {"starting_at": AT, "group_by[]": "token_type"}),
    ("usage_report", {"starting_at": AT, "speeds[]": "warp"}),
    ("user_cost_report", {"starting_at": AT, "bucket_width": "1d"}),
    ("user_cost_report", {"starting_at": AT, "ending_at": "2026-11-06T00:01:00Z", "bucket_width": "1m"}),
    ("user_cost_report", {"starting_at": AT, "order_by": "total_tokens"}),
    ("user_cost_report", {"starting_at": AT, "exclude_deleted_users": "yes"}),
    ("user_cost_report", {"starting_at": AT, "group_by[]": "claude_tag_user_id", "rbac_group_ids[]": "g"}),
    ("user_cost_report", {"starting_at": AT, "group_by[]": ["claude_tag_user_id", "rbac_group_id"]}),
    ("usage", {"starting_at": AT, "bucket_width": "1d"}),
    ("usage", {"starting_at": AT, "time_bucket_width": "1d"}),
    ("usage", {"starting_at": AT, "exclude_deleted_users": "true"}),
    ("usage", {"starting_at": AT, "organization_ids[]": "x"}),
    ("usage", {"starting_at": AT, "group_by[]": ["actor", "product", "model", "speed", "session_id", "agent_id"]}),
    ("cost", {"starting_at": AT, "order_by": "requests"}),
]


@pytest.mark.parametrize(("path", "query"), BAD)
def test_bad_requests(client: Any, path: str, query: dict[str, Any]) -> None:
    answer = client.get(path, query, NEW)
    error = answer.json()
    assert answer.status == 400
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert error["error"]["message"]
    assert error["request_id"] == answer.headers["request-id"]


def test_groups_of_slack_users_are_distinguished(client: Any) -> None:
    """Only their own grouping is refused beside the groups', not a filter by them."""
    query = {"starting_at": AT, "group_by[]": "rbac_group_id", "claude_tag_user_ids[]": "U1"}
    assert client.get("user_cost_report", query, NEW).status == 200


@pytest.mark.parametrize(
    "query", [{"date": "2026-11-22"}, {"starting_date": "2026-11-01", "ending_date": "2026-11-23"}]
)
def test_a_day_too_recent_names_the_latest_one(client: Any, query: dict[str, str]) -> None:
    assert client.get("users", query).message.endswith("2026-11-21")


@pytest.mark.parametrize(
    ("clock", "lag", "latest"), [("09:59", 1, 20), ("10:00", 1, 21), ("09:59", 3, 18), ("10:00", 3, 19)]
)
def test_days_become_available_at_ten(fresh: Callable[..., Any], clock: str, lag: int, latest: int) -> None:
    now = datetime.fromisoformat(f"2026-11-22T{clock}:00").replace(tzinfo=UTC)
    client = fresh(now=now, claude=ClaudeSettings(lag_days=lag))
    assert client.get("users", {"date": f"2026-11-{latest}"}).status == 200
    assert client.get("users", {"date": f"2026-11-{latest + 1}"}).message.endswith(f"2026-11-{latest}")
    days = client.rows("summaries", {"starting_date": "2026-11-10"})
    assert days[-1]["starting_at"] == f"2026-11-{latest}T00:00:00Z"


def test_the_older_message_names_no_day(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(lag_days=3, legacy_date_message=True))
    error = client.get("users", {"date": "2026-11-21"}).message
    assert error == "date must be at least 3 days ago to ensure accuracy of data"


def test_lenient_mode_ignores_what_it_does_not_know(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(strict_parameters=False))
    assert client.get("users", {**DAY, "nonsense": "1"}).status == 200


def test_keys(client: Any) -> None:
    sim = client.sim
    for path in ("users", "cost_report", "no_such_thing"):
        query = {"starting_at": AT} if path == "cost_report" else DAY
        assert client.get(path, query, {"x-api-key": ""}).status == 401
        assert (
            client.get(path, query, {"x-api-key": "sk-ant-api01-no"}).json()["error"]["type"] == "authentication_error"
        )
        scope = client.get(path, query, {"x-api-key": sim.claude_unscoped_key})
        assert (scope.status, scope.json()["error"]["type"]) == (403, "permission_error")
        assert scope.message == "Missing required scopes. Got: ['read:members'] Needed: ['read:analytics']"
        admin = client.get(path, query, {"x-api-key": sim.claude_admin_key})
        assert admin.message == "Missing required scopes. Got: ['api:admin'] Needed: ['read:analytics']"
    assert client.get("no_such_thing").json()["error"]["type"] == "not_found_error"
    assert client.get("users", DAY, {"x-api-key": "", "authorization": f"Bearer {sim.claude_key}"}).status == 200
    assert client.get("users", DAY, {"x-api-key": "", "authorization": f"Basic {sim.claude_key}"}).status == 401


def test_the_beta_pair_wants_its_header_and_takes_either_key(client: Any) -> None:
    for path in ("usage", "cost"):
        assert client.get(path, {"starting_at": AT}).status == 400
        assert client.get(path, {"starting_at": AT}, {**NEW, "anthropic-version": ""}).status == 400
        assert (
            client.get(path, {"starting_at": AT}, {"anthropic-beta": f"other, {NEW['anthropic-beta']}"}).status == 200
        )
        assert client.get(path, {"starting_at": AT}, {**NEW, "x-api-key": client.sim.claude_admin_key}).status == 200
        assert client.get(path, {"starting_at": AT}, {**NEW, "x-api-key": client.sim.claude_unscoped_key}).status == 403


def test_legacy_404_hides_engagement_endpoints(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(legacy_auth_404=True))
    for key in ("wrong", client.sim.claude_unscoped_key):
        assert client.get("users", DAY, {"x-api-key": key}).status == 404
    assert client.get("cost_report", {"starting_at": AT}, {"x-api-key": "wrong"}).status == 401


def test_keys_can_be_replaced_and_the_api_disabled(fresh: Callable[..., Any]) -> None:
    client = fresh()
    sim, old = client.sim, client.sim.claude_key
    fresh_key = sim.replace_key("claude_enterprise")
    assert client.get("users", DAY, {"x-api-key": old}).status == 401
    assert client.get("users", DAY, {"x-api-key": fresh_key}).status == 200
    sim.revoke_key("claude_enterprise")
    assert client.get("users", DAY, {"x-api-key": fresh_key}).status == 401
    sim.set_enabled("claude_enterprise", False)
    assert client.get("users", DAY).status == 403
    sim.set_enabled("claude_enterprise", True)
    assert client.get("users", DAY).status == 200


def test_versions(client: Any, fresh: Callable[..., Any]) -> None:
    span = {"starting_date": "2026-11-05", "ending_date": "2026-11-06"}
    assert "data" in client.get("summaries", span).json()
    for header in ("", "2023-06-01"):
        assert list(client.get("summaries", span, {"anthropic-version": header}).json()) == ["summaries"]
        assert "email" in client.get("users", DAY, {"anthropic-version": header}).json()["data"][0]["user"]
    beta = client.get("users", {**DAY, "beta": "true"}, {"anthropic-version": "2023-06-01"}).json()
    assert "email_address" in beta["data"][0]["user"]
    assert client.get("users", DAY, {"anthropic-version": "2020-01-01"}).status == 400
    strict = fresh(claude=ClaudeSettings(strict_version=True))
    assert strict.get("users", DAY, {"anthropic-version": ""}).status == 400


def test_era_a_knows_single_days_only(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(era="A"))
    row = client.get("users", DAY).json()["data"][0]
    assert list(row["user"]) == ["id", "email"]
    assert list(row["office_metrics"]) == ["excel", "powerpoint"]
    assert len(row["cowork_metrics"]) == 8
    assert "design_metrics" not in row
    assert len(client.get("users", DAY).json()["data"]) <= 20
    for path in ("plugins", "artifacts"):
        assert client.get(path, DAY).status == 404
    assert client.get("users", {"starting_date": "2026-11-01"}).status == 400
    assert list(client.get("summaries", {"starting_date": "2026-11-01"}).json()["summaries"][0])[:2] == [
        "starting_date",
        "ending_date",
    ]


def test_other_methods_are_refused(client: Any) -> None:
    headers = {"x-api-key": client.sim.claude_key}
    assert client.call("POST", "/v1/organizations/analytics/users", headers, {}).status == 405
    assert client.call("GET", "/nowhere", headers).status == 404


@pytest.mark.parametrize("path", ["usage", "cost"])
def test_hipaa_readiness_disables_the_beta_reports(fresh: Callable[..., Any], path: str) -> None:
    client = fresh(claude=ClaudeSettings(hipaa_ready=True))
    refused = client.get(path, {"starting_at": AT}, NEW)
    assert (refused.status, refused.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "HIPAA readiness" in refused.message
    assert client.get("cost_report", {"starting_at": AT}).status == 200
