# SPDX-License-Identifier: Apache-2.0
"""README and docs are what the code does. Their Python is run by ``tests/integration/test_readme.py``."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from airflow import __version__ as airflow_version
from airflow.cli.cli_parser import get_parser
from airflow.models.connection import Connection

from airflow_provider_aianalytics import cli
from airflow_provider_aianalytics.coverage.text import as_text
from airflow_provider_aianalytics.exceptions import AuthenticationError
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period, plan
from airflow_provider_aianalytics.focus.settings import parse_settings
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.connection import read_connection
from airflow_provider_aianalytics.operators.to_object_storage import CHOICES
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.simulator.__main__ import parser as simulator_parser
from airflow_provider_aianalytics.storage.commit import Status
from airflow_provider_aianalytics.storage.encoders.formats import FORMATS
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.coverage.lakes import ManifestLake, days_from
from tests.documents import DOCS, DOCUMENTS, GUIDES, README, ROOT, Document, names_in, page
from tests.generated_docs import dataset_pages, with_sections
from tests.support import NOW, follow
from tests.test_examples import EXAMPLES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][\w.-]*):", MAKEFILE, re.MULTILINE)) | {
    f"test-airflow-{version}" for version in ("2.11", "3.0", "3.1", "3.2", "3.3", "3.3-py3.13")
}
VERSIONS = re.findall(r"^VERSIONS := (.*)$", MAKEFILE, re.MULTILINE)[0]
FIRST_DAY, TODAY = date(2026, 1, 1), date(2026, 11, 20)

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=[document.name for document in DOCUMENTS])
each_guide = pytest.mark.parametrize("document", GUIDES, ids=[document.name for document in GUIDES])


@pytest.fixture
def lake(tmp_path: Path) -> ManifestLake:
    return ManifestLake(tmp_path)


# --- form -------------------------------------------------------------------------------------------------------------


def test_the_readme_is_a_front_page() -> None:
    assert len(README.read_text().splitlines()) <= 200


@each_guide
def test_generated_sections_are_current(document: Document) -> None:
    assert with_sections(document.text) == document.text, "run: make docs"


def test_the_pages_of_datasets_are_current() -> None:
    pages = dataset_pages()

    assert {path for path, text in pages.items() if not path.exists() or path.read_text() != text} == set(), (
        "run: make docs"
    )
    assert set((DOCS / "datasets").rglob("*.md")) == set(pages)


@each_guide
def test_every_block_is_of_a_kind_that_is_checked(document: Document) -> None:
    blocks = document.blocks()

    assert {block.language for block in blocks} <= {"python", "sh", "text", "json", "toml", "mermaid"}
    assert len(blocks) == document.text.count("\n```") / 2
    for block in document.blocks("json"):
        assert json.loads(block.text)
    for block in document.blocks("toml"):
        assert parse_settings(block.text)


@each_document
def test_links_lead_somewhere(document: Document) -> None:
    def exists(link: str) -> bool:
        path, _, anchor = link.partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        if not target.is_relative_to(ROOT) or not target.exists():
            return False
        return not anchor or anchor in Document(target).anchors()

    local = (link for link in document.links() if not re.match(r"https?://|mailto:", link))
    assert [link for link in local if not exists(link)] == []


def test_every_page_is_linked_from_the_index_or_the_readme() -> None:
    linked = {
        (document.path.parent / link.partition("#")[0]).resolve()
        for document in (Document(README), page("README"))
        for link in document.links()
    }

    assert [path.name for path in DOCS.glob("*.md") if path not in linked and path.name != "README.md"] == []


# --- commands ---------------------------------------------------------------------------------------------------------

COMMANDS = [
    (f"{block.page} {line}", line)
    for document in GUIDES
    for block in document.blocks("sh")
    for line in block.text.splitlines()
]


@pytest.mark.parametrize("command", [line for _, line in COMMANDS], ids=[where for where, _ in COMMANDS])
def test_a_command_exists(command: str) -> None:
    for words in (shlex.split(part.partition("  #")[0].partition(" > ")[0]) for part in command.split("&&")):
        match words:
            case ["git", "clone", _] | ["cd", _] | ["pre-commit", "install"]:
                pass
            case ["make", target, *_]:
                assert target in TARGETS
            case ["pip", "install", what]:
                name, _, extras = what.rstrip("]").partition("[")
                assert name == PROJECT["name"]
                assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
            case ["export", assignment] if assignment.startswith("AIRFLOW__AIANALYTICS__LAKES="):
                assert set(json.loads(assignment.partition("=")[2])) <= {"Production", "Mine"}
            case ["export", assignment]:
                check_connection(assignment)
            case ["python", "-m", "airflow_provider_aianalytics", *arguments]:
                assert cli.parser().parse_args(arguments)
            case ["python", "-m", "airflow_provider_aianalytics.simulator", *arguments]:
                assert simulator_parser().parse_args(arguments).port == 8123
            case ["airflow", "aianalytics", *arguments]:
                assert cli.parser().parse_args(arguments)
                assert [group.name for group in cli.get_cli_commands()] == ["aianalytics"]
            case ["airflow", *arguments]:
                if arguments[0] == "backfill" and airflow_version.startswith("2."):
                    pytest.skip("a command of Airflow 3")
                assert get_parser().parse_args(arguments).func
            case _:
                pytest.fail(f"no test checks {words}")


def check_connection(assignment: str) -> None:
    name, _, value = assignment.partition("=")
    conn_type = name.removeprefix("AIRFLOW_CONN_").removesuffix("_DEFAULT").lower()
    value = value.replace("…", "key")  # as its reader does
    connection = Connection.from_json(value) if value.startswith("{") else Connection(uri=value)
    assert connection.conn_type == conn_type
    (vendor,) = (vendor for vendor in VENDORS.values() if vendor.conn_type == conn_type)
    read = read_connection(connection, vendor)
    if "8123" in value:
        assert (read.base_url, read.key) == ("http://127.0.0.1:8123", Simulator(now=NOW).keys["claude_key"])
    else:
        assert (read.base_url, read.requests_per_minute) == (vendor.base_url, 30)


@each_guide
def test_commands_within_sentences_exist(document: Document) -> None:
    assert {command.split()[0] for command in re.findall(r"`make ([^`]+)`", document.prose)} <= TARGETS


def test_the_workflow_runs_documented_commands_on_every_supported_cell() -> None:
    workflow = (ROOT / ".github/workflows/test.yml").read_text()
    cells = set(re.findall(r"^CELLS := (.*)$", MAKEFILE, re.MULTILINE)[0].replace("$(VERSIONS)", VERSIONS).split())
    commands = set(re.findall(r"command: ([\w.-]+)", workflow))

    assert {f"test-airflow-{cell}" for cell in cells} == commands - {"test"} | {"test-airflow-3.3"}
    assert set(re.findall(r"run: make ([\w-]+)", workflow)) <= TARGETS


# --- facts ------------------------------------------------------------------------------------------------------------


def test_every_example_is_listed() -> None:
    rows = page("scheduling").rows_behind("| example | what it shows |")
    assert sorted(name for what, _ in rows for name in names_in(what)) == sorted(
        path.stem for path in EXAMPLES.glob("*.py")
    )


def test_every_choice_is_listed() -> None:
    rows = page("waiting").rows_behind("| `on_unavailable` | the task |")
    assert [names_in(choice)[0].strip('"') for choice, _ in rows] == list(CHOICES["on_unavailable"])
    landing = page("landing").text
    for name in ("on_empty", "on_shrink", "on_cap"):
        assert [value for value in CHOICES[name] if f'`{name}="{value}"`' not in landing] == []
    assert [name for name in FORMATS if f'"{name}"' not in page("formats").text] == []
    statuses = [names_in(status)[0] for status, _ in page("landing").rows_behind("| status | the day |")]
    assert sorted(statuses) == sorted(Status.__args__)


def test_the_columns_are_those_of_the_schemas() -> None:
    named = {name for row in page("formats").rows_behind("| column | Parquet | CSV |") for name in names_in(row[0])}
    existing = {
        column.name
        for vendor in VENDORS.values()
        for dataset in vendor.datasets.values()
        for column in typed_columns(dataset)
    }
    assert len(named) == 6
    assert named <= existing
    assert {"row_type", "axis", "category", "count"} <= existing


def requests_for(dataset: Dataset) -> int:
    """The fewest requests for every day up to yesterday, where a day is one bucket or one page."""
    whole = Period(FIRST_DAY, TODAY)
    windows = plan(
        dataset, whole, now=datetime(2026, 12, 1, tzinfo=UTC), bucket_width=build_query(dataset).bucket_width
    ).windows
    limit = dataset.page_limit[dataset.default_bucket_width] if dataset.is_series else 1000
    return sum(-(-len(list(window.days())) // limit) for window in windows)


def test_the_arithmetic_of_backfills_is_right() -> None:
    claude, perplexity = (VENDORS[name].datasets for name in ("claude_enterprise", "perplexity"))
    backfills = page("backfills")
    (by_day, by_range, series) = backfills.rows_behind(
        "| datasets | the vendor answers | style | requests | at 60 a minute |"
    )

    days = (TODAY - FIRST_DAY).days
    assert f"From 2026-01-01 to 2026-11-19 are {days} days" in backfills.text
    names = names_in(by_day[0])
    assert names == [name for name, dataset in claude.items() if dataset.window.max_days == 1]
    assert sum(requests_for(claude[name]) for name in names) == len(names) * days == 1938
    assert re.findall(r"[\d,]+", by_day[3]) == [str(len(names)), str(days), f"{len(names) * days:,}"]
    assert by_day[4] == f"{-(-len(names) * days // 60)} minutes"
    ranged = [dataset for dataset in claude.values() if dataset.window.max_days == 31]
    assert {requests_for(dataset) for dataset in ranged} == {11}
    assert {requests_for(dataset) for dataset in perplexity.values() if dataset.limit_unit == "buckets"} == {11}
    assert by_range[3] == series[3] == "11 each"
    styles = {name for row in (by_day, by_range, series) for name in names_in(row[2])}
    assert styles == {"backfill_by_day", "backfill_in_one_run"}


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

    assert sample in [block.text for block in page("coverage").blocks("text")]


def test_the_sample_of_an_error_is_what_the_hook_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    (sample,) = page("errors").blocks("text")
    with Simulator(now=datetime(2026, 11, 20, tzinfo=UTC)) as simulator:
        follow(monkeypatch, simulator)
        connection = {"conn_type": "claude_enterprise_analytics", "password": "sk-ant-api01-old", "host": simulator.url}
        monkeypatch.setenv("AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT", json.dumps(connection))
        with pytest.raises(AuthenticationError) as raised:
            list(ClaudeEnterpriseAnalyticsHook().records("users", "2026-11-01", "2026-11-02"))

    message = str(raised.value).replace(simulator.url, "https://api.anthropic.com")
    assert " ".join(sample.text.split()) == re.sub(r"req_\w+", "req_…", message)


def test_the_map_of_rooms_is_complete() -> None:
    rows = Document(ROOT / "CONTRIBUTING.md").rows_behind("| room | what is in it |")
    rooms = {name for room, _ in rows for name in names_in(room)}
    package = ROOT / "airflow_provider_aianalytics"

    assert [room for room in rooms if not (package / room).exists()] == []
    assert {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()} <= rooms


def test_the_functions_of_the_contributors_questions_exist() -> None:
    package = ROOT / "airflow_provider_aianalytics"

    for question, place in Document(ROOT / "CONTRIBUTING.md").rows_behind("| question | file and function |"):
        names = [name.replace("<vendor>", "claude_enterprise") for name in names_in(place)]
        files = [name for name in names if "/" in name]
        assert all((package / file).exists() for file in files), question
        defined = {
            node.name
            for file in files
            if file.endswith(".py")
            for node in ast.walk(ast.parse((package / file).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        if question != "What changes when a vendor adds a field?":
            assert {part for name in names if "/" not in name for part in name.split(".")} <= defined, question
