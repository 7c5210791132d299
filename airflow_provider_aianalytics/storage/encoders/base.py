# SPDX-License-Identifier: Apache-2.0
"""One day's file while it is written, whatever its format."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Self

from airflow_provider_aianalytics.extraction.measure import Total
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.compression import COMPRESSIONS, Sink


@dataclass(frozen=True, slots=True)
class Content:
    """What one file holds.

    :param rows: how many rows: records in NDJSON, rows of the table in Parquet and CSV, which is more where a
        breakdown is laid out as rows.
    :param bytes: the length of the uncompressed content; of a Parquet file, whose codec is inside, its own length.
    :param sha256: the digest of the same bytes, in hexadecimal.
    :param total: the exact total of the dataset's measure, ``None`` where it has none.
    """

    rows: int
    bytes: int
    sha256: str
    total: Decimal | None


class DayFile(ABC):
    """One day of a table, written to a local file as its batches come.

    :param path: the local file; it must not exist.
    :param total: how the dataset's measure is added up, ``None`` where it has none.
    """

    def __init__(self, path: Path, total: Total | None = None) -> None:
        self.path = path
        self._total_of = total
        self._total = Decimal(0)
        self._rows = 0
        self._stack = ExitStack()
        self._file: IO[bytes] = self._stack.enter_context(path.open("xb"))

    def write(self, batch: Batch) -> None:
        """Write the next records of the day."""
        if self._total_of is not None:
            self._total += self._total_of(batch.records)
        self._take(batch)

    def finish(self) -> Content:
        """Close the compressor and the file, and describe its content."""
        with self._stack:
            length, sha256 = self._end()
        return Content(self._rows, length, sha256, self._total if self._total_of is not None else None)

    def discard(self) -> None:
        """Delete the file, finished or not."""
        self._stack.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @abstractmethod
    def _take(self, batch: Batch) -> None:
        """Write the records, and count the rows."""

    @abstractmethod
    def _end(self) -> tuple[int, str]:
        """Write what is left.

        :return: the length of the content and its digest.
        """


class CompressedWriter:
    """Text on its way into a file: counted, digested, then compressed.

    :param compression: a key of :data:`COMPRESSIONS`.
    """

    def __init__(self, file: IO[bytes], compression: str) -> None:
        compressor = COMPRESSIONS[compression][1]
        self._sink: Sink | None = None if compressor is None else compressor(file)
        self._out: Sink = self._sink or file
        self._digest = hashlib.sha256()
        self._length = 0

    def write(self, text: bytes) -> None:
        self._length += len(text)
        self._digest.update(text)
        self._out.write(text)

    def end(self) -> tuple[int, str]:
        """Close the compressor, not the file.

        :return: the length and the digest of the uncompressed text.
        """
        if self._sink is not None:
            self._sink.close()
        return self._length, self._digest.hexdigest()
