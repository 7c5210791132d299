# SPDX-License-Identifier: Apache-2.0
"""Files that no manifest describes: what they hold, and how they are saved before a day is replaced.

They are left by a run that was killed before it wrote its manifest, by a manifest that was lost or moved away, or by
two runs that committed a day at the same moment.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from airflow_provider_aianalytics.storage.lake import LakeTable, digest, md5
from airflow_provider_aianalytics.storage.manifest import Manifest, Revision
from airflow_provider_aianalytics.storage.store import StoreConflictError

log = logging.getLogger(__name__)

CHUNK = 1 << 20
PREFIX = "of-no-manifest-"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A file that no manifest describes.

    :param file: where it is, relative to the lake's path.
    :param rows: ``None`` for a file that cannot be read.
    :param sha256: the digest of the uncompressed content; of a file that cannot be read, its own.
    :param md5: the digest of the file as it is.
    """

    file: str
    rows: int | None
    sha256: str
    md5: str

    def revisions(self, file: str, found_at: str) -> list[Revision]:
        """The entry for a manifest; none for a damaged file, which no reader could use.

        :param file: where the content is saved.
        """
        if self.rows is None:
            return []
        return [Revision(fetched_at=found_at, rows=self.rows, sha256=self.sha256, file=file)]


def describe(table: LakeTable, file: str) -> Orphan:
    """Read a file of the lake that no manifest describes.

    :raises StoreConflictError: when it is gone.
    """
    with table.spool() as folder:
        copy = folder / "copy"
        _download(table, file, copy)
        rows, sha256 = _content(copy, file)
        return Orphan(file, rows, sha256, digest(copy, md5))


def save(table: LakeTable, orphan: Orphan, new: Manifest) -> str:
    """Copy a file beside the lake's tables, under its digest.

    :param new: what the day becomes.
    :return: where the copy is.
    :raises StoreConflictError: when it is no longer what was described.
    """
    name = orphan.file.rpartition("/")[2]
    suffix = name.removeprefix(table.table) if name.startswith(f"{table.table}.") else f"-{name}"
    target = table.layout.revision_file(new.date, f"{PREFIX}{orphan.md5}", suffix)
    log.warning("%s is described by no manifest; saved as %s", table.url(orphan.file), target)
    with table.spool() as folder:
        copy = folder / "copy"
        _download(table, orphan.file, copy)
        if digest(copy, md5) != orphan.md5:
            raise StoreConflictError(f"{orphan.file} was replaced")
        table.publish(copy, target)
    return target


def unlisted(manifest: Manifest | None, saved: Iterable[str]) -> list[str]:
    """The saved files of a day that its manifest does not list."""
    listed = {revision.file for revision in manifest.revisions} if manifest is not None else set()
    return sorted(file for file in saved if file not in listed)


def _download(table: LakeTable, file: str, target: Path) -> None:
    try:
        table.store.download(file, target)
    except FileNotFoundError as error:
        raise StoreConflictError(str(error)) from error


def _content(path: Path, name: str) -> tuple[int | None, str]:
    """The rows and the digest of the uncompressed content."""
    try:
        if name.endswith((".gz", ".zst")) and not path.stat().st_size:  # what a copy on Azure that is given up leaves
            return None, digest(path, hashlib.sha256)
        if name.endswith(".parquet"):
            import pyarrow.parquet  # type: ignore[import-untyped]

            return pyarrow.parquet.read_metadata(path).num_rows, digest(path, hashlib.sha256)
        with _uncompressed(path) as stream:
            sha256, lines = hashlib.sha256(), 0
            while part := stream.read(CHUNK):
                sha256.update(part)
                lines += part.count(b"\n")
        return (_csv_rows(path) if ".csv" in name else lines), sha256.hexdigest()
    except Exception:  # whatever a damaged file makes of its reader
        return None, digest(path, hashlib.sha256)


def _csv_rows(path: Path) -> int:
    with _uncompressed(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        return max(0, sum(1 for _ in csv.reader(text)) - 1)


@contextmanager
def _uncompressed(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        match file.read(4):
            case b"\x28\xb5\x2f\xfd":
                file.seek(0)
                with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
                    yield stream
            case start if start[:2] == b"\x1f\x8b":
                file.seek(0)
                with gzip.open(file) as unpacked:
                    yield unpacked
            case _:
                file.seek(0)
                yield file
