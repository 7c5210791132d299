# SPDX-License-Identifier: Apache-2.0
"""A lake on a file system: files are published by a rename, and a day is locked while it is committed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from airflow_provider_aianalytics.storage.store import FileInfo, Store, storage_errors

SETTLED_AFTER = 2_000_000_000
"""Nanoseconds after which a file's time is surely another than that of a file that replaces it."""


class LocalStore(Store):
    """A folder of a file system.

    Conditions on a write are not checked: whoever writes a day holds its lock.

    :param root: the lake's folder.
    :param spool: gives a folder for an unfinished file, on the lake's file system.
    """

    at_once = 4  # a few hide the disk's latency; more only wait for Python's lock

    def __init__(self, root: Path, spool: Callable[[], AbstractContextManager[Path]]) -> None:
        self._root = root
        self._spool = spool

    def list(self, folder: str) -> dict[str, FileInfo]:
        found: dict[str, FileInfo] = {}
        for name, info in self.children(folder).items():
            path = f"{folder}/{name}"
            found.update(self.list(path) if info is None else {path: info})
        return found

    def children(self, folder: str) -> dict[str, FileInfo | None]:
        found: dict[str, FileInfo | None] = {}
        path = self._root / folder
        with (
            storage_errors(str(path)),
            suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(path) as entries,
        ):
            for entry in entries:
                with suppress(FileNotFoundError):  # removed meanwhile
                    found[entry.name] = None if entry.is_dir() else _file_info(entry.stat())
        return found

    def info(self, file: str) -> FileInfo | None:
        try:
            return _file_info((self._root / file).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, file: str) -> bytes:
        path = self._root / file
        with storage_errors(str(path)):
            return path.read_bytes()

    def read_listed(self, file: str, seen: FileInfo) -> tuple[bytes, bool]:
        path = self._root / file
        with storage_errors(str(path)), path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            # Two files that were written in one tick of the clock can have the same times.
            is_settled = time.time_ns() - status.st_mtime_ns > SETTLED_AFTER
            return stream.read(), is_settled and _file_info(status) == seen

    def download(self, file: str, target: Path) -> None:
        path = self._root / file
        with storage_errors(str(path)):
            shutil.copyfile(path, target)

    def publish(self, finished: Path, file: str, *, expected: FileInfo | bool | None = True) -> None:
        path = self._root / file
        with storage_errors(str(path)):
            _sync(finished)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(finished, path)
            _sync(path.parent)

    def write(self, file: str, data: bytes, *, expected: FileInfo | bool | None = True) -> None:
        with storage_errors(str(self._root / file)), self._spool() as folder:
            finished = folder / "manifest"
            finished.write_bytes(data)
            self.publish(finished, file)

    def remove(self, files: Iterable[str]) -> None:
        for file in files:
            path = self._root / file
            with storage_errors(str(path)):
                path.unlink(missing_ok=True)


def _file_info(status: os.stat_result) -> FileInfo:
    version = f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    return FileInfo(status.st_size, version=version)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
