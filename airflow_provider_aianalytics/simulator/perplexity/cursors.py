# SPDX-License-Identifier: Apache-2.0
"""Opaque page cursors: where the next page starts, signed, and bound to one query (contract section 2.6)."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from .errors import invalid

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts. ``after`` is the last v2 member of the first day that an earlier page had."""

    start: int
    after: int = -1


class CursorCodec:
    """Encodes and decodes the cursors of one organization.

    :param seed: determines the secret of the signature.
    :param lifetime: the age at which a cursor is rejected; ``None`` means never.
    """

    def __init__(self, seed: int, lifetime: timedelta | None) -> None:
        self._secret = hashlib.sha256(f"perplexity cursor {seed}".encode()).digest()
        self._lifetime = lifetime

    def encode(self, position: Position, fingerprint: str, pinned_end: int | None, now: int) -> str:
        """The cursor of the next page.

        :param fingerprint: see :func:`fingerprint`.
        :param pinned_end: the end that all pages of the query share, if the settings pin it.
        """
        fields = {"v": _VERSION, "q": fingerprint, "n": position.start, "a": position.after, "e": pinned_end, "i": now}
        return self._sign(json.dumps(fields, separators=(",", ":")).encode())

    def decode(self, cursor: str, fingerprint: str, now: int) -> tuple[Position, int | None]:
        """The position and the pinned end of a cursor; any cursor that was not issued for this query is rejected."""
        rejection = invalid("page is not a cursor of this query.")
        encoded = cursor.partition(".")[0]
        try:
            payload = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except ValueError:
            raise rejection from None
        # Base64 can write the same bytes in several ways. Only the one that was issued is accepted.
        if not hmac.compare_digest(self._sign(payload).encode(), cursor.encode(errors="replace")):
            raise rejection
        fields = json.loads(payload)
        if fields["v"] != _VERSION or fields["q"] != fingerprint:
            raise rejection
        if self._lifetime is not None and now - fields["i"] > self._lifetime.total_seconds():
            raise invalid("page has expired.")
        return Position(fields["n"], fields["a"]), fields["e"]

    def _sign(self, payload: bytes) -> str:
        signature = hmac.digest(self._secret, payload, "sha256")[:16]
        return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (payload, signature))


def fingerprint(path: str, params: Mapping[str, str]) -> str:
    """What must be the same on every page: all other parameters as they were sent, including ``limit`` (2.6)."""
    others = sorted((name, value) for name, value in params.items() if name != "page")
    return hashlib.sha256(json.dumps([path, others]).encode()).hexdigest()[:16]
