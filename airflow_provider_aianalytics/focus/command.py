# SPDX-License-Identifier: Apache-2.0
"""The subcommand ``focus``; light until it runs."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager

from airflow_provider_aianalytics.focus.month import Month

SUMMARY = "Export a month of landed costs as FOCUS 1.2 Cost and Usage rows"
DETAILS = (
    "Reads what has landed and sends the vendor no request. The file goes to the standard output, notes about it to "
    "the standard error. Exit code: 0 for a file, 2 when there is none: a close needs each day of the month, final."
)
FORMATS = ("parquet", "csv")


def month(text: str) -> str:
    """A month as written on the command line."""
    try:
        return str(Month.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


ARGUMENTS: tuple[tuple[tuple[str, ...], dict[str, object]], ...] = (
    (("path",), {"metavar": "PATH", "help": "the lake: any URL ObjectStoragePath takes, such as s3://conn@lake/ai"}),
    (("--month",), {"type": month, "required": True, "metavar": "MONTH", "help": "the billing period: 2026-10, UTC"}),
    (
        ("--config",),
        {"metavar": "FILE", "help": "a TOML file with what no API serves: accounts, prices, the table to read"},
    ),
    (("--vendor",), {"help": "only this vendor's charges"}),
    (("--format",), {"choices": FORMATS, "default": FORMATS[0], "help": "parquet or csv; default: parquet"}),
    (
        ("--closed",),
        {
            "nargs": "+",
            "default": (),
            "metavar": "FILE",
            "help": "earlier exports: what has changed in their months since becomes rows of ChargeClass Correction",
        },
    ),
    (
        ("--provisional",),
        {"action": "store_true", "help": "export also when days are missing, incomplete or not final, and note them"},
    ),
)


def show_focus(arguments: argparse.Namespace, logs: AbstractContextManager[None]) -> int:
    """Write the file to the standard output and its notes to the standard error, and return the exit code.

    :param logs: where logs must not reach the standard output.
    """
    if arguments.format != "csv" and sys.stdout.isatty():
        sys.stderr.write("focus: error: a terminal shows no Parquet; redirect the output, or give --format csv\n")
        return 2
    with logs:
        try:
            data, notes = _export(arguments)
        except Exception as error:  # each store's driver has its own
            sys.stderr.write(f"focus: error: {error or type(error).__name__}\n")
            return 2
    sys.stderr.write("".join(f"note: {note}\n" for note in notes))
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return 0


def _export(arguments: argparse.Namespace) -> tuple[bytes, list[str]]:
    from airflow_provider_aianalytics.focus.export import export
    from airflow_provider_aianalytics.focus.settings import read_settings

    found = export(
        arguments.path,
        month=arguments.month,
        settings=read_settings(arguments.config),
        vendor=arguments.vendor,
        closed=arguments.closed,
        is_provisional=arguments.provisional,
    )
    return found.csv() if arguments.format == "csv" else found.parquet(), found.notes
