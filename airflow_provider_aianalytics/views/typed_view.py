# SPDX-License-Identifier: Apache-2.0
"""The typed view of a table: one ``date`` and the documented columns, whatever the format, and money in dollars."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from airflow_provider_aianalytics.storage.typed.descriptions import description_of, unit_of
from airflow_provider_aianalytics.storage.typed.schema import DATE, EXTRA, PRECISION, SCALE, typed_columns
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset, TimestampFormat
from airflow_provider_aianalytics.views.breakdown import breakdown_query, breakdown_tables
from airflow_provider_aianalytics.views.files import TYPES, relation
from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.sql import USD, View

_WHOLE = "cast(files.record as text)"
_CENT = "cast('0.01' as decimal(3, 2))"
CURRENCY = "USD"
_DIGITS = f"[0-9]{{1,{PRECISION - SCALE}}}([.][0-9]{{1,{SCALE}}}0*)?"
_WITH_EXPONENT = "[0-9]{1,14}([.][0-9]{1,6}0*)?[eE]([+]?0*([0-9]|1[0-2])|-0*[0-6])|[0-9]{1,14}[eE]-0*([0-9]|1[0-2])"
_EXACT = f"^[-+]?({_DIGITS}|{_WITH_EXPONENT})$"
"""The amounts that a cast to their column's type does not round, and that have no more digits than fit."""


def usd_name(column: Column) -> str:
    """The name of the column that has the same money in dollars."""
    return f"{column.name.removesuffix('_cents')}_usd"


def currency_of(dataset: Dataset, amount: Column) -> Column | None:
    """The column with the currency of an amount, which stands in the same object."""
    parent, dot, _ = amount.path.rpartition(".")
    return next((column for column in dataset.columns if column.path == f"{parent}{dot}currency"), None)


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
            comments[usd_name(column)] = (
                f"{description_of(dataset, column)} Unit: US dollars; null in another currency."
            )
    return comments


def _cells(source: Source) -> Iterator[str]:
    """The columns of a view whose rows are those of the files."""
    yield "files.date as date"
    for column in typed_columns(source.dataset):
        if column == DATE:
            continue
        cell = _cell(source, column)
        yield f"{cell} as {column.name}"
        if column.type is ColumnType.CENTS:
            usd = f"cast(try_cast({cell} as {USD}) * {_CENT} as {USD})"
            if currency := currency_of(source.dataset, column):
                usd = f"case when coalesce({_cell(source, currency)}, '{CURRENCY}') = '{CURRENCY}' then {usd} end"
            yield f"{usd} as {usd_name(column)}"


def _cell(source: Source, column: Column) -> str:
    match source.format:
        case "parquet":
            return f"files.{column.name}"
        case "csv":
            return _converted(f"files.{column.name}", column.type)
        case _:
            return _WHOLE if column == EXTRA else _from_record(source.dataset, column, "files.record")


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
    """Text as a column's type; null where it is of another type, or would be rounded."""
    match kind:
        case ColumnType.STRING:
            return value
        case ColumnType.CENTS:
            return f"case when regexp_matches({value}, '{_EXACT}') then cast({value} as {TYPES[kind]}) end"
        case ColumnType.INTEGER:  # a cast alone would round
            whole = f"try_cast({value} as {TYPES[kind]})"
            return f"case when {whole} = try_cast({value} as decimal(38, 18)) then {whole} end"
        case ColumnType.TIMESTAMP:
            return f"cast({value} as {TYPES[kind]})"
        case _:
            return f"try_cast({value} as {TYPES[kind]})"
