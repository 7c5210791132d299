# SPDX-License-Identifier: Apache-2.0
"""Opaque page cursors: where the next page starts, signed, and bound to a query and an export (sections 5 and 13)."""

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
    """The content of a cursor.

    :param offset: how many units (rows, buckets, or rows that belong together) earlier pages had.
    :param query: the fingerprint of all other parameters.
    :param export: the export of all pages, ``""`` on engagement endpoints.
    :param frozen_end: the default end of all pages, determined by the first page, or ``""`` (section 5).
    """

    offset: int
    query: str
    export: str = ""
    frozen_end: str = ""

    def encode(self) -> str:
        """The cursor as text; it can contain plus signs, slashes and equals signs."""
        payload = json.dumps([self.offset, self.query, self.export, self.frozen_end]).encode()
        return "page_" + base64.b64encode(_sign(payload) + payload).decode()

    @staticmethod
    def decode(text: str) -> Cursor:
        """Decode a cursor.

        :raises ApiError: 400 when it was not issued by this vendor.
        """
        try:
            raw = base64.b64decode(text.removeprefix("page_"), validate=True)
        except ValueError:
            raise cursor_mismatch() from None
        signature, payload = raw[:9], raw[9:]
        if not hmac.compare_digest(signature, _sign(payload)):
            raise cursor_mismatch()
        offset, query, export, frozen_end = json.loads(payload)
        return Cursor(offset, query, export, frozen_end)


def _sign(payload: bytes) -> bytes:
    return hmac.digest(_SECRET, payload, "sha256")[:9]


def fingerprint(path: str, query: Iterable[tuple[str, str]], *, binds_limit: bool) -> str:
    """A digest of the endpoint and all parameters except the cursor.

    :param binds_limit: whether it includes ``limit`` (unknown, section 15.10).
    """
    ignored = {"page", "beta"} if binds_limit else {"page", "beta", "limit"}
    pairs = sorted(pair for pair in query if pair[0] not in ignored)
    return hashlib.blake2s(json.dumps([path, pairs]).encode(), digest_size=9).hexdigest()
