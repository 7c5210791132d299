# SPDX-License-Identifier: Apache-2.0
"""Parquet, row group by row group.

Where a row group ends depends on the day's own records alone, never on pages, windows or other days: equal content
gives equal bytes, under one version of pyarrow. Until then its rows wait, on the disk where a window has more days than
one: up to 90 files grow side by side then.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.extraction.measure import Total
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.tabular import TableFile
from airflow_provider_aianalytics.storage.typed.cells import integers
from airflow_provider_aianalytics.storage.typed.descriptions import description_of, unit_of
from airflow_provider_aianalytics.storage.typed.rows import Columns
from airflow_provider_aianalytics.storage.typed.schema import PRECISION, SCALE
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]

    from airflow_provider_aianalytics.storage.encoders.formats import FileFormat

CODECS: Mapping[str, tuple[str, int | None]] = {"gzip": ("gzip", 1), "zstd": ("zstd", 3), "none": ("none", None)}
"""The codec of the pages and its level, by compression."""

GROUP_RECORDS = 16_384
GROUP_BYTES = 32 * 2**20
"""The most that one row group holds, counted in the records' JSON; it is in memory once, when it is written."""


class ParquetFile(TableFile):
    """One day of Parquet.

    :param path: the local file; it must not exist.
    :param file_format: the format.
    :param dataset: the catalogue row, which says the columns.
    :param total: how the dataset's measure is added up, ``None`` where it has none.
    """

    def __init__(self, path: Path, file_format: FileFormat, dataset: Dataset, total: Total | None = None) -> None:
        super().__init__(path, file_format, dataset, total)
        import pyarrow.parquet  # type: ignore[import-untyped]

        self._schema = _schema(
            tuple((column, unit_of(column), description_of(dataset, column)) for column in self._reader.columns)
        )
        codec, level = CODECS[file_format.compression]
        self._writer = self._stack.enter_context(
            pyarrow.parquet.ParquetWriter(self._file, self._schema, compression=codec, compression_level=level)
        )
        self._group_records = 0
        self._group_bytes = 0
        is_alone = dataset.window.max_days == 1
        self._group = _Group(None if is_alone else path.with_name(f"{path.name}.group"), self._schema)
        self._stack.callback(self._group.drop)

    def _take(self, batch: Batch) -> None:
        import pyarrow

        records = batch.records
        while records:
            fitting = self._fitting(records)
            super()._take(replace(batch, records=records[:fitting]))
            self._group_records += fitting
            self._group_bytes += sum(map(len, records[:fitting]))
            records = records[fitting:]
            if records:
                self._end_group()
                # What this group took, the next one does not take beside it.
                pyarrow.default_memory_pool().release_unused()

    def _fitting(self, records: list[Any]) -> int:
        """How many of the records still belong to the row group; one at least to an empty one."""
        room = GROUP_BYTES - self._group_bytes
        most = min(len(records), GROUP_RECORDS - self._group_records)
        sizes = accumulate(map(len, records[:most]))
        fitting = sum(1 for _ in takewhile(room.__ge__, sizes))
        return fitting or (0 if self._group_records else 1)

    def _put(self, columns: Columns) -> None:
        self._group.add(columns)

    def _end_group(self) -> None:
        self._convert()
        table = self._group.take()
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)
        self._group_records = self._group_bytes = 0

    def _close(self) -> tuple[int, str]:
        self._end_group()
        self._writer.close()
        self._file.flush()
        with self.path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256")
        return self.path.stat().st_size, digest.hexdigest()


