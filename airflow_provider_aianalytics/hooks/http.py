# SPDX-License-Identifier: Apache-2.0
"""The session, the requests and their retries, within the connection's rate limit."""

from __future__ import annotations

import math
import re
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import requests
import urllib3
from airflow.providers.common.compat.sdk import AirflowNotFoundException, mask_secret
from airflow.providers.http.hooks.http import HttpHook
from requests.auth import AuthBase

from airflow_provider_aianalytics import USER_AGENT
from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import (
    AuthenticationError,
    BudgetSpentError,
    ConnectionNotFoundError,
    FeatureDisabledError,
    MalformedResponseError,
    OversizedResponseError,
    PermissionDeniedError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.rate_limit import MAX_INLINE_WAIT, Backoff
from airflow_provider_aianalytics.extraction.redaction import foreign_text
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.hooks.connection import Endpoint, read_connection
from airflow_provider_aianalytics.hooks.deadline import DeadlineAdapter
from airflow_provider_aianalytics.hooks.rate_limiter import SharedRateLimiter
from airflow_provider_aianalytics.vendors.base import Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

MAX_BODY = 128 * 1024 * 1024
"""The most bytes of a decompressed page, which is in memory twice for a moment. Real pages have a few MB."""
CHUNK = 64 * 1024
"""Bytes of one read. For larger ones malloc maps new memory each time, which doubles the time of a page."""
LOGGED_WAIT = 1.0
"""Seconds: shorter waits for the budget are not logged."""
_QUERY_STRING = re.compile(r"\?\S+")
_MAX_ERROR_TEXT = 8192
"""Characters of a transport's error that its message may have."""
_USER_OF_A_URL = re.compile(r"(?<!\S)\S+@")


def redact_error(error: Exception) -> str:
    """The text of a transport's error without secrets and personal data: a proxy's password, the query of a URL."""
    return foreign_text(_USER_OF_A_URL.sub("<user>, ", _QUERY_STRING.sub("?…", str(error)[:_MAX_ERROR_TEXT])))


class KeyAuth(AuthBase):
    """Puts the key into its header when a request is sent, so that it is in no session, log or ``repr``.

    With an auth object, ``requests`` does not read credentials from a ``.netrc``.
    """

    def __init__(self, header: str, value: str) -> None:
        self._header = header
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._header] = self._value
        return request


