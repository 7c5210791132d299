# SPDX-License-Identifier: Apache-2.0
"""The README says what the code does. Its Python blocks are run by ``tests/integration/test_readme.py``."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from airflow import __version__ as airflow_version
from airflow.cli.cli_parser import get_parser
from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aianalytics import cli, exceptions
from airflow_provider_aianalytics.coverage.text import as_text
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period, plan
from airflow_provider_aianalytics.hooks.connection import read_connection
from airflow_provider_aianalytics.operators.to_object_storage import CHOICES
from airflow_provider_aianalytics.simulator.__main__ import parser as simulator_parser
from airflow_provider_aianalytics.storage.encoders.formats import FORMATS
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import Dataset
from tests.coverage.lakes import ManifestLake, days_from
from tests.readme_tables import README, VENDORS, with_tables
from tests.test_examples import EXAMPLES

TEXT = README.read_text()
PROJECT = tomllib.loads((README.parent / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([a-z][\w.-]*):", (README.parent / "Makefile").read_text(), re.MULTILINE)) | {
    f"test-airflow-{version}" for version in ("2.11", "3.0", "3.1", "3.2", "3.3", "3.3-py3.13")
}
FIRST_DAY, TODAY = date(2026, 1, 1), date(2026, 11, 20)


@pytest.fixture
def lake(tmp_path: Path) -> ManifestLake:
    return ManifestLake(tmp_path)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param line: where it begins.
    """

    language: str
    text: str
    line: int


def blocks(*languages: str) -> list[Block]:
    """The README's blocks in these languages, in order."""
    found = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        assert match[1], "a block names its language"
        found.append(Block(match[1], match[2], TEXT.count("\n", 0, match.start()) + 1))
    return [block for block in found if block.language in languages]


def rows_behind(head: str) -> list[list[str]]:
    """The cells of the table with this first line."""
    rows = TEXT.split(f"\n{head}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_tables_of_datasets_are_current() -> None:
    assert with_tables(TEXT) == TEXT, "run: python -m tests.readme_tables"


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.language for block in blocks("python", "sh", "text", "")} == {"python", "sh", "text"}
    assert len(blocks("python", "sh", "text")) == TEXT.count("\n```") / 2


COMMANDS = [(f"line {block.line}", line) for block in blocks("sh") for line in block.text.splitlines()]


@pytest.mark.parametrize("command", [line for _, line in COMMANDS], ids=[where for where, _ in COMMANDS])
def test_a_command_exists(command: str) -> None:
    for words in (shlex.split(part.partition(" > ")[0]) for part in command.split("&&")):
        match words:
            case ["git", "clone", _] | ["cd", _]:
                pass
            case ["make", target]:
                assert target in TARGETS
            case ["pip", "install", what]:
                name, _, extras = what.rstrip("]").partition("[")
                assert name == PROJECT["name"]
                assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                conn_type = name.removeprefix("AIRFLOW_CONN_").removesuffix("_DEFAULT").lower()
                value = value.replace("…", "key")  # as its reader does
                connection = Connection.from_json(value) if value.startswith("{") else Connection(uri=value)
                assert connection.conn_type == conn_type
                (vendor,) = [vendor for vendor in VENDORS if conn_type == f"{vendor.name}_analytics"]
                read = read_connection(connection, vendor)
                assert (read.base_url, read.requests_per_minute) == (vendor.base_url, 30)
            case ["python", "-m", "airflow_provider_aianalytics", *arguments]:
                assert cli.parser().parse_args(arguments)
            case ["airflow", "aianalytics", *arguments]:
                assert cli.parser().parse_args(arguments)
                assert [group.name for group in cli.get_cli_commands()] == ["aianalytics"]
            case ["airflow", *arguments]:
                if arguments[0] == "backfill" and airflow_version.startswith("2."):
                    pytest.skip("a command of Airflow 3")
                assert get_parser().parse_args(arguments).func
            case _:
                pytest.fail(f"nobody checks {words}")


def test_commands_within_sentences_exist() -> None:
    assert {command.split()[0] for command in re.findall(r"`make ([^`]+)`", TEXT)} <= TARGETS
    (arguments,) = re.findall(r"`python -m airflow_provider_aianalytics\.simulator ([^`]+)`", TEXT)
    assert simulator_parser().parse_args(arguments.split()).port == 8123


