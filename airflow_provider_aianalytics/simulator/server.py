# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: one handler that applies the rate limit, the faults and the vendor, and logs the request."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Protocol

from aiohttp import web

from .budget import Budget
from .clock import Clock
from .delivery import encode, send
from .faults import REPLACING, Fault, FaultQueue
from .http import Request, Response, RetryAfter
from .log import Log, LoggedRequest
from .settings import Settings
from .vendor import SimulatedVendor

CONTROL = "/_simulator/"


class Controls(Protocol):
    """The control endpoints."""

    def respond(self, method: str, path: str, query: tuple[tuple[str, str], ...], body: bytes) -> Response:
        """Respond to one control request."""


class Server:
    """Serves all vendors on one port of 127.0.0.1.

    :param settings: latency, compression, budget.
    :param clock: simulated time.
    :param vendors: the vendors by name.
    :param faults: scripted faults.
    :param log: every request is added to it.
    :param controls: the ``/_simulator/`` endpoints.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        vendors: Mapping[str, SimulatedVendor],
        faults: FaultQueue,
        log: Log,
        controls: Controls,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._vendors = vendors
        self._faults = faults
        self._log = log
        self._controls = controls
        self._connections: dict[asyncio.BaseTransport | None, int] = {}
        self._numbers = itertools.count(1)
        self._runner: web.ServerRunner | None = None
        self.budgets = {name: Budget(settings.requests_per_minute, settings.budget_window) for name in vendors}
        self.port = settings.port

    async def start(self) -> None:
        """Start listening, and set ``port`` to the real port."""
        self._runner = web.ServerRunner(
            # A hundred list entries, percent-encoded, are longer than the default line.
            web.Server(self._handle, access_log=None, max_line_size=1 << 16),
            handle_signals=False,
            shutdown_timeout=0.2,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._settings.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and close open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
        # Handlers of connections that were just closed still run, for example those of a stall fault.
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _handle(self, web_request: web.BaseRequest) -> web.StreamResponse:
        path = web_request.path
        query = tuple(web_request.rel_url.query.items())
        if path.startswith(CONTROL):
            response = self._controls.respond(web_request.method, path, query, await web_request.read())
            return web.Response(status=response.status, body=response.body, headers=dict(response.headers))
        self._log.in_flight += 1
        self._log.most_in_flight = max(self._log.most_in_flight, self._log.in_flight)
        try:
            return await self._serve(web_request, path, query)
        finally:
            self._log.in_flight -= 1

    async def _serve(
        self, web_request: web.BaseRequest, path: str, query: tuple[tuple[str, str], ...]
    ) -> web.StreamResponse:
        started, real = time.perf_counter(), time.monotonic()
        headers = {name.lower(): value for name, value in web_request.headers.items()}
        request = Request(path, query, headers, self._clock.now)
        vendor = next((name for name, api in self._vendors.items() if api.serves(path)), "")
        response, fault = self._decide(vendor, web_request.method, request)
        accepts_gzip = self._settings.gzip and "gzip" in headers.get("accept-encoding", "")
        sent_headers = {"date": format_datetime(request.now, usegmt=True), **response.headers}
        body, sent_headers = encode(response, fault, sent_headers, accepts_gzip=accepts_gzip)
        self._log_request(web_request, vendor, request, real, response.status, fault, len(body))
        if fault and fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
        wait = self._settings.latency - (time.perf_counter() - started)
        if wait > 0:
            await asyncio.sleep(wait)
        return await send(web_request, response.status, body, sent_headers, fault)

    def _decide(self, name: str, method: str, request: Request) -> tuple[Response, Fault | None]:
        """The response, and the fault that hits this request. A request over the rate limit uses up no fault."""
        if not name:
            first, *_ = self._vendors.values()
            return first.error(404, f"Not found: {request.path}"), None
        vendor = self._vendors[name]
        wait = self.budgets[name].admit()
        if wait:
            return _rate_limited(vendor, request, wait), None
        if method != "GET":
            return vendor.error(405, "Method not allowed", {"allow": "GET"}), None
        fault = self._faults.next_fault(name, request)
        if fault and fault.kind in REPLACING:
            return self._faults.replacement(fault, vendor), fault
        if fault and fault.kind in ("huge", "bomb", "reset_before"):
            return Response(200, b"", {"content-type": "application/json"}), fault
        request = self._faults.restore_cursor(request)
        return self._faults.modify(fault, request, vendor.respond(request), vendor.respond), fault

    def _log_request(
        self,
        web_request: web.BaseRequest,
        vendor: str,
        request: Request,
        real: float,
        status: int,
        fault: Fault | None,
        sent: int,
    ) -> None:
        transport = web_request.transport
        peer = transport.get_extra_info("peername") if transport else None
        self._log.add(
            LoggedRequest(
                at=request.now,
                real=real,
                vendor=vendor,
                method=web_request.method,
                path=request.path,
                query=request.query,
                status=0 if fault and fault.kind == "reset_before" else status,
                headers={name: request.headers[name] for name in self._log.headers if name in request.headers},
                connection=self._connection(transport),
                peer_port=peer[1] if peer else 0,
                fault=fault.kind if fault else "",
                sent=sent,
            )
        )

    def _connection(self, transport: asyncio.BaseTransport | None) -> int:
        """The number of a TCP connection. Closed connections are dropped now and then, to bound memory."""
        if transport not in self._connections:
            if len(self._connections) > 1000:
                self._connections = {t: n for t, n in self._connections.items() if t and not t.is_closing()}
            self._connections[transport] = next(self._numbers)
            self._log.connections += 1
        return self._connections[transport]


def _rate_limited(vendor: SimulatedVendor, request: Request, wait: float) -> Response:
    response = vendor.error(429, "This request would exceed your organization's rate limit. Please try again later.")
    value = retry_after(vendor.retry_after, wait, request)
    return response if value is None else replace(response, headers={**response.headers, "retry-after": value})


def retry_after(form: RetryAfter, wait: float, request: Request) -> str | None:
    """The header's value. Seconds and dates are rounded up, so that a client that waits that long is admitted."""
    if form == "none":
        return None
    if form == "decimal":
        return f"{math.ceil(wait * 1000) / 1000:.3f}"
    seconds = max(1, math.ceil(wait))
    if form == "seconds":
        return str(seconds)
    return format_datetime(request.now.replace(microsecond=0) + timedelta(seconds=seconds + 1), usegmt=True)
