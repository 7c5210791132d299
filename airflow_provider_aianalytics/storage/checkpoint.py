# SPDX-License-Identifier: Apache-2.0
"""The pages of windows that are not finished: a later try of the same task run goes on behind them."""

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
    """Keeps the pages of long windows in the lake, beside its tables, until their days are committed.

    A window of one page enabled nothing. A file's name tells when the page came, and holds a checksum over its chain of
    pages up to it, so that pages of two chains are never taken for one. What cannot be kept is read again: that is no
    reason to fail.

    :param table: the table that the pages are read for.
    :param owner: the name of this series of tries; another's pages are left alone until they are old.
    :param enabled: whether pages may be kept at all.
    """

    def __init__(self, table: LakeTable, owner: str, *, enabled: bool = True) -> None:
        folder = table.root / f"{table.vendor}/_unfinished/{table.table}"
        self._fs = folder.fs
        self._is_local = table.is_local
        self._folder = folder.path
        self._own = f"{folder.path}/{owner}"
        self._names: dict[str, set[str]] = {}
        self._sums: dict[str, int] = {}
        self._enabled = enabled
        # Packing costs more than a disk, and less than a network.
        self._pack: Callable[[bytes], bytes] = bytes if self._is_local else partial(igzip.compress, compresslevel=1)
        self._unpack: Callable[[bytes], bytes] = bytes if self._is_local else gzip.decompress

    def load(self) -> None:
        """Look up what earlier tries left, and remove what others left long ago; one listing.

        Where no pages may be saved, all of the table's pages are removed, whoever left them: they are raw.
        """
        self._fs.invalidate_cache(self._folder)
        try:
            found = self._fs.find(self._folder)
        except FileNotFoundError:
            return
        if not self._enabled:
            for path in found:
                with suppress(FileNotFoundError):  # another run removes them too
                    self._fs.rm_file(path)
            return
        others: dict[str, list[str]] = {}
        for path in found:
            owner, _, name = path.rpartition("/")
            if owner.endswith(self._own):
                self._names.setdefault(name.rpartition("~")[0], set()).add(name)
            else:
                others.setdefault(owner, []).append(path)
        for paths in others.values():
            with suppress(OSError):  # its owner, or another, has just removed it
                if time.time() - self._fs.modified(paths[0]).timestamp() > STALE_AFTER:
                    self._fs.rm(paths)

    def pages(self, window: Window) -> Iterator[tuple[datetime, bytes]]:
        """A window's first pages, in order, as far as they were kept whole: when they came, and their bodies."""
        names = self._names.get(_key(window), set())
        chain = 0
        for number, name in enumerate(sorted(names), 1):
            body = self._body(name)
            chain = isal_zlib.crc32(body, chain)
            told, _, came = name.rpartition("-")
            if told != _name(window, number, chain):
                self._remove(names, {later for later in names if later >= name})
                return
            yield datetime.strptime(came, _MOMENT).replace(tzinfo=UTC), body

    def _body(self, name: str) -> bytes:
        try:
            return self._unpack(self._fs.cat_file(f"{self._own}/{name}"))
        except (OSError, EOFError, zlib.error):
            return b""  # which no name is the checksum of

    def checkpoint(self, pages: Iterable[Page]) -> Iterator[Page]:
        """The same pages; those that another one follows are kept as they come."""
        for page in pages:
            if page.next_cursor is not None and self._enabled:
                self._keep(page)
            yield page

    def _keep(self, page: Page) -> None:
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
        except Exception as error:  # each store has its own
            self._enabled = False
            log.warning("No more pages are kept for a retry: %s: %s", type(error).__name__, error)
        else:
            names.add(name)

    def _put(self, path: str, data: bytes) -> None:
        if not self._is_local:
            self._fs.pipe_file(path, data)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)  # cut off by a kill or a power failure, it fails its checksum

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
        """Leave no empty folders behind, where there are such."""
        if self._is_local:
            with suppress(OSError):  # others may be reading
                for folder in (Path(self._own), Path(self._folder), Path(self._folder).parent):
                    folder.rmdir()


def _key(window: Window) -> str:
    return f"{window.start:%Y%m%dT%H%M}~{window.end:%Y%m%dT%H%M}"


def _name(window: Window, number: int, chain: int | None = None) -> str:
    beginning = f"{_key(window)}~{number:05}-"
    return beginning if chain is None else f"{beginning}{chain:08x}"
