# SPDX-License-Identifier: Apache-2.0
"""What Airflow shows with a task: its documentation, from the catalogue, and the names of mapped task instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_aianalytics.reference.availability_text import available_text
from airflow_provider_aianalytics.run.period import is_relative
from airflow_provider_aianalytics.vendors.availability import duration_text
from airflow_provider_aianalytics.vendors.base import Dataset, Vendor


def is_documented(arguments: Mapping[str, Any]) -> bool:
    """Whether the author gave a task documentation."""
    return any(arguments.get(name) for name in ("doc", "doc_md", "doc_rst", "doc_json", "doc_yaml"))


def mapped_defaults(vendor: Vendor, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``.partial()`` with the name of the task instances and the documentation of the task.

    Airflow reads both from these arguments alone, not from the operators that it makes of them.
    """
    # A day that all task instances share would only repeat itself in their names.
    name = "dataset" if {"start", "day"} & arguments.keys() else "map_name"
    complete = {"map_index_template": f"{{{{ task.{name} }}}}", **arguments}
    if not is_documented(arguments):
        complete["doc_md"] = task_doc(vendor, arguments.get("dataset"))
    return complete


def map_name(dataset: str, day: object) -> str:
    """The name of a mapped task instance: its dataset, and its day where that is a date."""
    return dataset if day in (None, "") or is_relative(day) else f"{dataset} {day}"


def task_doc(vendor: Vendor, dataset: object) -> str:
    """Describe the dataset of a task in Markdown.

    :param dataset: the argument of the task. One that is known only when the task runs, as in a mapped task, gives the
        list of the vendor's datasets.
    """
    known = vendor.datasets.get(dataset) if isinstance(dataset, str) else None
    if known is not None:
        return dataset_doc(vendor, known)
    rows = (f"| `{one.name}` | {one.title} | {one.grain} |" for one in vendor.datasets.values())
    return "\n".join(
        [
            f"**{vendor.title}**: one of these datasets.",
            "",
            "| dataset | data | one row |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def dataset_doc(vendor: Vendor, dataset: Dataset) -> str:
    """Describe a dataset in Markdown: its rows, when a day is available and final, and where its columns are listed."""
    return "\n".join(
        [
            f"**{vendor.title}: `{dataset.name}`**, {dataset.title}.",
            "",
            f"- **One row** for each {dataset.grain}.",
            f"- **A day is available**: {available_text(dataset.availability)}.",
            f"- **A day is final**: {duration_text(dataset.availability.final_after)} after its end; until then the "
            "vendor can restate it.",
            "- **Columns** are printed by "
            f"`python -m airflow_provider_aianalytics datasets {dataset.vendor}/{dataset.name}`.",
            "",
            f"[The vendor's reference]({vendor.docs_url})",
        ]
    )
