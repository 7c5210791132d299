# SPDX-License-Identifier: Apache-2.0
"""Parses and checks the queries of the six cost and usage endpoints (contract sections 8.0 and 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .consumption import CONTEXTS, TAG_CATEGORIES
from .errors import invalid
from .exports import floor, instant
from .parameters import Parameters
from .settings import ClaudeSettings

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
WIDTHS = {"1d": timedelta(days=1), "1h": timedelta(hours=1), "1m": timedelta(minutes=1)}
BUCKET_LIMITS = {"1d": (7, 31), "1h": (24, 168), "1m": (60, 256)}
"""Default and largest page of the bucketed reports (contract section 5)."""

DIMENSIONS = (
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
CONSOLE_DIMENSIONS = (
    "agent_id",
    "api_key_id",
    "deployment_id",
    "environment_id",
    "service_tier",
    "session_id",
    "user_profile_id",
    "workspace_id",
)
FAN_OUT = ("cost_type", "token_type")
PRODUCTS = {
    "chat",
    "chat_cowork_unified",
    "claude-tag",
    "claude_code",
    "claude_design",
    "claude_in_chrome",
    "cowork",
    "office_agent",
}
NEW_PRODUCTS = PRODUCTS - {"claude-tag"} | {
    "claude_tag",
    "claude_console",
    "managed_agents_api",
    "message_batches_api",
    "messages_api",
}
_ACTOR_TYPES = ("user_actor", "service_account_actor", "federated_actor", "api_actor")
_TIERS = ("batch", "flex", "flex_discount", "priority", "priority_on_demand", "standard")
_LISTS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "models": ("model", None),
    "context_windows": ("context_window", CONTEXTS),
    "inference_geos": ("inference_geo", ("global", "us", "not_available")),
    "speeds": ("speed", ("fast", "standard")),
    "rbac_group_ids": ("rbac_group_id", None),
    "slack_channel_ids": ("slack_channel_id", None),
    "claude_tag_categories": ("claude_tag_category", TAG_CATEGORIES),
    "claude_tag_user_ids": ("claude_tag_user_id", None),
}
_NEW_LISTS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "actor_ids": ("actor_id", None),
    "actor_types": ("actor_type", _ACTOR_TYPES),
    "service_tiers": ("service_tier", _TIERS),
    "api_key_ids": ("api_key_id", None),
    "workspace_ids": ("workspace_id", None),
    "agent_ids": ("agent_id", None),
    "deployment_ids": ("deployment_id", None),
    "environment_ids": ("environment_id", None),
    "session_ids": ("session_id", None),
    "user_profile_ids": ("user_profile_id", None),
}
METRICS = {
    "usage": ("total_tokens", "output_tokens", "uncached_input_tokens", "requests"),
    "cost": ("amount", "list_amount"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """One of the six endpoints.

    :param measure: ``usage`` or ``cost``.
    :param form: rows per actor (6, 7), buckets (8, 9), or free dimensions (12, 13).
    """

    measure: str
    form: str


REPORTS = {
    "user_usage_report": Report("usage", "actors"),
    "user_cost_report": Report("cost", "actors"),
    "usage_report": Report("usage", "buckets"),
    "cost_report": Report("cost", "buckets"),
    "usage": Report("usage", "dimensions"),
    "cost": Report("cost", "dimensions"),
}


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A valid query; hashable, because it is the key of the cache."""

    report: Report
    start: datetime
    end: datetime
    width: timedelta | None
    dimensions: tuple[str, ...]
    fan_out: tuple[str, ...]
    filters: tuple[tuple[str, frozenset[str]], ...]
    exclude_deleted: bool
    order_by: str
    descending: bool
    limit: int


