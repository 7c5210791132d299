# SPDX-License-Identifier: Apache-2.0
"""Spend, tokens, credits and active members by week, from what the manifests record of each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from airflow_provider_aianalytics.coverage.states import Day, State, Table
from airflow_provider_aianalytics.vendors.base import DAY, ColumnType

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Week:
    """A figure in a week.

    :param start: its Monday.
    :param final: the part that the vendor does not restate any more.
    :param provisional: the part that may still change.
    :param days: how many of its days have the figure.
    """

    start: date
    final: Decimal
    provisional: Decimal
    days: int

    @property
    def amount(self) -> Decimal:
        return self.final + self.provisional


@dataclass(frozen=True, slots=True)
class Series:
    """A figure of one vendor over time.

    :param name: as the catalogue calls it.
    :param table: the table that it is taken from.
    :param is_additive: whether weeks are sums of their days; otherwise they are means.
    """

    vendor: str
    name: str
    table: str
    is_additive: bool
    weeks: tuple[Week, ...]

    @property
    def total(self) -> Decimal:
        """The sum of all days, or the mean of the weeks' means where days do not add up."""
        amounts = [week.amount for week in self.weeks]
        return sum(amounts, ZERO) if self.is_additive else sum(amounts, ZERO) / len(amounts)

    @property
    def days(self) -> int:
        return sum(week.days for week in self.weeks)


def series_of(tables: Iterable[Table]) -> list[Series]:
    """Each figure of each vendor, from the table that has it for the most days.

    Several tables can have the same figure, as cost by model and cost by member do: their sum would count it twice.
    """
    best: dict[tuple[str, str], tuple[int, Table]] = {}
    for table in tables:
        figure = table.dataset.figure if table.dataset else None
        if figure is None:
            continue
        number = sum(figure.name in day.landed.figures for day in table.days if day.landed)
        key = table.vendor, figure.name
        if number > best.get(key, (0, table))[0]:
            best[key] = number, table
    return [_series(table, name) for (_, name), (_, table) in best.items()]


def _series(table: Table, name: str) -> Series:
    is_additive = table.dataset is None or table.dataset.figure is None or table.dataset.figure.is_additive
    by_week: dict[date, list[Day]] = {}
    for day in table.days:
        days = by_week.setdefault(day.date - DAY * day.date.weekday(), [])
        if day.landed is not None and name in day.landed.figures:
            days.append(day)
    weeks = tuple(_week(start, days, name, is_additive) for start, days in by_week.items())
    return Series(table.vendor, name, table.name, is_additive, weeks)


def _week(start: date, days: Sequence[Day], name: str, is_additive: bool) -> Week:
    final = [day.landed.figures[name] for day in days if day.landed and _is_final(day)]
    provisional = [day.landed.figures[name] for day in days if day.landed and not _is_final(day)]
    if is_additive or not days:
        return Week(start, sum(final, ZERO), sum(provisional, ZERO), len(days))
    mean = sum((*final, *provisional), ZERO) / len(days)
    return Week(start, ZERO if provisional else mean, mean if provisional else ZERO, len(days))


def _is_final(day: Day) -> bool:
    return day.state is State.FINAL or bool(day.landed and day.landed.final)


@dataclass(frozen=True, slots=True)
class Restatement:
    """A day whose content changed after it had landed whole.

    :param days_after: how many days after its end the change was read.
    :param total: the exact total of the dataset's measure, before and after; ``None`` where it is not recorded.
    :param is_money: whether that is a total of US cents.
    """

    table: str
    day: date
    days_after: int
    rows: tuple[int, int]
    total: tuple[Decimal, Decimal] | None
    is_money: bool


def restatements_of(tables: Iterable[Table]) -> list[Restatement]:
    """Every restatement that the manifests list, the latest read first."""
    found = [(at, one) for table in tables for day in table.days for at, one in _restatements(table, day)]
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].day), reverse=True)]


def _restatements(table: Table, day: Day) -> Iterable[tuple[date, Restatement]]:
    contents = day.landed.contents if day.landed else ()
    for before, after in pairwise(contents):
        if after.fetched_at is None:
            continue
        read = after.fetched_at.date()
        has_totals = before.total is not None and after.total is not None
        yield (
            read,
            Restatement(
                table=table.label,
                day=day.date,
                days_after=(read - day.date).days - 1,
                rows=(before.rows, after.rows),
                total=(before.total or ZERO, after.total or ZERO) if has_totals else None,
                is_money=_is_money(table),
            ),
        )


def _is_money(table: Table) -> bool:
    dataset = table.dataset
    return dataset is not None and any(
        column.path == dataset.measure and column.type is ColumnType.CENTS for column in dataset.columns
    )


def requests_of(table: Table) -> int:
    """The requests of the reads that landed the days of a table; the days of one window share theirs."""
    reads = {(day.landed.fetched_at or day.date): day.landed.requests for day in table.days if day.landed}
    return sum(reads.values())
