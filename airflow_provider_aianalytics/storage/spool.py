# SPDX-License-Identifier: Apache-2.0
"""Local folders for files that are not finished yet."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SPOOL = "aianalytics-spool-"
STALE_AFTER = 7 * 24 * 3600
"""The age in seconds from which unfinished files are abandoned: no window takes a week."""


class Spool:
    """Makes temporary folders, and once removes those that killed processes left.

    :param parent: where they are made, created and removed as needed; ``None`` for the system's temporary folder.
    """

    def __init__(self, parent: Path | None) -> None:
        self._parent = parent
        self._cleaned = False

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A new folder, removed in the end."""
        try:
            with _temporary_folder(self._parent) as name:
                folder = Path(name)
                if not self._cleaned:  # once a task run, not for each window and manifest
                    self._cleaned = True
                    _remove_stale(folder)
                yield folder
        finally:
            if self._parent is not None:
                with suppress(OSError):  # not empty: other tasks have folders in it
                    self._parent.rmdir()


def _temporary_folder(parent: Path | None) -> tempfile.TemporaryDirectory[str]:
    while True:
        try:
            if parent is not None:
                parent.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryDirectory(prefix=SPOOL, dir=parent)
        except (FileNotFoundError, FileExistsError):
            if parent is None or _is_no_folder(parent):
                raise
            # another task has just removed the empty parent


def _is_no_folder(path: Path) -> bool:
    try:  # one look: between two, another task can remove the folder
        return not stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return path.is_symlink()


def _remove_stale(new: Path) -> None:
    """Remove the folders of unfinished files that killed processes of this user left.

    Others may write to the same temporary folder, so only this user's own folders are removed and no link is followed.

    :param new: a folder that was just made beside them. Its time is the file system's, which this machine's may differ
        from.
    """
    now = new.lstat().st_mtime
    folders: list[Path] = []
    with suppress(OSError):  # another task may be removing the same folders
        folders += new.parent.glob(f"{SPOOL}*")
    for folder in folders:
        with suppress(OSError):
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if is_ours and now - found.st_mtime > STALE_AFTER:
                shutil.rmtree(folder, ignore_errors=True)
