# SPDX-License-Identifier: Apache-2.0
"""Scripted faults: which request a fault hits, and how it changes the response."""

from __future__ import annotations

import base64
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal, get_args

from .http import Request, Response
from .vendor import SimulatedVendor

Kind = Literal[
    "status",
    "rate_limit",
    "cursor_expired",
    "cursor_mismatch",
    "redirect",
    "html",
    "json",
    "huge",
    "bomb",
    "stall",
    "drip",
    "reset_before",
    "reset_inside",
    "reset_after",
    "truncated",
    "short_of_length",
    "past_length",
    "truncated_gzip",
    "gzip_garbage",
    "duplicate_page",
    "duplicate_rows",
    "repeated_cursor",
    "cursor_loop",
    "lost_cursor",
    "empty_page",
    "skew",
    "shrink",
]
KINDS: tuple[str, ...] = get_args(Kind)
REPLACING = frozenset({"status", "rate_limit", "cursor_expired", "cursor_mismatch", "redirect", "html", "json"})
"""Faults that replace the vendor's response; the vendor is not called."""
_EMPTY = "simulated-empty."
_NEXT = re.compile(rb'"next_page":\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault. It waits for the ``nth`` matching request and then hits ``times`` of them.

    =================== ==============================================================================================
    kind                what the client receives
    =================== ==============================================================================================
    ``status``          ``status``, ``body`` and ``headers``
    ``rate_limit``      429 with ``retry_after``
    ``cursor_expired``  410
    ``cursor_mismatch`` 400
    ``redirect``        a redirect to ``location``
    ``html``            200 with HTML
    ``json``            200 with the JSON of ``body``, by default ``[]``
    ``huge``            a valid page of ``size`` bytes, streamed
    ``bomb``            the same page, compressed to a few bytes
    ``stall``           the response, after ``seconds``
    ``drip``            the body in small pieces over ``seconds``
    ``reset_before``    a connection reset before the response
    ``reset_inside``    a connection reset after ``fraction`` of the body
    ``reset_after``     a connection reset after the body
    ``truncated``       ``fraction`` of the body, with the Content-Length of that part
    ``short_of_length`` ``fraction`` of the body, with the Content-Length of the whole body
    ``past_length``     the whole body, with the Content-Length of ``fraction`` of it
    ``truncated_gzip``  ``fraction`` of the gzip stream
    ``gzip_garbage``    more bytes after the end of the gzip stream
    ``duplicate_page``  the previous page, byte for byte
    ``duplicate_rows``  the rows of the previous page with the next cursor of this one
    ``repeated_cursor`` ``next_page`` is the cursor of the request
    ``cursor_loop``     ``next_page`` is the first cursor of the chain
    ``lost_cursor``     ``has_more`` is true and there is no cursor
    ``empty_page``      no rows, and a cursor that leads to them
    ``skew``            a ``Date`` header and a watermark that are ``seconds`` in the future
    ``shrink``          only ``fraction`` of the activity of ``date``, in every later response
    =================== ==============================================================================================

    :param kind: see the table.
    :param path: hit only paths that are this or end with ``/`` and this; empty hits all.
    :param vendor: hit only the vendor of this name.
    :param paged: True hits only requests with a cursor, False only first pages.
    :param query: hit only requests with these parameters.
    :param nth: the first matching request to hit, counted from 1.
    :param times: how many requests to hit; ``None`` is all.
    """

    kind: Kind
    path: str = ""
    vendor: str = ""
    paged: bool | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    nth: int = 1
    times: int | None = 1
    status: int = 500
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: str | None = None
    seconds: float = 0.5
    size: int = 10_000_000
    fraction: float = 0.5
    date: date | None = None
    location: str = "https://elsewhere.invalid/"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {self.kind!r}; known are {', '.join(KINDS)}")
        if self.kind == "shrink" and self.date is None:
            raise ValueError("a shrink fault needs a date")
        if not 0 <= self.fraction <= 1:
            raise ValueError(f"fraction must be between 0 and 1, not {self.fraction!r}")

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Fault:
        """A fault from its fields, the date as ``YYYY-MM-DD``."""
        day = fields.get("date")
        return Fault(**{**fields, "date": date.fromisoformat(day) if day else None})

    def matches(self, vendor: str, request: Request) -> bool:
        """Whether the fault applies to this request."""
        params = dict(request.query)
        return (
            self.vendor in ("", vendor)
            and (not self.path or f"/{request.path.strip('/')}".endswith(f"/{self.path.strip('/')}"))
            and self.paged in (None, "page" in params)
            and all(params.get(name) == value for name, value in self.query.items())
        )


@dataclass(slots=True)
class _QueuedFault:
    fault: Fault
    matches: int = 0
    hits: int = 0


class FaultQueue:
    """The faults that are not used up, in order.

    It also remembers which request received which cursor, so that the previous page can be served again.
    """

    def __init__(self) -> None:
        self._queue: list[_QueuedFault] = []
        self._requests_by_cursor: OrderedDict[str, Request] = OrderedDict()

    def add(self, fault: Fault) -> None:
        """Append a fault; earlier ones are consumed first."""
        self._queue.append(_QueuedFault(fault))

    def clear(self) -> None:
        """Forget all faults."""
        self._queue.clear()

    def next_fault(self, vendor: str, request: Request) -> Fault | None:
        """The fault that hits this request. Every earlier fault that matches counts the request too."""
        for queued in self._queue:
            if not queued.fault.matches(vendor, request):
                continue
            queued.matches += 1
            times = queued.fault.times
            if queued.matches >= queued.fault.nth and (times is None or queued.hits < times):
                queued.hits += 1
                return queued.fault
        return None

    def restore_cursor(self, request: Request) -> Request:
        """Replace the cursor of an ``empty_page`` fault by the vendor's cursor that it wraps, if it wraps one."""
        cursor = dict(request.query).get("page", "")
        if not cursor.startswith(_EMPTY):
            return request
        wrapped = base64.urlsafe_b64decode(cursor.removeprefix(_EMPTY)).decode()
        others = _without_cursor(request)
        return replace(request, query=(*others, ("page", wrapped)) if wrapped else others)

    def modify(
        self, fault: Fault | None, request: Request, response: Response, respond: Callable[[Request], Response]
    ) -> Response:
        """Apply the faults that change the content of a page.

        :param respond: requests a page from the vendor, for the faults that repeat the previous one.
        """
        if response.status != 200:
            return response
        params = dict(request.query)
        if issued := _NEXT.search(response.body[-4096:]):
            self._requests_by_cursor[issued[1].decode()] = request
            while len(self._requests_by_cursor) > 4096:
                self._requests_by_cursor.popitem(last=False)
        if fault is None:
            return response
        previous_request = self._requests_by_cursor.get(params.get("page", ""))
        if fault.kind == "duplicate_page" and previous_request is not None:
            return replace(response, body=respond(previous_request).body)
        if fault.kind == "duplicate_rows" and previous_request is not None:
            return _with_fields(response, data=json.loads(respond(previous_request).body)["data"])
        if fault.kind == "repeated_cursor":
            return _with_fields(response, next_page=params.get("page"), has_more=True)
        if fault.kind == "cursor_loop" and "page" in params:
            first_page = replace(request, query=_without_cursor(request))
            cursor = next(
                cursor
                for cursor, earlier in self._requests_by_cursor.items()
                if (earlier.path, earlier.query) == (first_page.path, first_page.query)
            )
            return _with_fields(response, next_page=cursor, has_more=True)
        if fault.kind == "skew":
            offset = timedelta(seconds=fault.seconds)
            headers = {"date": format_datetime(request.now + offset, usegmt=True)}
            if refreshed := json.loads(response.body).get("data_refreshed_at"):
                refreshed_at = datetime.fromisoformat(refreshed) + offset
                response = _with_fields(response, data_refreshed_at=f"{refreshed_at:%Y-%m-%dT%H:%M:%SZ}")
            return replace(response, headers={**response.headers, **headers})
        if fault.kind == "lost_cursor":
            return _with_fields(response, next_page=None, has_more=True, add=True)
        if fault.kind == "empty_page":
            cursor = _EMPTY + base64.urlsafe_b64encode(params.get("page", "").encode()).decode()
            return _with_fields(response, data=[], next_page=cursor, has_more=True)
        return response

    @staticmethod
    def replacement(fault: Fault, vendor: SimulatedVendor) -> Response:
        """The response of a fault that replaces the vendor's."""
        if fault.kind == "rate_limit":
            headers = {**fault.headers, **({} if fault.retry_after is None else {"retry-after": fault.retry_after})}
            return vendor.error(429, "This request would exceed your organization's rate limit.", headers)
        if fault.kind == "cursor_expired":
            return vendor.error(410, "page cursor has expired; restart from the first page")
        if fault.kind == "cursor_mismatch":
            return vendor.error(400, "cursor does not match current query parameters")
        if fault.kind == "redirect":
            status = fault.status if 300 <= fault.status < 400 else 302
            return Response(status, b"", {"location": fault.location, **fault.headers})
        if fault.kind == "html":
            html = fault.body or "<!doctype html><title>Maintenance</title><h1>Back soon</h1>"
            return Response(200, html.encode(), {"content-type": "text/html; charset=utf-8", **fault.headers})
        if fault.kind == "json":
            return Response(200, (fault.body or "[]").encode(), {"content-type": "application/json", **fault.headers})
        if fault.body is None:
            return vendor.error(fault.status, "simulated fault", dict(fault.headers))
        return Response(fault.status, fault.body.encode(), {"content-type": "application/json", **fault.headers})


def _with_fields(response: Response, *, add: bool = False, **fields: Any) -> Response:
    """The page with other values in its envelope.

    :param add: also set fields that the envelope does not have.
    """
    page = json.loads(response.body)
    page |= {name: value for name, value in fields.items() if add or name in page}
    return replace(response, body=json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode())


def _without_cursor(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in request.query if pair[0] != "page")
