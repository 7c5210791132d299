# SPDX-License-Identifier: Apache-2.0
"""Grouped buckets that the vendor cuts off, read in full by narrowing the question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_aianalytics.exceptions import InvalidRequestError
from airflow_provider_aianalytics.extraction.measure import measure_sum
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.extraction.window_reader import WindowReader, is_capped
from airflow_provider_aianalytics.extraction.windows import Window

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class ReportSplitter:
    """Reads a window of a grouped report so that no bucket is cut off.

    The question is asked once for each value of one of its dimensions, by that dimension's own filter, and again
    narrower where that is still cut off. Values that cannot be filtered for, null among them, are taken from the wider
    answer, or from its splits by the other dimensions where their total says that rows are missing there. In the end
    every bucket is held against its ungrouped total, so that nothing is missed without being told.

    :ivar requests: the requests spent.
    :ivar capped: how many buckets of a day could not be had in full.
    """

    def __init__(self, hook: AnalyticsHook, asked: Query, window: Window) -> None:
        self._hook = hook
        self._asked = asked
        self._window = window
        self.requests = 0
        self.capped: Counter[date] = Counter()

    def batches(self) -> list[Batch]:
        """The rows of the window; a bucket may come in several batches."""
        rows = self._complete(self._asked, self._read(self._asked), frozenset())
        reference = _regrouped(self._asked, [])
        whole = self._read(reference)
        expected, found = self._totals(whole), self._totals(rows)
        for batch in whole:
            if is_capped(batch, reference) or found.get(batch.start) != expected[batch.start]:
                self.capped[batch.day] += 1
        return rows

    def _complete(self, asked: Query, wide: list[Batch], excluded: frozenset[str]) -> list[Batch]:
        if not any(is_capped(batch, asked) for batch in wide):
            return wide
        dimension = _dimension_to_split(asked, excluded)
        if dimension is None:
            return wide
        coarse = self._read(_regrouped(asked, [dimension]))
        values = {value for batch in coarse for value in _values(batch, dimension)}
        rows = []
        for value in sorted(values, key=str):
            narrow = self._narrow(asked, dimension, value, excluded)
            if narrow is None:
                narrow = _having(wide, dimension, value)
                if self._totals(narrow) != self._totals(_having(coarse, dimension, value)):
                    narrow = _having(self._complete(asked, wide, excluded | {dimension}), dimension, value)
            rows += narrow
        return rows

    def _narrow(self, asked: Query, dimension: str, value: str | None, excluded: frozenset[str]) -> list[Batch] | None:
        """The rows of one value, ``None`` where the vendor has no filter for it."""
        filter_value = asked.dataset.null_filter_values.get(dimension) if value is None else value
        if filter_value is None:
            return None
        narrowed = _narrowed(asked, dimension, filter_value)
        try:
            # A member of two groups brings rows of the other group along, of which these would be only a part.
            return _having(self._complete(narrowed, self._read(narrowed), excluded), dimension, value)
        except InvalidRequestError:
            self.requests += 1
            return None

    def _totals(self, rows: list[Batch]) -> dict[datetime | None, Decimal]:
        total = measure_sum(self._asked.dataset)
        assert total is not None
        totals: dict[datetime | None, Decimal] = {}
        for batch in rows:
            totals[batch.start] = totals.get(batch.start, Decimal(0)) + total(batch.records)
        return totals

    def _read(self, asked: Query) -> list[Batch]:
        reading, read = WindowReader(asked, self._window), list[Batch]()
        for page in self._hook.iter_pages(asked, self._window):
            if page.number == 1:
                read.clear()
            read += reading.add_page(page)
        self.requests += reading.requests
        return read


def _dimension_to_split(asked: Query, excluded: frozenset[str]) -> str | None:
    filtered = {name for name, _ in asked.filters}
    for dimension, name in asked.dataset.split_filters.items():
        if dimension in asked.group_by and dimension not in excluded and name not in filtered:
            return dimension
    return None


def _regrouped(asked: Query, group_by: list[str]) -> Query:
    """The same question by other dimensions; rows that overlap must overlap here too, for totals to be comparable."""
    kept = {*group_by, *asked.dataset.overlapping_group_by}
    return replace(asked, group_by=tuple(dimension for dimension in asked.group_by if dimension in kept))


def _narrowed(asked: Query, dimension: str, value: str) -> Query:
    """The question for one value; the vendor's own, so that the catalogue has no say in it: enums are open."""
    return replace(asked, filters=(*asked.filters, (asked.dataset.split_filters[dimension], (value,))))


def _values(batch: Batch, dimension: str) -> Iterator[str | None]:
    return (_OBJECT.decode(record).get(dimension) for record in batch.records)


def _having(batches: list[Batch], dimension: str, value: str | None) -> list[Batch]:
    chosen = []
    for batch in batches:
        pairs = zip(batch.records, _values(batch, dimension), strict=True)
        records = [record for record, has in pairs if has == value]
        chosen.append(Batch(batch.day, batch.prefix, records, batch.start, batch.end))
    return chosen
