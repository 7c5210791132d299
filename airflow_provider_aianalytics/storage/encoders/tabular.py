# SPDX-License-Identifier: Apache-2.0
"""What Parquet and CSV share: records gathered to chunks, and the chunks read into typed columns."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.extraction.measure import Total
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.extraction.redaction import foreign_text
from airflow_provider_aianalytics.storage.encoders.base import DayFile
from airflow_provider_aianalytics.storage.typed.breakdown import BreakdownReader
from airflow_provider_aianalytics.storage.typed.rows import Columns, RecordReader
from airflow_provider_aianalytics.vendors.base import Dataset

if TYPE_CHECKING:
    from airflow_provider_aianalytics.storage.encoders.formats import FileFormat

log = logging.getLogger(__name__)

CHUNK_RECORDS = 256
"""Records are converted as soon as there are so many, or when the file ends: a bucket of one row is not worth it."""
MAX_LOGGED_FIELDS = 20


class TableFile(DayFile):
    """One day of a typed table.

    :param path: the local file; it must not exist.
    :param file_format: the format.
    :param dataset: the catalogue row, which says the columns.
    :param total: how the dataset's measure is added up, ``None`` where it has none.
    """

    def __init__(self, path: Path, file_format: FileFormat, dataset: Dataset, total: Total | None = None) -> None:
        super().__init__(path, total)
        self._dataset = dataset
        self._format = file_format
        self._reader = BreakdownReader(dataset) if dataset.breakdown else RecordReader(dataset)
        self._waiting: list[Batch] = []
        self._waiting_records = 0

    def _take(self, batch: Batch) -> None:
        if not batch.records:
            return
        self._waiting_records += len(batch.records)
        if self._waiting_records >= CHUNK_RECORDS:
            self._waiting.append(batch)
            self._convert()
        else:
            # Slices of a page would keep the whole of it in memory.
            self._waiting.append(replace(batch, records=[record.copy() for record in batch.records]))

    def _convert(self) -> None:
        """Write the records that wait."""
        if not self._waiting:
            return
        columns = self._reader.read(self._waiting)
        self._waiting = []
        self._waiting_records = 0
        self._rows += len(columns[0])
        self._put(columns)

    def _end(self) -> tuple[int, str]:
        self._convert()
        if unknown := sorted(self._reader.unknown):
            more = len(unknown) - MAX_LOGGED_FIELDS
            log.warning(
                "%s %s: the schema has no column for %s%s; every value is kept in _extra",
                self._dataset.vendor,
                self._dataset.name,
                foreign_text(", ".join(unknown[:MAX_LOGGED_FIELDS])),
                f" and {more} more" if more > 0 else "",
            )
        return self._close()

    @abstractmethod
    def _put(self, columns: Columns) -> None:
        """Write some rows."""

    @abstractmethod
    def _close(self) -> tuple[int, str]:
        """End the file.

        :return: the length of the content and its digest.
        """
