# SPDX-License-Identifier: Apache-2.0
"""Every dataset has a page that shows all of its catalogue row, and a sample record that has really been encoded."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from airflow_provider_aianalytics.reference.dataset_page import dataset_page, markdown_table
from airflow_provider_aianalytics.reference.samples import encoded, sample
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import ColumnType, Dataset, Vendor
from airflow_provider_aianalytics.vendors.claude_enterprise.fields import FIELDS
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.reference.make_samples import NOW, SAMPLES, samples_of

DATASETS = [(vendor, dataset) for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
each_dataset = pytest.mark.parametrize(("vendor", "dataset"), DATASETS, ids=[str(dataset) for _, dataset in DATASETS])


PARQUET_TYPES = {
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
    "bool": "boolean",
    "double": "float64",
    "decimal128(38, 12)": "decimal(38, 12)",
}
"""The pages' names of types, by pyarrow's, where they differ."""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "airflow_provider_aianalytics", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )


@each_dataset
def test_a_page_names_every_column_dimension_and_filter(vendor: Vendor, dataset: Dataset) -> None:
    page = dataset_page(vendor, dataset)

    assert page.startswith(f"# {dataset.name}\n")
    names = [column.name for column in typed_columns(dataset)]
    names += [*dataset.group_by, *dataset.bucket_widths, *(f"filters.{name}" for name in dataset.filters)]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert [value for known in dataset.filters.values() for value in known.values if f"`{value}`" not in page] == []


@each_dataset
def test_every_column_has_a_meaning_and_every_number_a_unit(vendor: Vendor, dataset: Dataset) -> None:
    columns = typed_columns(dataset)

    assert [column.name for column in columns if not column.meaning] == []
    numbers = [column for column in columns if column.type in (ColumnType.INTEGER, ColumnType.NUMBER)]
    assert [column.name for column in numbers if not column.unit] == []


def test_every_description_belongs_to_a_column() -> None:
    paths = {column.path for dataset in VENDORS["claude_enterprise"].datasets.values() for column in dataset.columns}

    assert [name for name in FIELDS if not any(path == name or path.endswith(f".{name}") for path in paths)] == []


@each_dataset
def test_parquet_has_the_rows_of_the_csv_with_the_types_on_the_page(vendor: Vendor, dataset: Dataset) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(encoded(dataset, "parquet")))
    rows = [line.strip("| ").split(" | ") for line in dataset_page(vendor, dataset).splitlines() if line[:3] == "| `"]
    stated = {name.strip("`"): kind for name, kind, *_ in rows}

    assert table.num_rows == len(list(csv.DictReader(io.StringIO(sample(dataset).csv))))
    assert {name: stated[name] for name in table.column_names} == {
        field.name: PARQUET_TYPES.get(str(field.type), str(field.type)) for field in table.schema
    }


@each_dataset
def test_the_sample_fills_the_columns_and_leaves_nothing_over(vendor: Vendor, dataset: Dataset) -> None:
    known = sample(dataset)
    rows = list(csv.DictReader(io.StringIO(known.csv)))

    assert list(rows[0]) == [column.name for column in typed_columns(dataset)]
    assert json.loads(known.ndjson)["_date"] == rows[0]["_date"] == "2026-11-04"
    assert {row["_extra"] for row in rows} == {""}
    assert sum(bool(value) for value in rows[0].values()) >= 4


def test_the_samples_are_the_simulators() -> None:
    simulator = Simulator(seed=7, members=200, now=NOW)
    for vendor in VENDORS.values():
        text = samples_of(vendor, simulator)
        assert SAMPLES[vendor.name].read_text() == text, "run: make docs"


def test_a_pipe_in_a_cell_does_not_end_it() -> None:
    assert markdown_table(["a"], [["x|y"]]).splitlines()[-1] == r"| x\|y |"


def test_the_command_prints_the_page() -> None:
    vendor = VENDORS["perplexity"]
    done = command("datasets", "perplexity/credit_usage")

    assert done.returncode == 0, done.stderr
    assert done.stdout == dataset_page(vendor, vendor.datasets["credit_usage"])


def test_the_command_prints_both_pages_of_a_name_that_two_vendors_have(capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_aianalytics.cli import main

    assert main(["datasets", "connectors"]) == 0
    assert capsys.readouterr().out.count("# connectors\n") == 2


def test_the_command_lists_every_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_aianalytics.cli import main

    assert main(["datasets"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [f"{vendor.name}/{dataset.name}" for vendor, dataset in DATASETS]


def test_an_unknown_dataset_is_an_error_that_says_what_to_do() -> None:
    done = command("datasets", "credits")

    assert (done.returncode, done.stdout) == (2, "")
    assert "no dataset 'credits'; run it without a name for the list" in done.stderr
