# SPDX-License-Identifier: Apache-2.0
"""The three questions of the documentation have one answer in DuckDB, pandas and polars, exact everywhere."""

from __future__ import annotations

import ast
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pytest

from airflow_provider_aianalytics.simulator import Simulator
from tests.documents import page
from tests.views.lakes import SimulatedLake

END = date(2026, 11, 17)
START = END - timedelta(days=16)
ENGINES = ("duckdb", "pandas", "polars")
QUESTIONS = ("week", "surface", "member")
PATH = "file:///tmp/ai"


@pytest.fixture(scope="module")
def lake(simulator: Simulator, connections: None, tmp_path_factory: pytest.TempPathFactory) -> SimulatedLake:
    """The tables that the page lands, and the views and files that it makes of them."""
    lake = SimulatedLake(simulator, tmp_path_factory.mktemp("lake"))
    lake.land("claude_enterprise", "cost_report", START, END)
    lake.land(
        "claude_enterprise", "user_cost_report", START, END, pseudonymize=["actor.email_address", "actor.user_id"]
    )
    lake.land("claude_enterprise", "users", START, END, pseudonymize=["user.email_address", "user.id"])
    lake.land("perplexity", "credit_usage", START, END)
    lake.land("perplexity", "member_credit_usage", START, END, pseudonymize=["user_email"])
    (views,) = [text for text in python_blocks() if "views_script(" in text]
    run(views, lake.root)
    return lake


def python_blocks() -> list[str]:
    return [block.text for block in page("answers").blocks("python")]


def answer_blocks() -> dict[tuple[str, str], str]:
    """The blocks that answer, by question and engine."""
    found = [text for text in python_blocks() if "answer =" in text]
    assert len(found) == len(QUESTIONS) * len(ENGINES)
    return {
        (question, engine): found[number * len(ENGINES) + place]
        for number, question in enumerate(QUESTIONS)
        for place, engine in enumerate(ENGINES)
    }


def run(text: str, root: Path) -> Any:
    names: dict[str, Any] = {}
    exec(compile(text.replace(PATH, str(root)), "docs/answers.md", "exec"), names)
    return names.get("answer")


def plain(answer: Any) -> list[tuple[Any, ...]]:
    """The rows, with days as dates."""
    if isinstance(answer, pandas.DataFrame):
        rows = list(answer.itertuples(index=False, name=None))
    elif isinstance(answer, polars.DataFrame):
        rows = answer.rows()
    else:
        assert isinstance(answer, duckdb.DuckDBPyRelation)
        rows = answer.fetchall()
    return [tuple(cell.date() if hasattr(cell, "date") else cell for cell in row) for row in rows]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_engine_gives_the_same_answer(lake: SimulatedLake, question: str) -> None:
    answers = {engine: plain(run(answer_blocks()[question, engine], lake.root)) for engine in ENGINES}

    assert answers["duckdb"]
    assert answers["pandas"] == answers["duckdb"]
    assert answers["polars"] == answers["duckdb"]
    if question != "surface":
        assert {type(row[-1]) for rows in answers.values() for row in rows} == {Decimal}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_takes_one_statement(question: str, engine: str) -> None:
    imported, answer, printed = ast.parse(answer_blocks()[question, engine]).body

    assert isinstance(imported, ast.Import)
    assert [alias.name for alias in imported.names] == [engine]
    assert isinstance(answer, ast.Assign)
    assert isinstance(printed, ast.Expr)


def test_spend_by_week_is_the_vendors(lake: SimulatedLake) -> None:
    found = plain(run(answer_blocks()["week", "duckdb"], lake.root))
    total = sum(usd for _, vendor, usd in found if vendor == "claude_enterprise")

    records = lake.truth("claude_enterprise", "cost_report", START, END)
    assert total == sum(Decimal(record["amount"]) for record in records).scaleb(-2)


def test_the_largest_spenders_are_pseudonyms(lake: SimulatedLake) -> None:
    found = plain(run(answer_blocks()["member", "duckdb"], lake.root))

    assert len(found) == 10
    assert {len(member) for member, _ in found} == {64}
