# SPDX-License-Identifier: Apache-2.0
"""Each column has a unit, a sentence and a source, and Parquet carries them."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet
import pytest

from airflow_provider_aianalytics.reference.samples import encoded
from airflow_provider_aianalytics.storage.typed.descriptions import description_of, source_of, unit_of
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import ColumnType, Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.documents import ROOT

DATASETS = [dataset for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
COUNTED = {ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.CENTS, ColumnType.TIMESTAMP, ColumnType.DATE}

every_dataset = pytest.mark.parametrize("dataset", DATASETS, ids=str)


@every_dataset
def test_every_number_and_time_has_a_unit(dataset: Dataset) -> None:
    assert [column.path for column in typed_columns(dataset) if column.type in COUNTED and not unit_of(column)] == []


@every_dataset
def test_every_column_has_one_sentence(dataset: Dataset) -> None:
    for column in typed_columns(dataset):
        sentence = description_of(dataset, column)
        assert re.fullmatch(r"[A-Z0-9][^\n]{3,}[^.]\.", sentence), column


@every_dataset
def test_every_source_exists(dataset: Dataset) -> None:
    for column in typed_columns(dataset):
        page, section = source_of(dataset, column)
        text = (ROOT / page).read_text()
        assert not section or re.search(rf"^#+ {re.escape(section)}\.? ", text, re.MULTILINE), column
        assert description_of(dataset, column).endswith(f"(contract section {section})." if section else f"({page}).")


@every_dataset
def test_parquet_carries_them(tmp_path: Path, dataset: Dataset) -> None:
    path = tmp_path / "sample.parquet"
    path.write_bytes(encoded(dataset, "parquet"))

    schema = pyarrow.parquet.read_schema(path)

    for column in typed_columns(dataset):
        metadata = schema.field(column.name).metadata
        assert metadata.get(b"unit", b"").decode() == unit_of(column)
        assert metadata[b"description"].decode() == description_of(dataset, column)
