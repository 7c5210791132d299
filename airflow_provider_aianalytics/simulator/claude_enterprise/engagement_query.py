# SPDX-License-Identifier: Apache-2.0
"""Parses and checks the queries of the seven engagement endpoints (contract section 7.0)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from .errors import invalid, too_recent
from .organization import FIRST_DAY
from .parameters import Parameters
from .settings import ClaudeSettings

AGGREGATED_AT = time(10, 0)
"""Yesterday is aggregated at 10:00 UTC (contract section 6)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The parameters of one engagement endpoint.

    :param filters: dimensions of ``filter[]``.
    :param groups: dimensions of ``group_by[]``.
    :param sort: the name of the default sort column.
    :param products: values of ``filter[]=product:…``.
    :param eras: the response formats that have the endpoint (section 1).
    """

    filters: tuple[str, ...]
    groups: tuple[str, ...]
    sort: str = ""
    products: tuple[str, ...] = ("chat", "claude_code", "cowork", "office_agent", "chat_cowork_unified")
    eras: str = "ABC"


_BY = ("product", "rbac_group_id", "user_id")
ENDPOINTS = {
    "users": Endpoint(("project_id", "rbac_group_id", "user_id"), ("rbac_group_id",), "email_address"),
    "summaries": Endpoint(("rbac_group_id",), ()),
    "apps/chat/projects": Endpoint(
        ("project_id", "rbac_group_id", "user_id"), ("rbac_group_id", "user_id"), "project_id"
    ),
    "skills": Endpoint((*_BY, "share_status", "skill_name"), _BY, "skill_name"),
    "connectors": Endpoint((*_BY, "connector_name"), _BY, "connector_name"),
    "plugins": Endpoint(
        (*_BY, "plugin_name"), _BY, "plugin_name", ("cowork", "claude_code", "chat_cowork_unified"), "BC"
    ),
    "artifacts": Endpoint(
        (*_BY, "artifact_type", "is_shared"), _BY, "", ("chat", "claude_code", "cowork", "chat_cowork_unified"), "BC"
    ),
}


@dataclass(frozen=True, slots=True)
class EngagementQuery:
    """A valid query; hashable, because it is the key of the cache.

    :param start: the first day.
    :param end: the day after the last.
    :param ranged: whether the request has a range, even of one day.
    :param uncorrected: the days whose late correction has not happened yet.
    """

    endpoint: str
    start: date
    end: date
    ranged: bool
    filters: tuple[tuple[str, frozenset[str]], ...]
    groups: tuple[str, ...]
    order_by: str
    descending: bool
    limit: int
    uncorrected: frozenset[date]

    @property
    def days(self) -> tuple[date, ...]:
        """The days, ascending."""
        return tuple(self.start + timedelta(days=n) for n in range((self.end - self.start).days))


def latest_day(now: datetime, settings: ClaudeSettings) -> date:
    """The newest day that can be requested (contract sections 6 and 13)."""
    aggregated = 0 if now.time() >= AGGREGATED_AT else 1
    return now.date() - timedelta(days=settings.lag_days + aggregated)


def parse(
    name: str, params: Parameters, now: datetime, frozen_end: str, era: str, settings: ClaudeSettings
) -> EngagementQuery:
    """The query of a request.

    :param frozen_end: the default end that the first page determined, from the cursor.
    :raises ApiError: when the vendor rejects it.
    """
    endpoint = ENDPOINTS[name]
    allowed = {"limit", "page", "beta"}
    if era == "A":
        allowed |= {"starting_date", "ending_date"} if name == "summaries" else {"date"}
    else:
        allowed |= {"filter[]"} | ({"group_by[]"} if endpoint.groups else set())
        allowed |= set() if name == "summaries" else {"date"}
        allowed |= set() if name == "artifacts" else {"starting_date", "ending_date"}
        allowed |= {"order", "order_by"} if endpoint.sort else set()
    if settings.strict_parameters:
        params.reject_unknown(allowed)
    start, end, ranged = _period(name, params, now, frozen_end, era, settings)
    filters = params.filters(endpoint.filters)
    for value in filters.get("product", ()):
        if value not in endpoint.products:
            raise invalid(f"filter[]: unsupported product {value!r}. Allowed: {', '.join(sorted(endpoint.products))}.")
    _only_values(filters, "share_status", ("organization", "private", "public"))
    _only_values(filters, "is_shared", ("true", "false"))
    group_by = params.values("group_by", endpoint.groups)
    if name == "users" and "project_id" in filters and (group_by or "rbac_group_id" in filters):
        raise invalid("filter[]: project_id cannot be combined with group_by[] or an rbac_group_id filter.")
    if name == "artifacts" and not group_by and "page" in params:
        raise invalid("page: only valid together with group_by[].")
    order_by = params.text("order_by") or endpoint.sort
    ascending = "asc" if order_by == endpoint.sort else "desc"
    return EngagementQuery(
        endpoint=name,
        start=start,
        end=end,
        ranged=ranged,
        filters=tuple(sorted(filters.items())),
        groups=tuple(g for g in endpoint.groups if g in group_by),
        order_by=order_by,
        descending=params.choice("order", ("asc", "desc"), ascending) == "desc",
        limit=params.limit(20 if era == "A" and name == "users" else 100, 1000),
        uncorrected=_uncorrected(start, end, now.date(), settings),
    )


def _uncorrected(start: date, end: date, today: date, settings: ClaudeSettings) -> frozenset[date]:
    days = (start + timedelta(days=n) for n in range((end - start).days))
    return frozenset(day for day in days if (today - day).days < settings.corrected_after)


def _only_values(filters: dict[str, frozenset[str]], dimension: str, allowed: tuple[str, ...]) -> None:
    for value in filters.get(dimension, ()):
        if value not in allowed:
            raise invalid(f"filter[]: unsupported {dimension} {value!r}. Allowed: {', '.join(allowed)}.")


def _period(
    name: str, params: Parameters, now: datetime, frozen_end: str, era: str, settings: ClaudeSettings
) -> tuple[date, date, bool]:
    """The first day, the day after the last, and whether the request has a range (contract section 6)."""
    latest = latest_day(now, settings)
    day, start, end = params.day("date"), params.day("starting_date"), params.day("ending_date")
    if day and start:
        raise invalid("date: cannot be combined with starting_date.")
    if end and not start:
        raise invalid("ending_date: only valid together with starting_date.")
    if day is None and start is None:
        required = {"summaries": "starting_date", "artifacts": "date"}.get(name, "date or starting_date")
        raise invalid(f"{required}: required.")
    first = day or start
    assert first is not None
    if first < FIRST_DAY:
        raise invalid(f"date must not be before {FIRST_DAY}.")
    if first > latest:
        raise too_recent(latest, settings.legacy_date_message)
    if day:
        return day, day + timedelta(days=1), False
    if end is None:
        end = date.fromisoformat(frozen_end) if frozen_end else latest + timedelta(days=1)
    if end <= first:
        raise invalid("ending_date: must be after starting_date.")
    if end > latest + timedelta(days=1):
        raise too_recent(latest, settings.legacy_date_message)
    longest = 31 if era == "A" else 366
    if (end - first).days > longest:
        raise invalid(f"ending_date: the range may span at most {longest} days.")
    return first, end, True
