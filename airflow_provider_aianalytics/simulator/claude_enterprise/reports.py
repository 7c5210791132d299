# SPDX-License-Identifier: Apache-2.0
"""Rows of the six cost and usage endpoints (contract sections 8.1 and 9): filter, bucket, group, rank, spell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import add
from typing import Any

from .consumption import NOBODY, REQUESTS, SECURITY, TOKEN_TYPES, WEB, Charge, Consumption, money, prices
from .encoder import JsonEncoder
from .exports import Export, floored, instant
from .organization import Organization
from .report_query import CONSOLE_DIMENSIONS, DIMENSIONS, ReportQuery
from .settings import ClaudeSettings

Unit = tuple[bytes, ...]
_UNGROUPED: tuple[tuple[str | None, ...], ...] = ((),)
Test = Callable[[Charge, tuple[str, ...]], bool]


_instant = lru_cache(maxsize=2048)(instant)


@dataclass(slots=True)
class Cell:
    """What one combination of actor, bucket and dimensions consumed."""

    bucket: datetime | None
    actor: int | None
    key: tuple[str | None, ...]
    parts: dict[str | None, list[int]] = field(default_factory=dict)
    _amounts: tuple[list[int], list[int]] | None = None

    def add(self, entry: Charge) -> None:
        """Count an entry in; models are kept apart because each has its own prices."""
        part = self.parts.get(entry.model)
        self.parts[entry.model] = list(entry.sums) if part is None else list(map(add, part, entry.sums))

    @property
    def sums(self) -> list[int]:
        """Tokens, searches, requests and spans of all models."""
        if len(self.parts) == 1:
            return next(iter(self.parts.values()))
        return [sum(column) for column in zip(*self.parts.values(), strict=True)]

    def amounts(self) -> tuple[list[int], list[int]]:
        """List and net amounts per cost component, of a cell that is complete."""
        if self._amounts is None:
            listed, net = [0] * 7, [0] * 7
            for model, part in self.parts.items():
                one = prices(model, part)
                listed, net = list(map(add, listed, one[0])), list(map(add, net, one[1]))
            self._amounts = listed, net
        return self._amounts


def cells(ledger: Consumption, query: ReportQuery, export: Export, shrunk: Mapping[date, float]) -> list[Cell]:
    """Group what the filters leave, up to the export's watermark."""
    org, end = ledger.activity.organization, min(query.end, export.watermark)
    by_actor = query.report.form == "actors" or "actor" in query.dimensions
    pick = _picker(org, query)
    keep = _keeper(org, query)
    new = query.report.form == "dimensions"
    found: dict[tuple[Any, ...], Cell] = {}
    if query.start >= end:
        return []
    for day, entries in ledger.between(query.start, end, export.read_on, dict(shrunk)):
        midnight = datetime.combine(day, datetime.min.time(), UTC)
        is_grouped, needs_groups = bool(query.dimensions), keep.needs_groups or pick.needs_groups
        within_day = query.width is not None and query.width < timedelta(days=1)
        bucket = floored(midnight, query.width) if query.width else None
        held: tuple[str, ...] = ()
        for entry in entries:
            if entry.member == NOBODY and query.report.form == "actors":
                continue
            if needs_groups:
                held = _groups(org, entry.member, day)
            if keep.tests and not keep.passes(entry, held):
                continue
            if within_day and query.width:
                bucket = floored(midnight + timedelta(minutes=entry.minute), query.width)
            actor = entry.member if by_actor else None
            for key in pick.keys(entry, held, new) if is_grouped else _UNGROUPED:
                cell = found.get((bucket, actor, key))
                if cell is None:
                    cell = found[bucket, actor, key] = Cell(bucket, actor, key)
                cell.add(entry)
    return list(found.values())


def _groups(org: Organization, member: int, day: date) -> tuple[str, ...]:
    """Tagged ids of the groups an actor held that day."""
    if member < 0:
        return ()
    return tuple(org.groups[g].id for g in org.members[member].groups_on(day, len(org.groups)))


@dataclass(frozen=True, slots=True)
class _GroupKey:
    """Reads the grouping key of an entry; several keys when the actor holds several groups."""

    dimensions: tuple[str, ...]
    needs_groups: bool
    organization: str

    def keys(self, entry: Charge, held: tuple[str, ...], new: bool) -> Iterator[tuple[str | None, ...]]:
        for group in (held or (None,)) if self.needs_groups else (None,):
            yield tuple(self._value(name, entry, group, new) for name in self.dimensions)

    def _value(self, name: str, entry: Charge, group: str | None, new: bool) -> str | None:
        if name == "rbac_group_id":
            return group
        if name == "actor_type":
            return actor_type(entry.member)
        if name == "organization_id":
            return self.organization
        if name in CONSOLE_DIMENSIONS or name == "actor":
            return None
        value: str | None = getattr(entry, name)
        return "claude_tag" if new and value == "claude-tag" else value


