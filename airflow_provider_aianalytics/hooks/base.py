# SPDX-License-Identifier: Apache-2.0
"""The common base of all vendors' hooks: from a period to windows, pages and records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import Any

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    CursorExpiredError,
    NotYetAvailableError,
    ResultTooLargeError,
)
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.query import FilterValue, Query, build_query
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.extraction.records import parse_record
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.window_reader import WindowReader
from airflow_provider_aianalytics.extraction.windows import Period, Window, parse_day, plan
from airflow_provider_aianalytics.hooks.connection_form import connection_form_widgets, ui_field_behaviour
from airflow_provider_aianalytics.hooks.http import RateLimitedHttpHook
from airflow_provider_aianalytics.lineage.collect import report_input
from airflow_provider_aianalytics.vendors.base import DAY

SPOOL_IN_MEMORY = 16 * 1024 * 1024
ONE_RETRY = Backoff(attempts=2)


class AnalyticsHook(RateLimitedHttpHook):
    """Reads one vendor's analytics API: windows, their pages and their records.

    :param conn_id: the connection; its password is the key, an empty host is the vendor's own address.
    :param clock: the clock for waiting and deadlines.
    """

    def __init__(self, conn_id: str | None = None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(conn_id or self.vendor.default_conn_id, clock=clock)

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Name the hook after its vendor, and copy the form methods into it: Airflow 2 ignores inherited ones."""
        super().__init_subclass__(**arguments)
        cls.conn_type = cls.vendor.conn_type
        cls.default_conn_name = cls.vendor.default_conn_id
        cls.hook_name = cls.vendor.title
        for name in ("get_connection_form_widgets", "get_ui_field_behaviour"):
            if name not in cls.__dict__:
                setattr(cls, name, AnalyticsHook.__dict__[name])

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        return connection_form_widgets(cls.conn_type)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        return ui_field_behaviour(cls.conn_type)

    # --- what authors call --------------------------------------------------------------------------------------------

    def records(
        self,
        dataset: str,
        start: str | date | datetime,
        end: str | date | datetime,
        *,
        bucket_width: str | None = None,
        group_by: Iterable[str] = (),
        filters: Mapping[str, FilterValue] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The records of a period, one by one.

        Each is a line of a landed NDJSON file: ``_date`` (the UTC day), for rows of a bucket its bounds, and the record
        as the vendor sent it. The records of a window follow when all of its pages are complete; until then they are
        spooled, so that memory does not grow.

        :param dataset: a dataset of the vendor.
        :param start: the first UTC day, inclusive.
        :param end: the UTC day after the last.
        :param bucket_width: ``1d``, ``1h`` or ``1m`` where the dataset has it.
        :param group_by: dimensions of the dataset.
        :param filters: the vendor's filters by name.
        :raises InvalidArgumentError: for options or a period the vendor does not have.
        :raises NotYetAvailableError: when the vendor's data does not cover a day of the period yet.
        :raises ResultTooLargeError: when there are more groups of a bucket than the vendor serves.
        :raises AIAnalyticsError: any other error of the request, the response or the connection.
        """
        query, windows = self._build_request(dataset, start, end, bucket_width, group_by, filters)
        return chain.from_iterable(self._records(query, window) for window in windows)

    def pages(
        self,
        dataset: str,
        start: str | date | datetime,
        end: str | date | datetime,
        *,
        bucket_width: str | None = None,
        group_by: Iterable[str] = (),
        filters: Mapping[str, FilterValue] | None = None,
    ) -> Iterator[Page]:
        """The pages of a period as they are received: raw bytes and watermark.

        A page with ``number == 1`` starts its window. It also restarts it when the cursor expired: discard the earlier
        pages of that window then. Parameters and errors are those of :meth:`records`.
        """
        query, windows = self._build_request(dataset, start, end, bucket_width, group_by, filters)
        return chain.from_iterable(self.iter_pages(query, window) for window in windows)

    def test_connection(self) -> tuple[bool, str]:
        """Send one small request, and return whether it succeeded and a message for the form."""
        dataset = self.vendor.dataset(self.vendor.probe_dataset)
        day = (self.clock.now() - dataset.availability.lag).date() - 2 * DAY
        address = ""
        try:
            if (host := self.endpoint.base_url) != self.vendor.base_url:
                address = f". The connection's host is {host}; an empty host is {self.vendor.base_url}"
            self.probe(build_query(dataset), day, backoff=ONE_RETRY)
        except NotYetAvailableError:
            pass  # the vendor accepted the key, which is what this tests
        except Exception as error:  # the form shows every error
            if isinstance(error, AIAnalyticsError):
                error.connection = ""  # the form tests a copy of the connection, of another name
            return False, f"{error}{address}"
        return True, f"{self.vendor.title} accepts the key"

    # --- what operators and sensors call ------------------------------------------------------------------------------

    def windows(self, query: Query, period: Period) -> tuple[Window, ...]:
        """The windows of a period.

        :raises NotYetAvailableError: when a day of it cannot exist yet; no request is sent.
        """
        planned = plan(query.dataset, period, now=self.clock.now(), bucket_width=query.bucket_width)
        if planned.unavailable:
            raise NotYetAvailableError(
                f"{planned.unavailable[0]} cannot be available before "
                f"{query.dataset.availability.exists_from(planned.unavailable[0]):%Y-%m-%d %H:%M} UTC",
                where=f"{self.vendor.name} {query.dataset.name} {period}",
                hint="End the period earlier or wait with a sensor",
            )
        return planned.windows

    def iter_pages(
        self, query: Query, window: Window, saved_pages: Iterable[tuple[datetime, bytes]] = ()
    ) -> Iterator[Page]:
        """Fetch the pages of one window to the end of the chain; restart when the cursor expires.

        :param saved_pages: the first pages, saved by an earlier try: when each was read, and its body. They are not
            fetched again.
        """
        paginator = CursorPaginator(query, window)
        for read_at, body in saved_pages:
            paginator.requests += 1
            page = parse_page(Response(200, {}, body), paginator, self.vendor, now=read_at)
            try:
                page = paginator.advance(page)
            except CursorExpiredError as error:
                paginator.restart(error)
                break
            yield page
        if paginator.has_cursor:
            self.log.info("%s: resuming after the pages that an earlier try saved", paginator.where)
        while not paginator.done:
            try:
                page = paginator.advance(self.fetch_page(paginator, paginator.parameters, self.backoff))
            except CursorExpiredError as error:
                paginator.restart(error)
                self.log.warning("%s; reading the window again from its first page", error)
                continue
            yield page

    def _build_request(
        self,
        dataset: str,
        start: str | date | datetime,
        end: str | date | datetime,
        bucket_width: str | None,
        group_by: Iterable[str],
        filters: Mapping[str, FilterValue] | None,
    ) -> tuple[Query, tuple[Window, ...]]:
        query = build_query(self.vendor.dataset(dataset), bucket_width=bucket_width, group_by=group_by, filters=filters)
        report_input(self, self.vendor, query.dataset)
        return query, self.windows(query, Period(parse_day(start, name="start"), parse_day(end, name="end")))

    def _records(self, query: Query, window: Window) -> Iterator[dict[str, Any]]:
        reader = WindowReader(query, window)
        with SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY) as spool:
            for page in self.iter_pages(query, window):
                if page.number == 1:
                    spool.seek(0)
                    spool.truncate()
                for batch in reader.add_page(page):
                    spool.writelines(batch.lines())
            self.require_complete(reader)
            spool.seek(0)
            yield from map(parse_record, spool)

    def require_complete(self, reader: WindowReader) -> None:
        """Check that a window was read completely.

        :raises CursorExpiredError: when the data changed between its pages, each time that they were read.
        :raises ResultTooLargeError: when the vendor truncated groups; it names the days.
        :raises NotYetAvailableError: when the vendor's data does not cover all days; it names them and the watermark.
        """
        reader.check_consistency()
        where = f"{self.vendor.name} {reader.query.dataset.name} {reader.window}"
        if reader.capped:
            raise ResultTooLargeError(
                f"buckets of {', '.join(map(str, sorted(reader.capped)))} have "
                f"{reader.query.dataset.groups_per_bucket} groups, the most that the vendor serves of a bucket; "
                "more may be missing",
                where=where,
                hint='Group by less, or land them with the …ToObjectStorageOperator and on_cap="split"',
            )
        missing = [day for day in reader.window.days() if not reader.covers(day)]
        if missing:
            raise NotYetAvailableError(
                f"the vendor's data does not cover {', '.join(map(str, missing))} yet"
                + (f" (refreshed at {reader.data_refreshed_at})" if reader.data_refreshed_at else ""),
                where=where,
                hint="End the period earlier or wait with a sensor; pages() returns the incomplete days too",
            )

    def probe(self, query: Query, day: date, *, backoff: Backoff | None = None) -> Page:
        """Fetch one page of one day at ``limit=1``, to see whether the day is available.

        :raises NotYetAvailableError: when it is not; no request is sent before it can exist.
        """
        (window,) = self.windows(query, Period.of(day))
        return self.fetch_page(
            CursorPaginator(query, window), query.parameters(window, limit=1), backoff or self.backoff
        )
