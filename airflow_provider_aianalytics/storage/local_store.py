# SPDX-License-Identifier: Apache-2.0
"""A lake on a file system: files are published by a rename, and a day is locked while it is committed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from airflow_provider_aianalytics.storage.store import FileInfo, Store, storage_errors


class LocalStore(Store):
    """A folder of a file system.

    Conditions on a write are not checked: whoever writes a day holds its lock.

    :param root: the lake's folder.
    :param spool: gives a folder for an unfinished file, on the lake's file system.
    """

    def __init__(self, root: Path, spool: Callable[[], AbstractContextManager[Path]]) -> None:
        self._root = root
        self._spool = spool

    def list(self, folder: str) -> dict[str, FileInfo]:
        found: dict[str, FileInfo] = {}
        with storage_errors(str(self._root / folder)):
            for parent, _, names in os.walk(self._root / folder):
                for name in names:
                    path = Path(parent, name)
                    with suppress(FileNotFoundError):
                        found[path.relative_to(self._root).as_posix()] = FileInfo(path.stat().st_size)
        return found

    def info(self, file: str) -> FileInfo | None:
        try:
            return FileInfo((self._root / file).stat().st_size)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, file: str) -> bytes:
        path = self._root / file
        with storage_errors(str(path)):
            return path.read_bytes()

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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
