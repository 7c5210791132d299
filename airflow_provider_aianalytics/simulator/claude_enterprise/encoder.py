# SPDX-License-Identifier: Apache-2.0
"""Encodes records: valid JSON, always the same for a record, and not always as Python's json module writes it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from ..json_text import compact, pretty
from .settings import ClaudeSettings

_UNKNOWN_FIELDS = (
    ',"experiment_weight":0.10',
    ',"x_pilot":{"cohort":"caf\\u00E9","since":null}',
    ',"preview_metrics":[1.0,2E+2,{}]',
)


class JsonEncoder:
    """Encodes records and envelopes.

    :param settings: ``spelling``, ``pretty`` and ``unknown_fields`` apply.
    """

    def __init__(self, settings: ClaudeSettings) -> None:
        self._escapes = settings.spelling == "vendor"
        self._pretty = settings.pretty
        self._unknown_share = int(settings.unknown_fields * 10_000)

    def string(self, value: str, identity: str) -> str:
        """One JSON string. Half of all records escape the slash and characters that are not ASCII."""
        if self._escapes and zlib.crc32(identity.encode()) & 1:
            return json.dumps(value).replace("/", "\\/")
        return compact(value)

    def record(self, value: dict[str, Any], identity: str) -> str:
        """One record.

        :param identity: determines whether the record is escaped, and whether it has an unknown field.
        """
        if self._escapes and zlib.crc32(identity.encode()) & 1:
            return self.add_unknown_field(json.dumps(value, separators=(",", ":")).replace("/", "\\/"), identity)
        return self.add_unknown_field(compact(value), identity)

    def add_unknown_field(self, record: str, identity: str) -> str:
        """Add an unknown field to a small share of the records."""
        if not self._unknown_share:
            return record
        draw = zlib.crc32(identity.encode(), 17)
        if draw % 10_000 >= self._unknown_share:
            return record
        return record[:-1] + _UNKNOWN_FIELDS[draw // 10_000 % len(_UNKNOWN_FIELDS)] + "}"

    def item(self, record: str) -> bytes:
        """The exact bytes of one item on a page."""
        return (pretty(record, 2) if self._pretty else record).encode()

    def page(self, key: str, items: Sequence[bytes], before: dict[str, Any], after: dict[str, Any]) -> bytes:
        """The body of a page: the items between the other fields of the envelope, in the contract's order."""
        prefix = "".join(f"{compact(name)}:{compact(value)}," for name, value in before.items())
        suffix = "".join(f",{compact(name)}:{compact(value)}" for name, value in after.items())
        if not self._pretty:
            return b"".join(
                (b"{", prefix.encode(), f'"{key}":['.encode(), b",".join(items), b"]", suffix.encode(), b"}")
            )
        frame = pretty("{" + prefix + f'"{key}":["@"]' + suffix + "}", 0)
        opening, closing = frame.split('"@"')
        if not items:
            opening, closing = opening.rstrip(), closing.lstrip()
        return opening.encode() + b",\n    ".join(items) + closing.encode()
