# SPDX-License-Identifier: Apache-2.0
"""Rows of the six cost and usage endpoints (contract sections 8.1 and 9): filter, group, rank and encode charges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import add
from typing import Any

from .consumption import NOBODY, REQUESTS, SECURITY, TOKEN_TYPES, WEB, Charge, Consumption, money, prices
from .encoder import JsonEncoder
from .exports import Export, floor, instant
from .organization import Organization
from .report_query import CONSOLE_DIMENSIONS, DIMENSIONS, ReportQuery
from .settings import ClaudeSettings

Unit = tuple[bytes, ...]
_UNGROUPED: tuple[tuple[str | None, ...], ...] = ((),)
Test = Callable[[Charge, tuple[str, ...]], bool]


_instant = lru_cache(maxsize=2048)(instant)


@dataclass(slots=True)
class Cell:
    """The consumption of one actor in one bucket with one value of each dimension."""

    bucket: datetime | None
    actor: int | None
    key: tuple[str | None, ...]
    parts: dict[str | None, list[int]] = field(default_factory=dict)
    _amounts: tuple[list[int], list[int]] | None = None

    def add(self, charge: Charge) -> None:
        """Add a charge. Each model has its own sums, because it has its own prices."""
        part = self.parts.get(charge.model)
        self.parts[charge.model] = list(charge.sums) if part is None else list(map(add, part, charge.sums))

    @property
    def sums(self) -> list[int]:
        """The sums of all models: tokens, searches, requests and spans."""
        if len(self.parts) == 1:
            return next(iter(self.parts.values()))
        return [sum(column) for column in zip(*self.parts.values(), strict=True)]

    def amounts(self) -> tuple[list[int], list[int]]:
        """List and net amounts per cost component. Call it when all charges are added: the result is cached."""
        if self._amounts is None:
            list_amounts, net_amounts = [0] * 7, [0] * 7
            for model, part in self.parts.items():
                listed, net = prices(model, part)
                list_amounts, net_amounts = list(map(add, list_amounts, listed)), list(map(add, net_amounts, net))
            self._amounts = list_amounts, net_amounts
        return self._amounts


def cells(consumption: Consumption, query: ReportQuery, export: Export, shrunk: Mapping[date, float]) -> list[Cell]:
    """Filter and group the charges up to the export's watermark."""
    org, end = consumption.activity.organization, min(query.end, export.watermark)
    by_actor = query.report.form == "actors" or "actor" in query.dimensions
    group_key = _group_key(org, query)
    filters = _filters(org, query)
    is_beta = query.report.form == "dimensions"
    cells_by_key: dict[tuple[Any, ...], Cell] = {}
    if query.start >= end:
        return []
    for day, charges in consumption.between(query.start, end, export.read_on, dict(shrunk)):
        midnight = datetime.combine(day, datetime.min.time(), UTC)
        is_grouped, needs_groups = bool(query.dimensions), filters.needs_groups or group_key.needs_groups
        within_day = query.width is not None and query.width < timedelta(days=1)
        bucket = floor(midnight, query.width) if query.width else None
        groups: tuple[str, ...] = ()
        for charge in charges:
            if charge.member == NOBODY and query.report.form == "actors":
                continue
            if needs_groups:
                groups = _groups(org, charge.member, day)
            if filters.tests and not filters.passes(charge, groups):
                continue
            if within_day and query.width:
                bucket = floor(midnight + timedelta(minutes=charge.minute), query.width)
            actor = charge.member if by_actor else None
            for key in group_key.keys(charge, groups, is_beta) if is_grouped else _UNGROUPED:
                cell = cells_by_key.get((bucket, actor, key))
                if cell is None:
                    cell = cells_by_key[bucket, actor, key] = Cell(bucket, actor, key)
                cell.add(charge)
    return list(cells_by_key.values())


