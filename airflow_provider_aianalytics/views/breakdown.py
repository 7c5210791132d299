# SPDX-License-Identifier: Apache-2.0
"""The rows of a breakdown that landed as NDJSON: the same as in Parquet and CSV."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_aianalytics.storage.typed.schema import BREAKDOWN, EXTRA
from airflow_provider_aianalytics.vendors.base import Column, Dataset

# A map of lists with free keys is the one thing that the dialects have no common words for. The older shape is a list,
# which is the one axis of its name.
_AXES = {
    "duckdb": (
        "select date, record, axis, json_extract(found, axis) as entries from (select date, record, found,"
        " unnest(json_keys(found)) as axis from"
        " (select date, record, json_extract(record, '$.{field}') as found from records))"
        " union all select date, record, '{field}' as axis, json_extract(record, '$.{field}') as entries"
        " from records where json_type(record, '$.{field}') = 'ARRAY'"
    ),
    "snowflake": (
        "select records.date, records.record, found.key as axis, found.value as entries"
        " from records, lateral flatten(input => parse_json(records.record):{field}) as found"
        " where is_object(parse_json(records.record):{field})"
        " union all select records.date, records.record, '{field}' as axis, parse_json(records.record):{field}"
        " as entries from records where is_array(parse_json(records.record):{field})"
    ),
    "bigquery": (
        "select records.date, records.record, axis, parse_json(records.record).{field}[axis] as entries"
        " from records, unnest(json_keys(parse_json(records.record).{field}, 1)) as axis"
        " union all select records.date, records.record, '{field}' as axis, parse_json(records.record).{field}"
        " as entries from records where json_type(parse_json(records.record).{field}) = 'array'"
    ),
    "athena": (
        "select records.date, records.record, axis, entries from records"
        " cross join unnest(try_cast(json_extract(records.record, '$.{field}') as map(varchar, json)))"
        " as found(axis, entries)"
        " union all select records.date, records.record, '{field}' as axis,"
        " json_extract(records.record, '$.{field}') as entries from records"
        " where json_array_length(json_extract(records.record, '$.{field}')) is not null"
    ),
}
_CATEGORIES = {
    "duckdb": (
        "select date, record, axis, entry ->> '$.category' as category, cast(entry ->> '$.count' as bigint) as count"
        " from (select date, record, axis, unnest(cast(entries as json[])) as entry from axes)"
    ),
    "snowflake": (
        "select axes.date, axes.record, axes.axis, found.value:category::varchar as category,"
        " found.value:count::bigint as count from axes, lateral flatten(input => axes.entries) as found"
    ),
    "bigquery": (
        "select axes.date, axes.record, axes.axis, json_value(entry, '$.category') as category,"
        " cast(json_value(entry, '$.count') as int64) as count from axes, unnest(json_query_array(entries)) as entry"
    ),
    "athena": (
        "select axes.date, axes.record, axes.axis, json_extract_scalar(entry, '$.category') as category,"
        " cast(json_extract_scalar(entry, '$.count') as bigint) as count"
        " from axes cross join unnest(cast(axes.entries as array(json))) as found(entry)"
    ),
}


def breakdown_tables(dataset: Dataset, dialect: str) -> dict[str, str]:
    """The axes and the categories of all records, in the dialect."""
    axes = (_AXES[dialect].replace("{field}", field) for field in dataset.breakdown)
    return {"axes": " union all ".join(axes), "categories": _CATEGORIES[dialect]}


def breakdown_query(dataset: Dataset, cell: Callable[[Column, str], str], files: str) -> str:
    """The rows of a breakdown, in DuckDB's dialect, from the tables ``axes`` and ``categories``.

    :param cell: the expression that reads a column from a record.
    :param files: what the records are selected from.
    """
    counted = dataset.column(dataset.measure or "")
    measure = counted.name
    keys = [column for column in dataset.columns if column != counted]
    row_type, axis, category = (column.name for column in BREAKDOWN)
    read = ", ".join(f"{cell(column, 'record')} as {column.name}" for column in keys)
    return f"""
    with records as (select files.date as date, files.record as record from {files} as files),
    counted as (
        select date, record, 'total' as {row_type}, cast(null as text) as {axis}, cast(null as text) as {category},
            {cell(counted, "record")} as {measure}, cast(record as text) as {EXTRA.name} from records
        union all
        select date, record, 'category', axis, category, count, cast(null as text) from categories
        union all
        select date, record, 'unattributed', axis, cast(null as text),
            cast(case when count(*) = count(parts.count) then sum(parts.count) end as bigint), cast(null as text)
        from (
            select date, record, axis, {cell(counted, "record")} as count from axes
            union all
            select date, record, axis, -categories.count from categories
        ) as parts
        group by date, record, axis
    )
    select date, {read}, {row_type}, {axis}, {category}, {measure}, {EXTRA.name} from counted
    """
