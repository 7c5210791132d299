# SPDX-License-Identifier: Apache-2.0
"""Read the pages of one window: the records by day, and whether each day is complete and final."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import CursorExpiredError, MalformedResponseError
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.records import Batch, split_by_day
from airflow_provider_aianalytics.extraction.responses import parse_timestamp
from airflow_provider_aianalytics.extraction.window_check import RowKey, row_key
from airflow_provider_aianalytics.extraction.windows import Window, midnight
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, DAY

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class WindowReader:
    """Collects the pages of one window, and starts over with each first page.

    :ivar pages: the pages of the chain so far.
    :ivar requests: the requests spent, retries and restarts included.
    :ivar read_at: when the first page of the chain was received, UTC.
    :ivar data_refreshed_at: the earliest watermark of the pages, as the vendor wrote it; ``None`` if a page has none.
    :ivar organization_id: the vendor's id of the organization, if it has one.
    :ivar inconsistency: how the data of two pages differs; ``None`` if it does not. Else no day is complete.
    :ivar capped: by day, how many buckets have as many groups as the vendor serves, so that more may be missing.
    """

    def __init__(self, query: Query, window: Window) -> None:
        self.query = query
        self.window = window
        self.requests = 0
        self.read_at: datetime
        self._reset()

    def _reset(self) -> None:
        self.pages = 0
        self.data_refreshed_at: str | None = None
        self.organization_id: str | None = None
        self.capped: Counter[date] = Counter()
        self.inconsistency: str | None = None
        self._buckets: Counter[date] = Counter()
        self._rows: Counter[date] = Counter()
        self._keys: dict[datetime, set[RowKey]] = {}
        self._keys_before: dict[datetime, set[RowKey]] = {}
        self._starts: set[datetime] = set()

    def add_page(self, page: Page) -> Iterator[Batch]:
        """Add the next page and return its records by day.

        :raises MalformedResponseError: when an item contradicts the catalogue, or a page is another organization's.
        """
        if page.number == 1:
            self._reset()
            self.read_at = page.read_at
            self.data_refreshed_at = page.data_refreshed_at
        elif self.data_refreshed_at and page.data_refreshed_at:
            self.data_refreshed_at = min(self.data_refreshed_at, page.data_refreshed_at, key=parse_timestamp)
        else:
            self.data_refreshed_at = None
        self.pages += 1
        self.requests = page.requests
        self.inconsistency = self.inconsistency or page.inconsistency
        if page.items:
            self._keys_before, self._keys = self._keys, {}
        if self.organization_id and page.organization_id not in (None, self.organization_id):
            raise MalformedResponseError(
                f"the pages of one window name two organizations, {self.organization_id} and {page.organization_id}",
                where=page.where,
                hint="Nothing of this window was saved. Check the task's connection; a retry reads the window again",
            )
        self.organization_id = page.organization_id or self.organization_id
        for batch in split_by_day(page, self.query):
            if is_capped(batch, self.query):
                self.capped[batch.day] += 1
            for start in batch.buckets:
                if start in self._starts:
                    raise MalformedResponseError(
                        f"the bucket of {start:%Y-%m-%dT%H:%MZ} came twice",
                        where=page.where,
                        hint="Nothing of this window was saved; a retry reads it again",
                    )
                self._starts.add(start)
                self._buckets[batch.day] += 1
            self._check_rows(batch, page)
            self._rows[batch.day] += len(batch.records)
            yield batch

    def _check_rows(self, batch: Batch, page: Page) -> None:
        """Refuse a bucket with the same row twice, on one page or on two neighbouring pages."""
        dataset = self.query.dataset
        if dataset.results is None or batch.start is None:
            return
        if dataset.groups_per_bucket is not None and not self.query.group_by and len(batch.records) > 1:
            raise self._twice(batch, page)
        known = self._keys.setdefault(batch.start, set())
        before = self._keys_before.get(batch.start, set())
        for record in batch.records:
            key = row_key(record, dataset.row_key)
            if key is None:
                continue
            if key in known or key in before:
                raise self._twice(batch, page)
            known.add(key)

    def _twice(self, batch: Batch, page: Page) -> MalformedResponseError:
        return MalformedResponseError(
            f"the bucket of {batch.start:%Y-%m-%dT%H:%MZ} has the same row twice",
            where=page.where,
            hint="Nothing of this window was saved; a retry reads it again",
        )

    def check_consistency(self) -> None:
        """Check that all pages belong to the same data.

        :raises CursorExpiredError: when they do not, though the window was read again from its first page.
        """
        if self.inconsistency:
            raise CursorExpiredError(
                f"{self.inconsistency}, and again when the window was read from its first page",
                where=f"{self.query.dataset} {self.window}",
                hint="Nothing of this window was saved. A retry reads it again; "
                'on_unavailable="partial" lands it, marked as incomplete',
            )

    def covers(self, day: date) -> bool:
        """Whether the window has a complete day.

        :raises MalformedResponseError: when a day is missing that the vendor must have by now: it is not empty.
        """
        if self.inconsistency:
            return False
        availability = self.query.dataset.availability
        match availability.kind:
            case "aggregated":
                due = self.read_at >= availability.assumed_from(day, omits_empty_days=False)
                # An empty response for a young day may mean that the vendor has not aggregated it yet.
                return not self._is_missing(day, due=due) and (due or self._rows[day] > 0)
            case "watermark":
                due = self.refreshed_at is not None and self.refreshed_at >= midnight(day + DAY)
                return not self._is_missing(day, due=due) and due
            case "complete_buckets":
                due = self.read_at >= availability.final_from(day)
                return not self._is_missing(day, due=due) and self.read_at >= availability.settled_from(day)

    def is_final(self, day: date) -> bool:
        """Whether a complete day will not change any more. A day without a row never counts as final."""
        availability = self.query.dataset.availability
        return self._rows[day] > 0 and availability.is_final(day, read_at=self.read_at, refreshed_at=self.refreshed_at)

    @property
    def refreshed_at(self) -> datetime | None:
        """The watermark, UTC; ``None`` without one."""
        return None if self.data_refreshed_at is None else parse_timestamp(self.data_refreshed_at)

    def _is_missing(self, day: date, *, due: bool) -> bool:
        """Whether buckets of a day are missing, for a dataset that has a bucket for every interval.

        :param due: whether the vendor must have them by now.
        :raises MalformedResponseError: if buckets are missing that are due.
        """
        if not self.query.dataset.is_series:
            return False
        expected = DAY // BUCKET_WIDTHS[self.query.bucket_width or "1d"]
        missing = expected - self._buckets[day]
        if missing and due:
            first = min(self._buckets, default=None)
            goes_to = f", though the data goes up to {self.data_refreshed_at}" if self.data_refreshed_at else ""
            raise MalformedResponseError(
                f"{missing} of {expected} buckets of {day} are missing{goes_to}; an empty bucket would be present",
                where=f"{self.query.dataset} {self.window}",
                hint="The day was not landed as empty. "
                + (f"The response has data from {first} on; start there" if first else "A retry reads it again"),
            )
        return missing > 0


def is_capped(batch: Batch, query: Query) -> bool:
    """Whether a bucket has as many groups as the vendor serves: it drops the rest silently."""
    cap = query.dataset.groups_per_bucket
    if cap is None or not query.group_by or len(batch.records) < cap:
        return False
    uncounted = query.dataset.free_group_by
    counted = [dimension for dimension in query.group_by if dimension not in uncounted]
    if len(counted) == len(query.group_by) or len(batch.records) == cap:
        return True
    # A group can have several rows, one for each type of cost, so groups are counted without that dimension.
    rows = map(_OBJECT.decode, batch.records)
    return len({tuple(row.get(dimension) for dimension in counted) for row in rows}) >= cap
