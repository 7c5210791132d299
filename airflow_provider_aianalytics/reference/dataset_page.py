# SPDX-License-Identifier: Apache-2.0
"""A dataset's page in Markdown: what the catalogue knows, and a sample record in each format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_provider_aianalytics.lineage.collect import TYPES
from airflow_provider_aianalytics.reference.availability_text import available_text
from airflow_provider_aianalytics.reference.samples import sample
from airflow_provider_aianalytics.storage.typed.descriptions import meaning_of, source_of, unit_of
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import Column, Dataset, Vendor


def dataset_page(vendor: Vendor, dataset: Dataset) -> str:
    """Everything to know of a dataset before using it."""
    sections = (
        _head(vendor, dataset),
        "\n".join(f"- **{name}**: {text}" for name, text in properties(dataset)),
        _query(dataset),
        _columns(dataset),
        _samples(dataset),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def properties(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """The rows about availability and limits of the dataset: name and sentence."""
    yield "A row is", f"{dataset.grain}."
    yield "A day is available", f"{available_text(dataset.availability)}."
    days = dataset.availability.final_after.days
    yield "A day is final", f"{days} days after its end. Until then it can be restated: `restate_days={days}`."
    if dataset.availability.supports_partial:
        yield "Today", 'can be read up to now, with `on_unavailable="partial"`.'
    else:
        yield "Today", "cannot be read: the vendor has whole days only."
    if dataset.first_day:
        yield "The first day is", f"{dataset.first_day}."
    if dataset.retention:
        yield "The vendor keeps", f"{dataset.retention.days} days."
    yield "A request reads", f"{request_limits(dataset)}."
    if dataset.groups_per_bucket:
        yield (
            "A bucket has",
            f"at most {dataset.groups_per_bucket} groups; the vendor leaves out the rest without a sign. `on_cap` "
            "decides what happens then.",
        )
    if dataset.measure:
        name = dataset.column(dataset.measure).name
        yield "A decrease is checked", f"for the number of rows and the total of `{name}`: see `on_shrink`."
    else:
        yield "A decrease is checked", "for the number of rows: see `on_shrink`."


def request_limits(dataset: Dataset) -> str:
    """The limits of a request and of a page."""
    days = dataset.window.max_days
    shorter = "".join(f" ({count} at `{width}`)" for width, count in dataset.window.max_days_by_width.items())
    limits = set(dataset.page_limit.values())
    pages = (
        f"{max(limits):,}"
        if len(limits) == 1
        else ", ".join(f"{limit} (`{width}`)" for width, limit in dataset.page_limit.items())
    )
    return f"up to {days} day{'s' if days > 1 else ''}{shorter}, in pages of {pages} {dataset.limit_unit}"


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
        f"`GET {dataset.path}`{fixed}{version}.{keys} "
        f"[The vendor's reference]({vendor.docs_url})."
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
        *(
            f"Groups of `{name}` leave amounts out unless `{other}` is in `group_by` too."
            for name, other in dataset.partial_group_by.items()
        ),
    ]
    table = markdown_table(["argument", "values"], rows)
    usage = "A task with one of these writes into a `table` of its own."
    if dataset.filters:
        usage += f' Filters are a dictionary: `filters={{"{next(iter(dataset.filters))}": "…"}}`.'
    return "\n\n".join(["## Query", table, " ".join([usage, *notes])])


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
            unit_of(column),
            meaning_of(dataset, column),
            _source(dataset, column),
            _code(cells[column.name]),
        ]
        for column in columns
    ]
    table = markdown_table(["column", "type in Parquet", "unit", "meaning", "source", "example"], rows)
    return (
        "## Columns\n\nThe columns of Parquet and CSV, in order. The examples are the first row of the record below; "
        "no example means null. A source is the section of the contract that says it.\n\n"
        f"{table}"
    )


def _source(dataset: Dataset, column: Column) -> str:
    page, section = source_of(dataset, column)
    return f"[{f'section {section}' if section else 'formats'}](../../{page.removeprefix('docs/')})"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _samples(dataset: Dataset) -> str:
    known = sample(dataset)
    return (
        "## A record in each format\n\nThe people and numbers are made up.\n\n"
        f"NDJSON, as the vendor sends it:\n\n```json\n{known.ndjson}\n```\n\n"
        f"CSV:\n\n```csv\n{known.csv}```\n\nParquet: the same rows, with the types [above](#columns)."
    )
