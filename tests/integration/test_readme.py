# SPDX-License-Identifier: Apache-2.0
"""The Python of README and docs is run from top to bottom, as its reader would, against the simulator."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow import __version__ as airflow_version
from airflow.models.dagbag import DagBag

from airflow_provider_aianalytics.simulator import Simulator
from tests.documents import GUIDES, Block, Document, page
from tests.integration.conftest import DAGS, Outcome, RunDag, connect, run_file

DAY = datetime(2026, 11, 14, 12, tzinfo=UTC)
NAMES = """
from airflow_provider_aianalytics.operators.claude_enterprise import *
from airflow_provider_aianalytics.operators.perplexity import *
from airflow_provider_aianalytics.sensors.claude_enterprise import *
"""
LAYOUT = r"^(\S+) {2,}"
WITH_PYTHON = [document for document in GUIDES if document.blocks("python") and document != page("simulator")]
LANDED = {
    "README.md": {"users": 1},
    "docs/landing.md": {
        "cost_by_model": 31,
        "cost_by_hour": 1,
        "credit_usage": 4,
        "query_volume": 4,
        "member_credit_usage": 4,
    },
    "docs/waiting.md": {"summaries": 1, "cost_report": 1},
    "docs/scheduling.md": {"skills": 1},
    "docs/privacy.md": {"cost_by_pseudonym": 1},
    "docs/small-results.md": {},
    "docs/answers.md": {
        "cost_report": 31,
        "user_cost_report": 31,
        "users": 7,
        "credit_usage": 31,
        "member_credit_usage": 31,
    },
}
"""How many days of which tables the blocks of a page land."""


def run_block(block: Block, run_dag: RunDag, lake: Path) -> Outcome | None:
    """A whole DAG file, the body of a DAG, or plain Python."""
    text = re.sub(r"s3://(aws_default@)?lake/ai|file:///tmp/ai", str(lake), block.text)
    if "with DAG(" in text:
        (name,) = re.findall(r'dag_id="(\w+)"', text)
        path = DAGS / f"{name}.py"
        path.write_text(text)
        if airflow_version.startswith("2."):
            # Airflow 2 records events only of assets that the scheduler knows.
            DagBag(path, include_examples=False).sync_to_db()
        try:
            return run_file(path, day=DAY)
        finally:
            path.unlink()
    if "task_id=" in text or "@task" in text:
        return run_dag(text, imports=NAMES, day=DAY)
    if "AssetWatcher" not in text or not airflow_version.startswith("2."):
        exec(compile(text, str(block), "exec"), {})
    return None


@pytest.mark.parametrize("document", WITH_PYTHON, ids=[document.name for document in WITH_PYTHON])
def test_every_python_block_runs(
    document: Document,
    run_dag: RunDag,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if document.name == "README.md" and airflow_version.startswith("3.0"):
        pytest.skip("dag.test() of Airflow 3.0 records no event for the consumer")
    connect(monkeypatch, simulator, pseudonym_secret="the secret of the tests")
    outcomes = {str(block): run_block(block, run_dag, tmp_path) for block in document.blocks("python")}

    ran = {where: outcome for where, outcome in outcomes.items() if outcome is not None}
    assert {where: outcome.tasks for where, outcome in ran.items() if outcome.state != "success"} == {}
    landed = {path.name: len(list(path.glob("*.json"))) for path in tmp_path.glob("*/_manifests/*")}
    assert landed == LANDED[document.name]
    if document.name == "docs/landing.md":
        assert "claude-" in capsys.readouterr().out  # the spend by model


def test_the_simulator_starts_as_its_page_shows(
    system_clock: None, run_dag: RunDag, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = page("simulator").blocks("python")
    run_block(block, run_dag, tmp_path)

    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_the_layout_is_as_drawn(run_dag: RunDag, simulator: Simulator, tmp_path: Path) -> None:
    (drawn,) = [block.text for block in page("landing").blocks("text") if block.text.startswith("{path}")]
    arguments = {"task_id": "land", "dataset": "users", "path": str(tmp_path), "start": "2026-11-01"}
    land = f"ClaudeEnterpriseAnalyticsToObjectStorageOperator(**{arguments!r})"
    assert run_dag(land, imports=NAMES).state == "success"

    data, manifest, *_ = [
        line.format(path=tmp_path, vendor="claude_enterprise", table="users", fetched_at="")
        for line in re.findall(LAYOUT, drawn, re.MULTILINE)
    ]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(str(path) for path in files if "_tables" not in path.parts) == sorted([data, manifest])
    assert any("_tables" in path.parts for path in files)