def _groups(org: Organization, member: int, day: date) -> tuple[str, ...]:
    """The ids of the actor's groups on that day."""
    if member < 0:
        return ()
    return tuple(org.groups[g].id for g in org.members[member].groups_on(day, len(org.groups)))


@dataclass(frozen=True, slots=True)
class _GroupKey:
    """Computes the group of a charge; several groups when the actor is in several RBAC groups."""

    dimensions: tuple[str, ...]
    needs_groups: bool
    organization: str

    def keys(self, charge: Charge, groups: tuple[str, ...], is_beta: bool) -> Iterator[tuple[str | None, ...]]:
        for group in (groups or (None,)) if self.needs_groups else (None,):
            yield tuple(self._value(name, charge, group, is_beta) for name in self.dimensions)

    def _value(self, name: str, charge: Charge, group: str | None, is_beta: bool) -> str | None:
        if name == "rbac_group_id":
            return group
        if name == "actor_type":
            return actor_type(charge.member)
        if name == "organization_id":
            return self.organization
        if name in CONSOLE_DIMENSIONS or name == "actor":
            return None
        value: str | None = getattr(charge, name)
        return "claude_tag" if is_beta and value == "claude-tag" else value


def _group_key(org: Organization, query: ReportQuery) -> _GroupKey:
    return _GroupKey(query.dimensions, "rbac_group_id" in query.dimensions, org.uuid)


@dataclass(frozen=True, slots=True)
class _Filters:
    """All filters of a query. A charge passes a filter with any of its values, and must pass every filter."""

    tests: tuple[Test, ...]
    needs_groups: bool

    def passes(self, charge: Charge, groups: tuple[str, ...]) -> bool:
        return all(test(charge, groups) for test in self.tests)


def _filters(org: Organization, query: ReportQuery) -> _Filters:
    tests = [_test(org, name, values) for name, values in query.filters]
    return _Filters(tuple(tests), any(name == "rbac_group_id" for name, _ in query.filters))


def _test(org: Organization, name: str, values: frozenset[str]) -> Test:
    """One filter, as a test of a charge and its actor's groups."""
    if name == "rbac_group_id":
        group_ids = {g.id for g in org.groups if g.id in values or g.display_name in values}
        return lambda charge, groups: not group_ids.isdisjoint(groups)
    if name in ("user_id", "actor_id"):
        return lambda charge, groups: actor_id(org, charge.member) in values
    if name == "actor_type":
        return lambda charge, groups: actor_type(charge.member) in values
    if name == "api_key_id":
        # An empty value selects usage without an API key, which is all usage of an Enterprise organization (section 2).
        return lambda charge, groups: "" in values
    if name in CONSOLE_DIMENSIONS:
        return lambda charge, groups: False
    accepted: set[str | None] = {*values, "claude-tag"} if "claude_tag" in values else {*values}
    if name == "inference_geo" and "not_available" in values:
        accepted.add(None)
    return lambda charge, groups: getattr(charge, name) in accepted


def actor_type(member: int) -> str:
    """The type of a charge's actor."""
    return "service_account_actor" if member == NOBODY else "user_actor"


def actor_id(org: Organization, member: int) -> str:
    """The id of a charge's actor."""
    if member == NOBODY:
        return org.service_account
    return org.security_account if member == SECURITY else org.members[member].id


def is_deleted(org: Organization, member: int, as_of: date) -> bool:
    """Whether an actor is marked as deleted: the account is deleted, or no longer a member (contract section 8.1)."""
    if member < 0:
        return False
    left_on = org.members[member].left
    return left_on is not None and left_on <= as_of


def actor(org: Organization, member: int, as_of: date, era: str, deprecated_email: bool) -> dict[str, Any]:
    """The actor object (contract sections 8.1 and 9)."""
    if member == NOBODY:
        return {"type": "service_account_actor", "service_account_id": org.service_account}
    name: str | None
    email: str | None
    if member == SECURITY:
        name, email = "Claude Security", None
    else:
        person = org.members[member]
        account_deleted = person.deleted is not None and person.deleted <= as_of
        name, email = ("Deleted User", None) if account_deleted else (person.name, person.email)
    fields: dict[str, Any] = {"type": "user_actor", "user_id": actor_id(org, member), "name": name}
    fields |= {"email_address": email} if era == "C" else {"email": email}
    if era == "C" and deprecated_email:
        fields["email"] = email
    return {**fields, "deleted": is_deleted(org, member, as_of)}


