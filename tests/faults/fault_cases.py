# SPDX-License-Identifier: Apache-2.0
"""Everything that is done to a run, and how it must end: the data complete and correct, or a typed error.

A fault meets the first, the middle or the last of three pages; what has no page, a store or a day, meets the first,
the middle or the last of three days.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    AuthenticationError,
    CursorExpiredError,
    FeatureDisabledError,
    InvalidRequestError,
    MalformedResponseError,
    NotYetAvailableError,
    OversizedResponseError,
    PermissionDeniedError,
    RateLimitedError,
    SuspiciousShrinkError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.simulator import Fault
from airflow_provider_aianalytics.simulator.faults import Kind

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
D = date(2026, 11, 11)
DAYS = (D - DAY, D, D + DAY)
CLAUDE, PERPLEXITY = "claude_enterprise", "perplexity"
DATASETS = {CLAUDE: "users", PERPLEXITY: "member_credit_usage"}
FORMATS = ("ndjson", "parquet")
PLACES = ("first", "middle", "last")
KEY_IN_BODY = "{key}"
PERSON = "jane.doe+private@corp.example"
"""An error's body repeats the key and a person's address: neither may go any further."""

Ends = type[Exception] | None


@dataclass(frozen=True)
class FaultCase:
    """One thing that goes wrong.

    :param name: what, in words; unique.
    :param ends: the error that it must end with, ``None`` where the data must be complete; one for each place where
        they differ.
    :param faults: the faults for the simulator, without the page or day that they hit.
    :param vendor: the vendor whose API is used.
    :param whole_days: whether it meets days instead of pages.
    :param impatient: whether the connection waits a fraction of a second for a byte.
    :param store: what breaks in the store: a key of ``tests.faults.faulty_fs.BREAKING``.
    :param clock: by how much the worker's own clock is wrong.
    """

    name: str
    ends: Ends | tuple[Ends, Ends, Ends] = None
    faults: tuple[Fault, ...] = ()
    vendor: str = CLAUDE
    whole_days: bool = False
    impatient: bool = False
    store: str = ""
    clock: timedelta = timedelta(0)

    def ending(self, place: int) -> Ends:
        return self.ends[place] if isinstance(self.ends, tuple) else self.ends

    def at(self, place: int) -> list[Fault]:
        """The faults, for the first (0), the middle (1) or the last (2) page or day."""
        path = "usage" if self.vendor == PERPLEXITY else "users"
        if self.whole_days:
            return [replace(fault, date=DAYS[place]) for fault in self.faults]
        # The first page has no cursor that could be wrong.
        return [replace(fault, path=path, nth=max(1, place) if fault.paged else 1 + place) for fault in self.faults]


@dataclass(frozen=True)
class Cell:
    """A fault, in a format, at a place: one task."""

    case: FaultCase
    file_format: str
    place: int

    def __str__(self) -> str:
        return f"{self.case.name}, {PLACES[self.place]} of {self.file_format}"


def _error_body(kind: str, vendor: str = CLAUDE) -> str:
    message = f"refused the key {KEY_IN_BODY} of {PERSON} (<{PERSON}>)."
    error = {"error": {"type": kind, "message": message, "code": 0}}
    return json.dumps({"type": "error", **error} if vendor == CLAUDE else error)


def _status(status: int, kind: str, vendor: str = CLAUDE, **fields: object) -> Fault:
    return Fault("status", status=status, body=_error_body(kind, vendor), **fields)  # type: ignore[arg-type]


def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _once_and_lasting(name: str, fault: Fault, ends: type[AIAnalyticsError]) -> list[FaultCase]:
    """What passes costs requests; what lasts is an error."""
    return [
        FaultCase(f"{name}, once", None, (fault,)),
        FaultCase(f"{name}, lasting", ends, (replace(fault, times=None),)),
    ]


def _wrong_json(what: str, body: str, *, item: bool = False) -> list[FaultCase]:
    fault = Fault("json", body=body)
    if item:  # the envelope is right, so that its items are looked at only as they are written
        return [FaultCase(f"a page whose {what}", MalformedResponseError, (fault,))]
    return [FaultCase(f"a page that is {what}", None, (fault,))]


def _by_kind(kind: Kind, name: str, ends: type[AIAnalyticsError], **fields: object) -> list[FaultCase]:
    return _once_and_lasting(name, Fault(kind, **fields), ends)  # type: ignore[arg-type]


STATUSES = [
    FaultCase("400", InvalidRequestError, (_status(400, "invalid_request_error", times=None),)),
    FaultCase("401", AuthenticationError, (_status(401, "authentication_error"),)),
    FaultCase("403", PermissionDeniedError, (_status(403, "permission_error"),)),
    FaultCase("404", AuthenticationError, (_status(404, "not_found_error"),)),
    *_once_and_lasting("410", _status(410, "invalid_request_error"), CursorExpiredError),
    *_once_and_lasting("500", _status(500, "api_error"), VendorUnavailableError),
    FaultCase("502 of a proxy in HTML", None, (Fault("status", status=502, body="<h1>Bad gateway"),)),
    FaultCase("503", None, (_status(503, "overloaded_error"),)),
    FaultCase("504", None, (_status(504, "timeout_error"),)),
    *_once_and_lasting("529", _status(529, "overloaded_error"), VendorUnavailableError),
    *_by_kind("rate_limit", "429 with seconds", RateLimitedError, retry_after="2"),
    *_by_kind("rate_limit", "429 with a date", RateLimitedError, retry_after=_http_date(NOW + timedelta(seconds=9))),
    *_by_kind("rate_limit", "429 with nothing", RateLimitedError),
    FaultCase("429 for an hour", RateLimitedError, (Fault("rate_limit", retry_after="3600"),)),
    FaultCase("429 with nonsense", None, (Fault("rate_limit", retry_after="soon"),)),
    FaultCase(
        "429 with the date of a vendor whose clock is an hour ahead",
        None,
        (
            Fault(
                "rate_limit",
                retry_after=_http_date(NOW + timedelta(hours=1, seconds=9)),
                headers={"date": _http_date(NOW + timedelta(hours=1))},
            ),
        ),
    ),
]
WIRE = [
    *_by_kind("reset_before", "reset before the body", VendorUnavailableError),
    *_by_kind("reset_inside", "reset inside the body", VendorUnavailableError),
    FaultCase("reset after the body", None, (Fault("reset_after", times=None),)),
    *_by_kind("truncated", "a body cut short, its length with it", MalformedResponseError),
    *_by_kind("short_of_length", "a body shorter than its length", VendorUnavailableError),
    *_by_kind("past_length", "a body longer than its length", MalformedResponseError),
    *_by_kind("truncated_gzip", "truncated gzip", AIAnalyticsError),
    FaultCase("padded gzip", None, (Fault("gzip_garbage", times=None),)),
    FaultCase("a body of 500 MB", OversizedResponseError, (Fault("huge", size=500_000_000),)),
    FaultCase("500 MB out of 2 MB of gzip", OversizedResponseError, (Fault("bomb", size=500_000_000),)),
    *[
        replace(case, impatient=True)
        for kind, name in (("stall", "a stall"), ("drip", "a slow drip"))
        for case in _by_kind(kind, name, VendorUnavailableError, seconds=3.0)  # type: ignore[arg-type]
    ],
    FaultCase("a drip that is fast enough", None, (Fault("drip", seconds=0.2),)),
]
CONTENT = [
    *_by_kind("html", "HTML instead of JSON", MalformedResponseError),
    *_once_and_lasting("a page that is a list", Fault("json", body="[]"), MalformedResponseError),
    *_wrong_json("a text", '"data"'),
    *_wrong_json("null", "null"),
    *_wrong_json("an object without data", "{}"),
    *_wrong_json("data of another type", '{"data":{"0":{}},"next_page":null}'),
    *_wrong_json("a cursor of another type", '{"data":[],"next_page":7}'),
    *_wrong_json("nested without end", '{"data":' + "[" * 5000 + "]" * 5000 + ',"next_page":[]}'),
    *_wrong_json("items are numbers", '{"data":[1,2],"next_page":null}', item=True),
    *_wrong_json("items are lists", '{"data":[[{}]],"next_page":null}', item=True),
]
CHAIN = [
    FaultCase("a page twice", None, (Fault("duplicate_page"),)),
    FaultCase("rows twice", None, (Fault("duplicate_rows"),)),
    FaultCase("the same page for ever", MalformedResponseError, (Fault("duplicate_page", times=None),)),
    FaultCase(
        "a cursor that leads to itself", MalformedResponseError, (Fault("repeated_cursor", times=None, paged=True),)
    ),
    FaultCase("a loop of cursors", MalformedResponseError, (Fault("cursor_loop", times=None, paged=True),)),
    FaultCase("has_more without a cursor", MalformedResponseError, (Fault("lost_cursor"),)),
    FaultCase("an empty page before the rows", None, (Fault("empty_page"),)),
    FaultCase("empty pages without end", MalformedResponseError, (Fault("empty_page", times=None),)),
    FaultCase(
        "a cursor of another query",
        (InvalidRequestError, None, None),
        (Fault("cursor_mismatch"),),
    ),
    FaultCase(
        "a cursor of another query, lasting",
        CursorExpiredError,
        (Fault("cursor_mismatch", times=None, paged=True),),
    ),
]
TIME = [
    FaultCase("a vendor whose clock is a day ahead", None, (Fault("skew", seconds=86_400, times=None),)),
    FaultCase("a vendor whose clock is a day behind", None, (Fault("skew", seconds=-86_400, times=None),)),
    FaultCase("a worker whose clock is ten days behind", NotYetAvailableError, clock=-10 * DAY),
    FaultCase("a worker whose clock is a week ahead", None, clock=7 * DAY),
]
DAYS_LOST = [
    FaultCase("a day that shrinks", SuspiciousShrinkError, (Fault("shrink", date=D, fraction=0.5),), whole_days=True),
    FaultCase("a day that vanishes", SuspiciousShrinkError, (Fault("shrink", date=D, fraction=0.0),), whole_days=True),
]
ELSEWHERE = [
    FaultCase(f"redirect {status} to another host", InvalidRequestError, (Fault("redirect", status=status),))
    for status in (301, 302, 307, 308)
]
PERPLEXITYS = [
    FaultCase("400 bad_request", InvalidRequestError, (_status(400, "bad_request", PERPLEXITY, times=None),)),
    FaultCase("400 invalid_request", InvalidRequestError, (_status(400, "invalid_request", PERPLEXITY, times=None),)),
    FaultCase("401 unauthorized", AuthenticationError, (_status(401, "unauthorized", PERPLEXITY),)),
    FaultCase("404 feature_disabled", FeatureDisabledError, (_status(404, "feature_disabled", PERPLEXITY),)),
    FaultCase("404 without a reason", AuthenticationError, (Fault("status", status=404, body="{}"),)),
    FaultCase(
        "422 of the framework",
        InvalidRequestError,
        (Fault("status", status=422, body=json.dumps({"detail": [{"msg": f"{PERSON} {KEY_IN_BODY}"}]})),),
    ),
    *_once_and_lasting("429", _status(429, "request_rate_limit_exceeded", PERPLEXITY), RateLimitedError),
    *_once_and_lasting("500", _status(500, "internal_error", PERPLEXITY), VendorUnavailableError),
    *_once_and_lasting("503 that is not JSON", Fault("status", status=503, body="down"), VendorUnavailableError),
    *_by_kind("html", "HTML", MalformedResponseError),
    *_by_kind("reset_inside", "reset inside the body", VendorUnavailableError),
    *_by_kind("truncated_gzip", "truncated gzip", AIAnalyticsError),
    *_wrong_json("a list", "[]"),
    *_wrong_json("buckets have no bounds", '{"data":[{"results":[]}],"has_more":false,"next_page":null}', item=True),
    *_wrong_json(
        "buckets are of another century",
        '{"data":[{"start_time":0,"end_time":86400,"results":[]}],"has_more":false,"next_page":null}',
        item=True,
    ),
    FaultCase("a page twice", (None, *[MalformedResponseError] * 2), (Fault("duplicate_page"),)),  # type: ignore[arg-type]
    FaultCase("has_more without a cursor", MalformedResponseError, (Fault("lost_cursor"),)),
    FaultCase(
        "a cursor that leads to itself", MalformedResponseError, (Fault("repeated_cursor", times=None, paged=True),)
    ),
    FaultCase("a cursor of another query", (InvalidRequestError, None, None), (Fault("cursor_mismatch"),)),
    FaultCase("a day that vanishes", SuspiciousShrinkError, (Fault("shrink", date=D, fraction=0.0),), whole_days=True),
]
STORES = [
    FaultCase(f"{store}", OSError, store=store, whole_days=not store.startswith("the disk is full while"))
    for store in (
        "the store refuses the data",
        "the store takes the data and its answer is lost",
        "the store refuses the manifest",
        "the store takes the manifest and its answer is lost",
        "the store refuses the copy of the old data",
        "the data cannot be renamed",
        "the manifest cannot be renamed",
        "the copy of the old data cannot be renamed",
        "the disk is full while a page is written",
        "the disk is full when the data is synced",
        "the disk is full at the manifest",
    )
]
FAULT_CASES: tuple[FaultCase, ...] = (
    *STATUSES,
    *WIRE,
    *CONTENT,
    *CHAIN,
    *TIME,
    *DAYS_LOST,
    *ELSEWHERE,
    *[replace(case, name=f"Perplexity: {case.name}", vendor=PERPLEXITY) for case in PERPLEXITYS],
    *STORES,
)
CELLS: tuple[Cell, ...] = tuple(
    Cell(case, file_format, place) for case in FAULT_CASES for file_format in FORMATS for place in range(len(PLACES))
)
