# SPDX-License-Identifier: Apache-2.0
"""A dataset's page in Markdown: what the catalogue knows, and a sample record in each format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from airflow_provider_aianalytics.lineage.collect import TYPES
from airflow_provider_aianalytics.reference.samples import sample
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.availability import Availability
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset, Vendor

UNITS = {ColumnType.CENTS: "US cents"}
MEANINGS = {
    "_date": "the UTC day",
    "_extra": "what no other column holds, as JSON",
    "row_type": "`total`, `category` or `unattributed`",
    "axis": "the breakdown that a `category` or `unattributed` row belongs to",
    "category": "the title of the category",
}
"""Of the columns that are ours and no field of the vendor."""


def dataset_page(vendor: Vendor, dataset: Dataset) -> str:
    """Everything to know of a dataset before using it."""
    sections = (
        _head(vendor, dataset),
        "\n".join(f"- **{name}**: {text}" for name, text in facts(dataset)),
        _query(dataset),
        _columns(dataset),
        _samples(dataset),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """What a day of the dataset is, and when: name and sentence."""
    yield "A row is", f"{dataset.grain}."
    yield "A day is available", f"{available(dataset.availability)}."
    yield "A day is final", f"{duration(dataset.availability.final_after)} after its end."
    if dataset.availability.supports_partial:
        yield "Today", 'can be read up to now, with `on_unavailable="partial"`.'
    else:
        yield "Today", "cannot be read: days come whole."
    if dataset.first_day:
        yield "First day", f"{dataset.first_day}."
    if dataset.retention:
        yield "Reaches back", f"{dataset.retention.days} days."
    yield "A request takes", f"{request_limits(dataset)}."
    if dataset.groups_per_bucket:
        groups = f"at most {dataset.groups_per_bucket} of a bucket; the vendor leaves out the rest without a word."
        yield "Groups", f"{groups} `on_cap` says what happens then."
    if dataset.measure:
        yield "A decrease is noticed", f"in the number of rows, and in the total of `{dataset.measure}`."


def available(availability: Availability) -> str:
    """When a day can be read."""
    match availability.kind:
        case "aggregated":
            return f"next day {availability.at:%H:%M} UTC, expected {duration(availability.lag)} later"
        case "watermark":
            return f"when `data_refreshed_at` passes the day, about {duration(availability.lag)} after its end"
        case "complete_buckets":
            return f"complete buckets only; a zero is trusted {duration(availability.settle)} after the end of a bucket"


def request_limits(dataset: Dataset) -> str:
    """How much one request, and one chain of pages, can hold."""
    days = dataset.window.max_days
    largest = max(dataset.page_limit.values())
    pages = (
        ", ".join(f"{limit} ({width})" for width, limit in dataset.page_limit.items())
        if len(set(dataset.page_limit.values())) > 1
        else f"{largest:,}"
    )
    shorter = "".join(f" ({count} at `{width}`)" for width, count in dataset.window.max_days_by_width.items())
    return f"{days} day{'s' if days > 1 else ''}{shorter}; {pages} {dataset.limit_unit} a page"


def duration(span: timedelta) -> str:
    """A length of time in hours or days."""
    if span < timedelta(days=1):
        return f"{span // timedelta(hours=1)} hours"
    return f"{span.days} day{'s' if span.days > 1 else ''}"


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; pipes within cells are escaped."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _head(vendor: Vendor, dataset: Dataset) -> str:
    version = "".join(f", with the header `{name}: {value}`" for name, value in dataset.headers.items())
    fixed = "".join(f" `{name}={value}`" for name, value in dataset.parameters)
    keys = " A Console Admin API key works too." if dataset.admin_key else ""
    return (
        f"# {dataset.name}\n\n{dataset.title[0].upper()}{dataset.title[1:]}. From {vendor.title}, "
        f"`GET {dataset.path}`{fixed}{version}.{keys}"
    )


def _query(dataset: Dataset) -> str:
    rows = [
        [f"`{name}`", values]
        for name, values in (
            ("bucket_width", _widths(dataset)),
            ("group_by", _dimensions(dataset)),
            *((f"filters.{name}", _values(dataset, name)) for name in dataset.filters),
        )
        if values
    ]
    if not rows:
        return "## Query\n\nThis dataset takes no `bucket_width`, `group_by` or `filters`."
    notes = [
        *(f"`{one}` and `{other}` exclude each other." for one, other in dataset.conflicts),
        *(f"`{option}` needs `{needed}`." for option, needed in dataset.requirements),
        *(f"Groups of `{name}` overlap: do not add them up." for name in dataset.overlapping_group_by),
    ]
    table = markdown_table(["argument", "values"], rows)
    return "\n\n".join(["## Query", table, *([" ".join(notes)] if notes else [])])


def _widths(dataset: Dataset) -> str:
    first, *others = [f"`{width}`" for width in dataset.bucket_widths] or [""]
    return ", ".join([f"{first} (default)", *others]) if first else ""


def _dimensions(dataset: Dataset) -> str:
    names = ", ".join(f"`{name}`" for name in dataset.group_by)
    if dataset.max_group_by is None:
        return names
    free = " and ".join(f"`{name}`" for name in dataset.free_group_by)
    return f"up to {dataset.max_group_by} of {names}" + (f"; {free} do not count" if free else "")


def _values(dataset: Dataset, name: str) -> str:
    known = dataset.filters[name]
    values = " or ".join(f"`{value}`" for value in known.values) or "text"
    return f"{values}{', or a list' if known.multiple else ''}"


def _columns(dataset: Dataset) -> str:
    cells = sample(dataset).cells
    columns = typed_columns(dataset)
    rows = [
        [
            f"`{column.name}`",
            TYPES[column.type],
            _unit(column),
            _meaning(dataset, column),
            _code(cells[column.name]),
        ]
        for column in columns
    ]
    head = ["column", "type in Parquet", "unit", "meaning", "example"]
    shown = [place for place in range(len(head)) if place in (0, 1, 4) or any(row[place] for row in rows)]
    table = markdown_table([head[place] for place in shown], ([row[place] for place in shown] for row in rows))
    return f"## Columns\n\nThe columns of Parquet and CSV, in order. No example: null in this row.\n\n{table}"


def _unit(column: Column) -> str:
    return getattr(column, "unit", None) or UNITS.get(column.type, "")


def _meaning(dataset: Dataset, column: Column) -> str:
    if known := getattr(column, "description", "") or MEANINGS.get(column.path, ""):
        return known
    if dataset.bounds and column.path in dataset.bounds:
        return "start of the bucket" if column.path == dataset.bounds[0] else "end of the bucket, exclusive"
    if column.path.removeprefix("group.") in dataset.group_by:
        return "group; null unless it is in `group_by`"
    return ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _samples(dataset: Dataset) -> str:
    known = sample(dataset)
    return (
        "## A record in each format\n\nThe people and numbers are made up.\n\n"
        f"NDJSON, as the vendor sends it:\n\n```json\n{known.ndjson}\n```\n\n"
        f"CSV; Parquet has the same rows:\n\n```csv\n{known.csv}```"
    )
