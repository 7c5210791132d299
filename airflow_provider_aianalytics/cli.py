# SPDX-License-Identifier: Apache-2.0
"""The command line, for ``airflow aianalytics`` (Airflow 3.2 and later) and ``python -m``; light until it runs."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_aianalytics.focus import command as focus
from airflow_provider_aianalytics.reference import command as datasets
from airflow_provider_aianalytics.views import command as views

if TYPE_CHECKING:
    from airflow.cli.cli_config import GroupCommand

    from airflow_provider_aianalytics.coverage.states import Table

Flags = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    :param run: prints the result, and returns the exit code.
    """

    name: str
    summary: str
    details: str
    arguments: tuple[Flags, ...]
    run: Callable[[argparse.Namespace], int]


FIRST_YEAR, LAST_YEAR = 2000, 2999
MOST_DAYS = 9999
"""Days to look back, so that the first is in the calendar."""


def day(text: str) -> date:
    """A day as written on the command line."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as 2026-11-01") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day of the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def number_of_days(text: str) -> int:
    """A whole number of days as written on the command line."""
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MOST_DAYS}")
    return int(text)


def days(text: str) -> timedelta:
    """A number of days as written on the command line."""
    try:
        return timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, such as 1.5") from None


def get_cli_commands() -> list[GroupCommand]:
    """What Airflow adds to its own command line."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    return [
        GroupCommand(
            name="aianalytics",
            help="AI-product analytics in the data lake",
            subcommands=tuple(
                ActionCommand(
                    name=command.name,
                    help=command.summary,
                    description=f"{command.summary}. {command.details}",
                    func=partial(_run_and_exit, command),
                    args=tuple(Arg(flags=flags, **more) for flags, more in command.arguments),  # type: ignore[no-untyped-call]
                )
                for command in COMMANDS
            ),
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line of ``python -m``.

    :return: the exit code.
    """
    chosen = parser().parse_args(arguments)
    code: int = chosen.run(chosen)
    return code


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m``."""
    program = argparse.ArgumentParser(prog="python -m airflow_provider_aianalytics")
    commands = program.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        found = commands.add_parser(
            command.name, help=command.summary, description=f"{command.summary}. {command.details}"
        )
        found.set_defaults(run=command.run)
        for flags, more in command.arguments:
            found.add_argument(*flags, **more)
    return program


def _run_and_exit(command: Command, arguments: argparse.Namespace) -> None:
    raise SystemExit(command.run(arguments))


# --- coverage and report ----------------------------------------------------------------------------------------------

_EXIT_CODES = (
    "Reads no data and sends the vendor no request. Exit code: 0 when every day is there that should be, 1 when days "
    "are late, missing, mixed or have an unreadable manifest, 2 when there is no answer."
)
_LAKE: tuple[Flags, ...] = (
    (("path",), {"metavar": "PATH", "help": "the lake: any URL ObjectStoragePath takes, such as s3://conn@lake/ai"}),
    (("--vendor",), {"help": "only this vendor's tables"}),
    (("--table",), {"help": "only tables of this name"}),
    (("--from",), {"dest": "first", "type": day, "metavar": "DAY", "help": "default: a table's first landed day"}),
    (("--to",), {"dest": "last", "type": day, "metavar": "DAY", "help": "inclusive; default: yesterday, UTC"}),
    (
        ("--lag",),
        {
            "type": days,
            "metavar": "DAYS",
            "help": "how long the vendor is given for a day; default: as earlier days landed, else its catalogue",
        },
    ),
)


def show_coverage(arguments: argparse.Namespace) -> int:
    """Print it, and return the exit code."""
    from airflow_provider_aianalytics.clock import SYSTEM_CLOCK

    now = SYSTEM_CLOCK.now()

    def render(tables: list[Table]) -> str:
        if arguments.json:
            from airflow_provider_aianalytics.coverage.json_output import as_json

            return as_json(arguments.path, tables) + "\n"
        from airflow_provider_aianalytics.coverage.text import as_text

        return as_text(
            arguments.path,
            tables,
            now=now,
            calendars=True if arguments.calendars else None,
            colours=_has_colours(sys.stdout),
            signs=_has_signs(sys.stdout),
        )

    return _survey_and_print("coverage", arguments, {"now": now}, render)


def show_report(arguments: argparse.Namespace) -> int:
    """Print the page, and return the exit code."""
    from airflow_provider_aianalytics.clock import SYSTEM_CLOCK

    now = SYSTEM_CLOCK.now()

    def render(tables: list[Table]) -> str:
        from airflow_provider_aianalytics.coverage.html import as_html

        return as_html(arguments.path, tables, now=now)

    return _survey_and_print("report", arguments, {"now": now, "most": arguments.days}, render)


def _survey_and_print(
    name: str, arguments: argparse.Namespace, days: dict[str, Any], render: Callable[[list[Table]], str]
) -> int:
    with _logs_on_stderr():
        from airflow_provider_aianalytics.coverage.states import count_gaps
        from airflow_provider_aianalytics.coverage.survey import Range, survey

        try:
            tables = survey(
                arguments.path,
                days=Range(first=arguments.first, last=arguments.last, **days),
                vendor=arguments.vendor,
                table=arguments.table,
                lag=arguments.lag,
            )
            text = render(tables)
        except Exception as error:  # each store's driver has its own, and 1 must not mean two things
            sys.stderr.write(f"{name}: error: {error or type(error).__name__}\n")
            return 2
    sys.stdout.write(text)
    return 1 if count_gaps(tables) else 0


def show_focus(arguments: argparse.Namespace) -> int:
    """Write the export, and return the exit code."""
    return focus.show_focus(arguments, _logs_on_stderr())


def show_views(arguments: argparse.Namespace) -> int:
    """Print the SQL views, and return the exit code."""
    return views.show_views(arguments, _logs_on_stderr())


COMMANDS = (
    Command(
        "coverage",
        "Show which days have landed and which are late, from the manifests alone",
        _EXIT_CODES,
        (
            *_LAKE,
            (
                ("-v", "--calendars"),
                {"action": "store_true", "help": "a calendar for each table; one table has it anyway"},
            ),
            (("--json",), {"action": "store_true", "help": "everything in one line of JSON"}),
        ),
        show_coverage,
    ),
    Command(
        "report",
        "Print a page about what landed, what is late and what it costs: one HTML file that loads nothing",
        _EXIT_CODES,
        (
            *_LAKE,
            (
                ("--days",),
                {"type": number_of_days, "default": 365, "help": "how many days, up to yesterday; default: 365"},
            ),
        ),
        show_report,
    ),
    Command("focus", focus.SUMMARY, focus.DETAILS, focus.ARGUMENTS, show_focus),
    Command("datasets", datasets.SUMMARY, datasets.DETAILS, datasets.ARGUMENTS, datasets.show_datasets),
    Command("views", views.SUMMARY, views.DETAILS, views.ARGUMENTS, show_views),
)


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    """Redirect Airflow's log lines to the standard error: the standard output has only the command's output."""
    sys.stdout.flush()
    stdout_copy = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout_copy, 1)
        os.close(stdout_copy)


def _has_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _has_signs(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")
