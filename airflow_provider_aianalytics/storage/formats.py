# SPDX-License-Identifier: Apache-2.0
"""How a day's records become the bytes of one file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Protocol, Self

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.measure import Total
from airflow_provider_aianalytics.extraction.records import Batch

GZIP_LEVEL = 1
ZSTD_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Content:
    """What one file holds.

    :param rows: how many records.
    :param bytes: the length of the uncompressed content.
    :param sha256: the digest of the uncompressed content, in hexadecimal.
    :param total: the exact total of the dataset's measure, ``None`` where it has none.
    """

    rows: int
    bytes: int
    sha256: str
    total: Decimal | None


class Sink(Protocol):
    """Where bytes go: a file, or a compressor in front of one."""

    def write(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


def _gzip(file: IO[bytes]) -> Sink:
    from isal import igzip

    # No name and no time in the header: equal content gives equal bytes.
    return igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0)  # type: ignore[no-untyped-call]


def _zstd(file: IO[bytes]) -> Sink:
    import zstandard

    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).stream_writer(file, closefd=False)


COMPRESSIONS: Mapping[str, tuple[str, Callable[[IO[bytes]], Sink] | None]] = {
    "gzip": (".gz", _gzip),
    "zstd": (".zst", _zstd),
    "none": ("", None),
}
"""The ending and the compressor of each compression."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format and its compression.

    :param name: ``ndjson``.
    :param compression: ``gzip``, ``zstd`` or ``none``.
    :raises InvalidArgumentError: for any other.
    """

    name: str
    compression: str

    def __post_init__(self) -> None:
        if self.name not in FORMATS:
            raise InvalidArgumentError(f"file_format {self.name!r} is not allowed; allowed: {', '.join(FORMATS)}")
        if self.compression not in COMPRESSIONS:
            raise InvalidArgumentError(
                f"compression {self.compression!r} is not allowed; allowed: {', '.join(COMPRESSIONS)}"
            )

    @property
    def suffix(self) -> str:
        """The ending of the file's name, with its first dot."""
        return f".{self.name}{COMPRESSIONS[self.compression][0]}"


FORMATS = ("ndjson",)


class NdjsonFile:
    """One day of NDJSON, written to a local file as its batches come.

    :param path: the local file; it must not exist.
    :param file_format: the format.
    :param total: how the dataset's measure is added up, ``None`` where it has none.
    """

    def __init__(self, path: Path, file_format: FileFormat, total: Total | None = None) -> None:
        self.path = path
        self._total_of = total
        self._total = Decimal(0)
        self._rows = 0
        self._bytes = 0
        self._digest = hashlib.sha256()
        self._stack = ExitStack()
        self._file = self._stack.enter_context(path.open("xb"))
        compressor = COMPRESSIONS[file_format.compression][1]
        self._sink: Sink = self._file if compressor is None else compressor(self._file)

    def write(self, batch: Batch) -> None:
        lines = batch.lines()
        self._rows += len(batch.records)
        self._bytes += len(lines)
        self._digest.update(lines)
        self._sink.write(lines)
        if self._total_of is not None:
            self._total += self._total_of(batch.records)

    def finish(self) -> Content:
        """Close the compressor, bring the bytes to the disk, and say what they are."""
        with self._stack:
            if self._sink is not self._file:
                self._sink.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        total = self._total if self._total_of is not None else None
        return Content(self._rows, self._bytes, self._digest.hexdigest(), total)

    def discard(self) -> None:
        """Give the file up, finished or not."""
        self._stack.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()