def have_equal_rows(one: Path, other: Path) -> bool:
    """Whether two files have the same columns and the same rows in the same order, whatever their bytes."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(one) as first, pyarrow.parquet.ParquetFile(other) as second:
        if not first.schema_arrow.equals(second.schema_arrow) or first.metadata.num_rows != second.metadata.num_rows:
            return False
        groups = [[file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] for file in (first, second)]
        if groups[0] != groups[1]:
            return bool(first.read().equals(second.read()))
        return all(first.read_row_group(n).equals(second.read_row_group(n)) for n in range(first.num_row_groups))


class _Group:
    """The rows of the row group that is not full yet.

    :param path: a file for them, ``None`` to keep them in memory.
    """

    def __init__(self, path: Path | None, schema: pyarrow.Schema) -> None:
        self._path = path
        self._schema = schema
        self._columns: list[list[pyarrow.Array]] = [[] for _ in schema]
        self._writer: pyarrow.ipc.RecordBatchStreamWriter | None = None

    def add(self, columns: Columns) -> None:
        import pyarrow

        arrays = [_array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        if self._path is None:
            for parts, part in zip(self._columns, arrays, strict=True):
                parts.append(part)
            return
        if self._writer is None:
            self._writer = pyarrow.ipc.new_stream(str(self._path), self._schema)
        typed = [_joined([part], field.type) for part, field in zip(arrays, self._schema, strict=True)]
        self._writer.write_batch(pyarrow.record_batch(typed, schema=self._schema))

    def take(self) -> pyarrow.Table:
        """The rows, which are forgotten here; how they came in does not show."""
        import pyarrow

        if self._writer is not None:
            self._writer.close()
            self._writer = None
            with pyarrow.OSFile(str(self._path)) as file:
                return pyarrow.ipc.open_stream(file).read_all().combine_chunks()
        whole = []
        for parts, field in zip(self._columns, self._schema, strict=True):
            whole.append(_joined(parts, field.type))
            parts.clear()  # so that one column at a time is in memory twice
        return pyarrow.Table.from_arrays(whole, schema=self._schema)

    def drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _array(values: Any, kind: pyarrow.DataType) -> pyarrow.Array:
    """Some values of a column; where all are null, an array of no type, which takes no memory."""
    import pyarrow

    if not isinstance(values, array) and values.count(None) == len(values):
        return pyarrow.nulls(len(values))
    if pyarrow.types.is_decimal(kind):
        # Plain digits that fit: the cast cannot round, and would fail if it had to.
        return pyarrow.array(values, pyarrow.string()).cast(kind)
    if pyarrow.types.is_int64(kind):
        numbers = values if isinstance(values, array) else integers(values)
        if numbers is not None:
            return pyarrow.Array.from_buffers(kind, len(numbers), [None, pyarrow.py_buffer(numbers)], null_count=0)
    return pyarrow.array(values, kind)


def _joined(parts: list[pyarrow.Array], kind: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow

    if all(pyarrow.types.is_null(part.type) for part in parts):
        return _nulls(sum(map(len, parts)), kind)
    # Not by a cast: its module takes as long to import as ten pages take to write.
    return pyarrow.concat_arrays(
        [_nulls(len(part), kind) if pyarrow.types.is_null(part.type) else part for part in parts]
    )


@lru_cache(maxsize=16)
def _nulls(number: int, kind: pyarrow.DataType) -> pyarrow.Array:
    """Many columns share them."""
    import pyarrow

    return pyarrow.nulls(number, kind)


@cache
def _schema(columns: tuple[tuple[Column, str, str], ...]) -> pyarrow.Schema:
    """The columns with their units and descriptions, which are metadata of the fields."""
    import pyarrow

    types = {
        ColumnType.STRING: pyarrow.string(),
        ColumnType.INTEGER: pyarrow.int64(),
        ColumnType.NUMBER: pyarrow.float64(),
        ColumnType.BOOLEAN: pyarrow.bool_(),
        ColumnType.DATE: pyarrow.date32(),
        ColumnType.TIMESTAMP: pyarrow.timestamp("us", tz="UTC"),
        ColumnType.CENTS: pyarrow.decimal128(PRECISION, SCALE),
    }
    return pyarrow.schema(
        [
            pyarrow.field(column.name, types[column.type], metadata=_metadata(unit, description))
            for column, unit, description in columns
        ]
    )


def _metadata(unit: str, description: str) -> dict[str, str]:
    return {"description": description, **({"unit": unit} if unit else {})}