def parse(report: Report, params: Parameters, now: datetime, frozen_end: str, settings: ClaudeSettings) -> ReportQuery:
    """The query of a request.

    :param frozen_end: the default end that the first page determined, from the cursor.
    :raises ApiError: when the vendor rejects it.
    """
    is_beta, buckets = report.form == "dimensions", report.form == "buckets"
    width_name = "time_bucket_width" if is_beta else "bucket_width"
    lists = dict(_LISTS)
    lists["products"] = ("product", tuple(NEW_PRODUCTS if is_beta else PRODUCTS))
    lists |= _NEW_LISTS if is_beta else {"user_ids": ("user_id", None)}
    if settings.strict_parameters:
        allowed = {
            "starting_at",
            "ending_at",
            width_name,
            "limit",
            "page",
            "beta",
            "group_by[]",
            "organization_ids[]" if is_beta else "",
        }
        allowed |= set() if buckets else {"exclude_deleted_users", "order", "order_by"}
        params.reject_unknown(allowed | {f"{name}[]" for name in lists})
    width_text = params.choice(width_name, WIDTHS, "1d" if buckets else "")
    width = WIDTHS.get(width_text)
    if width is not None and not buckets and "ending_at" not in params:
        raise invalid(f"ending_at: required when {width_name} is set.")
    start, end = _range(params, now, frozen_end, settings)
    if width_text == "1m" and not buckets and end - start > timedelta(hours=24):
        raise invalid(f"ending_at: with {width_name}=1m the range may span at most 24 hours.")
    dimensions, fan_out = _grouping(report, params)
    filters = tuple(
        (dimension, frozenset(params.values(name, allowed)))
        for name, (dimension, allowed) in lists.items()
        if params.has_values(name)
    )
    if params.has_values("organization_ids"):
        raise invalid("organization_ids[]: requires a key of the parent organization.")
    by_group = "rbac_group_id" in dimensions or params.has_values("rbac_group_ids")
    if "claude_tag_user_id" in dimensions and by_group:
        raise invalid("claude_tag_user_id cannot be combined with rbac_group_id.")
    exclude = not buckets and params.flag("exclude_deleted_users")
    if exclude and is_beta and "actor" not in dimensions:
        raise invalid("exclude_deleted_users: requires group_by[]=actor.")
    default, highest = BUCKET_LIMITS[width_text] if buckets else (20, 1000)
    metrics = METRICS[report.measure] + (("time",) if is_beta else ())
    if buckets:
        start, end = floor(start, WIDTHS[width_text]), floor(end, WIDTHS[width_text])
    elif not is_beta:
        start = floor(start, WIDTHS["1h"])
    elif width is None:
        start, end = floor(start, WIDTHS["1h"]), floor(end, WIDTHS["1h"])
    return ReportQuery(
        report=report,
        start=start,
        end=end,
        width=width,
        dimensions=dimensions,
        fan_out=fan_out,
        filters=filters,
        exclude_deleted=exclude,
        order_by=metrics[0] if buckets else params.choice("order_by", metrics, metrics[0]),
        descending=True if buckets else params.choice("order", ("asc", "desc"), "desc") == "desc",
        limit=params.limit(default, highest),
    )


def _range(params: Parameters, now: datetime, frozen_end: str, settings: ClaudeSettings) -> tuple[datetime, datetime]:
    """The requested range, before it is rounded down (contract section 6)."""
    start = params.timestamp("starting_at")
    if start is None:
        raise invalid("starting_at: required.")
    if start < EARLIEST:
        raise invalid("starting_at: must not be before 2026-01-01T00:00:00Z.")
    if start < now - timedelta(days=365):
        raise invalid("starting_at: must be within the last 365 days.")
    requested_end = params.timestamp("ending_at")
    end = requested_end or (
        datetime.fromisoformat(frozen_end) if frozen_end else start + min(now - start, timedelta(days=31))
    )
    if requested_end and requested_end > now and not settings.future_ending_at:
        raise invalid("ending_at: must not be in the future.")
    if start >= end:
        raise invalid("starting_at: must be strictly before ending_at.")
    if end - start > timedelta(days=31):
        raise invalid("ending_at: the range may span at most 31 days.")
    return start, end


def _grouping(report: Report, params: Parameters) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """``group_by[]``, split into dimensions and cost components (contract sections 8.0 and 9)."""
    components = FAN_OUT if report.measure == "cost" else ()
    allowed: tuple[str, ...] = (*DIMENSIONS, *components)
    if report.form == "dimensions":
        allowed += ("actor", "actor_type", "organization_id", *CONSOLE_DIMENSIONS)
    group_by = params.values("group_by", allowed)
    dimensions = tuple(name for name in allowed if name in group_by and name not in FAN_OUT)
    if report.form == "dimensions" and len(dimensions) > 5:
        raise invalid(f"group_by[]: at most 5 dimensions. Got {len(dimensions)}.")
    return dimensions, tuple(name for name in FAN_OUT if name in group_by)


def default_end(params: Parameters, query_end: datetime) -> str:
    """The end that a cursor contains when the request has none (contract section 5).

    Rounding it down again gives the same end, so all pages have the same range.
    """
    return "" if "ending_at" in params else instant(query_end)
