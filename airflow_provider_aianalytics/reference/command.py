# SPDX-License-Identifier: Apache-2.0
"""The subcommand ``datasets``: the list of datasets, or the page of one; light until it runs."""

from __future__ import annotations

import argparse
import sys

SUMMARY = "List the datasets, or print the page of one: columns, query options, limits, samples"
DETAILS = "The page is Markdown, the same as in the documentation. Exit code: 2 for a dataset that does not exist."
ARGUMENTS: tuple[tuple[tuple[str, ...], dict[str, object]], ...] = (
    (("name",), {"nargs": "?", "metavar": "NAME", "help": "a dataset, such as users, or vendor/dataset"}),
)


def show_datasets(arguments: argparse.Namespace) -> int:
    """Print it, and return the exit code."""
    from airflow_provider_aianalytics.reference.dataset_page import dataset_page
    from airflow_provider_aianalytics.vendors.registry import VENDORS

    known = [(vendor, dataset) for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
    if arguments.name is None:
        names = [f"{vendor.name}/{dataset.name}" for vendor, dataset in known]
        width = max(map(len, names))
        for name, (_, dataset) in zip(names, known, strict=True):
            sys.stdout.write(f"{name:<{width}}   {dataset.title}; a row is {dataset.grain}\n")
        return 0
    chosen = [
        (vendor, dataset)
        for vendor, dataset in known
        if arguments.name in (dataset.name, f"{vendor.name}/{dataset.name}")
    ]
    if not chosen:
        sys.stderr.write(f"datasets: error: no dataset {arguments.name!r}; run it without a name for the list\n")
        return 2
    sys.stdout.write("\n".join(dataset_page(vendor, dataset) for vendor, dataset in chosen))
    return 0
