# SPDX-License-Identifier: Apache-2.0
"""A table in the lake: what is known of its days, and the calls that change one."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.exceptions import StorageError
from airflow_provider_aianalytics.file_lock import locked
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.layout import (
    Layout,
    check_path,
    check_table,
    manifest_day,
    partition_day,
)
from airflow_provider_aianalytics.storage.local_store import LocalStore
from airflow_provider_aianalytics.storage.manifest import Manifest, decode_of, encode
from airflow_provider_aianalytics.storage.spool import Spool
from airflow_provider_aianalytics.storage.store import FileInfo, ObjectStore, Store, StoreConflictError
from airflow_provider_aianalytics.threads import run_parallel

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

log = logging.getLogger(__name__)

DRIVER_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure"}
"""The extra of this package that installs the driver of a URL's protocol."""
LISTING_AGE = 60.0
"""Seconds after which the listings of a table are made anew before a day is committed."""
LOCK_WAIT = 300.0
"""Seconds to wait for another run that commits the same day on a file system; a commit takes a few."""


def open_store(root: ObjectStoragePath, vendor: str, spool: Spool | None = None) -> Store:
    """The store of a lake.

    :param root: the lake's path.
    :param vendor: whose files are to be written.
    :param spool: where local files are written before they are published, on a lake on a file system.
    :raises StorageError: when its driver is not installed.
    """
    if is_local(root):
        return LocalStore(Path(root.path), (spool or lake_spool(root, vendor)).folder)
    try:
        return ObjectStore(root)
    except (ImportError, ValueError) as error:
        extra = DRIVER_EXTRAS.get(root.protocol)
        if extra is None or not (isinstance(error, ImportError) or "filesystem" in str(error)):
            raise
        raise StorageError(
            f"the driver of {root.protocol}:// is not installed ({error})",
            where=str(root),
            hint=f"Install it on the workers: pip install 'airflow-provider-aianalytics[{extra}]'",
        ) from None


def is_local(root: ObjectStoragePath) -> bool:
    return root.protocol in ("", "file", "local")


def lake_spool(root: ObjectStoragePath, vendor: str) -> Spool:
    """For a lake on a file system beside its tables and never inside one, so that a file is published by a rename."""
    return Spool(Path(root.path, vendor, "_spool") if is_local(root) else None)


@dataclass(frozen=True, slots=True)
class DayState:
    """What lies in the lake for one day.

    :param files: the files in the day's folder; one, when all is well.
    :param manifest: ``None`` when the day never landed.
    :param manifest_info: what the store says of the manifest's file.
    """

    files: Mapping[str, FileInfo]
    manifest: Manifest | None
    manifest_info: FileInfo | None


@dataclass(slots=True)
class _Listing:
    """The files of a table, listed once for all its days."""

    made_at: float
    files: dict[date, dict[str, FileInfo]] = field(default_factory=dict)
    manifests: dict[date, FileInfo] = field(default_factory=dict)
    revisions: dict[str, dict[str, FileInfo]] | None = None


