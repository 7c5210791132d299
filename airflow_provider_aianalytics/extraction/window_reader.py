# SPDX-License-Identifier: Apache-2.0
"""What the pages of one window said: which days are there as a whole, and which are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.records import Batch, split_by_day
from airflow_provider_aianalytics.extraction.responses import parse_timestamp
from airflow_provider_aianalytics.extraction.windows import Window, midnight
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, DAY

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class WindowReader:
    """One window as its pages come in; begun anew when the chain begins again.

    :ivar pages: the pages of the chain so far.
    :ivar requests: the requests spent, retries and restarts included.
    :ivar read_at: when the first page of the chain came, UTC.
    :ivar data_refreshed_at: the vendor's watermark as spelled, the earliest of the pages; ``None`` where one says none.
    :ivar organization_id: the organization as the vendor names it, where it does.
    :ivar capped: how many buckets of a day came with as many groups as the vendor serves, so that more may be missing.
    """

    def __init__(self, query: Query, window: Window) -> None:
        self.query = query
        self.window = window
        self.requests = 0
        self.read_at: datetime
        self._begin()

    def _begin(self) -> None:
        self.pages = 0
        self.data_refreshed_at: str | None = None
        self.organization_id: str | None = None
        self.capped: Counter[date] = Counter()
        self._buckets: Counter[date] = Counter()
        self._starts: set[datetime] = set()

    def add_page(self, page: Page) -> Iterator[Batch]:
        """Take in the next page and hand out its records by day.

        :raises MalformedResponseError: when an item cannot be believed.
        """
        if page.number == 1:
            self._begin()
            self.read_at = page.read_at
            self.data_refreshed_at = page.data_refreshed_at
        elif self.data_refreshed_at and page.data_refreshed_at:
            self.data_refreshed_at = min(self.data_refreshed_at, page.data_refreshed_at, key=parse_timestamp)
        else:
            self.data_refreshed_at = None
        self.pages += 1
        self.requests = page.requests
        self.organization_id = page.organization_id or self.organization_id
        for batch in split_by_day(page, self.query):
            if is_capped(batch, self.query):
                self.capped[batch.day] += 1
            for start in batch.buckets:
                if start in self._starts:
                    raise MalformedResponseError(
                        f"the bucket of {start:%Y-%m-%dT%H:%MZ} came twice",
                        where=page.where,
                        hint="Nothing of this window was kept; a retry reads it again",
                    )
                self._starts.add(start)
                self._buckets[batch.day] += 1
            yield batch

    def covers(self, day: date) -> bool:
        """Whether the vendor's data went over the whole of a day when the window was read.

        :raises MalformedResponseError: when the vendor says that it did, and a bucket of the day is not there.
        """
        availability = self.query.dataset.availability
        match availability.kind:
            case "aggregated":
                # A recent day that is left out of a range is not aggregated yet, whatever the vendor promises.
                return not self._left_out(day) or self.read_at >= availability.exists_from(day) + availability.lag
            case "watermark":
                if self.data_refreshed_at is None or parse_timestamp(self.data_refreshed_at) < midnight(day + DAY):
                    return False
                if left_out := self._left_out(day):
                    raise MalformedResponseError(
                        f"{left_out} buckets of {day} are not there, though the data goes up to "
                        f"{self.data_refreshed_at} and an empty one would be there too",
                        where=f"{self.query.dataset.vendor} {self.query.dataset.name} {self.window}",
                        hint="The day was not taken for an empty one; a retry reads it again",
                    )
                return True
            case "complete_buckets":
                return self.read_at >= availability.settled_from(day) and not self._left_out(day)

    def _left_out(self, day: date) -> int:
        """How many buckets of a day are missing, where the vendor promises them all."""
        if not self.query.dataset.is_series:
            return 0
        return max(0, DAY // BUCKET_WIDTHS[self.query.bucket_width or "1d"] - self._buckets[day])


def is_capped(batch: Batch, query: Query) -> bool:
    """Whether a bucket came full: the vendor keeps so many groups and drops the rest without a word."""
    cap = query.dataset.groups_per_bucket
    if cap is None or not query.group_by or len(batch.records) < cap:
        return False
    uncounted = query.dataset.free_group_by
    counted = [dimension for dimension in query.group_by if dimension not in uncounted]
    if len(counted) == len(query.group_by) or len(batch.records) == cap:
        return True
    # A group can be several rows, one for each type of cost, so the groups are counted without it.
    rows = map(_OBJECT.decode, batch.records)
    return len({tuple(row.get(dimension) for dimension in counted) for row in rows}) >= cap
