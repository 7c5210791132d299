# SPDX-License-Identifier: Apache-2.0
"""The unfinished files of a window: one for each of its days, of the format's own class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path

from airflow_provider_aianalytics.extraction.measure import figure_sum, measure_sum
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.base import DayFile
from airflow_provider_aianalytics.storage.encoders.csv import CsvFile
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.encoders.ndjson import NdjsonFile
from airflow_provider_aianalytics.storage.encoders.parquet import ParquetFile
from airflow_provider_aianalytics.vendors.base import Dataset


def open_day_file(path: Path, file_format: FileFormat, dataset: Dataset) -> DayFile:
    """Begin the local file of one day.

    :param path: the local file; it must not exist.
    """
    total = measure_sum(dataset)
    match file_format.name:
        case "parquet":
            return ParquetFile(path, file_format, dataset, total)
        case "csv":
            return CsvFile(path, file_format, dataset, total)
        case _:
            return NdjsonFile(path, file_format, total)


class DayFiles:
    """The unfinished files of some days; every day has one, also an empty day.

    :param folder: where they are.
    :param days: the days.
    :param stack: closes them in the end.
    """

    def __init__(
        self, folder: Path, days: Sequence[date], file_format: FileFormat, dataset: Dataset, stack: ExitStack
    ) -> None:
        self._folder = folder
        self._days = days
        self._format = file_format
        self._dataset = dataset
        self._stack = stack
        self._files: dict[date, DayFile] = {}
        self._figure_of = figure_sum(dataset)
        self._figures: dict[date, Decimal] = {}

    def reset(self) -> None:
        """Begin all of them, dropping what they held."""
        for file in self._files.values():
            file.discard()
        self._files = {
            day: self._stack.enter_context(open_day_file(self._folder / str(day), self._format, self._dataset))
            for day in self._days
        }
        self._figures = dict.fromkeys(self._days, Decimal(0))

    def write(self, batches: Iterable[Batch]) -> int:
        """Write records to the files of their days.

        :return: how many.
        """
        rows = 0
        for batch in batches:
            self._files[batch.day].write(batch)
            if self._figure_of is not None:
                self._figures[batch.day] += self._figure_of(batch.records)
            rows += len(batch.records)
        return rows

    def figure(self, day: date) -> Decimal | None:
        """The sum of the figure's own columns over a day; ``None`` where the file's total says it."""
        return None if self._figure_of is None else self._figures[day]

    def __getitem__(self, day: date) -> DayFile:
        return self._files[day]
