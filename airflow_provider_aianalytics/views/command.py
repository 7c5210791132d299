# SPDX-License-Identifier: Apache-2.0
"""The subcommand ``views``: SQL views over what has landed; light until it runs."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager
from typing import Any

from airflow_provider_aianalytics.vendors.prices import PriceList
from airflow_provider_aianalytics.views.prices import read_credit_prices

SUMMARY = "Print the SQL views of what has landed: a typed one for each table, spend, activity, members and adoption"
DETAILS = "Reads the manifests alone and connects to no database. Exit code: 2 when there is no answer."


def prices(text: str) -> PriceList:
    """Prices as written on the command line."""
    try:
        return read_credit_prices(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


ARGUMENTS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("path",), {"metavar": "PATH", "help": "the lake: any URL ObjectStoragePath takes, such as s3://conn@lake/ai"}),
    (
        ("--dialect",),
        {"choices": ("duckdb", "snowflake", "bigquery", "athena"), "required": True, "help": "the database"},
    ),
    (
        ("--credit-price-usd",),
        {
            "type": prices,
            "default": None,
            "metavar": "PRICE",
            "help": "what a paid credit costs in US dollars: 0.01, or from days on: 2026-01-01=0.01,2026-07-01=0.012, "
            "or a file with such a day and price a line: 2026-01-01,0.01; "
            "default: unknown, and the money is null",
        },
    ),
)


def show_views(arguments: argparse.Namespace, logs: AbstractContextManager[None]) -> int:
    """Print them, and return the exit code.

    :param logs: where logs must not reach the standard output.
    """
    with logs:
        from airflow_provider_aianalytics.views.script import views_script

        try:
            script = views_script(arguments.path, arguments.dialect, arguments.credit_price_usd)
        except Exception as error:  # each store's driver has its own
            sys.stderr.write(f"views: error: {error or type(error).__name__}\n")
            return 2
    sys.stdout.write(script)
    return 0
