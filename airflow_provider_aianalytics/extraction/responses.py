# SPDX-License-Identifier: Apache-2.0
"""Parse a response into a page or a typed error."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, NoReturn

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
from airflow_provider_aianalytics.extraction.redaction import foreign_text
from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.wire import ErrorKind, ErrorResponse, WireFormat

MAX_RETRY_AFTER = 86400.0
MAX_NAME = 100
"""Characters of an error's type or a request's id in a message."""
_ERROR_TEXT = 8192
"""Bytes of an error's raw text that are parsed."""
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response.

    :param status: the HTTP status.
    :param headers: the headers, names in lower case.
    :param body: the body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class _ErrorDetail(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    code: str | int | None = None


_TEXT = str | None
_STRUCT = "_Envelope"


@cache
def _page_decoder(wire: WireFormat) -> msgspec.json.Decoder[Any]:
    """A decoder of the envelope of a page, with the vendor's names of its fields; the items stay raw."""
    fields: list[tuple[str, Any, Any]] = [
        *((f"items_{number}", list[msgspec.Raw] | None, None) for number in range(len(wire.items_fields))),
        ("has_more", bool | None, None),
        ("next_cursor", _TEXT, None),
        ("data_refreshed_at", _TEXT, None),
        ("organization_id", _TEXT, None),
    ]
    names = {f"items_{number}": name for number, name in enumerate(wire.items_fields)} | {
        "has_more": wire.has_more_field,
        "next_cursor": wire.cursor_field,
        "data_refreshed_at": wire.watermark_field,
        "organization_id": wire.organization_field,
    }
    return msgspec.json.Decoder(msgspec.defstruct(_STRUCT, fields, rename=names))


@cache
def _error_decoder(wire: WireFormat) -> msgspec.json.Decoder[Any]:
    fields: list[tuple[str, Any, Any]] = [
        ("error", _ErrorDetail, msgspec.field(default_factory=_ErrorDetail)),
        ("text", msgspec.Raw, msgspec.Raw(b"")),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("_Error", fields, rename={"text": wire.error_text_field}))


def parse_page(response: Response, paginator: CursorPaginator, vendor: Vendor, *, now: datetime) -> Page:
    """Parse the response to the paginator's request.

    :param now: the time of arrival, UTC.
    :raises AIAnalyticsError: the typed error of an error response.
    """
    wire = paginator.query.dataset.wire
    if response.status != 200:
        raise_error(response, paginator, vendor, now=now)
    try:
        envelope = _decode_page(response.body, wire)
        if envelope.data_refreshed_at is not None:
            parse_timestamp(envelope.data_refreshed_at)
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise MalformedResponseError(
            f"the response is not the JSON of the contract ({error})",
            where=paginator.where,
            hint="Nothing of this window was saved; a retry reads it again",
        ) from None
    candidates = (getattr(envelope, f"items_{number}") for number in range(len(wire.items_fields)))
    items = next((found for found in candidates if found is not None), None)
    if items is None:
        raise MalformedResponseError(
            f"the response is a JSON object without {wire.items_fields[0]}",
            where=paginator.where,
            hint="A retry reads the window again",
        )
    return Page(
        window=paginator.window,
        number=paginator.number,
        body=response.body,
        items=items,
        next_cursor=envelope.next_cursor,
        has_more=envelope.has_more,
        data_refreshed_at=envelope.data_refreshed_at,
        organization_id=envelope.organization_id,
        requests=paginator.requests,
        where=paginator.where,
        read_at=now,
    )


def raise_error(response: Response, paginator: CursorPaginator, vendor: Vendor, *, now: datetime) -> NoReturn:
    """Raise the typed error of an error response. The vendor's ``wire.py`` defines what it means."""
    wire = paginator.query.dataset.wire
    kind, message = _parse_error(response.body, wire)
    *_, last_day = paginator.window.days()
    verdict = wire.classify(
        ErrorResponse(
            status=response.status,
            type=kind,
            message=message,
            has_cursor=paginator.has_cursor,
            dataset=paginator.query.dataset,
            last_day=last_day,
        )
    )
    request_id = foreign_text(response.headers.get(wire.request_id_header, ""), MAX_NAME)
    text = f"the vendor answered {response.status}{' ' + kind if kind else ''}"
    text += f": {message}" if message else ""
    text += f" (request {request_id})" if request_id else ""
    where = paginator.where
    if verdict.kind in (ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION_DENIED) and _is_html(response):
        raise VendorUnavailableError(
            f"{text}, an HTML page: a proxy or a challenge in between, not the vendor's API",
            where=where,
            hint="The key was not judged. Check the connection's proxies, or the network's rules for this host",
        )
    match verdict.kind:
        case ErrorKind.AUTHENTICATION:
            raise AuthenticationError(text, where=where, hint=vendor.key_help)
        case ErrorKind.PERMISSION_DENIED:
            raise PermissionDeniedError(text, where=where, hint=vendor.key_help)
        case ErrorKind.FEATURE_DISABLED:
            raise FeatureDisabledError(
                text,
                where=where,
                hint=verdict.hint or f"An admin switches the API on for the organization. {vendor.key_help}",
            )
        case ErrorKind.CURSOR_EXPIRED:
            raise CursorExpiredError(
                text, where=where, hint="The window was started again from page one; a retry may pass"
            )
        case ErrorKind.NOT_YET_AVAILABLE:
            raise NotYetAvailableError(
                text,
                latest=verdict.latest,
                where=where,
                hint='Wait for the day with a sensor or on_unavailable="wait"',
            )
        case ErrorKind.RATE_LIMITED:
            raise RateLimitedError(
                text,
                retry_after=retry_after(response.headers, now=now),
                where=where,
                hint=(
                    f"The budget of {vendor.requests_per_minute} requests a minute belongs to the whole organization; "
                    "put the tasks that share it into one pool"
                ),
            )
        case ErrorKind.UNAVAILABLE:
            raise VendorUnavailableError(
                text, retry_after=retry_after(response.headers, now=now), where=where, hint="A retry may succeed"
            )
        case ErrorKind.REDIRECT:
            raise InvalidRequestError(
                f"{text}, a redirect, which is never followed: the key goes to the connection's host alone",
                where=where,
                hint="Put the API's own address into the connection's host, or leave it empty",
            )
        case ErrorKind.INVALID_REQUEST:
            raise InvalidRequestError(
                text, where=where, hint="Check dataset, period and options against the vendor's reference"
            )


def _is_html(response: Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.body.lstrip()[:1] == b"<"


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds of a ``Retry-After`` header, which has seconds or an HTTP date; ``None`` without one.

    At most a day: after that the vendor is tried again. A date is compared with the vendor's ``Date`` header, because
    this machine's clock may be wrong.
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


def _parse_error(body: bytes, wire: WireFormat) -> tuple[str, str]:
    """The type and the message of an error body, with e-mail addresses masked; empty if the body has none."""
    try:
        parsed = _error_decoder(wire).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    message = parsed.error.message or bytes(parsed.text)[:_ERROR_TEXT].decode(errors="replace")
    kind = parsed.error.type or str(parsed.error.code or "")
    return foreign_text(kind, MAX_NAME), foreign_text(message)


def _decode_page(body: bytes, wire: WireFormat) -> Any:
    if not body.isascii():
        body.decode()
    decoder = _page_decoder(wire)
    try:
        return decoder.decode(body)
    except msgspec.DecodeError:
        repaired = _ESCAPE.sub(_replace_lone_surrogate, body)
        if repaired == body:
            raise
        return decoder.decode(repaired)


def _replace_lone_surrogate(escape: re.Match[bytes]) -> bytes:
    """Replace half a surrogate pair, as in a truncated title: it is valid JSON, and not valid Unicode text."""
    return rb"\ufffd" if escape["lone"] else escape[0]


def parse_timestamp(text: str) -> datetime:
    """A UTC time from RFC 3339; a date alone is its midnight.

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
