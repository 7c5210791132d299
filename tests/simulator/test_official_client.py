# SPDX-License-Identifier: Apache-2.0
"""The vendor's own client reads every endpoint to its last page, with validation of every response switched on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anthropic
import pytest

from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, Simulator

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPAN = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-08T00:00:00Z"}
DAY = {"date": "2026-11-05"}
RANGE = {"starting_date": "2026-11-01", "ending_date": "2026-11-10"}
LIST = [
    ("users", DAY),
    ("users", RANGE),
    ("users", {**DAY, "group_by": ["rbac_group_id"]}),
    ("summaries", RANGE),
    ("apps.chat.projects", DAY),
    ("apps.chat.projects", {**RANGE, "group_by": ["user_id"]}),
    ("skills", DAY),
    ("skills", {**RANGE, "group_by": ["product", "rbac_group_id"]}),
    ("connectors", DAY),
    ("connectors", {"date": "2026-02-03", "group_by": ["user_id"]}),
    ("plugins", DAY),
    ("plugins", {**RANGE, "group_by": ["product"]}),
    ("artifacts", DAY),
    ("artifacts", {**DAY, "group_by": ["user_id", "product"]}),
]
REPORTS = [
    ("user_usage_report", SPAN),
    ("user_usage_report", {**SPAN, "bucket_width": "1d", "group_by": ["product", "model"]}),
    ("user_cost_report", SPAN),
    ("user_cost_report", {**SPAN, "group_by": ["cost_type", "token_type", "rbac_group_id"]}),
    ("usage_report", {**SPAN, "bucket_width": "1h"}),
    ("usage_report", {**SPAN, "group_by": ["slack_channel_id", "claude_tag_category"]}),
    ("cost_report", {**SPAN, "group_by": ["cost_type", "product"]}),
    ("cost_report", {**SPAN, "ending_at": "2026-11-01T03:00:00Z", "bucket_width": "1m"}),
    ("usage", {**SPAN, "group_by": ["actor", "model", "speed"]}),
    ("usage", {**SPAN, "time_bucket_width": "1d", "order_by": "time"}),
    ("cost", {**SPAN, "group_by": ["actor_type", "cost_type", "token_type", "organization_id"]}),
    ("cost", SPAN),
]


def _names(cases: list[tuple[str, Any]]) -> list[str]:
    return [f"{name}-{'-'.join(sorted(set(query) - set(SPAN)))}" for name, query in cases]


@pytest.fixture(scope="module")
def official(sim: Simulator) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=sim.url, api_key=sim.claude_key, max_retries=0, _strict_response_validation=True
    )


def _resource(root: Any, name: str) -> Callable[..., Any]:
    for part in name.split("."):
        root = getattr(root, part)
    listing: Callable[..., Any] = root.list
    return listing


def _same(sim: Simulator, name: str, query: dict[str, Any], found: list[Any]) -> None:
    params = {f"{key}[]" if isinstance(value, list) else key: value for key, value in query.items()}
    truth = sim.truth(name.replace(".", "/"), params)
    assert truth
    assert len(found) == len(truth)
    for item, raw in zip(found, truth, strict=True):
        # Strict: no string passes for a number and no number for a string, as the lax mode would allow.
        assert type(item).model_validate_json(raw, strict=True).to_dict() == item.to_dict()
        assert item.to_dict(mode="json", exclude_unset=True).keys() == json.loads(raw).keys()


@pytest.mark.parametrize(("name", "query"), LIST, ids=_names(LIST))
def test_engagement(official: anthropic.Anthropic, sim: Simulator, name: str, query: dict[str, Any]) -> None:
    found = list(_resource(official.organization.analytics, name)(**query, limit=17))
    _same(sim, name, query, found)
    beta = list(_resource(official.beta.organization.analytics, name)(**query, limit=1000))
    assert [item.to_dict() for item in beta] == [item.to_dict() for item in found]


@pytest.mark.parametrize(("name", "query"), REPORTS, ids=_names(REPORTS))
def test_reports(official: anthropic.Anthropic, sim: Simulator, name: str, query: dict[str, Any]) -> None:
    betas = {"betas": ["analytics-usage-cost-2026-08-24"]} if name in ("usage", "cost") else {}
    _same(sim, name, query, list(_resource(official.beta.organization.analytics, name)(**query, **betas, limit=19)))


def test_every_optional_block_validates() -> None:
    settings = ClaudeSettings(unified=True, deprecated_email=True, file_edit_metrics=True, plugin_metrics=False)
    with Simulator(members=40, now=NOW, requests_per_minute=None, claude=settings) as sim:
        official = anthropic.Anthropic(base_url=sim.url, api_key=sim.claude_key, _strict_response_validation=True)
        analytics = official.organization.analytics
        users = list(analytics.users.list(**DAY))
        assert users[0].chat_cowork_unified_metrics is not None
        assert users[0].cowork_metrics.plugins_used_count is None
        assert users[0].cowork_metrics.file_edit_count is not None
        assert (
            next(iter(analytics.summaries.list(starting_date="2026-11-01"))).chat_cowork_unified_daily_active_user_count
            == 0
        )
        for name in ("skills", "connectors", "plugins"):
            assert list(getattr(analytics, name).list(**DAY))


def test_the_client_raises_the_errors_of_the_contract(official: anthropic.Anthropic, sim: Simulator) -> None:
    analytics = official.organization.analytics
    with pytest.raises(anthropic.BadRequestError, match="2026-11-21"):
        analytics.users.list(date="2026-11-22")
    with pytest.raises(anthropic.AuthenticationError):
        official.with_options(api_key="sk-ant-api01-wrong").organization.analytics.users.list(**DAY)
    with pytest.raises(anthropic.PermissionDeniedError, match="read:analytics"):
        official.with_options(api_key=sim.claude_unscoped_key).organization.analytics.users.list(**DAY)


def test_the_client_really_validates(official: anthropic.Anthropic, sim: Simulator) -> None:
    sim.fail(Fault("json", body='{"data":[{"user":7}],"next_page":null}'))
    with pytest.raises(anthropic.APIResponseValidationError):
        official.organization.analytics.users.list(**DAY)
