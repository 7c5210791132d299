# SPDX-License-Identifier: Apache-2.0
"""A table has the same typed view whatever its format, and every other dialect can parse it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest
import sqlglot

from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.typed.descriptions import description_of
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.reserved_words import RESERVED
from tests.views.lakes import SimulatedLake

START, END = date(2026, 11, 4), date(2026, 11, 6)
FORMATS = ("parquet", "csv", "ndjson")
CUTS = {
    **{f"{vendor.name}_{name}": (vendor.name, name, {}) for vendor in VENDORS.values() for name in vendor.datasets},
    "claude_enterprise_cost_by_actor": ("claude_enterprise", "cost", {"group_by": ("actor", "model")}),
    "claude_enterprise_spend_by_hour": ("claude_enterprise", "cost_report", {"bucket_width": "1h"}),
}
DIALECTS = ("snowflake", "bigquery", "athena")


@pytest.fixture(scope="module")
def lakes(
    simulator: Simulator, connections: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, SimulatedLake]:
    """A lake in each format with every dataset."""
    found = {}
    for name in FORMATS:
        found[name] = SimulatedLake(simulator, tmp_path_factory.mktemp(name))
        for cut, (vendor, dataset, query) in CUTS.items():
            table = cut.removeprefix(f"{vendor}_")
            found[name].land(vendor, dataset, START, END, table=table, file_format=name, **query)
    return found


@pytest.fixture(scope="module")
def databases(lakes: dict[str, SimulatedLake]) -> dict[str, duckdb.DuckDBPyConnection]:
    return {name: lake.database() for name, lake in lakes.items()}


def rows(database: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """The rows without what has no column, which NDJSON gives as a whole."""
    return sorted(map(repr, database.sql(f"select * exclude (_extra) from {view}").fetchall()))


@pytest.mark.parametrize("view", CUTS)
def test_every_format_has_the_same_rows(databases: dict[str, duckdb.DuckDBPyConnection], view: str) -> None:
    parquet, *others = (rows(databases[name], view) for name in FORMATS)

    assert parquet
    for other in others:
        assert other == parquet


@pytest.mark.parametrize("view", CUTS)
@pytest.mark.parametrize("name", FORMATS)
def test_the_columns_are_the_documented_ones(
    databases: dict[str, duckdb.DuckDBPyConnection], view: str, name: str
) -> None:
    vendor, dataset, _ = CUTS[view]
    documented = typed_columns(VENDORS[vendor].dataset(dataset))
    columns = {row[0]: row[1] for row in databases[name].sql(f"describe {view}").fetchall()}
    comments = dict(
        databases[name]
        .execute("select column_name, comment from duckdb_columns where table_name = ?", [view])
        .fetchall()
    )

    assert [column for column in columns if not column.endswith("_usd")] == [
        "date", *(column.name for column in documented[1:])
    ]  # fmt: skip
    assert columns["date"] == "DATE"
    assert {kind for column, kind in columns.items() if column.endswith("_usd")} <= {"DECIMAL(38,14)"}
    for column in documented[1:-1]:
        assert comments[column.name].startswith(description_of(VENDORS[vendor].dataset(dataset), column))


def test_dollars_are_the_exact_cents(databases: dict[str, duckdb.DuckDBPyConnection]) -> None:
    for database in databases.values():
        found = database.sql("select amount_cents, amount_usd from claude_enterprise_user_cost_report").fetchall()
        assert found
        assert all(isinstance(cents, Decimal) and cents == usd * 100 for cents, usd in found)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_dialects_parse(lakes: dict[str, SimulatedLake], name: str, dialect: str) -> None:
    found = sqlglot.parse(lakes[name].script(dialect), dialect=dialect)
    views = [statement for statement in found if isinstance(statement, sqlglot.exp.Create) and statement.kind == "VIEW"]

    assert {view.find(sqlglot.exp.Table).name for view in views} >= {*CUTS, "daily_spend", "daily_active", "adoption"}
    # sqlglot has no words for the external tables of BigQuery with partitions, and keeps their text.
    others = [statement for statement in found if isinstance(statement, sqlglot.exp.Command)]
    assert len(others) == (len(CUTS) if dialect == "bigquery" else 0)
    for view in views:
        selected = view.expression.selects
        assert {column.alias_or_name for column in selected} & RESERVED[
            dialect.title().replace("query", "Query")
        ] == set()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_dialects_have_no_floats(lakes: dict[str, SimulatedLake], dialect: str) -> None:
    for statement in sqlglot.parse(lakes["ndjson"].script(dialect), dialect=dialect):
        assert statement is not None
        for cast in statement.find_all(sqlglot.exp.Cast):
            if cast.to.this in (sqlglot.exp.DataType.Type.DOUBLE, sqlglot.exp.DataType.Type.FLOAT):
                assert cast.parent.alias_or_name.endswith("_adoption_rate")  # the vendor's own percentages
