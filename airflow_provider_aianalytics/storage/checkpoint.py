# SPDX-License-Identifier: Apache-2.0
"""The pages of unfinished windows, saved so that a later try of the same task run resumes after them."""

from __future__ import annotations

import gzip
import logging
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from isal import igzip, isal_zlib

from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.spool import STALE_AFTER

log = logging.getLogger(__name__)

_MOMENT = "%Y%m%dT%H%M%S"


class PageCheckpoint:
    """Saves the pages of long windows in the lake, beside its tables, until their days are committed.

    A window of one page needs none. A file's name has the time at which the page was read and a checksum over all pages
    of the chain up to it, so pages of two chains are never mixed. A page that cannot be saved is read again, which is
    no reason to fail.

    :param table: the table that the pages are read for.
    :param owner: the name of this series of tries; the pages of other series stay until they are old.
    :param enabled: whether pages may be saved at all.
    """

    def __init__(self, table: LakeTable, owner: str, *, enabled: bool = True) -> None:
        folder = table.root / table.layout.unfinished
        self._table = table
        self._fs = folder.fs
        self._is_local = table.is_local
        self._folder = folder.path
        self._owner = owner
        self._own = f"{folder.path}/{owner}"
        self._names: dict[str, set[str]] = {}
        self._sums: dict[str, int] = {}
        self._enabled = enabled
        # Compression is slower than a disk and faster than a network.
        self._pack: Callable[[bytes], bytes] = bytes if self._is_local else partial(igzip.compress, compresslevel=1)
        self._unpack: Callable[[bytes], bytes] = bytes if self._is_local else gzip.decompress

    def load(self) -> None:
        """Find the pages of earlier tries and remove old ones of other series, in one listing.

        Where no pages may be saved, all pages of the table are removed: they are raw.
        """
        found = self._table.store.list(self._table.layout.unfinished)
        if not self._enabled:
            self._table.store.remove(found)
            return
        others: dict[str, list[str]] = {}
        for path in found:
            owner, name = path.split("/")[-2:]
            if owner == self._owner:
                self._names.setdefault(name.rpartition("~")[0], set()).add(name)
            else:
                others.setdefault(owner, []).append(f"{self._folder}/{owner}/{name}")
        for paths in others.values():
            with suppress(OSError):  # another run has just removed it
                if time.time() - self._fs.modified(paths[0]).timestamp() > STALE_AFTER:
                    self._fs.rm(paths)

    def pages(self, window: Window) -> Iterator[tuple[datetime, bytes]]:
        """The saved pages of a window, in order, up to the first damaged one: when each was read, and its body."""
        names = self._names.get(_key(window), set())
        chain = 0
        for number, name in enumerate(sorted(names), 1):
            body = self._body(name)
            chain = isal_zlib.crc32(body, chain)
            checksum, _, read_at = name.rpartition("-")
            if checksum != _name(window, number, chain):
                self._remove(names, {later for later in names if later >= name})
                return
            yield datetime.strptime(read_at, _MOMENT).replace(tzinfo=UTC), body

    def _body(self, name: str) -> bytes:
        try:
            return self._unpack(self._fs.cat_file(f"{self._own}/{name}"))
        except (OSError, EOFError, zlib.error):
            return b""  # no name has its checksum

    def checkpoint(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Pass pages through, and save each that is not the last."""
        for page in pages:
            if page.next_cursor is not None and self._enabled:
                self._save(page)
            yield page

    def _save(self, page: Page) -> None:
        key = _key(page.window)
        self._sums[key] = isal_zlib.crc32(page.body, self._sums[key] if page.number > 1 else 0)
        name = f"{_name(page.window, page.number, self._sums[key])}-{page.read_at.strftime(_MOMENT)}"
        names = self._names.setdefault(key, set())
        if name in names:
            return
        here = _name(page.window, page.number)
        self._remove(names, {other for other in names if other > here})  # another chain's
        try:
            self._put(f"{self._own}/{name}", self._pack(page.body))
        except Exception as error:  # each store has its own errors
            self._enabled = False
            log.warning("pages are not saved for a retry any more: %s: %s", type(error).__name__, error)
        else:
            names.add(name)

    def _put(self, path: str, data: bytes) -> None:
        if not self._is_local:
            self._fs.pipe_file(path, data)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)  # a file that is cut off fails its checksum

    def drop(self, window: Window) -> None:
        """Remove the pages of a window."""
        names = self._names.get(_key(window), set())
        self._remove(names, set(names))

    def _remove(self, names: set[str], gone: set[str]) -> None:
        if gone:
            with suppress(OSError):
                self._fs.rm([f"{self._own}/{name}" for name in gone])
            names -= gone

    def tidy(self) -> None:
        """Remove empty folders, on a file system."""
        if self._is_local:
            with suppress(OSError):  # others may be reading
                for folder in (Path(self._own), Path(self._folder), Path(self._folder).parent):
                    folder.rmdir()


def _key(window: Window) -> str:
    return f"{window.start:%Y%m%dT%H%M}~{window.end:%Y%m%dT%H%M}"


def _name(window: Window, number: int, chain: int | None = None) -> str:
    prefix = f"{_key(window)}~{number:05}-"
    return prefix if chain is None else f"{prefix}{chain:08x}"
