# SPDX-License-Identifier: Apache-2.0
"""One sample record of each dataset, encoded by the code that lands it."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import msgspec

from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.records import split_by_day
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.storage.encoders.day_files import open_day_file
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.vendors.base import DAY, Dataset

SAMPLE_FILE = "samples.json"
"""In each vendor's folder: for each dataset one item as the vendor sends it, with one row at most."""
SAMPLE_DAY = datetime(2026, 11, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One record as it lands.

    :param ndjson: its line, without the line break.
    :param csv: the header and the record's rows: several where a breakdown is laid out as rows.
    """

    ndjson: str
    csv: str

    @property
    def cells(self) -> dict[str, str]:
        """The values of the first row by column."""
        header, row, *_ = csv.reader(self.csv.splitlines(keepends=True))
        return dict(zip(header, row, strict=True))


def sample(dataset: Dataset) -> Sample:
    """The sample record of a dataset as NDJSON and as CSV."""
    ndjson, table = (encoded(dataset, name).decode() for name in ("ndjson", "csv"))
    return Sample(ndjson.rstrip("\n"), table.replace("\r\n", "\n"))


def encoded(dataset: Dataset, file_format: str) -> bytes:
    """The file in which the sample record of a dataset would land.

    :param file_format: ``ndjson``, ``csv`` or ``parquet``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample"
        with open_day_file(path, FileFormat(file_format, "none"), dataset) as file:
            for batch in split_by_day(_page(dataset), build_query(dataset)):
                file.write(batch)
            file.finish()
        return path.read_bytes()


def _page(dataset: Dataset) -> Page:
    folder = files("airflow_provider_aianalytics.vendors") / dataset.vendor
    item = msgspec.json.decode((folder / SAMPLE_FILE).read_bytes(), type=dict[str, msgspec.Raw])[dataset.name]
    return Page(
        window=Window(SAMPLE_DAY, SAMPLE_DAY + DAY),
        number=1,
        body=bytes(item),
        items=[item],
        next_cursor=None,
        has_more=None,
        read_at=SAMPLE_DAY,
    )
