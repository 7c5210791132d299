# SPDX-License-Identifier: Apache-2.0
"""The state of every day of every table of a lake, at a moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from airflow_provider_aianalytics.coverage.landed_day import LandedDay, find_dataset
from airflow_provider_aianalytics.coverage.lateness import Schedule, schedule_of
from airflow_provider_aianalytics.coverage.reader import LakeReader, LandedTable, ManifestCache
from airflow_provider_aianalytics.coverage.states import Day, State, Table
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.vendors.base import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which days are looked at.

    :param now: the moment, UTC.
    :param first: the first day; default: a table's first landed day.
    :param last: the last day; default: yesterday, or a table's last landed day where that is later.
    :param most: how many days before today at most, where ``first`` is not given.
    """

    now: datetime
    first: date | None = None
    last: date | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        if self.first and self.last and self.last < self.first:
            raise InvalidArgumentError(f"the last day {self.last} is before the first, {self.first}")

    def days(self, landed: Collection[date]) -> list[date]:
        """Every day of the range of a table, ascending.

        :param landed: the days that have a manifest.
        """
        edges = [*landed, *(day for day in (self.first, self.last) if day)]
        if not edges:
            return []
        yesterday = self.now.date() - DAY
        low = self.first or min(edges)
        if self.most is not None and self.first is None:
            low = max(low, self.now.date() - DAY * self.most)
        high = self.last or max(*edges, yesterday)
        return [low + DAY * number for number in range((high - low).days + 1)]


def survey(
    path: str,
    *,
    days: Range,
    vendor: str | None = None,
    table: str | None = None,
    lag: timedelta | None = None,
    cache: ManifestCache | None = None,
) -> list[Table]:
    """Look at the manifests of a lake.

    :param path: any URL that ``ObjectStoragePath`` takes.
    :param days: which days are looked at, and when.
    :param vendor: only this vendor's tables.
    :param table: only tables of this name.
    :param lag: how long after it exists the vendor is given for a day; ``None``: as earlier days of the table landed,
        else as the catalogue says.
    :param cache: what was read before, for a process that looks again.
    :raises InvalidArgumentError: when there is no such table.
    """

    def choose(landed: Iterable[date]) -> list[date]:
        known = list(landed)
        chosen = days.days(known)
        # Of a table that died before the range, only an older manifest names the dataset, the DAG and the task.
        return chosen if set(chosen) & set(known) else [*known[-1:], *chosen]

    found = LakeReader(path, cache).read(vendor=vendor, table=table, choose=choose)
    return [_table(one, days.days(one.landed), days.now, lag) for one in found]


def _table(found: LandedTable, days: list[date], now: datetime, lag: timedelta | None) -> Table:
    readable = {day: landed for day, landed in found.read.items() if isinstance(landed, LandedDay)}
    names = [landed.dataset for landed in readable.values()]
    dataset = find_dataset(found.vendor, names[-1] if names else found.name)
    first_reads = {
        day: landed.first_fetched_at for day, landed in readable.items() if landed.complete and landed.first_fetched_at
    }
    schedule = schedule_of(dataset, first_reads, lag=lag)
    last = max(found.landed, default=None)
    spec = _usual_spec(readable)
    surveyed = tuple(_day(day, found.read.get(day), schedule, spec, last, now) for day in days)
    late = [now - day.due for day in surveyed if day.state is State.LATE and day.due]
    outside = [_day(day, readable[day], schedule, spec, last, now) for day in sorted(readable.keys() - set(days))]
    return Table(found.vendor, found.name, surveyed, dataset, max(late, default=None), next(iter(outside), None))


def _usual_spec(landed: Mapping[date, LandedDay]) -> tuple[str, ...]:
    """What the table holds: each part of the spec as on most days that know it, on the newest among equals."""
    newest_first = [landed[day].spec for day in sorted(landed, reverse=True)]
    numbers = (Counter(filter(None, part)) for part in zip(*newest_first, strict=True))
    return tuple(max(number, key=number.__getitem__, default="") for number in numbers)


def _is_mixed(read: LandedDay, spec: tuple[str, ...]) -> bool:
    return any(part and part != usual for part, usual in zip(read.spec, spec, strict=True))


def _day(
    day: date, read: LandedDay | str | None, schedule: Schedule, spec: tuple[str, ...], last: date | None, now: datetime
) -> Day:
    due = schedule.due(day)
    is_due = due is not None and now >= due
    if isinstance(read, LandedDay):
        state = State.MIXED if _is_mixed(read, spec) else _state_of(read)
        return Day(day, state, read, due, is_overdue=state is State.INCOMPLETE and is_due)
    if read is not None:
        return Day(day, State.UNREADABLE, due=due, error=read)
    if last is not None and day < last:
        return Day(day, State.MISSING, due=due)
    return Day(day, State.LATE if is_due else State.NOT_DUE, due=due)


def _state_of(landed: LandedDay) -> State:
    if not landed.complete:
        return State.INCOMPLETE
    if landed.rows == 0:
        return State.EMPTY
    return State.FINAL if landed.final else State.PROVISIONAL