class Reports:
    """Renders the rows of the cost and usage endpoints.

    :param consumption: the charges.
    :param settings: the limit of groups per bucket, and which optional fields the rows have.
    :param encoder: encodes the rows.
    """

    def __init__(self, consumption: Consumption, settings: ClaudeSettings, encoder: JsonEncoder) -> None:
        self._consumption = consumption
        self._org = consumption.activity.organization
        self._settings = settings
        self._encoder = encoder

    def complete(self, query: ReportQuery, export: Export, era: str, shrunk: Mapping[date, float]) -> list[Unit]:
        """All rows of the query, in order, in units that a page does not split."""
        found = cells(self._consumption, query, export, shrunk)
        if query.report.form == "buckets":
            return self._buckets(query, found)
        found.sort(key=lambda cell: self._rank(query, cell))
        return [self._unit(query, cell, export, era) for cell in found]

    def _rank(self, query: ReportQuery, cell: Cell) -> tuple[Any, ...]:
        sign = -1 if query.descending else 1
        metric = measure(query.order_by if query.order_by != "time" else "", query.report.measure, cell)
        moment = cell.bucket.timestamp() if cell.bucket else 0.0
        ties = (
            moment,
            actor_id(self._org, cell.actor) if cell.actor is not None else "",
            tuple(v or "" for v in cell.key),
        )
        if query.order_by == "time" and query.width:
            return (sign * moment, -metric, ties)  # ``order`` applies to the buckets, not to the rows in them
        return (sign * metric, ties)

    def _unit(self, query: ReportQuery, cell: Cell, export: Export, era: str) -> Unit:
        """The rows of one cell. An excluded actor has none, so pages can be shorter than the limit (section 5)."""
        is_beta = query.report.form == "dimensions"
        starts = cell.bucket or (query.start if is_beta else None)
        ends = cell.bucket + query.width if cell.bucket and query.width else (query.end if is_beta else None)
        # The mark of deleted actors becomes final with the numbers, so that the bytes of a final day do not change.
        as_of = min(export.read_on, (ends or query.end).date() + timedelta(days=self._settings.final_after))
        if query.exclude_deleted and cell.actor is not None and is_deleted(self._org, cell.actor, as_of):
            return ()
        bounds = {"starting_at": starts and _instant(starts), "ending_at": ends and _instant(ends)}
        actor_object = None
        if cell.actor is not None:
            actor_object = actor(self._org, cell.actor, as_of, "C" if is_beta else era, self._settings.deprecated_email)
        identity = f"{cell.actor}{cell.bucket}{cell.key}"
        rows = []
        for at, (parts, numbers) in enumerate(components(query, cell)):
            group = self._group(query, cell.key)
            if is_beta:
                measured = {k: v for k, v in numbers.items() if k not in ("cost_type", "token_type")}
                group = {"actor": actor_object, **group} | (
                    {"cost_type": parts[0], "token_type": parts[1]} if query.report.measure == "cost" else {}
                )
                row = {**bounds, "group": group, query.report.measure: measured}
            else:
                row = {"actor": actor_object, **bounds, **group, **numbers}
            rows.append(self._encoder.item(self._encoder.record(row, f"{identity}{at}")))
        return tuple(rows)

    def _group(self, query: ReportQuery, key: tuple[str | None, ...]) -> dict[str, Any]:
        """The value of each dimension, null unless the query groups by it."""
        values = dict(zip(query.dimensions, key, strict=True))
        if query.report.form != "dimensions":
            return {name: values.get(name) for name in DIMENSIONS}
        names = ("actor_type", "organization_id", *DIMENSIONS, *CONSOLE_DIMENSIONS)
        return {name: values.get(name) for name in names}

    def _buckets(self, query: ReportQuery, found: list[Cell]) -> list[Unit]:
        """One item a bucket, oldest first, also for empty buckets, with a limited number of groups (section 8.0)."""
        assert query.width is not None
        cells_by_bucket: dict[datetime, list[Cell]] = {}
        for cell in found:
            assert cell.bucket is not None
            cells_by_bucket.setdefault(cell.bucket, []).append(cell)
        units: list[Unit] = []
        bucket = query.start
        while bucket < query.end:
            largest = sorted(cells_by_bucket.get(bucket, ()), key=lambda cell: self._rank(query, cell))[
                : self._settings.group_cap
            ]
            prefix = f'{{"starting_at":"{instant(bucket)}","ending_at":"{instant(bucket + query.width)}","results":['
            rows = [
                self._encoder.record({**self._group(query, cell.key), **numbers}, f"{bucket}{cell.key}{at}")
                for cell in largest
                for at, (_, numbers) in enumerate(components(query, cell))
            ]
            units.append((self._encoder.item(f"{prefix}{','.join(rows)}]}}"),))
            bucket += query.width
        return units