class LakeTable:
    """One table of one vendor under a path.

    :param path: any URL that ``ObjectStoragePath`` takes.
    :param vendor: the vendor's name.
    :param table: the table's name.
    :param file_format: how its files are written.
    :raises InvalidArgumentError: for a path that is no place, or a name that is no table's.
    """

    def __init__(self, path: str, *, vendor: str, table: str, file_format: FileFormat) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # slow: a DAG file need not wait for it

        # Expand ~ once: fsspec expands it, pathlib does not.
        self.root = ObjectStoragePath(check_path(path))
        self.vendor = vendor
        self.table = check_table(table)
        self.file_format = file_format
        self.is_local = is_local(self.root)
        self.layout = Layout(vendor, table, file_format.suffix)
        self._spool = lake_spool(self.root, vendor)
        self.store = open_store(self.root, vendor, self._spool)
        self._listing: _Listing | None = None
        self._listing_lock = threading.Lock()
        self._changed: set[date] = set()
        self._manifests: dict[date, tuple[FileInfo, Manifest]] = {}

    # --- names --------------------------------------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """The folder of the table's data, relative to the lake's path."""
        return self.layout.data

    def data_file(self, day: date) -> str:
        """The data of a day, relative to the lake's path."""
        return self.layout.data_file(day)

    def manifest_file(self, day: date) -> str:
        """The manifest of a day, relative to the lake's path."""
        return self.layout.manifest_file(day)

    def revision_file(self, day: date, fetched_at: str) -> str:
        """The content that a restatement replaced, relative to the lake's path."""
        return self.layout.revision_file(day, fetched_at)

    def url(self, file: str) -> str:
        """The full URL of a file of the lake."""
        return str(self.root / file)

    # --- reading ------------------------------------------------------------------------------------------------------

    def list_days(self) -> None:
        """List the table's files once, for all days that :meth:`state` and :meth:`manifests` are called for later.

        On a file system nothing is listed: there a day is looked up when it is needed, under its lock.
        """
        if self.is_local:
            return
        made_at = time.monotonic()
        manifests, data = map(self.store.list, (self.layout.manifests, self.layout.data))
        listing = _Listing(made_at)
        for file, info in manifests.items():
            if (day := manifest_day(file)) is not None:
                listing.manifests[day] = info
        for file, info in data.items():
            if (day := partition_day(file)) is not None:
                listing.files.setdefault(day, {})[file] = info
        self._listing = listing
        self._changed = set()

    def landed_days(self) -> list[date]:
        """The days that have a manifest, ascending."""
        if self._listing is not None:
            return sorted(self._listing.manifests)
        days = map(manifest_day, self.store.list(self.layout.manifests))
        return sorted(day for day in days if day is not None)

    def data_files(self) -> dict[str, FileInfo]:
        """All files in the table's folder."""
        if self._listing is not None:
            return {file: info for files in self._listing.files.values() for file, info in files.items()}
        return self.store.list(self.layout.data)

    def state(self, day: date) -> DayState:
        """What lies in the lake for a day.

        :raises AIAnalyticsError: when the manifest cannot be read.
        """
        listing = self._current_listing()
        if listing is not None and day not in self._changed:
            info = listing.manifests.get(day)
            manifest = None if info is None else self._read_manifest(day, info)
            return DayState(listing.files.get(day, {}), manifest, info)
        files = self.store.list(self.layout.day_folder(day))
        info = self.store.info(self.manifest_file(day))
        return DayState(files, None if info is None else self.manifest(day), info)

    def forget(self, day: date) -> None:
        """Look a day up again before anything more is decided about it."""
        self._changed.add(day)
        self._manifests.pop(day, None)

    def manifest(self, day: date) -> Manifest | None:
        """The manifest of a day, ``None`` when it never landed.

        :raises AIAnalyticsError: when it cannot be read.
        """
        file = self.manifest_file(day)
        try:
            data = self.store.read(file)
        except FileNotFoundError:
            return None
        return decode_of(data, vendor=self.vendor, table=self.table, day=day, where=self.url(file))

    def manifests(self, days: Iterable[date]) -> dict[date, Manifest | None]:
        """The manifest of each of some days; several are read at once."""
        listing = self._listing
        wanted = list(days)
        found: dict[date, Manifest | None] = dict.fromkeys(wanted)
        reading = [day for day in wanted if listing is None or day in listing.manifests]
        read = self.manifest if listing is None else self._read_listed_manifest
        if len(reading) < 2:
            return found | {day: read(day) for day in reading}
        _ = self.root.fs  # reads the connection here, and not in several threads at once
        manifests = run_parallel(read, reading, workers=self.store.at_once, name="manifests")
        return found | dict(zip(reading, manifests, strict=True))

    def _read_listed_manifest(self, day: date) -> Manifest | None:
        assert self._listing is not None
        return self._read_manifest(day, self._listing.manifests[day])

    def _read_manifest(self, day: date, info: FileInfo) -> Manifest | None:
        known = self._manifests.get(day)
        if known is not None and info.version and known[0] == info:
            return known[1]
        manifest = self.manifest(day)
        if manifest is not None:
            self._manifests[day] = info, manifest
        return manifest

    def _current_listing(self) -> _Listing | None:
        with self._listing_lock:
            if self._listing is not None and time.monotonic() - self._listing.made_at > LISTING_AGE:
                self.list_days()
            return self._listing

    def revisions(self, day: date) -> dict[str, FileInfo]:
        """The replaced contents of a day that lie in the lake, listed in its manifest or not."""
        folder = self.layout.day_revisions(day)
        listing = self._listing
        if listing is None or day in self._changed:
            return self.store.list(folder)
        with self._listing_lock:
            if listing.revisions is None:
                # A table without a day has replaced nothing.
                has_days = listing.manifests or listing.files
                listing.revisions = _by_folder(self.store.list(self.layout.revisions)) if has_days else {}
        return listing.revisions.get(folder, {})

    def verify(self, manifest: Manifest, info: FileInfo | None = None) -> bool:
        """Whether the data of a day is there, and is what its manifest says.

        Read only where the store does not report its digest: two runs that wrote at the same time, or a write that was
        applied after its process had been killed, can leave the file of one beside the manifest of the other.

        :param info: the file's entry in a listing.
        """
        info = info or self.store.info(manifest.file)
        if info is None or manifest.file_bytes not in (None, info.size):
            return False
        if self.is_local:
            return self.matches(Path(self.root.path, manifest.file), manifest)
        if manifest.file_md5 in (None, info.md5):  # older manifests have none
            return True
        with self.spool() as folder:
            try:
                self.store.download(manifest.file, folder / "copy")
            except FileNotFoundError:
                return False
            return self.matches(folder / "copy", manifest)

    def matches(self, file: Path, manifest: Manifest) -> bool:
        """Whether a local file is what a manifest says; older manifests have no digest of a compressed file."""
        if manifest.file_md5 is not None:
            return digest(file, md5) == manifest.file_md5
        return not self.file_format.is_plain or digest(file, hashlib.sha256) == manifest.sha256

    def file_md5(self, file: Path) -> str | None:
        """The digest of a finished local file as stores report it, ``None`` where the content's digest is the same."""
        return None if self.is_local and self.file_format.is_plain else digest(file, md5)

    # --- writing ------------------------------------------------------------------------------------------------------

    def spool(self) -> AbstractContextManager[Path]:
        """A local folder for files that are not finished yet."""
        return self._spool.folder()

    @contextmanager
    def lock_day(self, day: date) -> Iterator[None]:
        """Let one process at a time commit a day, where the lake is on a file system that can lock.

        Object stores have no locks; there a conditional write, or the next run's check, finds what another run wrote.

        :raises StorageError: when another process holds the day for longer than any commit takes.
        """
        if not self.is_local:
            yield
            return
        folder = Path(self.root.path, self.layout.day_folder(day))
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, wait=LOCK_WAIT) as is_free:
            if not is_free:
                raise StorageError(
                    f"another process has been committing this day for {LOCK_WAIT:.0f} s",
                    where=str(folder),
                    hint="End the process that hangs (fuser names it) and run the task again",
                )
            yield

    def publish(self, finished: Path, file: str, *, expected: FileInfo | bool | None = True) -> None:
        """Put a finished local file in its place, by one call that a reader sees wholly or not at all."""
        self.store.publish(finished, file, expected=expected)

    def publish_manifest(self, manifest: Manifest, *, expected: FileInfo | bool | None = True) -> None:
        self.store.write(self.manifest_file(manifest.date), encode(manifest), expected=expected)

    def save_revision(self, old: Manifest, seen: FileInfo, taken: Collection[str | None] = ()) -> str:
        """Copy the data of a day beside the lake's tables before it is replaced.

        :param old: the manifest of the content that is replaced.
        :param seen: the file's entry in a listing.
        :param taken: the revisions of the day so far, which are not written over: a clock that is set back shows the
            same time twice.
        :return: where the copy is, relative to the lake's path.
        :raises StoreConflictError: when the data is no longer what the manifest says.
        """
        names = chain([old.fetched_at], (f"{old.fetched_at}-{number}" for number in count(len(old.revisions))))
        file = next(file for name in names if (file := self.revision_file(old.date, name)) not in taken)
        if seen.md5 is not None and seen.md5 == old.file_md5 and self.store.copy(old.file, file, seen):
            return file
        with self.spool() as folder:
            copy = folder / "copy"
            try:
                self.store.download(old.file, copy)
            except FileNotFoundError as error:
                raise StoreConflictError(str(error)) from error
            if not self.matches(copy, old):
                raise StoreConflictError(f"{old.file} was replaced")
            self.publish(copy, file)
        return file


def _by_folder(files: Mapping[str, FileInfo]) -> dict[str, dict[str, FileInfo]]:
    found: dict[str, dict[str, FileInfo]] = {}
    for file, info in files.items():
        found.setdefault(file.rpartition("/")[0], {})[file] = info
    return found


md5 = partial(hashlib.md5, usedforsecurity=False)


def digest(file: Path, algorithm: Callable[[], hashlib._Hash]) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
