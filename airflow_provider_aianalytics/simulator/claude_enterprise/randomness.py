# SPDX-License-Identifier: Apache-2.0
"""Deterministic random values that depend on labels alone, so that every day and member is generated independently."""

from __future__ import annotations

import hashlib
import uuid

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def random_bytes(size: int, *labels: object) -> bytes:
    """``size`` random bytes, determined by the labels. More bytes start with the same bytes as fewer."""
    return hashlib.shake_256("\x1f".join(map(str, labels)).encode()).digest(size)


def random_number(below: int, *labels: object) -> int:
    """A random integer in ``[0, below)``, determined by the labels."""
    return int.from_bytes(random_bytes(8, *labels), "big") % below


def tagged_id(prefix: str, *labels: object) -> str:
    """An id in the vendor's format: prefix, ``01``, 22 base58 characters (contract section 2)."""
    value, digits = int.from_bytes(random_bytes(17, prefix, *labels), "big"), []
    for _ in range(22):
        value, digit = divmod(value, 58)
        digits.append(_ALPHABET[digit])
    return f"{prefix}01{''.join(digits)}"


def uuid_of(*labels: object) -> str:
    """A UUID, determined by the labels."""
    return str(uuid.UUID(bytes=random_bytes(16, "uuid", *labels), version=4))