def measure(name: str, kind: str, cell: Cell) -> int:
    """The number by which rows are ordered; by default the total of the report."""
    if kind == "cost":
        list_amounts, net_amounts = cell.amounts()
        return sum(list_amounts) if name == "list_amount" else sum(net_amounts)
    sums = cell.sums
    if name == "requests":
        return sums[REQUESTS]
    if name in ("output_tokens", "uncached_input_tokens"):
        return sums[TOKEN_TYPES.index(name)]
    return sum(sums[:5])


def components(query: ReportQuery, cell: Cell) -> Iterator[tuple[tuple[str | None, str | None], dict[str, Any]]]:
    """The numbers of a cell's rows: one row, or one per cost component (contract section 8.1)."""
    if query.report.measure == "usage":
        yield (None, None), _usage(cell.sums, total=query.report.form != "buckets")
        return
    list_amounts, net_amounts = cell.amounts()
    if not query.fan_out:
        yield (None, None), _cost(sum(list_amounts), sum(net_amounts), cell.sums[REQUESTS], None, None)
        return
    by_token = "token_type" in query.fan_out
    parts: list[tuple[str, str | None, slice]] = []
    if by_token:
        parts += [("tokens", name, slice(at, at + 1)) for at, name in enumerate(TOKEN_TYPES)]
    if "cost_type" in query.fan_out:
        parts += [] if by_token else [("tokens", None, slice(0, 5))]
        parts += [("web_search", None, slice(5, 6)), ("code_execution", None, slice(6, 7))]
    for cost_type, token_type, part in parts:
        if sum(list_amounts[part]):
            list_amount, net_amount = sum(list_amounts[part]), sum(net_amounts[part])
            yield (cost_type, token_type), _cost(list_amount, net_amount, None, cost_type, token_type)


def _usage(sums: list[int], *, total: bool) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "uncached_input_tokens": sums[0],
        "cache_creation": {"ephemeral_5m_input_tokens": sums[1], "ephemeral_1h_input_tokens": sums[2]},
        "cache_read_input_tokens": sums[3],
        "output_tokens": sums[4],
    }
    if total:
        usage["total_tokens"] = sum(sums[:5])
    return {**usage, "server_tool_use": {"web_search_requests": sums[WEB]}, "requests": sums[REQUESTS]}


def _cost(
    list_amounts: int, net: int, requests: int | None, cost_type: str | None, token_type: str | None
) -> dict[str, Any]:
    return {
        "currency": "USD",
        "amount": money(net),
        "list_amount": money(list_amounts),
        "cost_type": cost_type,
        "token_type": token_type,
        "requests": requests,
    }
