# SPDX-License-Identifier: Apache-2.0
"""CSV as RFC 4180 has it, in UTF-8: a header, CRLF, quotes where they are needed and doubled inside.

The writer is not the ``csv`` module's, which writes null and the empty string alike; here null is nothing and the
empty string is ``""``. Its reader reads the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.extraction.measure import Total
from airflow_provider_aianalytics.storage.encoders.base import CompressedWriter
from airflow_provider_aianalytics.storage.encoders.tabular import TableFile
from airflow_provider_aianalytics.storage.typed.rows import Columns
from airflow_provider_aianalytics.vendors.base import ColumnType, Dataset

if TYPE_CHECKING:
    from airflow_provider_aianalytics.storage.encoders.formats import FileFormat

_SPECIAL = re.compile(r'[",\r\n]')


class CsvFile(TableFile):
    """One day of CSV.

    :param path: the local file; it must not exist.
    :param file_format: the format.
    :param dataset: the catalogue row, which says the columns.
    :param total: how the dataset's measure is added up, ``None`` where it has none.
    """

    def __init__(self, path: Path, file_format: FileFormat, dataset: Dataset, total: Total | None = None) -> None:
        super().__init__(path, file_format, dataset, total)
        self._text = CompressedWriter(self._file, file_format.compression)
        self._spell = [_SPELL[column.type] for column in self._reader.columns]
        self._write_rows([[column.name] for column in self._reader.columns])

    def _put(self, columns: Columns) -> None:
        self._write_rows(
            [
                ["" if value is None else spell(value) for value in column]
                for spell, column in zip(self._spell, columns, strict=True)
            ]
        )

    def _write_rows(self, columns: list[list[str]]) -> None:
        self._text.write("".join(",".join(row) + "\r\n" for row in zip(*columns, strict=True)).encode())

    def _close(self) -> tuple[int, str]:
        return self._text.end()


def _quoted(text: str) -> str:
    if text and not _SPECIAL.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _plain(value: float) -> str:
    # repr writes each double so that it can be read back exactly, with the fewest digits.
    return format(Decimal(repr(value)), "f")


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


_SPELL: Mapping[ColumnType, Callable[[Any], str]] = {
    ColumnType.STRING: _quoted,
    ColumnType.INTEGER: str,
    ColumnType.CENTS: str,
    ColumnType.NUMBER: _plain,
    ColumnType.BOOLEAN: lambda value: "true" if value else "false",
    ColumnType.DATE: date.isoformat,
    ColumnType.TIMESTAMP: _moment,
}
