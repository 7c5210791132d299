# SPDX-License-Identifier: Apache-2.0
"""Every database takes the names of typed columns as they are."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import msgspec
import pyarrow.parquet
import pytest
import sqlglot
from sqlglot.dialects.dialect import Dialect

from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.day_files import open_day_file
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.reserved_words import BIGQUERY_PREFIXES, RESERVED

DATASETS = [dataset for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
DIALECTS = ("duckdb", "snowflake", "bigquery", "athena", "redshift", "databricks", "postgres")
SECRET = "a secret that no cell has"

every_dataset = pytest.mark.parametrize("dataset", DATASETS, ids=str)


@every_dataset
def test_names_are_words_that_are_short_and_unique(dataset: Dataset) -> None:
    names = [column.name for column in typed_columns(dataset)]

    assert [name for name in names if not re.fullmatch(r"_?[a-z][a-z0-9]*(_[a-z0-9]+)*", name)] == []
    assert [name for name in names if len(name) > 63] == []
    assert [name for name, count in Counter(names).items() if count > 1] == []


@every_dataset
def test_a_name_is_the_words_of_the_path(dataset: Dataset) -> None:
    for column in dataset.columns:
        assert column.name.removesuffix("_cents") == (column.alias or column.path.replace(".", "_"))


@every_dataset
@pytest.mark.parametrize("database", RESERVED)
def test_no_name_is_reserved(dataset: Dataset, database: str) -> None:
    assert {column.name for column in typed_columns(dataset)} & RESERVED[database] == set()


@every_dataset
def test_no_name_is_reserved_by_duckdb(dataset: Dataset) -> None:
    reserved = {
        word
        for (word,) in duckdb.sql(
            "select keyword_name from duckdb_keywords() where keyword_category in ('reserved', 'type_function')"
        ).fetchall()
    }

    assert {column.name for column in typed_columns(dataset)} & reserved == set()


@every_dataset
@pytest.mark.parametrize("dialect", DIALECTS)
def test_sqlglot_needs_no_quotes(dataset: Dataset, dialect: str) -> None:
    reserved = {word.strip() for word in Dialect.get_or_raise(dialect).generator_class.RESERVED_KEYWORDS}
    names = [column.name for column in typed_columns(dataset)]

    assert set(names) & reserved == set()
    query = sqlglot.parse_one(f"select {', '.join(names)} from t", dialect=dialect)
    assert [column.name for column in query.find_all(sqlglot.exp.Column)] == names


@every_dataset
def test_bigquery_takes_the_beginnings(dataset: Dataset) -> None:
    assert [column.name for column in typed_columns(dataset) if column.name.startswith(BIGQUERY_PREFIXES)] == []


# --- hidden fields ----------------------------------------------------------------------------------------------------


def hidden_paths(dataset: Dataset) -> list[str]:
    kept = {*(dataset.bounds or ()), dataset.measure}
    return [column.path for column in dataset.columns if column.path not in kept]


def record_of(columns: tuple[Column, ...]) -> bytes:
    """A record in which every text is the secret."""
    record: dict[str, object] = {}
    for column in columns:
        *parents, name = column.path.split(".")
        branch = record
        for parent in parents:
            branch = branch.setdefault(parent, {})  # type: ignore[assignment]
        branch[name] = SECRET if column.type is ColumnType.STRING else None
    return json.dumps(record).encode()


def cells(path: Path, file_format: str) -> dict[str, object]:
    if file_format == "parquet":
        (row,) = pyarrow.parquet.ParquetFile(path).read().to_pylist()
        return {name: value for name, value in row.items() if value is not None}
    with path.open(newline="") as file:
        first, *_ = csv.DictReader(file)
        return {name: value for name, value in first.items() if value}


@every_dataset
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_a_hidden_path_hides_its_column(tmp_path: Path, dataset: Dataset, file_format: str) -> None:
    texts = [column for column in dataset.columns if column.type is ColumnType.STRING]
    for number, column in enumerate(column for column in texts if column.path in hidden_paths(dataset)):
        found = []
        for option in ("drop", "pseudonymize"):
            hide = Privacy(dataset, **{option: (column.path,)}, secret="key")
            records = [msgspec.Raw(record_of(tuple(texts)))]
            batch = hide.apply(Batch(date(2026, 11, 4), b'{"_date":"2026-11-04",', records))
            path = tmp_path / f"{number}{option}"
            with open_day_file(path, FileFormat(file_format, "none"), dataset) as file:
                file.write(batch)
                file.finish()
            found.append(cells(path, file_format))
        dropped, pseudonymized = found
        assert column.name not in dropped
        assert re.fullmatch(r"[0-9a-f]{64}", str(pseudonymized[column.name]))
        others = {other.name for other in texts} - {column.name}
        assert {name: dropped[name] for name in others} == dict.fromkeys(others, SECRET)
