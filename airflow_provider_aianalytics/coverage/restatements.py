# SPDX-License-Identifier: Apache-2.0
"""What vendors restated: which days changed after they had landed whole, by how much, and how late after the day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from airflow_provider_aianalytics.coverage.landed_day import Content
from airflow_provider_aianalytics.coverage.states import Day, Table
from airflow_provider_aianalytics.vendors.base import ColumnType


@dataclass(frozen=True, slots=True)
class Change:
    """What a day held before and after.

    :param days_after: how many days after the end of the day the change was read.
    :param total: the exact total of the dataset's measure, before and after; ``None`` where it is not recorded.
    """

    day: date
    days_after: int
    rows: tuple[int, int]
    total: tuple[Decimal, Decimal] | None

    @property
    def share(self) -> Decimal:
        """The size of the change, relative to what was there."""
        before, after = self.total or tuple(map(Decimal, self.rows))
        return abs(after - before) / abs(before) if before else Decimal(after != before)


@dataclass(frozen=True, slots=True)
class Restatements:
    """The restatements of a table.

    :param measure: what the totals are sums of, ``None`` where the dataset has none.
    :param is_money: whether they are US cents.
    :param days: how many days changed.
    :param changes: how many times any of them did.
    :param largest: the day that changed most, from how it landed first to how it is.
    :param latest: the change that came latest after its day.
    :param newest: the changes that were read last, the newest first.
    """

    table: str
    measure: str | None
    is_money: bool
    days: int
    changes: int
    largest: Change
    latest: Change
    newest: tuple[Change, ...]


def restatements_of(tables: Iterable[Table], *, newest: int) -> list[Restatements]:
    """The restatements of each table that has any.

    :param newest: how many single changes of a table are listed, at most.
    """
    found = []
    for table in tables:
        by_day = [changes for day in table.days if (changes := _changes(day))]
        if by_day:
            found.append(_restatements(table, by_day, newest))
    return found


def _restatements(table: Table, by_day: list[list[Change]], newest: int) -> Restatements:
    changes = [change for of_day in by_day for change in of_day]
    measure = table.dataset.measure if table.dataset else None
    columns = table.dataset.columns if table.dataset else ()
    return Restatements(
        table=table.label,
        measure=measure,
        is_money=any(column.path == measure and column.type is ColumnType.CENTS for column in columns),
        days=len(by_day),
        changes=len(changes),
        largest=max((_over_all(of_day) for of_day in by_day), key=lambda change: change.share),
        latest=max(changes, key=lambda change: change.days_after),
        newest=tuple(sorted(changes, key=lambda one: (one.day.toordinal() + one.days_after, one.day))[::-1][:newest]),
    )


def _changes(day: Day) -> list[Change]:
    contents = day.landed.contents if day.landed else ()
    changes = (_change(day.date, before, after) for before, after in pairwise(contents))
    return [change for change in changes if change is not None]


def _change(day: date, before: Content, after: Content) -> Change | None:
    if after.fetched_at is None:
        return None
    has_totals = before.total is not None and after.total is not None
    return Change(
        day=day,
        days_after=(after.fetched_at.date() - day).days - 1,
        rows=(before.rows, after.rows),
        total=(before.total, after.total) if has_totals else None,  # type: ignore[arg-type]
    )


def _over_all(changes: list[Change]) -> Change:
    first, last = changes[0], changes[-1]
    total = (first.total[0], last.total[1]) if first.total and last.total else None
    return Change(first.day, last.days_after, (first.rows[0], last.rows[1]), total)