def _picker(org: Organization, query: ReportQuery) -> _GroupKey:
    return _GroupKey(query.dimensions, "rbac_group_id" in query.dimensions, org.uuid)


@dataclass(frozen=True, slots=True)
class _Filter:
    """The filters: OR inside one, AND between them."""

    tests: tuple[Test, ...]
    needs_groups: bool

    def passes(self, entry: Charge, held: tuple[str, ...]) -> bool:
        return all(test(entry, held) for test in self.tests)


def _keeper(org: Organization, query: ReportQuery) -> _Filter:
    tests = [_test(org, name, wanted) for name, wanted in query.filters]
    return _Filter(tuple(tests), any(name == "rbac_group_id" for name, _ in query.filters))


def _test(org: Organization, name: str, wanted: frozenset[str]) -> Test:
    """One filter as a test of an entry and the groups its actor held."""
    if name == "rbac_group_id":
        tagged = {g.id for g in org.groups if g.id in wanted or g.display_name in wanted}
        return lambda entry, held: not tagged.isdisjoint(held)
    if name in ("user_id", "actor_id"):
        return lambda entry, held: actor_id(org, entry.member) in wanted
    if name == "actor_type":
        return lambda entry, held: actor_type(entry.member) in wanted
    if name == "api_key_id":
        # An empty entry asks for usage without an API key: all of an Enterprise organization's (section 2).
        return lambda entry, held: "" in wanted
    if name in CONSOLE_DIMENSIONS:
        return lambda entry, held: False
    values: set[str | None] = {*wanted, "claude-tag"} if "claude_tag" in wanted else {*wanted}
    if name == "inference_geo" and "not_available" in wanted:
        values.add(None)
    return lambda entry, held: getattr(entry, name) in values


def actor_type(member: int) -> str:
    """The kind of a ledger actor."""
    return "service_account_actor" if member == NOBODY else "user_actor"


def actor_id(org: Organization, member: int) -> str:
    """The tagged id behind a ledger actor."""
    if member == NOBODY:
        return org.service_account
    return org.security_account if member == SECURITY else org.members[member].id


def deleted_by(org: Organization, member: int, seen_on: date) -> bool:
    """Whether an actor is marked deleted: account deleted or no longer a member (contract section 8.1)."""
    if member < 0:
        return False
    left = org.members[member].left
    return left is not None and left <= seen_on


def actor(org: Organization, member: int, seen_on: date, era: str, deprecated_email: bool) -> dict[str, Any]:
    """The actor object (contract sections 8.1 and 9)."""
    if member == NOBODY:
        return {"type": "service_account_actor", "service_account_id": org.service_account}
    name: str | None
    email: str | None
    if member == SECURITY:
        name, email = "Claude Security", None
    else:
        person = org.members[member]
        gone = person.deleted is not None and person.deleted <= seen_on
        name, email = ("Deleted User", None) if gone else (person.name, person.email)
    found: dict[str, Any] = {"type": "user_actor", "user_id": actor_id(org, member), "name": name}
    found |= {"email_address": email} if era == "C" else {"email": email}
    if era == "C" and deprecated_email:
        found["email"] = email
    return {**found, "deleted": deleted_by(org, member, seen_on)}


