# SPDX-License-Identifier: Apache-2.0
"""Opaque page cursors: where the next page starts, of which query, of which export (contract sections 5 and 13)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import cursor_mismatch

_SECRET = b"simulated vendor"


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a cursor says.

    :param offset: units (rows, buckets or fanned-out groups of rows) already served.
    :param query: fingerprint of every other parameter.
    :param export: the export being read, ``""`` on engagement endpoints.
    :param frozen_end: the default end that page one fixed for the sequence, or ``""`` (section 5).
    """

    offset: int
    query: str
    export: str = ""
    frozen_end: str = ""

    def encode(self) -> str:
        """The cursor as it travels; plus signs, slashes and equals signs are part of it."""
        payload = json.dumps([self.offset, self.query, self.export, self.frozen_end]).encode()
        return "page_" + base64.b64encode(_sign(payload) + payload).decode()

    @staticmethod
    def decode(text: str) -> Cursor:
        """The cursor, or a 400 when it was never issued here."""
        try:
            raw = base64.b64decode(text.removeprefix("page_"), validate=True)
        except ValueError:
            raise cursor_mismatch() from None
        mark, payload = raw[:9], raw[9:]
        if not hmac.compare_digest(mark, _sign(payload)):
            raise cursor_mismatch()
        offset, query, export, frozen_end = json.loads(payload)
        return Cursor(offset, query, export, frozen_end)


def _sign(payload: bytes) -> bytes:
    return hmac.digest(_SECRET, payload, "sha256")[:9]


def fingerprint(path: str, query: Iterable[tuple[str, str]], *, binds_limit: bool) -> str:
    """What a cursor is bound to: the endpoint and all parameters but the cursor itself.

    :param binds_limit: whether ``limit`` belongs to it (unknown, section 15.10).
    """
    free = {"page", "beta"} if binds_limit else {"page", "beta", "limit"}
    bound = sorted(pair for pair in query if pair[0] not in free)
    return hashlib.blake2s(json.dumps([path, bound]).encode(), digest_size=9).hexdigest()
