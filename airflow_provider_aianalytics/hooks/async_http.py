# SPDX-License-Identifier: Apache-2.0
"""The async transport of the hooks, for triggers: the same connection, checks and parsing over ``aiohttp``."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import aiohttp
import certifi
import requests
import urllib3
from airflow.providers.common.compat.connection import get_async_connection
from asgiref.sync import sync_to_async
from requests.utils import prepend_scheme_if_needed, select_proxy

from airflow_provider_aianalytics import USER_AGENT
from airflow_provider_aianalytics.exceptions import (
    InvalidArgumentError,
    OversizedResponseError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.http import redact_error

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_aianalytics.extraction.query import Query

MAX_BODY = 8 * 1024 * 1024
"""The most bytes of a decompressed response to a probe, which has one item. The triggerer's memory is shared."""


@dataclass(frozen=True, slots=True)
class _TransportOptions:
    """The connection's proxy and TLS settings in the form that ``aiohttp`` accepts."""

    proxy: str | None
    tls: ssl.SSLContext | None


class AsyncAnalyticsHook:
    """Sends a hook's requests from an event loop.

    It does not block the loop: synchronous calls of Airflow and TLS run in a thread.

    :param hook: the synchronous hook, for its connection, rate limit and checks.
    """

    def __init__(self, hook: AnalyticsHook) -> None:
        self.hook = hook
        self.clock = hook.clock

    async def probe(self, query: Query, day: date) -> Page:
        """Fetch one page of one day at ``limit=1``. It sends one request and does not retry.

        :raises AIAnalyticsError: the typed error of the response or of the failed request.
        """
        (window,) = self.hook.windows(query, Period.of(day))
        paginator = CursorPaginator(query, window)
        # Read the connection for each probe: there are hours between two, and the key may have been replaced.
        connection = await get_async_connection(self.hook.conn_id, hook=self.hook)
        transport = await sync_to_async(_load_connection)(self.hook, connection)
        self.hook.validate_key(paginator)
        wait = await sync_to_async(self.hook.reserve)()
        if wait > 0:
            await self.clock.async_sleep(wait)
        paginator.requests += 1
        response = await self._get(paginator, query.parameters(window, limit=1), transport)
        try:
            return parse_page(response, paginator, self.hook.vendor, now=self.clock.now())
        except RateLimitedError as error:
            await sync_to_async(self.hook.on_rate_limited)(error.retry_after)
            raise

    async def _get(
        self, paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...], transport: _TransportOptions
    ) -> Response:
        endpoint, vendor, dataset = self.hook.endpoint, self.hook.vendor, paginator.query.dataset
        connect, read = endpoint.timeouts
        try:
            # Like requests: a proxy without a scheme is http, and an empty proxy is none.
            proxy = prepend_scheme_if_needed(transport.proxy, "http") if transport.proxy else None  # type: ignore[no-untyped-call]
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(
                        total=endpoint.response_deadline, sock_connect=connect, sock_read=read
                    ),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"User-Agent": USER_AGENT, "Accept": "application/json", **vendor.headers},
                ) as session,
                session.get(
                    endpoint.base_url + dataset.path,
                    params=parameters,
                    headers={**dataset.headers, vendor.key_header: vendor.key_format.format(key=endpoint.key)},
                    allow_redirects=False,
                    proxy=proxy,
                    ssl=transport.tls if transport.tls is not None else True,
                ) as response,
            ):
                body = await _body(response, paginator)
                if response.status != 200:
                    body = body.replace(endpoint.key.encode(), b"<key>")
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status, headers, body)
        except (aiohttp.ClientError, urllib3.exceptions.HTTPError, TimeoutError, OSError) as error:
            raise VendorUnavailableError(
                f"no complete response: {type(error).__name__}: {redact_error(error)}",
                where=paginator.where,
                hint="A retry may succeed",
            ) from None


async def _body(response: aiohttp.ClientResponse, paginator: CursorPaginator) -> bytes:
    parts = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            raise OversizedResponseError(
                f"the response to limit=1 is longer than {MAX_BODY} bytes",
                where=paginator.where,
                hint="The rest of it was not read",
            )
    return b"".join(parts)


def _load_connection(hook: AnalyticsHook, connection: Connection) -> _TransportOptions:
    """Parse the connection and store it in the hook. It makes blocking calls to Airflow's supervisor."""
    endpoint = hook.endpoint = hook.load_connection(connection)
    extra = connection.extra_dejson
    with requests.Session() as session:
        session.trust_env = extra.get("trust_env", True)
        verify = extra.get("verify", extra.get("verify_ssl", True))
        session.cert = extra.get("cert")
        proxies = dict(extra.get("proxies", extra.get("proxy")) or {})
        settings = session.merge_environment_settings(endpoint.base_url, proxies, True, verify, None)
    proxy = select_proxy(endpoint.base_url, settings["proxies"])
    secure = endpoint.base_url.startswith("https:")
    return _TransportOptions(proxy, _tls(settings["verify"], settings["cert"]) if secure else None)


def _tls(verify: Any, cert: Any) -> ssl.SSLContext:
    """An SSL context from settings of ``requests``: a flag or a path, and a file or a pair of files."""
    path = verify if isinstance(verify, str) else certifi.where()
    try:
        folder = os.path.isdir(path)
        context = ssl.create_default_context(capath=path) if folder else ssl.create_default_context(cafile=path)
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert:
            context.load_cert_chain(*([cert] if isinstance(cert, str) else cert))
    except OSError as error:
        raise InvalidArgumentError(f"the connection's verify or cert cannot be read: {error}") from None
    return context
