# SPDX-License-Identifier: Apache-2.0
"""The file formats: what they are called, how their files end, and which class writes them.

- ``ndjson`` is lossless: every record as the vendor sent it.
- ``parquet`` and ``csv`` are typed and flat: :mod:`~airflow_provider_aianalytics.storage.schema` says which columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.measure import total_of
from airflow_provider_aianalytics.storage.compression import COMPRESSIONS
from airflow_provider_aianalytics.storage.csvfile import CsvFile
from airflow_provider_aianalytics.storage.dayfile import Content, DayFile
from airflow_provider_aianalytics.storage.ndjson import NdjsonFile
from airflow_provider_aianalytics.storage.parquetfile import ParquetFile
from airflow_provider_aianalytics.vendors.dataset import Dataset

__all__ = ["COMPRESSIONS", "FORMATS", "Content", "DayFile", "FileFormat", "NdjsonFile", "open_day_file"]

FORMATS = ("ndjson", "parquet", "csv")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format and its compression.

    :param name: ``ndjson``, ``parquet`` or ``csv``.
    :param compression: ``gzip``, ``zstd`` or ``none``; in Parquet the codec of its pages.
    :raises InvalidArgumentError: for any other, and for Parquet where pyarrow is not installed.
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
        if self.name == "parquet" and find_spec("pyarrow") is None:
            raise InvalidArgumentError(
                "file_format 'parquet' needs pyarrow, which is not installed; "
                "pip install 'airflow-provider-aianalytics[parquet]', or choose ndjson or csv"
            )

    @property
    def suffix(self) -> str:
        """The ending of the file's name, with its first dot; Parquet's says nothing of its codec."""
        return ".parquet" if self.name == "parquet" else f".{self.name}{COMPRESSIONS[self.compression][0]}"


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
