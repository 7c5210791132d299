# SPDX-License-Identifier: Apache-2.0
"""Where a table's days are, and how one is committed so that a reader sees all of it or none of it."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import logging
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.manifest import Manifest, decode_of, encode

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

log = logging.getLogger(__name__)

SPOOL = "aianalytics-spool-"
READERS = 16
"""How many manifests are read at once: enough to hide an object store's latency, few enough to hold."""
STALE_AFTER = 7 * 24 * 3600
"""The age in seconds from which a folder of unfinished files is not anybody's any more: no window takes a week."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_MANIFEST = re.compile(r"(\d{4}-\d\d-\d\d)\.json")


def check_table(table: str) -> str:
    """A table's name is one plain path segment.

    :raises InvalidArgumentError: when it could lead out of the lake or hide from its readers.
    """
    if not _NAME.fullmatch(table):
        raise InvalidArgumentError(
            f"table {table!r} is not a name: letters, digits, '_', '-' and '.', not beginning with a sign"
        )
    return table


def tables_under(root: ObjectStoragePath) -> list[tuple[str, str]]:
    """The vendor and the name of each table that has a folder of manifests under a lake's path, sorted."""
    return [(vendor, table) for vendor in _folders(root) for table in _folders(root / _manifests(vendor))]


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest in a listing.

    :param path: in the lake's file system.
    :param tag: another for another content, empty where the store's listing has nothing of the kind.
    """

    path: str
    tag: str


def manifests_under(root: ObjectStoragePath, *, vendor: str, table: str) -> dict[date, ManifestFile]:
    """Where each landed day of a table has its manifest, ascending; one listing."""
    days: dict[date, ManifestFile] = {}
    for entry in _entries(root / _manifests(vendor) / table, detail=True):
        name = _MANIFEST.fullmatch(entry["name"].rpartition("/")[2])
        with suppress(ValueError):  # no day has that name
            if name:
                days[date.fromisoformat(name[1])] = ManifestFile(entry["name"], _tag(entry))
    return dict(sorted(days.items()))


def _tag(entry: Mapping[str, Any]) -> str:
    found = [entry.get(name) for name in ("ETag", "etag", "generation")]
    if entry.get("mtime"):  # on a disk, where each manifest is a new file
        found += [entry.get(name) for name in ("mtime", "ino", "size")]
    return " ".join(str(part) for part in found if part)


def _manifests(vendor: str) -> str:
    return f"{vendor}/_manifests"


def _folders(path: ObjectStoragePath) -> list[str]:
    """The folders directly in a folder that can be a vendor's or a table's, sorted; none where it does not exist."""
    found = (
        entry["name"].rstrip("/").rpartition("/")[2]
        for entry in _entries(path, detail=True)
        if entry["type"] == "directory"
    )
    return sorted(name for name in found if _NAME.fullmatch(name))


def _entries(path: ObjectStoragePath, *, detail: bool) -> list[Any]:
    path.fs.invalidate_cache(path.path)
    try:
        return list(path.fs.ls(path.path, detail=detail))
    except (FileNotFoundError, NotADirectoryError):
        return []


class LakeTable:
    """One table of one vendor under a path.

    :param path: any URL that ``ObjectStoragePath`` takes.
    :param vendor: the vendor's name.
    :param table: the table's name.
    :param file_format: how its files are written.
    """

    def __init__(self, path: str, *, vendor: str, table: str, file_format: FileFormat) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # slow: a DAG file need not wait for it

        # The file system would read in the home folder what is written by paths beside it.
        self.root = ObjectStoragePath(os.path.expanduser(path))
        self.vendor = vendor
        self.table = check_table(table)
        self.file_format = file_format
        self.is_local = self.root.protocol in ("", "file", "local")
        self._is_tidy = False

    # --- the layout ---------------------------------------------------------------------------------------------------

    def data_file(self, day: date) -> str:
        """The data of a day, relative to the lake's path."""
        return f"{self.folder}/date={day.isoformat()}/{self.table}{self.file_format.suffix}"

    @property
    def folder(self) -> str:
        """The folder of the table's data, relative to the lake's path."""
        return f"{self.vendor}/{self.table}"

    def manifest_file(self, day: date) -> str:
        """The manifest of a day, relative to the lake's path."""
        return f"{_manifests(self.vendor)}/{self.table}/{day.isoformat()}.json"

    def revision_file(self, day: date, fetched_at: str) -> str:
        """What a restatement replaced, relative to the lake's path; no colons, which some file systems refuse."""
        name = fetched_at.replace(":", "")
        return f"{self.vendor}/_revisions/{self.table}/{day.isoformat()}/{name}{self.file_format.suffix}"

    def revision_path(self, old: Manifest) -> str:
        """Where the content of a manifest is kept when it is replaced.

        A clock that is set back can tell the same moment twice; what is listed already is never written over.
        """
        file = self.revision_file(old.date, old.fetched_at)
        if file in {revision.file for revision in old.revisions}:
            file = self.revision_file(old.date, f"{old.fetched_at}-{len(old.revisions)}")
        return file

    def url(self, file: str) -> str:
        """The full URL of a file of the lake."""
        return str(self.root / file)

    # --- reading ------------------------------------------------------------------------------------------------------

    def manifest(self, day: date) -> Manifest | None:
        """What is known of a day, ``None`` when it never landed."""
        path = self.root / self.manifest_file(day)
        try:
            # In one request: a file that is opened and then read can be replaced in between.
            data: bytes = path.fs.cat_file(path.path)
        except FileNotFoundError:
            return None
        return decode_of(data, vendor=self.vendor, table=self.table, day=day, where=str(path))

    def manifests(self, days: Iterable[date]) -> dict[date, Manifest | None]:
        """What is known of each of some days; several are read at once."""
        asked = list(days)
        _ = self.root.fs  # which reads its connection: here, and not in several threads at once
        pool = ThreadPoolExecutor(READERS)
        try:
            return dict(zip(asked, pool.map(self.manifest, asked), strict=True))
        finally:
            # Who only reads need not be waited for: the SIGTERM of a task, which is an exception here, can hit a lock
            # of the pool that was just taken, and its threads would never come back.
            pool.shutdown(wait=False, cancel_futures=True)

    def exists(self, file: str) -> bool:
        path = self.root / file
        # Every task of this process shares the file system, and with it the listings that any of them made.
        path.fs.invalidate_cache(path.parent.path)
        return path.exists()

    def verify(self, manifest: Manifest) -> bool:
        """Whether the data of a day is there, and is what its manifest says.

        Read only where the store does not tell its digest: two runs that wrote at the same time, or a write that was
        applied after its process had been killed, can leave the file of one beside the manifest of the other.
        """
        path = self.root / manifest.file
        path.fs.invalidate_cache(path.parent.path)
        try:
            info = path.fs.info(path.path)
        except FileNotFoundError:
            return False
        if manifest.file_bytes not in (None, info["size"]):
            return False
        if self.is_local:
            return self._matches(Path(path.path), manifest)
        if manifest.file_md5 in (None, _reported_md5(info)):  # older manifests do not tell it
            return True
        with self.spool() as folder:
            return self._matches(self._copy(manifest.file, folder), manifest)

    def file_md5(self, file: Path) -> str | None:
        """The digest of a finished local file as stores tell it, ``None`` where the content's says as much."""
        return None if self.is_local and self.file_format.is_plain else _digest(file, _md5)

    def _matches(self, file: Path, manifest: Manifest) -> bool:
        """Whether a local file is what a manifest says, as far as it tells: older ones do not of compressed files."""
        if manifest.file_md5 is not None:
            return _digest(file, _md5) == manifest.file_md5
        return not self.file_format.is_plain or _digest(file, hashlib.sha256) == manifest.sha256

    def _copy(self, file: str, folder: Path) -> Path:
        """Copy a file of the lake into a local folder."""
        source, copy = self.root / file, folder / "copy"
        # Not by the store's own copy: Azure's may go on after the call, and fails when its source is replaced.
        source.fs.get_file(source.path, str(copy))
        return copy

    # --- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def spool(self) -> Iterator[Path]:
        """A local folder for files that are not finished yet.

        For a lake on a file system it is on that file system, beside the tables and never inside one, so that a file
        is published by a rename and nothing half-written is ever where a reader looks.
        """
        parent = Path(self.root.path) / self.vendor / "_spool" if self.is_local else None
        if not self._is_tidy:  # once a task run, not for each window and manifest
            self._is_tidy = True
            _remove_leftovers(parent or Path(tempfile.gettempdir()))
        try:
            with _temporary_folder(parent) as folder:
                yield Path(folder)
        finally:
            if parent is not None:
                with suppress(OSError):  # others may be spooling
                    parent.rmdir()

    @contextmanager
    def lock_day(self, day: date) -> Iterator[None]:
        """Let one process at a time commit a day, where the lake is on a file system that can lock.

        Object stores have nothing of the kind. What two runs leave there that commit a day in the same moment, the next
        one notices by :meth:`verify`.
        """
        if not self.is_local:
            yield
            return
        folder = Path(self.root.path, self.data_file(day)).parent
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not every network file system can
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def publish(self, spooled: Path, file: str) -> None:
        """Put a finished local file in its place, by one call that a reader sees wholly or not at all.

        ``open(…, "wb")`` is no such call on any fsspec file system: an exception inside its ``with`` commits what was
        written so far.
        """
        target = self.root / file
        if self.is_local:
            _rename(spooled, Path(target.path))
        else:
            target.fs.put_file(str(spooled), target.path)

    def publish_manifest(self, manifest: Manifest) -> None:
        target = self.root / self.manifest_file(manifest.date)
        data = encode(manifest)
        if self.is_local:
            with self.spool() as folder:
                spooled = folder / "manifest"
                spooled.write_bytes(data)
                _rename(spooled, Path(target.path))
        else:
            target.fs.pipe_file(target.path, data)

    def save_revision(self, old: Manifest) -> str | None:
        """Copy the data of a day beside the lake's tables before it is replaced.

        An existing copy is left alone: it is what an interrupted commit was about to replace.

        :param old: the manifest of the content that is replaced.
        :return: where that content is kept, relative to the lake's path; ``None`` where it is gone: what lies in its
            place is kept then under its digest.
        """
        file = self.revision_path(old)
        if self.exists(file):
            return file
        if not self.exists(old.file):
            return None
        with self.spool() as folder:
            copy = self._copy(old.file, folder)
            if not self._matches(copy, old):
                stray = self.revision_file(old.date, f"of-no-manifest-{_digest(copy, _md5)}")
                log.warning("%s is not what its manifest says; kept as %s", self.url(old.file), stray)
                self.publish(copy, stray)
                return None
            self.publish(copy, file)
        return file

    def drop_revision(self, file: str) -> None:
        with suppress(FileNotFoundError):
            (self.root / file).unlink()


