# SPDX-License-Identifier: Apache-2.0
"""Scripted misbehaviour: which request it hits, and what it does to the answer."""

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
INSTEAD = frozenset({"status", "rate_limit", "cursor_expired", "cursor_mismatch", "redirect", "html", "json"})
"""Kinds that answer in the vendor's place."""
_EMPTY = "simulated-empty."
_NEXT = re.compile(rb'"next_page":\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault. It waits for the ``nth`` matching request and then hits ``times`` of them.

    ``status`` answers with ``status``, ``body``, ``headers`` · ``rate_limit`` is a 429 with ``retry_after`` ·
    ``cursor_expired`` 410 · ``cursor_mismatch`` 400 · ``redirect`` to ``location`` · ``html`` a 200 that is not JSON ·
    ``json`` a 200 whose JSON is ``body`` (``[]``) · ``huge`` a valid page of ``size`` bytes, streamed ·
    ``bomb`` the same as a little gzip ·
    ``stall`` nothing for ``seconds``, then the answer · ``drip`` the body spread over ``seconds`` ·
    ``reset_before``, ``reset_inside``, ``reset_after`` the body ·
    ``truncated`` the body up to ``fraction`` with a Content-Length that fits · ``short_of_length`` the same with the
    Content-Length of the whole · ``past_length`` the whole with the Content-Length of ``fraction`` of it ·
    ``truncated_gzip`` a gzip stream cut at ``fraction`` · ``gzip_garbage`` bytes behind
    the gzip stream · ``duplicate_page`` the previous page again, verbatim · ``duplicate_rows`` its rows again, with the
    right cursor · ``repeated_cursor`` ``next_page`` is the cursor just used ·
    ``cursor_loop`` ``next_page`` is the chain's first cursor · ``lost_cursor`` ``has_more`` true, no
    cursor · ``empty_page`` no rows and a cursor that leads to them · ``skew`` the vendor's clock, in ``date`` and
    watermark, is ``seconds`` ahead of the time · ``shrink`` only ``fraction`` of what happened on
    ``date`` is left, from now on, for everybody.

    :param kind: what happens.
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
        """Whether the fault means this request."""
        asked = dict(request.query)
        return (
            self.vendor in ("", vendor)
            and (not self.path or f"/{request.path.strip('/')}".endswith(f"/{self.path.strip('/')}"))
            and self.paged in (None, "page" in asked)
            and all(asked.get(name) == value for name, value in self.query.items())
        )


@dataclass(slots=True)
class _Planned:
    fault: Fault
    seen: int = 0
    used: int = 0


class Plan:
    """The faults still to come, and which request was given which cursor, so that a page can be served twice."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._issued: OrderedDict[str, Request] = OrderedDict()

    def add(self, fault: Fault) -> None:
        """Append a fault; earlier ones are consumed first."""
        self._planned.append(_Planned(fault))

    def clear(self) -> None:
        """Forget all faults."""
        self._planned.clear()

    def take(self, vendor: str, request: Request) -> Fault | None:
        """The fault that hits this request; a request is counted by every fault before the one that hits."""
        for planned in self._planned:
            if not planned.fault.matches(vendor, request):
                continue
            planned.seen += 1
            times = planned.fault.times
            if planned.seen >= planned.fault.nth and (times is None or planned.used < times):
                planned.used += 1
                return planned.fault
        return None

    def unwrap(self, request: Request) -> Request:
        """Undo the cursor of an ``empty_page``: it stands for the cursor it was made from, or for none."""
        page = dict(request.query).get("page", "")
        if not page.startswith(_EMPTY):
            return request
        inner = base64.urlsafe_b64decode(page.removeprefix(_EMPTY)).decode()
        rest = tuple(pair for pair in request.query if pair[0] != "page")
        return replace(request, query=(*rest, ("page", inner)) if inner else rest)

    def bend(
        self, fault: Fault | None, request: Request, response: Response, answer: Callable[[Request], Response]
    ) -> Response:
        """Apply the faults that change what a page says.

        :param answer: the vendor, to ask for the previous page again.
        """
        if response.status != 200:
            return response
        asked = dict(request.query)
        if issued := _NEXT.search(response.body[-4096:]):
            self._issued[issued[1].decode()] = request
            while len(self._issued) > 4096:
                self._issued.popitem(last=False)
        if fault is None:
            return response
        before = self._issued.get(asked.get("page", ""))
        if fault.kind == "duplicate_page" and before is not None:
            return replace(response, body=answer(before).body)
        if fault.kind == "duplicate_rows" and before is not None:
            return _changed(response, data=json.loads(answer(before).body)["data"])
        if fault.kind == "repeated_cursor":
            return _changed(response, next_page=asked.get("page"), has_more=True)
        if fault.kind == "cursor_loop" and "page" in asked:
            opening = request.path, tuple(pair for pair in request.query if pair[0] != "page")
            first = next(c for c, opened in self._issued.items() if (opened.path, opened.query) == opening)
            return _changed(response, next_page=first, has_more=True)
        if fault.kind == "skew":
            ahead = timedelta(seconds=fault.seconds)
            told = {"date": format_datetime(request.now + ahead, usegmt=True)}
            if refreshed := json.loads(response.body).get("data_refreshed_at"):
                moment = datetime.fromisoformat(refreshed) + ahead
                response = _changed(response, data_refreshed_at=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
            return replace(response, headers={**response.headers, **told})
        if fault.kind == "lost_cursor":
            return _changed(response, next_page=None, has_more=True, add=True)
        if fault.kind == "empty_page":
            cursor = _EMPTY + base64.urlsafe_b64encode(asked.get("page", "").encode()).decode()
            return _changed(response, data=[], next_page=cursor, has_more=True)
        return response

    @staticmethod
    def instead(fault: Fault, vendor: SimulatedVendor) -> Response:
        """The answer of a fault that does not let the vendor speak."""
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
            page = fault.body or "<!doctype html><title>Maintenance</title><h1>Back soon</h1>"
            return Response(200, page.encode(), {"content-type": "text/html; charset=utf-8", **fault.headers})
        if fault.kind == "json":
            return Response(200, (fault.body or "[]").encode(), {"content-type": "application/json", **fault.headers})
        if fault.body is None:
            return vendor.error(fault.status, "simulated fault", dict(fault.headers))
        return Response(fault.status, fault.body.encode(), {"content-type": "application/json", **fault.headers})


def _changed(response: Response, *, add: bool = False, **fields: Any) -> Response:
    """The page with other envelope fields; fields the envelope does not have stay away unless ``add``."""
    page = json.loads(response.body)
    page |= {name: value for name, value in fields.items() if add or name in page}
    return replace(response, body=json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode())
