# SPDX-License-Identifier: Apache-2.0
"""Statements in one dialect, written in DuckDB's and translated by sqlglot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from airflow_provider_aianalytics.exceptions import InvalidArgumentError

DIALECTS = ("duckdb", "snowflake", "bigquery", "athena")
BIGQUERY_DATASET = "ai_analytics"
"""Views of BigQuery must name the dataset of each table."""
USD = "decimal(38, 14)"
"""Cents have 12 decimals, so dollars have 14."""


def sqlglot() -> ModuleType:
    """The library that translates SQL.

    :raises InvalidArgumentError: when it is not installed.
    """
    try:
        import sqlglot
    except ImportError:
        raise InvalidArgumentError(
            "views need sqlglot, which is not installed; pip install 'airflow-provider-aianalytics[views]'"
        ) from None
    return sqlglot


@dataclass(frozen=True, slots=True)
class View:
    """A view before it is translated.

    :param query: a SELECT in DuckDB's dialect.
    :param comment: what a row is.
    :param columns: by name what each column holds, in the query's order.
    :param tables: common table expressions in the dialect of the result, which follow the query's first one.
    """

    name: str
    query: str
    comment: str
    columns: Mapping[str, str]
    tables: Mapping[str, str] = field(default_factory=dict)

    def statements(self, dialect: str) -> list[str]:
        """The statements that create it, with comments in the form of the dialect."""
        query, name = self._query(dialect), qualified(self.name, dialect)
        about = {column: text(meaning, dialect) for column, meaning in self.columns.items()}
        match dialect:
            case "duckdb":
                comments = [f"COMMENT ON COLUMN {name}.{column} IS {meaning}" for column, meaning in about.items()]
                return [_create(name, query), f"COMMENT ON VIEW {name} IS {text(self.comment)}", *comments]
            case "snowflake":
                columns = ",\n  ".join(f"{column} COMMENT {meaning}" for column, meaning in about.items())
                return [_create(f"{name} (\n  {columns}\n) COMMENT = {text(self.comment)}", query)]
            case "bigquery":
                columns = ",\n  ".join(
                    f"{column} OPTIONS (description = {meaning})" for column, meaning in about.items()
                )
                options = f"OPTIONS (description = {text(self.comment, dialect)})"
                return [_create(f"{name} (\n  {columns}\n) {options}", query)]
            case _:  # Athena's views have no comments
                lines = [self.comment, *(f"{column}: {meaning}" for column, meaning in self.columns.items())]
                return ["".join(f"-- {line}\n" for line in lines) + _create(name, query)]

    def _query(self, dialect: str) -> str:
        library = sqlglot()
        query: Any = library.parse_one(self.query, dialect="duckdb")
        for number, (name, table) in enumerate(self.tables.items(), start=1):
            alias = library.exp.TableAlias(this=library.exp.to_identifier(name))
            added = library.exp.CTE(this=library.parse_one(table, dialect=dialect), alias=alias)
            query.args["with_"].expressions.insert(number, added)
        written: str = _adapted(query, dialect).sql(dialect=dialect, pretty=True)
        return written


def text(value: str, dialect: str = "duckdb") -> str:
    """A literal."""
    literal: str = sqlglot().exp.Literal.string(value).sql(dialect=dialect)
    return literal


def qualified(name: str, dialect: str) -> str:
    """The name of a table or view as statements write it."""
    return f"{BIGQUERY_DATASET}.{name}" if dialect == "bigquery" else name


def _create(head: str, query: str) -> str:
    return f"CREATE OR REPLACE VIEW {head} AS\n{query}"


def _adapted(query: Any, dialect: str) -> Any:
    """A query with what sqlglot does not translate."""
    exp = sqlglot().exp
    if dialect == "bigquery":
        own = {table.alias for table in query.find_all(exp.CTE)}
        for table in query.find_all(exp.Table):
            if isinstance(table.this, exp.Identifier) and table.name not in own:
                table.set("db", exp.to_identifier(BIGQUERY_DATASET))
    if dialect == "athena":  # it casts no text with a T between day and time
        for cast in list(query.find_all(exp.Cast)):
            if cast.to.this == exp.DataType.Type.TIMESTAMPTZ:
                cast.replace(exp.func("from_iso8601_timestamp", cast.this))
    return query
