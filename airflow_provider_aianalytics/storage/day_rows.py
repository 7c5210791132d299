# SPDX-License-Identifier: Apache-2.0
"""Reads the rows of a landed day, in any format, by the paths of the catalogue's columns."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import StorageError
from airflow_provider_aianalytics.extraction.records import STAMP, Batch
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.storage.typed.breakdown import BreakdownReader
from airflow_provider_aianalytics.storage.typed.decoder import json_object, members_of
from airflow_provider_aianalytics.storage.typed.rows import RecordReader
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import ColumnType, Dataset

Rows = list[dict[str, Any]]


def read_day(table: LakeTable, manifest: Manifest, dataset: Dataset) -> Rows:
    """The rows of a day. Breakdowns are laid out as in typed tables, also those of NDJSON.

    :param manifest: the day's.
    :return: for each row its values by path: amounts as decimals, moments in UTC, ``None`` for null.
    :raises StorageError: when the file is missing, or is not what the manifest describes.
    """
    try:
        data = table.store.read(manifest.file)
    except FileNotFoundError:
        raise _mismatch(table, manifest, "is missing") from None
    content = data if manifest.format == "parquet" else _DECOMPRESS[manifest.compression](data)
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise _mismatch(table, manifest, "is not what its manifest describes")
    return _READ[manifest.format](content, dataset)


def _mismatch(table: LakeTable, manifest: Manifest, what: str) -> StorageError:
    return StorageError(
        f"the data of {manifest.date} {what}",
        where=table.url(manifest.file),
        hint="A task may be writing it: try again. If it stays so, land the day again",
    )


def _zstd(data: bytes) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return reader.read()


_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "zstd": _zstd, "none": bytes}


def _ndjson(content: bytes, dataset: Dataset) -> Rows:
    reader = BreakdownReader(dataset) if dataset.breakdown else RecordReader(dataset)
    columns = reader.read([_batch(line, dataset) for line in content.split(b"\n") if line])
    return _rows((column.path for column in reader.columns), zip(*columns, strict=True), dataset)


def _batch(line: bytes, dataset: Dataset) -> Batch:
    """The record of a line, with the stamp and the bounds of its bucket in the prefix, as it was landed."""
    members = {name: bytes(value) for name, value in members_of(line).items()}
    day = members.pop(STAMP)
    names = (dataset.bounds or ()) if dataset.results else ()
    prefix = {STAMP: day} | {name: members.pop(name) for name in names if name in members}
    record = msgspec.Raw(json_object(members) or b"{}")
    return Batch(msgspec.json.decode(day, type=date), json_object(prefix)[:-1] + b",", [record])


def _parquet(content: bytes, dataset: Dataset) -> Rows:
    import pyarrow.parquet  # type: ignore[import-untyped]

    table = pyarrow.parquet.read_table(io.BytesIO(content))
    paths = _paths(dataset)
    known = [name for name in table.column_names if name in paths]
    columns = (table.column(name).to_pylist() for name in known)
    return _rows((paths[name] for name in known), zip(*columns, strict=True), dataset)


def _csv(content: bytes, dataset: Dataset) -> Rows:
    csv.field_size_limit(2**31 - 1)  # a column of JSON can be longer than the default
    reader = csv.reader(io.StringIO(content.decode(), newline=""))
    paths, types = _paths(dataset), {column.name: column.type for column in typed_columns(dataset)}
    header = next(reader)
    parse = [_PARSE[types.get(name, ColumnType.STRING)] for name in header]
    values = ([None if not cell else parse[at](cell) for at, cell in enumerate(row)] for row in reader)
    return _rows((paths.get(name, name) for name in header), values, dataset)


def _paths(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.path for column in typed_columns(dataset)}


def _rows(paths: Iterable[str], values: Iterable[Iterable[Any]], dataset: Dataset) -> Rows:
    names = list(paths)
    cents = [column.path for column in dataset.columns if column.type is ColumnType.CENTS]
    rows = [dict(zip(names, row, strict=True)) for row in values]
    for row in rows:
        for path in cents:
            if isinstance(amount := row.get(path), str):
                row[path] = Decimal(amount)
    return rows


_READ: Mapping[str, Callable[[bytes, Dataset], Rows]] = {"ndjson": _ndjson, "parquet": _parquet, "csv": _csv}

_PARSE: Mapping[ColumnType, Callable[[str], Any]] = {
    ColumnType.STRING: str,
    ColumnType.INTEGER: int,
    ColumnType.CENTS: Decimal,
    ColumnType.NUMBER: float,
    ColumnType.BOOLEAN: lambda text: text == "true",
    ColumnType.DATE: date.fromisoformat,
    ColumnType.TIMESTAMP: datetime.fromisoformat,
}