class RateLimitedHttpHook(HttpHook):
    """Fetches pages from one vendor's API.

    :class:`HttpHook` reads the connection and configures one session (TLS, proxies, keep-alive). Requests stay within
    the connection's rate limit, and errors that can be transient are retried.

    :param conn_id: the connection; its password is the key, an empty host is the vendor's own address.
    :param clock: the clock for waiting and deadlines.
    """

    vendor: ClassVar[Vendor]
    conn_name_attr = "conn_id"
    backoff: ClassVar[Backoff] = Backoff()

    def __init__(self, conn_id: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(method="GET", http_conn_id=conn_id)
        self.conn_id = conn_id
        self.clock = clock
        self._lock = threading.Lock()

    def connect(self) -> None:
        """Read the connection and open the session in the calling thread, before other threads use them.

        In Airflow 3.0 and 3.1, threads of a task that read a connection at once receive each other's responses.
        """
        _ = self._session, self._limiter

    def fetch_page(self, paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...], backoff: Backoff) -> Page:
        """Fetch one page, and retry after errors that can be transient.

        :param paginator: the paginator of the page.
        :param parameters: the parameters of the request.
        :param backoff: the number of attempts and the delays between them.
        :raises AIAnalyticsError: the typed error of the last attempt.
        """
        endpoint = self.endpoint
        try:
            return self._fetch_with_retries(paginator, parameters, backoff)
        except (AuthenticationError, PermissionDeniedError, FeatureDisabledError) as error:
            error.connection = f"connection {self.conn_id!r}, host {endpoint.base_url}"
            raise

    def _fetch_with_retries(
        self, paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...], backoff: Backoff
    ) -> Page:
        self.validate_key(paginator)
        attempt = 0
        while True:
            attempt += 1
            try:
                return parse_page(self._send(paginator, parameters), paginator, self.vendor, now=self.clock.now())
            except (OversizedResponseError, BudgetSpentError):
                raise
            except RateLimitedError as error:
                delay = backoff.delay(attempt, error.retry_after)
                self.on_rate_limited(delay)
                if delay is None:
                    raise
                self.log.warning(
                    "%s; rate limited by the vendor; retrying in %.1f s (attempt %d of %d)",
                    error,
                    delay,
                    attempt + 1,
                    backoff.attempts,
                )
            except (VendorUnavailableError, MalformedResponseError) as error:
                delay = backoff.delay(attempt, getattr(error, "retry_after", None))
                if delay is None:
                    raise
                self.log.warning(
                    "%s; retrying in %.1f s (attempt %d of %d)", error, delay, attempt + 1, backoff.attempts
                )
                self.clock.sleep(delay)

    def _send(self, paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...]) -> Response:
        with self._lock:  # one thread of this hook at a time waits for the rate limit; the others wait for the lock
            wait = self.reserve(MAX_INLINE_WAIT)
            if wait > MAX_INLINE_WAIT:
                raise BudgetSpentError(
                    f"the budget of {self.endpoint.requests_per_minute} requests a minute is used up for {wait:.0f} s",
                    retry_after=wait,
                    where=paginator.where,
                    hint="Limit the number of concurrent tasks with a pool, so that each has a larger share",
                )
            if wait > 0:
                if wait >= LOGGED_WAIT:
                    self.log.info(
                        "%s: waiting %.0f s for the budget of %d requests a minute",
                        paginator.where,
                        wait,
                        self.endpoint.requests_per_minute,
                    )
                self.clock.sleep(wait)
            if self._limiter.is_shared:
                # Other machines use the budget too: concurrent requests would all be refused.
                return self._get(paginator, parameters)
        return self._get(paginator, parameters)

    def _get(self, paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...]) -> Response:
        dataset = paginator.query.dataset
        session = self._session
        paginator.requests += 1
        started = time.monotonic()
        try:
            with session.get(
                self.endpoint.base_url + dataset.path,
                params=parameters,
                headers=dict(dataset.headers),
                timeout=self.endpoint.timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status_code, headers, self._body(response, paginator, started))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise VendorUnavailableError(
                f"no complete response: {type(error).__name__}: {redact_error(error)}",
                where=paginator.where,
                hint="A retry may succeed",
            ) from None

    def _body(self, response: requests.Response, paginator: CursorPaginator, started: float) -> bytes:
        """The decompressed body. Its length and the time to receive it are limited.

        :param started: the time of the request, by :func:`time.monotonic`.
        """
        parts = []
        size = 0
        # Not read(): it blocks until the full amount arrives, so a slow server could defeat the deadline.
        while part := response.raw.read1(CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise OversizedResponseError(
                    f"the response is longer than {MAX_BODY} bytes",
                    where=paginator.where,
                    hint="The rest of it was not read",
                )
            if time.monotonic() - started > self.endpoint.response_deadline:
                raise VendorUnavailableError(
                    f"no complete response: only {size} bytes in {self.endpoint.response_deadline:g} s",
                    where=paginator.where,
                    hint="A retry may succeed. The deadline is five times the connection's extra timeout",
                )
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        # Messages quote the body of an error, which may repeat the key.
        return body if response.status_code == 200 else body.replace(self.endpoint.key.encode(), b"<key>")

    def reserve(self, max_wait: float = math.inf) -> float:
        """Reserve the next request of the connection's rate limit.

        :param max_wait: the longest wait in seconds; nothing is reserved when the wait would be longer.
        :return: the seconds to wait before the request may be sent.
        """
        return self._limiter.reserve(self.clock.monotonic(), max_wait)

    def on_rate_limited(self, wait: float | None) -> None:
        """Lower the rate after the vendor's 429.

        :param wait: the seconds without requests; ``None`` when they are more than a task should sleep.
        """
        self._limiter.on_rate_limited(
            self.clock.monotonic(), MAX_INLINE_WAIT if wait is None else min(wait, MAX_INLINE_WAIT)
        )

    def budget_left(self) -> int:
        """How many requests could be sent now without waiting."""
        return self._limiter.remaining(self.clock.monotonic())

    def validate_key(self, paginator: CursorPaginator) -> None:
        """Reject a key that the dataset's endpoint does not accept.

        :raises PermissionDeniedError: before a request is sent.
        """
        dataset = paginator.query.dataset
        reason = dataset.wire.refuse_key(self.endpoint.key, dataset, self.vendor.datasets.values())
        if reason:
            raise PermissionDeniedError(reason, where=paginator.where, hint=self.vendor.key_help)

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """A session with the connection's configuration, without its unknown extras in the headers."""
        endpoint = self.endpoint
        session = super().get_conn(extra_options=extra_options)
        session.headers.clear()
        session.headers.update(requests.utils.default_headers())
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", **self.vendor.headers})
        session.headers.update(headers or {})
        session.auth = KeyAuth(self.vendor.key_header, self.vendor.key_format.format(key=endpoint.key))
        for scheme in ("https://", "http://"):
            session.mount(scheme, DeadlineAdapter(endpoint.response_deadline))
        if session.verify == "":  # requests would not verify certificates
            session.verify = True
        # requests would read the environment for each request, and prefer it to the connection's settings.
        settings = session.merge_environment_settings(
            endpoint.base_url, session.proxies, stream=None, verify=session.verify, cert=session.cert
        )
        session.proxies, session.verify, session.trust_env = settings["proxies"], settings["verify"], False
        self.base_url = endpoint.base_url
        return session

    @cached_property
    def endpoint(self) -> Endpoint:
        """The parsed connection.

        :raises ConnectionNotFoundError: when Airflow does not find it.
        :raises AuthenticationError: when it has no key.
        :raises InvalidArgumentError: when its host or one of its extras is invalid.
        """
        try:
            connection = self.get_connection(self.conn_id)
        except AirflowNotFoundException as error:
            raise ConnectionNotFoundError(
                f"the connection {self.conn_id!r} is not defined ({error})",
                where=self.vendor.name,
                hint=f"Make it under Admin > Connections, with the type {self.vendor.title!r} and the API key as its "
                f"password, or set the environment variable AIRFLOW_CONN_{self.conn_id.upper()} (conn_type "
                f"{self.vendor.conn_type!r})",
            ) from None
        return self.load_connection(connection)

    def load_connection(self, connection: Connection) -> Endpoint:
        """Parse a connection and mask its secrets in logs."""
        endpoint = read_connection(connection, self.vendor)
        mask_secret(endpoint.key)
        if endpoint.pseudonym_secret:
            mask_secret(endpoint.pseudonym_secret)
        return endpoint

    @cached_property
    def _limiter(self) -> SharedRateLimiter:
        return SharedRateLimiter(self.endpoint)

    @cached_property
    def _session(self) -> requests.Session:
        return self.get_conn()

    def close(self) -> None:
        """Close the session."""
        if "_session" in self.__dict__:
            self.__dict__.pop("_session").close()
