# SPDX-License-Identifier: Apache-2.0
"""NDJSON: a line is the record as the vendor sent it, byte for byte, behind the stamp of its day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.extraction.measure import Total
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.base import CompressedWriter, DayFile

if TYPE_CHECKING:
    from airflow_provider_aianalytics.storage.encoders.formats import FileFormat


class NdjsonFile(DayFile):
    """One day of NDJSON.

    :param path: the local file; it must not exist.
    :param file_format: the format.
    :param total: how the dataset's measure is added up, ``None`` where it has none.
    """

    def __init__(self, path: Path, file_format: FileFormat, total: Total | None = None) -> None:
        super().__init__(path, total)
        self._text = CompressedWriter(self._file, file_format.compression)

    def _take(self, batch: Batch) -> None:
        self._rows += len(batch.records)
        for lines in batch.lines():
            self._text.write(lines)

    def _end(self) -> tuple[int, str]:
        return self._text.end()