class Reports:
    """Renders complete answers of the cost and usage endpoints.

    :param ledger: what was consumed.
    :param settings: the group cap, and which fields are there.
    :param encoder: how records are written.
    """

    def __init__(self, ledger: Consumption, settings: ClaudeSettings, encoder: JsonEncoder) -> None:
        self._ledger = ledger
        self._org = ledger.activity.organization
        self._settings = settings
        self._encoder = encoder

    def complete(self, query: ReportQuery, export: Export, era: str, shrunk: Mapping[date, float]) -> list[Unit]:
        """Everything the query has, in order, cut into what a page may not split."""
        found = cells(self._ledger, query, export, shrunk)
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
            return (sign * moment, -metric, ties)  # ``order`` is that of the buckets
        return (sign * metric, ties)

    def _unit(self, query: ReportQuery, cell: Cell, export: Export, era: str) -> Unit:
        """The rows of one cell; none when its actor is excluded, which is what makes pages short (section 5)."""
        new = query.report.form == "dimensions"
        starts = cell.bucket or (query.start if new else None)
        ends = cell.bucket + query.width if cell.bucket and query.width else (query.end if new else None)
        # Who counts as deleted stands still together with the numbers, so that a final day stays the same bytes.
        seen_on = min(export.read_on, (ends or query.end).date() + timedelta(days=self._settings.final_after))
        if query.exclude_deleted and cell.actor is not None and deleted_by(self._org, cell.actor, seen_on):
            return ()
        bounds = {"starting_at": starts and _instant(starts), "ending_at": ends and _instant(ends)}
        who = None
        if cell.actor is not None:
            who = actor(self._org, cell.actor, seen_on, "C" if new else era, self._settings.deprecated_email)
        identity = f"{cell.actor}{cell.bucket}{cell.key}"
        rows = []
        for at, (parts, numbers) in enumerate(components(query, cell)):
            group = self._group(query, cell.key)
            if new:
                measured = {k: v for k, v in numbers.items() if k not in ("cost_type", "token_type")}
                group = {"actor": who, **group} | (
                    {"cost_type": parts[0], "token_type": parts[1]} if query.report.measure == "cost" else {}
                )
                row = {**bounds, "group": group, query.report.measure: measured}
            else:
                row = {"actor": who, **bounds, **group, **numbers}
            rows.append(self._encoder.item(self._encoder.record(row, f"{identity}{at}")))
        return tuple(rows)

    def _group(self, query: ReportQuery, key: tuple[str | None, ...]) -> dict[str, Any]:
        """Every dimension's key, null unless grouped by it."""
        held = dict(zip(query.dimensions, key, strict=True))
        if query.report.form != "dimensions":
            return {name: held.get(name) for name in DIMENSIONS}
        names = ("actor_type", "organization_id", *DIMENSIONS, *CONSOLE_DIMENSIONS)
        return {name: held.get(name) for name in names}

    def _buckets(self, query: ReportQuery, found: list[Cell]) -> list[Unit]:
        """One item per interval, oldest first, empty ones too; at most the cap of groups in each (section 8.0)."""
        assert query.width is not None
        inside: dict[datetime, list[Cell]] = {}
        for cell in found:
            assert cell.bucket is not None
            inside.setdefault(cell.bucket, []).append(cell)
        units: list[Unit] = []
        bucket = query.start
        while bucket < query.end:
            kept = sorted(inside.get(bucket, ()), key=lambda cell: self._rank(query, cell))[: self._settings.group_cap]
            head = f'{{"starting_at":"{instant(bucket)}","ending_at":"{instant(bucket + query.width)}","results":['
            rows = [
                self._encoder.record({**self._group(query, cell.key), **numbers}, f"{bucket}{cell.key}{at}")
                for cell in kept
                for at, (_, numbers) in enumerate(components(query, cell))
            ]
            units.append((self._encoder.item(f"{head}{','.join(rows)}]}}"),))
            bucket += query.width
        return units


def measure(name: str, kind: str, cell: Cell) -> int:
    """The number a row is ranked by; by default the report's own."""
    if kind == "cost":
        listed, net = cell.amounts()
        return sum(listed) if name == "list_amount" else sum(net)
    sums = cell.sums
    if name == "requests":
        return sums[REQUESTS]
    if name in ("output_tokens", "uncached_input_tokens"):
        return sums[TOKEN_TYPES.index(name)]
    return sum(sums[:5])


def components(query: ReportQuery, cell: Cell) -> Iterator[tuple[tuple[str | None, str | None], dict[str, Any]]]:
    """The measured part of a cell's rows: one row, or one per cost component (contract section 8.1)."""
    if query.report.measure == "usage":
        yield (None, None), _usage(cell.sums, total=query.report.form != "buckets")
        return
    listed, net = cell.amounts()
    if not query.fan_out:
        yield (None, None), _cost(sum(listed), sum(net), cell.sums[REQUESTS], None, None)
        return
    by_token = "token_type" in query.fan_out
    parts: list[tuple[str, str | None, slice]] = []
    if by_token:
        parts += [("tokens", name, slice(at, at + 1)) for at, name in enumerate(TOKEN_TYPES)]
    if "cost_type" in query.fan_out:
        parts += [] if by_token else [("tokens", None, slice(0, 5))]
        parts += [("web_search", None, slice(5, 6)), ("code_execution", None, slice(6, 7))]
    for cost_type, token_type, part in parts:
        if sum(listed[part]):
            yield (cost_type, token_type), _cost(sum(listed[part]), sum(net[part]), None, cost_type, token_type)


def _usage(sums: list[int], *, total: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "uncached_input_tokens": sums[0],
        "cache_creation": {"ephemeral_5m_input_tokens": sums[1], "ephemeral_1h_input_tokens": sums[2]},
        "cache_read_input_tokens": sums[3],
        "output_tokens": sums[4],
    }
    if total:
        found["total_tokens"] = sum(sums[:5])
    return {**found, "server_tool_use": {"web_search_requests": sums[WEB]}, "requests": sums[REQUESTS]}


def _cost(listed: int, net: int, requests: int | None, cost_type: str | None, token_type: str | None) -> dict[str, Any]:
    return {
        "currency": "USD",
        "amount": money(net),
        "list_amount": money(listed),
        "cost_type": cost_type,
        "token_type": token_type,
        "requests": requests,
    }