def _temporary_folder(parent: Path | None) -> tempfile.TemporaryDirectory[str]:
    while True:
        try:
            if parent is not None:
                parent.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryDirectory(prefix=SPOOL, dir=parent)
        except (FileNotFoundError, FileExistsError):
            if parent is None:
                raise
            # another who was done with it has just tidied the parent away


def _remove_leftovers(parent: Path) -> None:
    """Remove the folders of unfinished files that killed processes of this user left.

    The parent may be a temporary folder that everybody writes to: nothing else is touched, and no link followed.
    """
    folders: list[Path] = []
    with suppress(OSError):  # others may be tidying too, also the parent itself
        folders += parent.glob(f"{SPOOL}*")
    for folder in folders:
        with suppress(OSError):
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if is_ours and time.time() - found.st_mtime > STALE_AFTER:
                shutil.rmtree(folder, ignore_errors=True)


_md5 = partial(hashlib.md5, usedforsecurity=False)


def _digest(file: Path, algorithm: Callable[[], hashlib._Hash]) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _reported_md5(info: Mapping[str, Any]) -> str | None:
    """What a store tells of an object without reading it. S3's may be of another kind: a difference is no proof."""
    if tag := info.get("ETag"):
        return str(tag).strip('"')
    if text := info.get("md5Hash"):
        return base64.b64decode(text).hex()
    settings = info.get("content_settings") or {}
    return bytes(settings["content_md5"]).hex() if settings.get("content_md5") else None


def _rename(spooled: Path, final: Path) -> None:
    _sync(spooled)
    final.parent.mkdir(parents=True, exist_ok=True)
    os.replace(spooled, final)
    _sync(final.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
