# SPDX-License-Identifier: Apache-2.0
"""Export files: written as Parquet or CSV, and read back when a later export corrects them."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.focus.columns import COLUMNS, FocusColumn, FocusRow, Kind, column_of

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]

PRECISION = 38
SCALE = 14
"""Cents have 12 decimals at most in typed tables, dollars two more."""
METADATA = b"aianalytics.focus"
_PARQUET = b"PAR1"


def parquet_bytes(columns: Iterable[FocusColumn], rows: list[FocusRow], about: Mapping[str, Any]) -> bytes:
    """Rows as Parquet.

    :param about: what the file says of itself, in its metadata as JSON.
    :raises InvalidArgumentError: where pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise InvalidArgumentError(
            "Parquet needs pyarrow, which is not installed; pip install 'airflow-provider-aianalytics[parquet]', "
            "or write CSV (--format csv)"
        )
    import pyarrow.parquet  # type: ignore[import-untyped]

    fields = [pyarrow.field(column.name, _type(column.kind), nullable=column.is_nullable) for column in columns]
    schema = pyarrow.schema(fields, metadata={METADATA: json.dumps(about, ensure_ascii=False).encode()})
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), out, compression="zstd")
    return out.getvalue()


def _type(kind: Kind) -> pyarrow.DataType:
    import pyarrow

    return {
        Kind.TEXT: pyarrow.string(),
        Kind.DECIMAL: pyarrow.decimal128(PRECISION, SCALE),
        Kind.TIME: pyarrow.timestamp("us", tz="UTC"),
        Kind.FLAG: pyarrow.bool_(),
    }[kind]


def csv_bytes(columns: Iterable[FocusColumn], rows: list[FocusRow]) -> bytes:
    """Rows as CSV, in UTF-8: null is nothing, decimals are plain digits, times end in ``Z``."""
    chosen = list(columns)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.name for column in chosen)
    for row in rows:
        values = ((row[column.name], _FORMAT[column.kind]) for column in chosen)
        writer.writerow("" if value is None else form(value) for value, form in values)
    return out.getvalue().encode()


def _plain(value: Decimal) -> str:
    """Plain digits, always with a point: a reader that guesses types takes a column of whole numbers for integers."""
    whole, _, rest = format(value, "f").partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


_FORMAT: Mapping[Kind, Callable[[Any], str]] = {
    Kind.TEXT: str,
    Kind.DECIMAL: _plain,
    Kind.TIME: lambda value: value.isoformat().replace("+00:00", "Z"),
    Kind.FLAG: lambda value: "true" if value else "false",
}
_PARSE: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.DECIMAL: Decimal,
    Kind.TIME: lambda text: datetime.fromisoformat(text).astimezone(UTC),
    Kind.FLAG: lambda text: text == "true",
}


def read_export(file: str) -> list[FocusRow]:
    """The rows of an earlier export.

    :param file: a path, or any URL that ``ObjectStoragePath`` takes.
    :raises InvalidArgumentError: when there is no such file, or it is no export of this package.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        data = ObjectStoragePath(os.path.abspath(file) if "://" not in file else file).read_bytes()
        rows = _parquet_rows(data) if data.startswith(_PARQUET) else _csv_rows(data)
    except (OSError, ValueError, ArithmeticError, csv.Error) as error:
        raise InvalidArgumentError(f"the export {file} cannot be read ({error})") from None
    missing = [column.name for column in COLUMNS if rows and column.name not in rows[0]]
    if missing or any(not row.get("x_SourceTable") for row in rows):
        raise InvalidArgumentError(f"{file} is no export of this command: it has no {', '.join(missing) or 'source'}")
    return rows


def _parquet_rows(data: bytes) -> list[FocusRow]:
    import pyarrow.parquet

    rows: list[FocusRow] = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    return rows


def _csv_rows(data: bytes) -> list[FocusRow]:
    reader = csv.reader(io.StringIO(data.decode(), newline=""))
    columns = [column_of(name) for name in next(reader, [])]
    return [
        {column.name: _PARSE[column.kind](cell) if cell else None for column, cell in zip(columns, row, strict=True)}
        for row in reader
    ]
