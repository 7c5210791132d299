# SPDX-License-Identifier: Apache-2.0
"""The session, the requests and the retries: how one vendor is asked, within its budget."""

from __future__ import annotations

import math
import re
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import requests
import urllib3
from airflow.providers.common.compat.sdk import mask_secret
from airflow.providers.http.hooks.http import HttpHook
from requests.auth import AuthBase

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import (
    BudgetSpentError,
    MalformedResponseError,
    OversizedResponseError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.answers import Answer, page_of
from airflow_provider_aianalytics.extraction.pacing import PATIENCE, Backoff
from airflow_provider_aianalytics.extraction.pages import CursorWalk, Page
from airflow_provider_aianalytics.hooks.endpoint import Endpoint, endpoint_of
from airflow_provider_aianalytics.hooks.ledger import Ledger
from airflow_provider_aianalytics.vendors.dataset import Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

USER_AGENT = f"airflow-provider-aianalytics/{__version__}"
MAX_BODY = 256 * 1024 * 1024
"""Bytes of one decompressed page; the largest real ones are a few MB, so more is not an answer but an accident."""
CHUNK = 64 * 1024
"""Larger pieces are memory that malloc asks of the system each time, which doubles the cost of a page."""
_QUERY_STRING = re.compile(r"\?\S+")
_USER_OF_A_URL = re.compile(r"(?<!\S)\S+@")


def cause_of(error: Exception) -> str:
    """The text of a transport's error without what must not be said: a proxy's password, and whom a query names."""
    return _USER_OF_A_URL.sub("…@", _QUERY_STRING.sub("?…", str(error)))


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


class PacedHttpHook(HttpHook):
    """Asks one vendor's API for pages.

    Takes from :class:`HttpHook` the connection and a configured session (TLS, proxies, keep-alive), and holds that one
    session for its life. Requests are paced to the connection's budget, failures retried where a retry can mend them.

    :param conn_id: the connection; its password is the key, an empty host is the vendor's own address.
    :param clock: the clock to wait by.
    """

    vendor: ClassVar[Vendor]
    conn_name_attr = "conn_id"
    backoff: ClassVar[Backoff] = Backoff()

    def __init__(self, conn_id: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(method="GET", http_conn_id=conn_id)
        self.conn_id = conn_id
        self.clock = clock
        self._turn = threading.Lock()

    def connect(self) -> None:
        """Read the connection and open the session in the calling thread, before several share them.

        Airflow 3.0 and 3.1 mix up the answers when several threads of a task ask for something at once.
        """
        _ = self._session, self._ledger

    def page(self, walk: CursorWalk, parameters: tuple[tuple[str, str], ...], backoff: Backoff) -> Page:
        """Ask for one page, again where a retry can mend what came of it.

        :param walk: the walk that the page belongs to.
        :param parameters: those of its request.
        :param backoff: how often, and after how long.
        :raises AIAnalyticsError: the typed error of whatever went wrong in the end.
        """
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
            wait = self.reserve(PATIENCE)
            if wait > PATIENCE:
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
        session = self._session
        walk.requests += 1
        try:
            with session.get(
                self.endpoint.base_url + dataset.path,
                params=parameters,
                headers=dict(dataset.headers),
                timeout=self.endpoint.timeouts,
                allow_redirects=False,
                stream=True,
                # Said here, they go before those of the environment; the session's own come behind.
                proxies=session.proxies,
                verify=session.verify,
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers, self._body(response, walk))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise VendorUnavailableError(
                f"no whole answer: {type(error).__name__}: {cause_of(error)}",
                where=walk.where,
                way_out="A retry may pass",
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

    def reserve(self, patience: float = math.inf) -> float:
        """Take the next free place in the connection's budget.

        :param patience: the longest wait in seconds; a place that is further ahead is not taken.
        :return: the seconds to wait before the request may be sent.
        """
        return self._ledger.reserve(self.clock.monotonic(), patience)

    def refused(self, wait: float | None) -> None:
        """Learn that the vendor refused a request for want of budget.

        :param wait: the seconds to leave it alone, ``None`` where they are more than a task should sleep.
        """
        self._ledger.refused(self.clock.monotonic(), PATIENCE if wait is None else min(wait, PATIENCE))

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
        if session.verify == "":  # requests would take it for false
            session.verify = True
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
