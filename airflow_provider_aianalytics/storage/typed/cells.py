# SPDX-License-Identifier: Apache-2.0
"""From JSON to the exact value of one typed cell."""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec
from msgspec import Meta

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.responses import parse_timestamp
from airflow_provider_aianalytics.storage.typed.schema import PRECISION, SCALE
from airflow_provider_aianalytics.vendors.base import ColumnType

INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 19

_WHOLE = PRECISION - SCALE
_PLAIN = rf"^-?(?:0|[1-9][0-9]{{0,{_WHOLE - 1}}})(?:\.[0-9]{{1,{SCALE}}})?\Z"
_PLAIN_NUMBER = re.compile(_PLAIN)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# More than six decimals of a second would be cut off, unless they are zeros.
_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6}0*)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?\Z"
)

Integer = Annotated[int, Meta(ge=INT64.start, le=INT64.stop - 1)]

TYPES: dict[ColumnType, object] = {
    ColumnType.STRING: str,
    ColumnType.INTEGER: Integer,
    ColumnType.NUMBER: float,
    ColumnType.BOOLEAN: bool,
    ColumnType.DATE: date,
    ColumnType.TIMESTAMP: Annotated[str, Meta(pattern=_MOMENT)] | Integer,
    ColumnType.CENTS: Annotated[str, Meta(pattern=_PLAIN)],
}
"""The type that decodes a cell of the usual form exactly.

Amounts stay text that is checked to fit their column. :func:`moment` checks that a time exists.
"""

_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in TYPES.items()}
_RAW_TEXT = msgspec.json.Decoder(str)


class MisfitError(ValueError):
    """The value is not one of its column's type."""


def cell(raw: msgspec.Raw, kind: ColumnType) -> object:
    """The value of a cell in any form that JSON allows.

    :raises MisfitError: when it is of another type.
    :raises MalformedResponseError: when it is an amount that does not fit its column.
    """
    try:
        if kind is ColumnType.CENTS:
            return _amount(raw)
        value = _DECODERS[kind].decode(raw)
        if kind is ColumnType.TIMESTAMP:
            moment(value)
    except msgspec.DecodeError as error:
        number = whole_number(bytes(raw).decode()) if kind is ColumnType.INTEGER else None
        if number is None:
            raise MisfitError(str(error)) from None
        return number
    return value


def whole_number(text: str) -> int | None:
    """An integer of 64 bits, also where it is written ``100.0`` or ``1e3``; ``None`` for any other text."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that no decimal has
        return None
    if number.adjusted() > _INT64_DIGITS or number != number.to_integral_value():
        return None
    return int(number) if int(number) in INT64 else None


def integers(values: Sequence[int | None]) -> array[int] | None:
    """Integers of 64 bits as an array, ``None`` when there is a null among them."""
    try:
        return array("q", struct.pack(f"{len(values)}q", *values))  # in a third of the time of array("q", values)
    except struct.error:
        return None


def moment(value: str | int) -> datetime:
    """A moment from RFC 3339, a date (its midnight, UTC) or Unix seconds.

    :raises MisfitError: when there is no such moment.
    """
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else parse_timestamp(value)
    except (ValueError, OverflowError, OSError) as error:
        raise MisfitError(str(error)) from None


def _amount(raw: msgspec.Raw) -> str:
    """An amount as plain digits, from a string or a number, with an exponent or without."""
    data = bytes(raw)
    text = _RAW_TEXT.decode(data) if data.startswith(b'"') else data.decode()
    if _PLAIN_NUMBER.search(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise MisfitError(f"{text[:40]!r} is no number")
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        raise _does_not_fit(text) from None
    assert isinstance(exponent, int)  # the text has digits: it is finite
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return "0"
    exponent += len(digits) - len(significant)
    if exponent < -SCALE or len(significant) + exponent > _WHOLE:
        raise _does_not_fit(text)
    plain = format(Decimal((0, tuple(map(int, significant)), exponent)), "f")
    return f"-{plain}" if sign else plain


def _does_not_fit(text: str) -> MalformedResponseError:
    return MalformedResponseError(
        f"the amount {text[:80]} has more than {_WHOLE} digits before the point or {SCALE} behind it",
        hint='It would have to be rounded; file_format="ndjson" keeps it as it is',
    )
