# SPDX-License-Identifier: Apache-2.0
"""From a period to pages and records: what both vendors' hooks share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import Any

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import CursorExpiredError, NotYetAvailableError, ResultTooLargeError
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
    :param clock: the clock to wait by.
    """

    def __init__(self, conn_id: str | None = None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(conn_id or self.vendor.default_conn_id, clock=clock)

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Name a hook after its vendor, and give it form methods of its own, since Airflow 2 ignores inherited ones."""
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

        Each is what lands as one line: the record as the vendor sent it behind the stamp ``_date`` (its UTC day), rows
        of a bucket with the bucket's bounds. A window's records come once its chain of pages has ended properly;
        until then they are spooled, so memory stays flat.

        :param dataset: a dataset of the vendor.
        :param start: the first UTC day, inclusive.
        :param end: the UTC day after the last.
        :param bucket_width: ``1d``, ``1h`` or ``1m`` where the dataset has it.
        :param group_by: dimensions of the dataset.
        :param filters: the vendor's filters by name.
        :raises InvalidArgumentError: for options or a period the vendor does not have.
        :raises NotYetAvailableError: when the vendor's data does not cover a day of the period yet.
        :raises ResultTooLargeError: when there are more groups of a bucket than the vendor serves.
        :raises AIAnalyticsError: the typed error of whatever went wrong.
        """
        checked, windows = self._asked(dataset, start, end, bucket_width, group_by, filters)
        return chain.from_iterable(self._records(checked, window) for window in windows)

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
        """The pages of a period as they come: raw bytes and watermark.

        A page with ``number == 1`` begins its window, also when it begins again because the cursor expired: whoever
        kept pages of that window drops them. Parameters and errors are those of :meth:`records`.
        """
        checked, windows = self._asked(dataset, start, end, bucket_width, group_by, filters)
        return chain.from_iterable(self.iter_pages(checked, window) for window in windows)

    def test_connection(self) -> tuple[bool, str]:
        """Make one cheap call and say what came of it."""
        dataset = self.vendor.dataset(self.vendor.probe_dataset)
        day = (self.clock.now() - dataset.availability.lag).date() - 2 * DAY
        address = ""
        try:
            if (asked := self.endpoint.base_url) != self.vendor.base_url:
                address = f". The connection's host led to {asked}; an empty host is {self.vendor.base_url}"
            self.probe(build_query(dataset), day, backoff=ONE_RETRY)
        except NotYetAvailableError:
            pass  # the key was let in, which is what was asked
        except Exception as error:  # the form shows whatever it was
            return False, f"{error}{address}"
        return True, f"The key opens {self.vendor.title}"

    # --- what operators and sensors call ------------------------------------------------------------------------------

    def windows(self, checked: Query, period: Period) -> tuple[Window, ...]:
        """The windows of a period that must be there as a whole.

        :raises NotYetAvailableError: when a day of it cannot exist yet; no request is spent.
        """
        planned = plan(checked.dataset, period, now=self.clock.now(), bucket_width=checked.bucket_width)
        if planned.unavailable:
            raise NotYetAvailableError(
                f"{planned.unavailable[0]} cannot be there before "
                f"{checked.dataset.availability.exists_from(planned.unavailable[0]):%Y-%m-%d %H:%M} UTC",
                where=f"{self.vendor.name} {checked.dataset.name} {period}",
                hint="End the period earlier or wait with a sensor",
            )
        return planned.windows

    def iter_pages(self, checked: Query, window: Window, kept: Iterable[tuple[datetime, bytes]] = ()) -> Iterator[Page]:
        """The pages of one window, to the proper end of its chain; begun again when the cursor expires.

        :param kept: the window's first pages from an earlier try: when each was read, and its body. They are not
            requested again.
        """
        paginator = CursorPaginator(checked, window)
        for read_at, body in kept:
            paginator.requests += 1
            page = parse_page(Response(200, {}, body), paginator, self.vendor, now=read_at)
            try:
                page = paginator.advance(page)
            except CursorExpiredError as error:
                paginator.restart(error)
                break
            yield page
        if paginator.has_cursor:
            self.log.info("%s: going on behind the pages that an earlier try read", paginator.where)
        while not paginator.done:
            try:
                page = paginator.advance(self.fetch_page(paginator, paginator.parameters, self.backoff))
            except CursorExpiredError as error:
                paginator.restart(error)
                self.log.warning("%s; reading the window again from its first page", error)
                continue
            yield page

    def _asked(
        self,
        dataset: str,
        start: str | date | datetime,
        end: str | date | datetime,
        bucket_width: str | None,
        group_by: Iterable[str],
        filters: Mapping[str, FilterValue] | None,
    ) -> tuple[Query, tuple[Window, ...]]:
        checked = build_query(
            self.vendor.dataset(dataset), bucket_width=bucket_width, group_by=group_by, filters=filters
        )
        report_input(self, self.vendor, checked.dataset)
        return checked, self.windows(checked, Period(parse_day(start, name="start"), parse_day(end, name="end")))

    def _records(self, checked: Query, window: Window) -> Iterator[dict[str, Any]]:
        reading = WindowReader(checked, window)
        with SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY) as spool:
            for page in self.iter_pages(checked, window):
                if page.number == 1:
                    spool.seek(0)
                    spool.truncate()
                for batch in reading.add_page(page):
                    spool.write(batch.lines())
            self.require_complete(reading)
            spool.seek(0)
            yield from map(parse_record, spool)

    def require_complete(self, reading: WindowReader) -> None:
        """Make sure that a window that was read is there as a whole.

        :raises ResultTooLargeError: naming the days of which the vendor cut groups off.
        :raises NotYetAvailableError: naming the days that its data does not cover and the watermark.
        """
        where = f"{self.vendor.name} {reading.query.dataset.name} {reading.window}"
        if reading.capped:
            raise ResultTooLargeError(
                f"buckets of {', '.join(map(str, sorted(reading.capped)))} came with "
                f"{reading.query.dataset.groups_per_bucket} groups, all that the vendor serves of one; "
                "more may be missing",
                where=where,
                hint='Group by less, or land them with the …ToObjectStorageOperator and on_cap="split"',
            )
        missing = [day for day in reading.window.days() if not reading.covers(day)]
        if missing:
            raise NotYetAvailableError(
                f"the vendor's data does not cover {', '.join(map(str, missing))} yet"
                + (f" (refreshed at {reading.data_refreshed_at})" if reading.data_refreshed_at else ""),
                where=where,
                hint="End the period earlier or wait with a sensor; pages() gives what there is",
            )

    def probe(self, checked: Query, day: date, *, backoff: Backoff | None = None) -> Page:
        """One page of one day at ``limit=1``: whether the day is there, for a single request.

        :raises NotYetAvailableError: when it is not; before it can exist no request is spent.
        """
        (window,) = self.windows(checked, Period.of(day))
        return self.fetch_page(
            CursorPaginator(checked, window), checked.parameters(window, limit=1), backoff or self.backoff
        )
