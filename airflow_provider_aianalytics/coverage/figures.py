# SPDX-License-Identifier: Apache-2.0
"""Spend, tokens, credits and active members by week, from what the manifests record of each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from airflow_provider_aianalytics.coverage.states import Day, State, Table
from airflow_provider_aianalytics.vendors.base import DAY

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
    best: dict[tuple[str, str], tuple[tuple[int, int], Table]] = {}
    for table in tables:
        figure = table.dataset.figure if table.dataset else None
        if figure is None:
            continue
        known = [day.landed for day in table.days if day.landed and figure.name in day.landed.figures]
        # Of two with as many whole days, the one that was read again more often is the more exact.
        worth = sum(one.complete for one in known), sum(len(one.contents) for one in known)
        key = table.vendor, figure.name
        if known and worth > best.get(key, ((-1, 0), table))[0]:
            best[key] = worth, table
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
