# SPDX-License-Identifier: Apache-2.0
"""Cost and usage: ranges of up to 31 days, restated for 30 (sections 6, 8 and 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType

from airflow_provider_aianalytics.vendors.availability import Watermark
from airflow_provider_aianalytics.vendors.base import (
    Column,
    ColumnType,
    Dataset,
    Figure,
    Filter,
    TimestampFormat,
    WindowRule,
)
from airflow_provider_aianalytics.vendors.claude_enterprise.common import (
    FIRST_DAY,
    LEGACY_NAMES,
    NAME,
    PREFIX,
    columns,
    integers,
    strings,
)
from airflow_provider_aianalytics.vendors.claude_enterprise.wire import WIRE

REPORT = Watermark(lag=timedelta(hours=4), final_after=timedelta(days=30))
RETENTION = timedelta(days=365)
BOUNDS = ("starting_at", "ending_at")
INSTANTS = WindowRule(start="starting_at", end="ending_at", time_format=TimestampFormat.RFC3339, max_days=31)
INSTANTS_SHORT_BY_MINUTE = WindowRule(
    start="starting_at",
    end="ending_at",
    time_format=TimestampFormat.RFC3339,
    max_days=31,
    max_days_by_width={"1m": 1},
)
ROWS_BY_WIDTH: Mapping[str | None, int] = MappingProxyType({"1d": 1000, "1h": 1000, "1m": 1000})
BUCKETS_BY_WIDTH: Mapping[str | None, int] = MappingProxyType({"1d": 31, "1h": 168, "1m": 256})

_CONTEXT_WINDOWS = Filter(values=("0-200k", "200k-1M"))
_GEOS = Filter(values=("global", "us", "not_available"))
_SPEEDS = Filter(values=("fast", "standard"))
_TAG_CATEGORIES = Filter(values=("dm", "engaged", "monitoring", "proactive", "scheduled"))
_FLAG = Filter(values=("true", "false"), multiple=False)

# Products are left open: their time_format has changed over time (section 8.0).
REPORT_FILTERS = {
    "products": Filter(),
    "models": Filter(),
    "user_ids": Filter(),
    "context_windows": _CONTEXT_WINDOWS,
    "inference_geos": _GEOS,
    "speeds": _SPEEDS,
    "rbac_group_ids": Filter(),
    "slack_channel_ids": Filter(),
    "claude_tag_categories": _TAG_CATEGORIES,
    "claude_tag_user_ids": Filter(),
}
USAGE_DIMENSIONS = (
    "product",
    "model",
    "context_window",
    "inference_geo",
    "speed",
    "rbac_group_id",
    "slack_channel_id",
    "claude_tag_category",
    "claude_tag_user_id",
)
COST_DIMENSIONS = (*USAGE_DIMENSIONS, "cost_type", "token_type")
# Section 8.1: a cost without tokens, such as a web search, has no row by type of token.
TOKENS_ALONE = MappingProxyType({"token_type": "cost_type"})
TAG_USER_CONFLICTS = (
    ("group_by=claude_tag_user_id", "group_by=rbac_group_id"),
    ("group_by=claude_tag_user_id", "filters.rbac_group_ids"),
)
SPLIT_FILTERS = {
    "model": "models",
    "product": "products",
    "rbac_group_id": "rbac_group_ids",
    "slack_channel_id": "slack_channel_ids",
    "claude_tag_user_id": "claude_tag_user_ids",
    "claude_tag_category": "claude_tag_categories",
    "context_window": "context_windows",
    "inference_geo": "inference_geos",
    "speed": "speeds",
}

_TOKENS = "tokens"
_SPEND = "spend_usd_cents"

_ACTOR_COLUMNS = (
    *strings("actor.type", "actor.user_id", "actor.name", "actor.email_address"),
    *columns(ColumnType.BOOLEAN, "", "actor.deleted"),
)
_BOUND_COLUMNS = columns(ColumnType.TIMESTAMP, "", *BOUNDS)


def _token_columns(prefix: str = "") -> tuple[Column, ...]:
    return integers(
        prefix,
        "uncached_input_tokens",
        "cache_creation.ephemeral_5m_input_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
    )


_USAGE_COLUMNS = integers("", "server_tool_use.web_search_requests", "requests")
_COST_COLUMNS = (
    *columns(ColumnType.CENTS, "", "amount", "list_amount"),
    *strings("currency", "cost_type", "token_type"),
    *integers("", "requests"),
)

_report = partial(
    Dataset,
    vendor=NAME,
    wire=WIRE,
    availability=REPORT,
    bounds=BOUNDS,
    first_day=FIRST_DAY,
    legacy_names=LEGACY_NAMES,
    retention=RETENTION,
    bucket_widths=("1d", "1h", "1m"),
    conflicts=TAG_USER_CONFLICTS,
    overlapping_group_by=("rbac_group_id",),
)
_by_member = partial(
    _report,
    window=INSTANTS_SHORT_BY_MINUTE,
    page_limit=ROWS_BY_WIDTH,
    limit_unit="rows",
    row_key=("actor.user_id", *BOUNDS, *COST_DIMENSIONS),
    filters={**REPORT_FILTERS, "exclude_deleted_users": _FLAG},
)
_by_bucket = partial(
    _report,
    window=INSTANTS,
    page_limit=BUCKETS_BY_WIDTH,
    limit_unit="buckets",
    is_series=True,
    results="results",
    row_key=COST_DIMENSIONS,
    filters=REPORT_FILTERS,
    groups_per_bucket=100,
    split_filters=SPLIT_FILTERS,
    null_filter_values={"inference_geo": "not_available"},
)

USER_USAGE_REPORT = _by_member(
    name="user_usage_report",
    path=f"{PREFIX}/user_usage_report",
    title="tokens of each member",
    grain="member and bucket",
    section="8.1",
    group_by=USAGE_DIMENSIONS,
    measure="total_tokens",
    figure=Figure(_TOKENS, ("total_tokens",)),
    columns=(
        *_ACTOR_COLUMNS,
        *_BOUND_COLUMNS,
        *strings(*USAGE_DIMENSIONS),
        *_token_columns(),
        *integers("", "total_tokens"),
        *_USAGE_COLUMNS,
    ),
)

USER_COST_REPORT = _by_member(
    name="user_cost_report",
    path=f"{PREFIX}/user_cost_report",
    title="cost of each member",
    grain="member and bucket",
    section="8.1",
    group_by=COST_DIMENSIONS,
    partial_group_by=TOKENS_ALONE,
    measure="amount",
    figure=Figure(_SPEND, ("amount",)),
    columns=(*_ACTOR_COLUMNS, *_BOUND_COLUMNS, *strings(*USAGE_DIMENSIONS), *_COST_COLUMNS),
)

USAGE_REPORT = _by_bucket(
    name="usage_report",
    path=f"{PREFIX}/usage_report",
    title="tokens of the organization",
    grain="bucket, and group where grouped",
    section="8.1",
    group_by=USAGE_DIMENSIONS,
    measure="output_tokens",
    figure=Figure(_TOKENS, tuple(column.path for column in _token_columns())),
    columns=(*_BOUND_COLUMNS, *strings(*USAGE_DIMENSIONS), *_token_columns(), *_USAGE_COLUMNS),
)

COST_REPORT = _by_bucket(
    name="cost_report",
    path=f"{PREFIX}/cost_report",
    title="cost of the organization",
    grain="bucket, and group where grouped",
    section="8.1",
    group_by=COST_DIMENSIONS,
    free_group_by=("cost_type", "token_type"),
    partial_group_by=TOKENS_ALONE,
    measure="amount",
    figure=Figure(_SPEND, ("amount",)),
    columns=(*_BOUND_COLUMNS, *strings(*USAGE_DIMENSIONS), *_COST_COLUMNS),
)

# --- the dimensioned reports, in beta since October 2026 (section 9) --------------------------------------------------

BETA_HEADERS = MappingProxyType({"anthropic-beta": "analytics-usage-cost-2026-08-24"})
BETA_DIMENSIONS = (
    "actor",
    "actor_type",
    "agent_id",
    "api_key_id",
    "claude_tag_category",
    "claude_tag_user_id",
    "context_window",
    "deployment_id",
    "environment_id",
    "inference_geo",
    "model",
    "organization_id",
    "product",
    "rbac_group_id",
    "service_tier",
    "session_id",
    "slack_channel_id",
    "speed",
    "user_profile_id",
    "workspace_id",
)
BETA_FILTERS = {
    "actor_ids": Filter(),
    "actor_types": Filter(values=("user_actor", "service_account_actor", "federated_actor", "api_actor")),
    "products": Filter(),
    "models": Filter(),
    "context_windows": _CONTEXT_WINDOWS,
    "inference_geos": _GEOS,
    "speeds": _SPEEDS,
    "rbac_group_ids": Filter(),
    "slack_channel_ids": Filter(),
    "claude_tag_categories": _TAG_CATEGORIES,
    "claude_tag_user_ids": Filter(),
    "service_tiers": Filter(
        values=("batch", "flex", "flex_discount", "priority", "priority_on_demand", "standard"),
    ),
    "organization_ids": Filter(),
    "api_key_ids": Filter(takes_empty=True),
    "workspace_ids": Filter(),
    "agent_ids": Filter(),
    "deployment_ids": Filter(),
    "environment_ids": Filter(),
    "session_ids": Filter(),
    "user_profile_ids": Filter(),
    "exclude_deleted_users": _FLAG,
}
BETA_NEEDS = (("filters.exclude_deleted_users", "group_by=actor"),)
IN_TIME_ORDER = (("order_by", "time"), ("order", "asc"))
_BETA_COLUMNS = (
    *_BOUND_COLUMNS,
    *strings(
        "group.actor.type",
        "group.actor.user_id",
        "group.actor.email_address",
        "group.actor.name",
        "group.actor.service_account_id",
        "group.actor.api_key_id",
        "group.actor.subject",
        "group.actor.provider.type",
        "group.actor.provider.account_id",
        "group.actor.provider.signed_principal",
        "group.actor.provider.subscription_id",
        "group.actor.provider.project_number",
        "group.actor.provider.issuer",
    ),
    *columns(ColumnType.BOOLEAN, "", "group.actor.deleted"),
    *strings(*(f"group.{dimension}" for dimension in BETA_DIMENSIONS if dimension != "actor")),
)

_dimensioned = partial(
    _report,
    window=INSTANTS_SHORT_BY_MINUTE,
    page_limit=ROWS_BY_WIDTH,
    limit_unit="rows",
    row_key=("group", *BOUNDS),
    bucket_width_parameter="time_bucket_width",
    filters=BETA_FILTERS,
    max_group_by=5,
    requirements=BETA_NEEDS,
    parameters=IN_TIME_ORDER,
    headers=BETA_HEADERS,
    admin_key=True,
)

USAGE = _dimensioned(
    name="usage",
    path=f"{PREFIX}/usage",
    title="tokens by up to five dimensions (beta)",
    grain="bucket, and group where grouped",
    section="9",
    group_by=BETA_DIMENSIONS,
    measure="usage.total_tokens",
    figure=Figure(_TOKENS, ("usage.total_tokens",)),
    columns=(
        *_BETA_COLUMNS,
        *_token_columns("usage."),
        *integers("usage.", "total_tokens", "server_tool_use.web_search_requests", "requests"),
    ),
)

COST = _dimensioned(
    name="cost",
    path=f"{PREFIX}/cost",
    title="cost by up to five dimensions (beta)",
    grain="bucket, and group where grouped",
    section="9",
    group_by=(*BETA_DIMENSIONS, "cost_type", "token_type"),
    free_group_by=("cost_type", "token_type"),
    partial_group_by=TOKENS_ALONE,
    measure="cost.amount",
    figure=Figure(_SPEND, ("cost.amount",)),
    columns=(
        *_BETA_COLUMNS,
        *strings("group.cost_type", "group.token_type"),
        *columns(ColumnType.CENTS, "cost.", "amount", "list_amount"),
        *strings("cost.currency"),
        *integers("cost.", "requests"),
    ),
)
