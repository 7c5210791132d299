# SPDX-License-Identifier: Apache-2.0
"""The unit, the meaning and the source of each typed column, for files, lineage, views and documentation."""

from __future__ import annotations

from airflow_provider_aianalytics.storage.typed.schema import BREAKDOWN, DATE, EXTRA
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS

UNITS = {ColumnType.CENTS: "US cents", ColumnType.TIMESTAMP: "time, UTC", ColumnType.DATE: "day, UTC"}
FORMATS_PAGE = "docs/formats.md"


def unit_of(column: Column) -> str:
    """What a column counts or measures; empty for names, ids and flags."""
    return column.unit or UNITS.get(column.type, "")


def meaning_of(dataset: Dataset, column: Column) -> str:
    """One plain sentence of Markdown about a column."""
    meaning = column.meaning
    if column.path.startswith("group.actor."):
        meaning += "; null unless `actor` is in `group_by`"
    elif column.path.removeprefix("group.") in dataset.group_by:
        meaning += "; null unless it is in `group_by`"
    return f"{meaning[:1].upper()}{meaning[1:]}."


def source_of(dataset: Dataset, column: Column) -> tuple[str, str]:
    """Where the meaning of a column is from: a page of the documentation, and the section of a contract."""
    if column in (DATE, EXTRA, *BREAKDOWN):
        return FORMATS_PAGE, ""
    return f"docs/contracts/{VENDORS[dataset.vendor].contract}", column.section or dataset.section


def description_of(dataset: Dataset, column: Column) -> str:
    """The sentence about a column with its source, as plain text; short, because every Parquet file carries it."""
    page, section = source_of(dataset, column)
    source = f"contract section {section}" if section else page
    return f"{meaning_of(dataset, column).replace('`', '').removesuffix('.')} ({source})."
