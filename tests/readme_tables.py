# SPDX-License-Identifier: Apache-2.0
"""The README's tables of datasets, made from the catalogue: ``python -m tests.readme_tables`` writes them anew."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from airflow_provider_aianalytics.vendors.base import Availability, Dataset, Vendor
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

README = Path(__file__).parent.parent / "README.md"
VENDORS = (CLAUDE_ENTERPRISE, PERPLEXITY)


def table(vendor: Vendor) -> str:
    """A vendor's datasets as a Markdown table."""
    head = ["dataset", "what it is", "a row", "widths", "a request takes", "available", "final after"]
    rows = [head, ["---"] * len(head), *(_row(dataset) for dataset in vendor.datasets.values())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(dataset: Dataset) -> list[str]:
    days = dataset.window.max_days
    largest = max(dataset.page_limit.values())
    pages = (
        ", ".join(f"{limit} ({width})" for width, limit in dataset.page_limit.items())
        if len(set(dataset.page_limit.values())) > 1
        else f"{largest:,}"
    )
    shorter = "".join(f" ({count} at `{width}`)" for width, count in dataset.window.max_days_by_width.items())
    return [
        f"`{dataset.name}`",
        dataset.title,
        dataset.grain,
        ", ".join(f"`{width}`" for width in dataset.bucket_widths),
        f"{days} day{'s' if days > 1 else ''}{shorter}; {pages} {dataset.limit_unit} a page",
        _available(dataset.availability),
        _spell(dataset.availability.final_after),
    ]


def _available(availability: Availability) -> str:
    match availability.kind:
        case "aggregated":
            return f"next day {availability.at:%H:%M} UTC, expected {_spell(availability.lag)} later"
        case "watermark":
            return f"when `data_refreshed_at` passes the day, about {_spell(availability.lag)}"
        case "complete_buckets":
            return f"complete buckets, believed after {_spell(availability.settle)}"


def _spell(span: timedelta) -> str:
    if span < timedelta(days=1):
        return f"{span // timedelta(hours=1)} hours"
    return f"{span.days} day{'s' if span.days > 1 else ''}"


def with_tables(text: str) -> str:
    """The README with every table made anew between its marks."""
    for vendor in VENDORS:
        begin, end = f"<!-- datasets of {vendor.name} -->", f"<!-- end of {vendor.name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text, found = pattern.subn(lambda _, v=vendor, b=begin, e=end: f"{b}\n{table(v)}\n{e}", text)
        if found != 1:
            raise SystemExit(f"{README.name} has {found} places for the table of {vendor.name}")
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
