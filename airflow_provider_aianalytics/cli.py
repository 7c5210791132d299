# SPDX-License-Identifier: Apache-2.0
"""The command line, for ``airflow aianalytics`` (Airflow 3.2 and later) and ``python -m``; light until it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_aianalytics.reference import command as datasets

if TYPE_CHECKING:
    from airflow.cli.cli_config import GroupCommand

Flags = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    :param run: prints the answer, and returns the exit code.
    """

    name: str
    summary: str
    details: str
    arguments: tuple[Flags, ...]
    run: Callable[[argparse.Namespace], int]


def day(text: str) -> date:
    """A day as written on the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as 2026-11-01") from None


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


COVERAGE = "Show which days have landed, from the manifests alone"
COVERAGE_MORE = (
    "Reads no data and asks no vendor. Exit code: 0 when every day of the range has landed, 1 when days are missing or "
    "their manifests unreadable, 2 when the question cannot be answered."
)


ARGUMENTS: tuple[Flags, ...] = (
    (("path",), {"metavar": "PATH", "help": "the lake: any URL ObjectStoragePath takes, such as s3://conn@lake/ai"}),
    (("--vendor",), {"help": "only this vendor's tables"}),
    (("--table",), {"help": "only tables of this name"}),
    (("--from",), {"dest": "first", "type": day, "metavar": "DAY", "help": "default: a table's first landed day"}),
    (("--to",), {"dest": "last", "type": day, "metavar": "DAY", "help": "inclusive; default: its last landed day"}),
    (("--json",), {"action": "store_true", "help": "everything in one line of JSON"}),
)


def show_coverage(arguments: argparse.Namespace) -> int:
    """Print it, and give the exit code."""
    with _logs_on_stderr():
        from airflow_provider_aianalytics.coverage import as_json, as_text, coverage, gaps

        try:
            tables = coverage(
                arguments.path,
                vendor=arguments.vendor,
                table=arguments.table,
                first=arguments.first,
                last=arguments.last,
            )
        except Exception as error:  # each store's driver has its own, and 1 must not mean two things
            sys.stderr.write(f"coverage: error: {error or type(error).__name__}\n")
            return 2
    if arguments.json:
        told = as_json(arguments.path, tables) + "\n"
    else:
        told = as_text(arguments.path, tables, colours=_has_colours(sys.stdout), signs=_has_signs(sys.stdout))
    sys.stdout.write(told)
    return 1 if gaps(tables) else 0


COMMANDS = (
    Command("coverage", COVERAGE, COVERAGE_MORE, ARGUMENTS, show_coverage),
    Command("datasets", datasets.SUMMARY, datasets.DETAILS, datasets.ARGUMENTS, datasets.show_datasets),
)


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    """Airflow logs to the standard output, and holds on to it; the answer has it alone."""
    sys.stdout.flush()
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(answers, 1)
        os.close(answers)


def _has_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _has_signs(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")
