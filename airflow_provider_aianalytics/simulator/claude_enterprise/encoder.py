# SPDX-License-Identifier: Apache-2.0
"""How records become bytes: valid JSON, spelled the same way every time, and not always as Python would."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

from .settings import ClaudeSettings

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^{}\[\],:"\s]+')
_UNKNOWN = (
    ',"experiment_weight":0.10',
    ',"x_pilot":{"cohort":"caf\\u00E9","since":null}',
    ',"preview_metrics":[1.0,2E+2,{}]',
)


def plain(value: Any) -> str:
    """Compact JSON, UTF-8 kept."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pretty(text: str, depth: int) -> str:
    """Compact JSON with newlines and two blanks a level, ``depth`` levels down; its tokens stay as they are."""
    out: list[str] = []
    words = _TOKEN.findall(text)
    for at, word in enumerate(words):
        if word in "{[":
            depth += 1
            empty = words[at + 1] in "}]"
            out.append(word if empty else word + "\n" + "  " * depth)
        elif word in "}]":
            depth -= 1
            out.append(word if words[at - 1] in "{[" else "\n" + "  " * depth + word)
        elif word == ",":
            out.append(",\n" + "  " * depth)
        else:
            out.append(": " if word == ":" else word)
    return "".join(out)


class JsonEncoder:
    """Spells records and envelopes for one setting of the vendor.

    :param settings: ``spelling``, ``pretty`` and ``unknown_fields`` matter here.
    """

    def __init__(self, settings: ClaudeSettings) -> None:
        self._vendor = settings.spelling == "vendor"
        self._pretty = settings.pretty
        self._unknown = int(settings.unknown_fields * 10_000)

    def text(self, value: str, identity: str) -> str:
        """One JSON string; half of all records escape what is not ASCII, and the slash."""
        if self._vendor and zlib.crc32(identity.encode()) & 1:
            return json.dumps(value).replace("/", "\\/")
        return plain(value)

    def record(self, value: dict[str, Any], identity: str) -> str:
        """One record; ``identity`` decides how it is spelled and whether it has an unknown field."""
        if self._vendor and zlib.crc32(identity.encode()) & 1:
            return self.finish(json.dumps(value, separators=(",", ":")).replace("/", "\\/"), identity)
        return self.finish(plain(value), identity)

    def finish(self, record: str, identity: str) -> str:
        """Add the unknown field that a small share of records carries."""
        if not self._unknown:
            return record
        draw = zlib.crc32(identity.encode(), 17)
        if draw % 10_000 >= self._unknown:
            return record
        return record[:-1] + _UNKNOWN[draw // 10_000 % len(_UNKNOWN)] + "}"

    def item(self, record: str) -> bytes:
        """The bytes of one item exactly as they stand inside a page."""
        return (pretty(record, 2) if self._pretty else record).encode()

    def page(self, key: str, items: Sequence[bytes], before: dict[str, Any], after: dict[str, Any]) -> bytes:
        """A body: the envelope's fields around the items, in the order of the contract's examples."""
        head = "".join(f"{plain(name)}:{plain(value)}," for name, value in before.items())
        tail = "".join(f",{plain(name)}:{plain(value)}" for name, value in after.items())
        if not self._pretty:
            return b"".join((b"{", head.encode(), f'"{key}":['.encode(), b",".join(items), b"]", tail.encode(), b"}"))
        shell = pretty("{" + head + f'"{key}":["@"]' + tail + "}", 0)
        left, right = shell.split('"@"')
        if not items:
            left, right = left.rstrip(), right.lstrip()
        return left.encode() + b",\n    ".join(items) + right.encode()
