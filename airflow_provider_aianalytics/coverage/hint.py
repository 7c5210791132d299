# SPDX-License-Identifier: Apache-2.0
"""What was read of a table's manifests before, kept beside them by whoever reads them.

It is a hint and no more: an entry counts where the listing shows the very version of the manifest that it was read
from, so that a hint that is old, of another table, or lost in a race costs reads and never says a wrong thing.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import date

import msgspec
import zstandard

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.coverage.landed_day import LandedDay
from airflow_provider_aianalytics.storage.store import FileInfo, Store

log = logging.getLogger(__name__)

NAME = "coverage.hint"
FORMAT = f"2 {__version__}"
"""Another version of this package may read something else from the same manifest."""
WORTH = 8
"""Fewer manifests than these are read faster than a hint of them is written."""
LARGEST = 64 << 20
"""The bytes that a hint is unpacked to at most; a day takes a few hundred."""
_DIGEST = hashlib.sha256().digest_size

Entries = dict[date, tuple[str, LandedDay]]
"""What the manifest of a day says, and the version that says it."""


class _Hint(msgspec.Struct, array_like=True):
    format: str
    vendor: str
    table: str
    entries: Entries


_DECODER = msgspec.msgpack.Decoder(_Hint)


def read_hint(store: Store, folder: str, *, vendor: str, table: str, listed: Mapping[date, FileInfo]) -> Entries:
    """The entries of a table's hint that count.

    :param folder: of the table's manifests.
    :param listed: the manifests that the listing shows.
    """
    try:
        hint = _DECODER.decode(_unpack(store.read(f"{folder}/{NAME}")))
    except Exception as error:  # each store has its own errors, and so has each kind of damage
        log.debug("%s/%s cannot be used: %s", folder, NAME, error)
        return {}
    if (hint.format, hint.vendor, hint.table) != (FORMAT, vendor, table):
        return {}
    return {day: entry for day, entry in hint.entries.items() if day in listed and entry[0] == listed[day].version}


def write_hint(store: Store, folder: str, entries: Entries, *, vendor: str, table: str) -> None:
    """Write the hint of a table, where that is allowed; a lake may be read-only.

    :param folder: of the table's manifests.
    """
    try:
        store.write(f"{folder}/{NAME}", _pack(_Hint(FORMAT, vendor, table, entries)))
    except Exception as error:  # each store has its own
        log.debug("%s/%s cannot be written: %s", folder, NAME, error)


def _pack(hint: _Hint) -> bytes:
    packed = zstandard.ZstdCompressor(3).compress(msgspec.msgpack.encode(hint))
    return hashlib.sha256(packed).digest() + packed


def _unpack(data: bytes) -> bytes:
    """:raises ValueError: when it is damaged."""
    digest, packed = data[:_DIGEST], data[_DIGEST:]
    if hashlib.sha256(packed).digest() != digest:
        raise ValueError("it is damaged")
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=LARGEST)
