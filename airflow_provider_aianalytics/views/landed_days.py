# SPDX-License-Identifier: Apache-2.0
"""The view of the landed days: which are final and complete, as the manifests say."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.sql import View, text

NAME = "landed_days"


def landed_days(lake: Lake, dialect: str) -> View:
    """A row for each landed day in DuckDB, which reads the manifests; elsewhere for each run of days, as of now."""
    if dialect == "duckdb":
        query, comment = _from_manifests(lake), "The landed days of each table, as the manifests say."
    else:
        query, comment = _as_of_now(lake), "The landed days of each table when this view was made: make it anew daily."
    return View(
        name=NAME,
        query=query,
        comment=comment,
        columns={
            "vendor": "The vendor's name.",
            "table_name": "The table's name.",
            "first_date": "The first of consecutive days, UTC.",
            "last_date": "The last of these days.",
            "is_final": "Whether the vendor will not restate the days any more, and they are complete.",
            "is_complete": "Whether the vendor's data covered the whole of the days, and no group of rows is missing.",
        },
    )


def _from_manifests(lake: Lake) -> str:
    files = [lake.uri(f"{source.dataset.vendor}/_manifests/{source.table}/*.json") for source in lake.sources]
    columns = "{'vendor': 'varchar', 'table': 'varchar', 'date': 'date', 'final': 'boolean', 'complete': 'boolean'}"
    return f"""
    select vendor, "table" as table_name, date as first_date, date as last_date, final and complete as is_final,
        complete as is_complete
    from read_json([{", ".join(map(text, files))}], format = 'unstructured', columns = {columns})
    """


def _as_of_now(lake: Lake) -> str:
    rows = ",\n".join(
        f"('{source.dataset.vendor}', {text(source.table)}, cast('{days.first}' as date), cast('{days.last}' as date), "
        f"{days.is_final}, {days.is_complete})"
        for source in lake.sources
        for days in source.days
    )
    return f"""
    select vendor, table_name, first_date, last_date, is_final, is_complete
    from (values {rows}) as days(vendor, table_name, first_date, last_date, is_final, is_complete)
    """


def is_one_of(tables: Iterable[Source]) -> str:
    """Whether a row of the view is about one of the tables, in DuckDB's dialect."""
    found = [f"(landed.vendor = '{one.dataset.vendor}' and landed.table_name = {text(one.table)})" for one in tables]
    return f"({' or '.join(found) or 'false'})"
