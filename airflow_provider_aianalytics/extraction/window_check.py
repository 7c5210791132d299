# SPDX-License-Identifier: Apache-2.0
"""What a window's pages must be before their days count: proved here, and nowhere assumed.

- A bucket starts on the grid of the width that was requested, is as long as that width, and lies in the window.
- The buckets of a series tile the window: none twice, none missing. A missing bucket is never a zero.
- A chain of pages is one answer: one watermark, and no row twice.
- A day is final by the export that was served, not by the clock.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import msgspec

from airflow_provider_aianalytics.vendors.base import Dataset

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RowKey = tuple[bytes, ...]
Head = tuple[bytes, ...]


@lru_cache(maxsize=4096)
def bucket_error(start: datetime, end: datetime, width: timedelta) -> str | None:
    """Why bounds are not those of a bucket, ``None`` if they are.

    :param start: UTC.
    :param end: exclusive, UTC.
    :param width: the width that was requested.
    """
    if end - start != width:
        return f"a bucket from {_text(start)} to {_text(end)} is not {width} long, the width requested"
    if (start - _EPOCH) % width:
        return f"a bucket starts at {_text(start)}, which is not on the grid of {width}"
    return None


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class RepeatedRows:
    """Notices a row that comes twice, on one page or on two neighbouring ones, in the memory of one page.

    :param dataset: its ``row_key`` identifies a row.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._names = dataset.row_key
        self._head = _head_pattern(dataset.row_key)
        self._heads: set[Head] = set()
        self._rows: Sequence[msgspec.Raw] = ()
        self._keys: list[RowKey] | None = None

    def clear(self) -> None:
        """Forget the last page, since the chain starts again."""
        self._heads, self._rows, self._keys = set(), (), None

    def add_page(self, rows: Sequence[msgspec.Raw]) -> bool:
        """Take the next page.

        :return: whether one of its rows was served before, or is on it twice.
        """
        if not rows:
            return False  # the pages around an empty one are neighbours
        heads = _heads(self._head, rows)
        repeats, keys = False, None
        # Rows with the same key have the same head, so that others need not be decoded.
        has_heads = len(heads) == len(rows) and len(self._heads) == len(self._rows)
        if not has_heads or not heads.isdisjoint(self._heads):
            keys = self._keys_of(rows)
            before = self._keys_of(self._rows) if self._keys is None else self._keys
            repeats = len(set(keys)) < len(keys) or not set(before).isdisjoint(keys)
        self._heads, self._rows, self._keys = heads, rows, keys
        return repeats

    def _keys_of(self, rows: Sequence[msgspec.Raw]) -> list[RowKey]:
        return [key for key in (row_key(row, self._names) for row in rows) if key is not None]


def row_key(row: msgspec.Raw, names: tuple[str, ...]) -> RowKey | None:
    """The values that identify a row, however they are spelled; ``None`` if it has none of them, or is no object.

    :param names: fields, or fields of objects such as ``user.id``. An object without it counts as a whole.
    """
    try:
        values = msgspec.structs.astuple(_key_decoder(names).decode(row))
    except msgspec.DecodeError:
        return None
    key = tuple(map(_identity, values, names))
    return key if any(key) else None


def _identity(value: Any, name: str) -> bytes:
    if value is None:
        return b""
    inner = name.partition(".")[2]
    if isinstance(value, dict) and value.get(inner):
        value = [value[inner]]
    return _encode_key(value)


_encode_key = msgspec.json.Encoder(order="sorted").encode


@cache
def _head_pattern(names: tuple[str, ...]) -> re.Pattern[bytes]:
    """The first field of a row if it is the first of its key, written without spaces and escapes: one key, one head."""
    name, _, inner = (re.escape(part).encode() for part in (names[0] if names else "").partition("."))
    text = rb'"([^"\\]*")'
    value = rb'\{(?:"[^"\\]*":"[^"\\]*",)*?"%s":%s' % (inner, text) if inner else text
    return re.compile(rb'\{"%s":%s' % (name, value))


def _heads(pattern: re.Pattern[bytes], rows: Sequence[msgspec.Raw]) -> set[Head]:
    """The heads of the rows that have one."""
    first = pattern.match(rows[0])
    heads = None if first is None else _equally_long_heads(rows, *first.span(1))
    return heads or {match.groups() for match in map(pattern.match, rows) if match is not None}


def _equally_long_heads(rows: Sequence[msgspec.Raw], start: int, end: int) -> set[Head] | None:
    """What the pattern finds, in half the time, where all heads lie where that of the first row does; else ``None``."""
    width = end - start
    try:
        openings = set(map(struct.Struct(f"{start}s").unpack_from, rows))
        heads = set(map(struct.Struct(f"{start}x{width}s").unpack_from, rows))
    except struct.error:  # a row is shorter
        return None
    text = b"".join(chain.from_iterable(heads))
    are_texts = text.count(b'"') == text[width - 1 :: width].count(b'"') == len(heads) and b"\\" not in text
    return heads if len(openings) == 1 and are_texts else None


@cache
def _key_decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    fields: list[tuple[str, Any, Any]] = [(f"key_{number}", Any, None) for number in range(len(names))]
    rename = {f"key_{number}": name.partition(".")[0] for number, name in enumerate(names)}
    return msgspec.json.Decoder(msgspec.defstruct("RowKey", fields, rename=rename))
