# SPDX-License-Identifier: Apache-2.0
"""The session, the requests and the retries: what both vendors' hooks share."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import requests
import urllib3
from airflow.providers.common.compat.sdk import mask_secret
from airflow.providers.http.hooks.http import HttpHook
from requests.auth import AuthBase

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import (
    BudgetSpentError,
    CursorExpiredError,
    MalformedResponseError,
    NotYetAvailableError,
    OversizedResponseError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.answers import Answer, page_of
from airflow_provider_aianalytics.extraction.pacing import PATIENCE, Backoff
from airflow_provider_aianalytics.extraction.pages import CursorWalk, Page
from airflow_provider_aianalytics.extraction.query import FilterValue, Query, query
from airflow_provider_aianalytics.extraction.reading import Reading
from airflow_provider_aianalytics.extraction.windows import Period, Window, as_day, plan
from airflow_provider_aianalytics.hooks.endpoint import Endpoint, endpoint_of
from airflow_provider_aianalytics.hooks.forms import connection_form_widgets, ui_field_behaviour
from airflow_provider_aianalytics.hooks.ledger import Ledger
from airflow_provider_aianalytics.lineage import collect_read
from airflow_provider_aianalytics.vendors.dataset import DAY, Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

USER_AGENT = f"airflow-provider-aianalytics/{__version__}"
MAX_BODY = 256 * 1024 * 1024
"""Bytes of one decompressed page; the largest real ones are a few MB, so more is not an answer but an accident."""
CHUNK = 64 * 1024
"""Larger pieces are memory that malloc asks of the system each time, which doubles the cost of a page."""
SPOOL_IN_MEMORY = 16 * 1024 * 1024
ONE_RETRY = Backoff(attempts=2)
_QUERY_STRING = re.compile(r"\?\S+")


class KeyAuth(AuthBase):
    """Puts the key into its header at the last moment, so that no session, log or ``repr`` holds it.

    An auth object also keeps ``requests`` from taking credentials of the host out of a ``.netrc``.
    """

    def __init__(self, header: str, value: str) -> None:
        self._header = header
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._header] = self._value
        return request


class AnalyticsHook(HttpHook):
    """Reads one vendor's analytics API: its connection, its session, its pages and its records.

    Takes from :class:`HttpHook` the connection and a configured session (TLS, proxies, keep-alive), and holds that one
    session for its life. Requests are paced to the connection's budget, failures retried where a retry can mend them.

    :param conn_id: the connection; its password is the key, an empty host is the vendor's own address.
    :param clock: the clock to wait by.
    """

    vendor: ClassVar[Vendor]
    conn_name_attr = "conn_id"
    backoff: ClassVar[Backoff] = Backoff()

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Give each hook its own form methods: Airflow before 3.2 does not look for inherited ones."""
        super().__init_subclass__(**arguments)
        for name in ("get_connection_form_widgets", "get_ui_field_behaviour"):
            if name not in cls.__dict__:
                setattr(cls, name, AnalyticsHook.__dict__[name])

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        return connection_form_widgets(cls.conn_type)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        return ui_field_behaviour(cls.conn_type)

    def __init__(self, conn_id: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(method="GET", http_conn_id=conn_id)
        self.conn_id = conn_id
        self.clock = clock
        self._turn = threading.Lock()

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
        return chain.from_iterable(self.walk(checked, window) for window in windows)

    def test_connection(self) -> tuple[bool, str]:
        """Make one cheap call and say what came of it."""
        dataset = next(iter(self.vendor.datasets.values()))
        day = (self.clock.now() - dataset.availability.lag).date() - 2 * DAY
        address = ""
        try:
            if (asked := self.endpoint.base_url) != self.vendor.base_url:
                address = f". The connection's host led to {asked}; an empty host is {self.vendor.base_url}"
            self.probe(query(dataset), day, backoff=ONE_RETRY)
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
                way_out="End the period earlier or wait with a sensor",
            )
        return planned.windows

    def walk(self, checked: Query, window: Window, kept: Iterable[bytes] = ()) -> Iterator[Page]:
        """The pages of one window, to the proper end of its chain; begun again when the cursor expires.

        :param kept: the bodies of its first pages, where they were read before; the walk goes on behind them.
        """
        walk = CursorWalk(checked, window)
        for body in kept:
            walk.requests += 1
            page = page_of(Answer(200, {}, body), walk, self.vendor, now=self.clock.now())
            walk.advance(page)
            yield page
        if walk.has_cursor:
            self.log.info("%s: going on behind the pages that an earlier try read", walk.where)
        while not walk.done:
            try:
                page = self._page(walk, walk.parameters, self.backoff)
            except CursorExpiredError as error:
                walk.restart(error)
                self.log.warning("%s; beginning the window again", error)
                continue
            walk.advance(page)
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
        checked = query(self.vendor.dataset(dataset), bucket_width=bucket_width, group_by=group_by, filters=filters)
        collect_read(self, self.vendor, checked.dataset)
        return checked, self.windows(checked, Period(as_day(start, name="start"), as_day(end, name="end")))

    def _records(self, checked: Query, window: Window) -> Iterator[dict[str, Any]]:
        reading = Reading(checked, window)
        with SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY) as spool:
            for page in self.walk(checked, window):
                if page.number == 1:
                    spool.seek(0)
                    spool.truncate()
                for batch in reading.take(page):
                    spool.write(batch.lines())
            self.check_covered(reading)
            spool.seek(0)
            yield from map(_decoded, spool)

    def check_covered(self, reading: Reading) -> None:
        """Make sure that the vendor's data went over the whole of a window that was read.

        :raises NotYetAvailableError: naming the days it does not cover and the watermark.
        """
        read_at = self.clock.now()
        missing = [day for day in reading.window.days() if not reading.covers(day, read_at)]
        if missing:
            raise NotYetAvailableError(
                f"the vendor's data does not cover {', '.join(map(str, missing))} yet"
                + (f" (refreshed at {reading.data_refreshed_at})" if reading.data_refreshed_at else ""),
                where=f"{self.vendor.name} {reading.query.dataset.name} {reading.window}",
                way_out="End the period earlier or wait with a sensor; pages() gives what there is",
            )

    def probe(self, checked: Query, day: date, *, backoff: Backoff | None = None) -> Page:
        """One page of one day at ``limit=1``: whether the day is there, for a single request.

        :raises NotYetAvailableError: when it is not; before it can exist no request is spent.
        """
        (window,) = self.windows(checked, Period.of(day))
        return self._page(CursorWalk(checked, window), checked.parameters(window, limit=1), backoff or self.backoff)

    # --- the requests -------------------------------------------------------------------------------------------------

    def _page(self, walk: CursorWalk, parameters: tuple[tuple[str, str], ...], backoff: Backoff) -> Page:
        self.check_key(walk)
        attempt = 0
        while True:
            attempt += 1
            try:
                return page_of(self._send(walk, parameters), walk, self.vendor, now=self.clock.now())
            except (OversizedResponseError, BudgetSpentError):
                raise
            except RateLimitedError as error:
                delay = backoff.delay(attempt, error.retry_after)
                self.refused(delay)
                if delay is None:
                    raise
                self.log.warning(
                    "%s; others share the budget; retry %d of %d in %.1f s", error, attempt, backoff.attempts - 1, delay
                )
            except (VendorUnavailableError, MalformedResponseError) as error:
                delay = backoff.delay(attempt, getattr(error, "retry_after", None))
                if delay is None:
                    raise
                self.log.warning("%s; retry %d of %d in %.1f s", error, attempt, backoff.attempts - 1, delay)
                self.clock.sleep(delay)

    def _send(self, walk: CursorWalk, parameters: tuple[tuple[str, str], ...]) -> Answer:
        with self._turn:  # one thread of this hook waits for the budget at a time, the others for it
            wait = self.reserve()
            if wait > PATIENCE:
                self._ledger.give_back()
                raise BudgetSpentError(
                    f"the budget of {self.endpoint.requests_per_minute} requests a minute is taken for {wait:.0f} s",
                    retry_after=wait,
                    where=walk.where,
                    way_out="Fewer tasks at once, in a pool, leave each a larger share",
                )
            if wait > 0:
                self.clock.sleep(wait)
            if self._ledger.is_shared:  # several at once would only be refused at once
                return self._get(walk, parameters)
        return self._get(walk, parameters)

    def _get(self, walk: CursorWalk, parameters: tuple[tuple[str, str], ...]) -> Answer:
        dataset = walk.query.dataset
        walk.requests += 1
        try:
            with self._session.get(
                self.endpoint.base_url + dataset.path,
                params=parameters,
                headers=dict(dataset.headers),
                timeout=self.endpoint.timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers, self._body(response, walk))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            cause = _QUERY_STRING.sub("?…", str(error))  # a query can name a member
            raise VendorUnavailableError(
                f"no whole answer: {type(error).__name__}: {cause}", where=walk.where, way_out="A retry may pass"
            ) from None

    def _body(self, response: requests.Response, walk: CursorWalk) -> bytes:
        """The whole decompressed body, of a bounded length and in a bounded time, whoever drips or pours it."""
        parts = []
        size = 0
        began = time.monotonic()
        # Not read(): it comes back only when it has all that it was asked for, however slowly that drips.
        while part := response.raw.read1(CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise OversizedResponseError(
                    f"the answer is longer than {MAX_BODY} bytes",
                    where=walk.where,
                    way_out="The rest of it was not read",
                )
            if time.monotonic() - began > self.endpoint.whole_answer:
                raise VendorUnavailableError(
                    f"no whole answer: {size} bytes in {self.endpoint.whole_answer:g} s, and not the end",
                    where=walk.where,
                    way_out="A retry may pass; the connection's extra timeout allows a fifth of that time",
                )
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        # What an error's body must not repeat into a message.
        return body if response.status_code == 200 else body.replace(self.endpoint.key.encode(), b"<key>")

    def reserve(self) -> float:
        """Take the next free place in the connection's budget.

        :return: the seconds to wait before the request may be sent.
        """
        return self._ledger.reserve(self.clock.monotonic())

    def refused(self, wait: float | None) -> None:
        """Learn that the vendor refused a request for want of budget.

        :param wait: the seconds to leave it alone, ``None`` where they are more than a task should sleep.
        """
        self._ledger.refused(self.clock.monotonic(), min(wait or PATIENCE, PATIENCE))

    def budget_left(self) -> int:
        """How many requests of the connection's budget could be sent at once."""
        return self._ledger.left(self.clock.monotonic())

    def check_key(self, walk: CursorWalk) -> None:
        """Refuse, in words, a key that this dataset's endpoint is known not to take."""

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """A session as the connection configures it, with nothing of its extra in the headers."""
        endpoint = self.endpoint
        session = super().get_conn(extra_options=extra_options)
        session.headers.clear()
        session.headers.update(requests.utils.default_headers())
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", **self.vendor.headers})
        session.headers.update(headers or {})
        session.auth = KeyAuth(self.vendor.key_header, self.vendor.key_format.format(key=endpoint.key))
        self.base_url = endpoint.base_url
        return session

    @cached_property
    def endpoint(self) -> Endpoint:
        """What the connection says.

        :raises AuthenticationError: when it holds no key.
        :raises InvalidArgumentError: when its host or one of its extras cannot be used.
        """
        return self.enter(self.get_connection(self.conn_id))

    def enter(self, connection: Connection) -> Endpoint:
        """Read a connection and keep its secrets out of the logs."""
        endpoint = endpoint_of(connection, self.vendor)
        mask_secret(endpoint.key)
        if endpoint.pseudonym_secret:
            mask_secret(endpoint.pseudonym_secret)
        return endpoint

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self.endpoint)

    @cached_property
    def _session(self) -> requests.Session:
        return self.get_conn()

    def close(self) -> None:
        """Release the session."""
        if "_session" in self.__dict__:
            self.__dict__.pop("_session").close()


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        record: dict[str, Any] = msgspec.json.decode(line)
    except msgspec.DecodeError:
        record = json.loads(line)  # takes numbers beyond a double, which JSON allows
    return record
