# SPDX-License-Identifier: Apache-2.0
"""Which class writes which format."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_aianalytics.extraction.measure import total_of
from airflow_provider_aianalytics.storage.csvfile import CsvFile
from airflow_provider_aianalytics.storage.dayfile import DayFile
from airflow_provider_aianalytics.storage.formats import FileFormat
from airflow_provider_aianalytics.storage.ndjson import NdjsonFile
from airflow_provider_aianalytics.storage.parquetfile import ParquetFile
from airflow_provider_aianalytics.vendors.dataset import Dataset


def open_day_file(path: Path, file_format: FileFormat, dataset: Dataset) -> DayFile:
    """Begin the local file of one day.

    :param path: the local file; it must not exist.
    """
    total = total_of(dataset)
    match file_format.name:
        case "parquet":
            return ParquetFile(path, file_format, dataset, total)
        case "csv":
            return CsvFile(path, file_format, dataset, total)
        case _:
            return NdjsonFile(path, file_format, total)