def test_every_example_is_listed() -> None:
    listed = [name for what, _ in rows_behind("| example | what it shows |") for name in names_in(what)]
    assert sorted(listed) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_every_error_is_listed_with_its_retries() -> None:
    listed = {
        names_in(name)[0]: retried for name, _, retried in rows_behind("| error | what happened | Airflow retries |")
    }
    errors = {
        name: kind
        for name, kind in vars(exceptions).items()
        if isinstance(kind, type) and issubclass(kind, exceptions.AIAnalyticsError) and name != "AIAnalyticsError"
    }
    assert listed == {name: "no" if issubclass(kind, AirflowFailException) else "yes" for name, kind in errors.items()}


def test_every_choice_is_told() -> None:
    listed = [names_in(choice)[0].strip('"') for choice, _ in rows_behind("| `on_unavailable` | the task |")]
    assert listed == list(CHOICES["on_unavailable"])
    for name in ("on_empty", "on_shrink", "on_cap"):
        assert f'`{name}="' in TEXT
    assert all(f'"{name}"' in TEXT for name in FORMATS)


def test_the_columns_are_those_of_the_schemas() -> None:
    named = {name for column, _, _ in rows_behind("| column | Parquet | CSV |") for name in names_in(column)}
    there = {
        column.name for vendor in VENDORS for dataset in vendor.datasets.values() for column in typed_columns(dataset)
    }
    assert len(named) == 6
    assert named <= there
    assert {"row_type", "axis", "category", "count"} <= there


def requests_for(dataset: Dataset) -> int:
    """The fewest requests for every day up to yesterday, where a day is one bucket or one page."""
    whole = Period(FIRST_DAY, TODAY)
    windows = plan(
        dataset, whole, now=datetime(2026, 12, 1, tzinfo=UTC), bucket_width=build_query(dataset).bucket_width
    ).windows
    limit = dataset.page_limit[dataset.default_bucket_width] if dataset.is_series else 1000
    return sum(-(-len(list(window.days())) // limit) for window in windows)


def test_the_arithmetic_of_backfills_is_right() -> None:
    claude, perplexity = (vendor.datasets for vendor in VENDORS)
    (by_day, by_range, series) = rows_behind("| datasets | the vendor answers | style | requests | at 60 a minute |")

    days = (TODAY - FIRST_DAY).days
    assert f"From 2026-01-01 to 2026-11-19 are {days} days" in TEXT
    names = names_in(by_day[0])
    assert names == [name for name, dataset in claude.items() if dataset.window.max_days == 1]
    assert sum(requests_for(claude[name]) for name in names) == len(names) * days == 1938
    assert re.findall(r"[\d,]+", by_day[3]) == [str(len(names)), str(days), f"{len(names) * days:,}"]
    assert by_day[4] == f"{-(-len(names) * days // 60)} minutes"
    ranged = [dataset for dataset in claude.values() if dataset.window.max_days == 31]
    assert {requests_for(dataset) for dataset in ranged} == {11}
    assert {requests_for(dataset) for dataset in perplexity.values() if dataset.limit_unit == "buckets"} == {11}
    assert by_range[3] == series[3] == "11 each"
    told = {name for row in (by_day, by_range, series) for name in names_in(row[2])}
    assert told == {"backfill_by_day", "backfill_in_one_run"}


def test_the_sample_of_coverage_is_what_the_command_prints(lake: ManifestLake) -> None:
    days = [day for day in days_from(date(2026, 10, 12), 39) if day < date(2026, 11, 1) or day > date(2026, 11, 3)]
    run = partial(Run, dag_id="claude_enterprise_daily", task_id="cost_by_model")
    for day in days:
        dated = run(run_id=f"scheduled__{day + timedelta(days=1)}T12:00:00+00:00")
        landed = {"rows": 6, "final": day < date(2026, 10, 22), "run": dated}
        lake.put_daily([day], table="cost_by_model", dataset="cost_report", **landed)
    lake.put(date(2026, 11, 20), table="cost_by_model", dataset="cost_report", rows=6, complete=False)
    now = datetime(2026, 11, 20, 18, tzinfo=UTC)
    sample = as_text("s3://aws_default@lake/ai", lake.look(now=now), now=now)

    assert sample in [block.text for block in blocks("text")]


def test_the_house_is_as_drawn() -> None:
    (drawn,) = [block.text for block in blocks("text") if block.text.startswith("operators/")]
    rooms = {name for line in drawn.splitlines() for name in re.findall(r"^[\w./ ]+?(?=   )", line)[0].split()}
    package = README.parent / "airflow_provider_aianalytics"

    assert len(rooms) > 12
    assert [room for room in rooms if not (package / room).exists()] == []
    folders = {f"{path.name}/" for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= rooms


def test_links_lead_somewhere() -> None:
    anchors = {
        title.lower().replace(" ", "-").replace(",", "") for title in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
