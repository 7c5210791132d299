# SPDX-License-Identifier: Apache-2.0
"""From a status and a body to a page or a typed error."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NoReturn

import msgspec

from airflow_provider_aianalytics.exceptions import (
    AuthenticationError,
    CursorExpiredError,
    FeatureDisabledError,
    InvalidRequestError,
    MalformedResponseError,
    NotYetAvailableError,
    PermissionDeniedError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.vendors.base import Vendor

MAX_RETRY_AFTER = 86400.0
MAX_MESSAGE = 500
_EMAIL = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS_AGO = re.compile(r"\bdays?\s+ago\b", re.IGNORECASE)
_NOT_THERE = re.compile(r"\bnot\s+(yet\s+)?available\b|\blatest\b", re.IGNORECASE)
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back.

    :param status: the HTTP status.
    :param headers: the headers, names in lower case.
    :param body: the body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    summaries: list[msgspec.Raw] | None = None  # the older shape of one endpoint (Claude contract section 7.2)
    has_more: bool | None = None
    next_page: str | None = None
    data_refreshed_at: str | None = None
    organization_id: str | None = None


class _ErrorDetail(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail = msgspec.field(default_factory=_ErrorDetail)
    detail: msgspec.Raw = msgspec.Raw(b"")  # FastAPI's own form (Perplexity contract section 3)


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ERROR = msgspec.json.Decoder(_ErrorBody)


def parse_page(answer: Response, paginator: CursorPaginator, vendor: Vendor, *, now: datetime) -> Page:
    """The page in an answer to the paginator's request.

    :param now: the time of arrival, UTC.
    :raises AIAnalyticsError: the typed error that the answer stands for.
    """
    if answer.status != 200:
        raise_error(answer, paginator, vendor, now=now)
    try:
        envelope = _decoded(answer.body)
        if envelope.data_refreshed_at is not None:
            parse_timestamp(envelope.data_refreshed_at)
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise MalformedResponseError(
            f"the answer is not the JSON the contract promises ({error})",
            where=paginator.where,
            hint="Nothing of this window was kept; a retry reads it again",
        ) from None
    items = envelope.data if envelope.data is not None else envelope.summaries
    if items is None:
        raise MalformedResponseError(
            "the answer is a JSON object without data", where=paginator.where, hint="A retry reads the window again"
        )
    return Page(
        window=paginator.window,
        number=paginator.number,
        body=answer.body,
        items=items,
        next_cursor=envelope.next_page,
        has_more=envelope.has_more,
        data_refreshed_at=envelope.data_refreshed_at,
        organization_id=envelope.organization_id,
        requests=paginator.requests,
        where=paginator.where,
        read_at=now,
    )


def raise_error(answer: Response, paginator: CursorPaginator, vendor: Vendor, *, now: datetime) -> NoReturn:
    """Raise the typed error that a status and an error body stand for (error tables of both contracts)."""
    kind, message = _error_in(answer.body)
    request_id = answer.headers.get("request-id", "")
    said = f"the vendor answered {answer.status}{' ' + kind if kind else ''}"
    said += f": {message}" if message else ""
    said += f" (request {request_id})" if request_id else ""
    where = paginator.where
    match answer.status:
        case 401:
            raise AuthenticationError(said, where=where, hint=vendor.key_help)
        case 403:
            raise PermissionDeniedError(said, where=where, hint=vendor.key_help)
        case 404 if kind == "feature_disabled":
            raise FeatureDisabledError(
                said, where=where, hint=f"An admin switches the API on for the organization. {vendor.key_help}"
            )
        case 404:
            # The older Claude guide answers 404 for a key that is missing, wrong or without scope; never "no data".
            raise AuthenticationError(said, where=where, hint=vendor.key_help)
        case status if status == 410 or (status == 400 and paginator.has_cursor):
            # Page one was answered with the same parameters: where they are no longer right, it will say so itself.
            raise CursorExpiredError(
                said, where=where, hint="The window was started again from page one; a retry may pass"
            )
        case 400 if (too_recent := _too_recent(message, paginator)) is not None:
            raise NotYetAvailableError(
                said,
                latest=too_recent.latest,
                where=where,
                hint='Wait for the day with a sensor or on_unavailable="wait"',
            )
        case 429:
            raise RateLimitedError(
                said,
                retry_after=retry_after(answer.headers, now=now),
                where=where,
                hint=(
                    f"The budget of {vendor.requests_per_minute} requests a minute belongs to the whole organization; "
                    "put the tasks that share it into one pool"
                ),
            )
        case status if status in (408, 409) or status >= 500:
            raise VendorUnavailableError(
                said, retry_after=retry_after(answer.headers, now=now), where=where, hint="A retry may pass"
            )
        case status if 300 <= status < 400:
            raise InvalidRequestError(
                f"{said}, a redirect, which is never followed: the key goes to the connection's host alone",
                where=where,
                hint="Put the API's own address into the connection's host, or leave it empty",
            )
        case _:
            raise InvalidRequestError(
                said, where=where, hint="Check dataset, period and options against the vendor's reference"
            )


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds a ``Retry-After`` header asks for, written as seconds or as an HTTP date; ``None`` without one.

    Never more than a day: who asks for more is asked again. A date is by the vendor's clock, which its ``Date`` header
    tells; ours may be wrong.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        moment = _http_date(value)
        if moment is None:
            return None
        seconds = (moment - (_http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(0.0, seconds), MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


@dataclass(frozen=True, slots=True)
class _TooRecent:
    latest: date | None


def _too_recent(message: str, paginator: CursorPaginator) -> _TooRecent | None:
    """Whether a 400 says that the day is not there yet, and which day is the latest.

    The wording is not known beyond its naming a day (Claude contract section 3), so any earlier day in it counts; the
    oldest wording names none and says "days ago".
    """
    if paginator.query.dataset.availability.kind != "aggregated":
        return None
    *_, asked = paginator.window.days()
    named = []
    for text in _DATE.findall(message):
        try:
            named.append(date.fromisoformat(text))
        except ValueError:
            continue
    earlier = [day for day in named if day < asked and day >= (paginator.query.dataset.first_day or date.min)]
    if earlier and (asked - max(earlier)) < timedelta(days=31):
        return _TooRecent(max(earlier))
    if _DAYS_AGO.search(message) or (asked in named and _NOT_THERE.search(message)):
        return _TooRecent(None)
    return None


def _error_in(body: bytes) -> tuple[str, str]:
    """The type and the message of an error body, without addresses of people; empty where it is not one."""
    try:
        parsed = _ERROR.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    message = parsed.error.message or bytes(parsed.detail).decode(errors="replace")
    message = without_addresses(" ".join(message.split()))
    return parsed.error.type or "", message[:MAX_MESSAGE]


def without_addresses(text: str) -> str:
    """A text for a log, in which no member is named."""
    return _EMAIL.sub("<e-mail>", text)


def _decoded(body: bytes) -> _Envelope:
    if not body.isascii():
        body.decode()
    try:
        return _ENVELOPE.decode(body)
    except msgspec.DecodeError:
        mended = _ESCAPE.sub(_without_half_pairs, body)
        if mended == body:
            raise
        return _ENVELOPE.decode(mended)


def _without_half_pairs(escape: re.Match[bytes]) -> bytes:
    """Half a surrogate pair, as in a title cut in its middle, is valid JSON but no text: no reader could take it."""
    return rb"\ufffd" if escape["half"] else escape[0]


def parse_timestamp(text: str) -> datetime:
    """A UTC moment from RFC 3339 as a vendor spells it; a bare date is its midnight.

    :raises ValueError: when it is neither, or has no zone.
    """
    if len(text) == len("2026-01-01"):
        text += "T00:00:00Z"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is beyond the calendar") from None
