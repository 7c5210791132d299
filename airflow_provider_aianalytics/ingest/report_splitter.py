# SPDX-License-Identifier: Apache-2.0
"""Read grouped buckets in full although the vendor caps them: one narrower query for each value of a dimension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_aianalytics.exceptions import InvalidRequestError
from airflow_provider_aianalytics.extraction.measure import column_sum
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.extraction.window_reader import WindowReader, is_capped
from airflow_provider_aianalytics.extraction.windows import Window

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class ReportSplitter:
    """Reads a window of a grouped report so that no bucket is cut off.

    The query is sent once for each value of one dimension, through that dimension's filter, and split again where the
    result is still capped. Rows of a value that has no filter, such as null, are taken from the wider result. If their
    totals show that rows are missing there, they are taken from its splits by the other dimensions. At the end every
    bucket is compared with its ungrouped totals of money and tokens. A bucket is reported as capped when these differ,
    or when the list of values was itself capped.

    :ivar requests: the requests spent.
    :ivar capped: by day, how many buckets could not be read in full.
    """

    def __init__(self, hook: AnalyticsHook, query: Query, window: Window) -> None:
        self._hook = hook
        self._query = query
        self._window = window
        self.requests = 0
        self.capped: Counter[date] = Counter()
        self._unproved: set[datetime | None] = set()
        self._sums = list(map(column_sum, query.dataset.additive_columns))

    def batches(self) -> list[Batch]:
        """The rows of the window; a bucket may come in several batches."""
        rows = self._complete(self._query, self._read(self._query), frozenset())
        reference = _regrouped(self._query, [])
        whole = self._read(reference)
        expected, found = self._totals(whole), self._totals(rows)
        for batch in whole:
            is_proved = batch.start not in self._unproved and not is_capped(batch, reference)
            if not is_proved or found.get(batch.start) != expected[batch.start]:
                self.capped[batch.day] += 1
        return rows

    def _complete(self, query: Query, wide: list[Batch], excluded: frozenset[str]) -> list[Batch]:
        if not any(is_capped(batch, query) for batch in wide):
            return wide
        dimension = _dimension_to_split(query, excluded)
        if dimension is None:
            return wide
        by_value = _regrouped(query, [dimension])
        coarse = self._read(by_value)
        self._unproved |= {batch.start for batch in coarse if is_capped(batch, by_value)}
        values = {value for batch in coarse for value in _values(batch, dimension)}
        rows = []
        for value in sorted(values, key=str):
            narrow = self._narrow(query, dimension, value, excluded)
            if narrow is None:
                narrow = _having(wide, dimension, value)
                if self._totals(narrow) != self._totals(_having(coarse, dimension, value)):
                    narrow = _having(self._complete(query, wide, excluded | {dimension}), dimension, value)
            rows += narrow
        return rows

    def _narrow(self, query: Query, dimension: str, value: str | None, excluded: frozenset[str]) -> list[Batch] | None:
        """The rows of one value, ``None`` if the vendor has no filter for it."""
        filter_value = query.dataset.null_filter_values.get(dimension) if value is None else value
        if filter_value is None:
            return None
        narrowed = _narrowed(query, dimension, filter_value)
        try:
            # A member of two groups brings rows of the other group, and only a part of them.
            return _having(self._complete(narrowed, self._read(narrowed), excluded), dimension, value)
        except InvalidRequestError:
            self.requests += 1
            return None

    def _totals(self, rows: list[Batch]) -> dict[datetime | None, list[Decimal]]:
        totals: dict[datetime | None, list[Decimal]] = {}
        for batch in rows:
            before = totals.get(batch.start, [Decimal(0)] * len(self._sums))
            totals[batch.start] = [old + add(batch.records) for old, add in zip(before, self._sums, strict=True)]
        return totals

    def _read(self, query: Query) -> list[Batch]:
        reading, read = WindowReader(query, self._window), list[Batch]()
        for page in self._hook.iter_pages(query, self._window):
            if page.number == 1:
                read.clear()
            read += reading.add_page(page)
        self.requests += reading.requests
        return read


def _dimension_to_split(query: Query, excluded: frozenset[str]) -> str | None:
    filtered = {name for name, _ in query.filters}
    for dimension, name in query.dataset.split_filters.items():
        if dimension in query.group_by and dimension not in excluded and name not in filtered:
            return dimension
    return None


def _regrouped(query: Query, group_by: list[str]) -> Query:
    """The same query by other dimensions. Rows that overlap must overlap here too, else totals are not comparable."""
    kept = {*group_by, *query.dataset.overlapping_group_by}
    return replace(query, group_by=tuple(dimension for dimension in query.group_by if dimension in kept))


def _narrowed(query: Query, dimension: str, value: str) -> Query:
    """The query for one value. The value is not checked against the catalogue: the vendor may add values."""
    return replace(query, filters=(*query.filters, (query.dataset.split_filters[dimension], (value,))))


def _values(batch: Batch, dimension: str) -> Iterator[str | None]:
    return (_OBJECT.decode(record).get(dimension) for record in batch.records)


def _having(batches: list[Batch], dimension: str, value: str | None) -> list[Batch]:
    chosen = []
    for batch in batches:
        pairs = zip(batch.records, _values(batch, dimension), strict=True)
        records = [record for record, found in pairs if found == value]
        chosen.append(Batch(batch.day, batch.prefix, records, batch.start, batch.end))
    return chosen
