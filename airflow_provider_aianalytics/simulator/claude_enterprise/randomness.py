# SPDX-License-Identifier: Apache-2.0
"""Randomness that needs no history: any day, member or id can be drawn on its own."""

from __future__ import annotations

import hashlib
import uuid

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def random_bytes(size: int, *labels: object) -> bytes:
    """``size`` bytes that depend on the labels alone; a longer draw starts with the shorter one."""
    return hashlib.shake_256("\x1f".join(map(str, labels)).encode()).digest(size)


def number(below: int, *labels: object) -> int:
    """One whole number in ``[0, below)`` that depends on the labels alone."""
    return int.from_bytes(random_bytes(8, *labels), "big") % below


def tagged(prefix: str, *labels: object) -> str:
    """An id as the vendor spells it: prefix, ``01``, 22 base58 characters (contract section 2)."""
    value, letters = int.from_bytes(random_bytes(17, prefix, *labels), "big"), []
    for _ in range(22):
        value, rest = divmod(value, 58)
        letters.append(_ALPHABET[rest])
    return f"{prefix}01{''.join(letters)}"


def uuid_of(*labels: object) -> str:
    """A stable UUID."""
    return str(uuid.UUID(bytes=random_bytes(16, "uuid", *labels), version=4))
