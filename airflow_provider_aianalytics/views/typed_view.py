# SPDX-License-Identifier: Apache-2.0
"""The typed view of a table: one ``date`` and the documented columns, whatever the format, and money in dollars."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from airflow_provider_aianalytics.storage.typed.descriptions import description_of, unit_of
from airflow_provider_aianalytics.storage.typed.schema import DATE, EXTRA, typed_columns
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset, TimestampFormat
from airflow_provider_aianalytics.views.breakdown import breakdown_query, breakdown_tables
from airflow_provider_aianalytics.views.files import TYPES, relation
from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.sql import USD, View

_WHOLE = "cast(files.record as text)"
_CENT = "cast('0.01' as decimal(3, 2))"


def usd_name(column: Column) -> str:
    """The name of the column that has the same money in dollars."""
    return f"{column.name.removesuffix('_cents')}_usd"


def typed_view(lake: Lake, source: Source, dialect: str) -> View:
    """The view of a table."""
    dataset, files = source.dataset, relation(lake, source, dialect)
    tables = {}
    if source.format == "ndjson" and dataset.breakdown:
        query = breakdown_query(dataset, partial(_from_record, dataset), files)
        tables = breakdown_tables(dataset, dialect)
    else:
        query = f"select {', '.join(_cells(source))} from {files} as files"
    return View(
        name=source.name,
        query=query,
        comment=f"{dataset.title[0].upper()}{dataset.title[1:]}; a row is {dataset.grain}. Landed as {source.format}.",
        columns=_comments(source),
        tables=tables,
    )


def _comments(source: Source) -> dict[str, str]:
    dataset = source.dataset
    comments = {"date": "The UTC day of the record, which is the partition."}
    for column in typed_columns(dataset):
        if column == DATE:
            continue
        comments[column.name] = description_of(dataset, column)
        if unit := unit_of(column):
            comments[column.name] += f" Unit: {unit}."
        if column == EXTRA and source.format == "ndjson":
            comments[column.name] = "The whole record as the vendor sent it, as JSON."
        if column.type is ColumnType.CENTS:
            comments[usd_name(column)] = f"{description_of(dataset, column)} Unit: US dollars."
    return comments


def _cells(source: Source) -> Iterator[str]:
    """The columns of a view whose rows are those of the files."""
    yield "files.date as date"
    for column in typed_columns(source.dataset):
        if column == DATE:
            continue
        match source.format:
            case "parquet":
                cell = f"files.{column.name}"
            case "csv":
                cell = _converted(f"files.{column.name}", column.type)
            case _:
                cell = _WHOLE if column == EXTRA else _from_record(source.dataset, column, "files.record")
        yield f"{cell} as {column.name}"
        if column.type is ColumnType.CENTS:
            yield f"cast(cast({cell} as {USD}) * {_CENT} as {USD}) as {usd_name(column)}"


def _from_record(dataset: Dataset, column: Column, record: str) -> str:
    values = [f"{record} ->> '$.{path}'" for path in _paths(dataset, column)]
    value = values[0] if len(values) == 1 else f"coalesce({', '.join(f'({one})' for one in values)})"
    if column.type is ColumnType.TIMESTAMP and dataset.window.time_format is TimestampFormat.EPOCH:
        return f"to_timestamp(cast({value} as bigint))"
    return _converted(f"({value})", column.type)


def _paths(dataset: Dataset, column: Column) -> list[str]:
    """Where a field is in a record, and where it was in older shapes of the API."""
    parent, dot, name = column.path.rpartition(".")
    older = {new: old for old, new in dataset.legacy_names.items()}
    older |= dict(zip(dataset.bounds or (), dataset.legacy_bounds or (), strict=False))
    return [column.path, *([f"{parent}{dot}{older[name]}"] if name in older else [])]


def _converted(value: str, kind: ColumnType) -> str:
    """Text as a column's type; an amount that is none is an error, and any other value null."""
    match kind:
        case ColumnType.STRING:
            return value
        case ColumnType.CENTS | ColumnType.TIMESTAMP:
            return f"cast({value} as {TYPES[kind]})"
        case _:
            return f"try_cast({value} as {TYPES[kind]})"
