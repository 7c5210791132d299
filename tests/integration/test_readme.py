# SPDX-License-Identifier: Apache-2.0
"""The README's Python is run from top to bottom, as its reader would, against the simulator."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_aianalytics.simulator import Simulator
from tests.integration.conftest import DAGS, Outcome, RunDag, connect, run_file
from tests.test_readme import Block, blocks

DAY = datetime(2026, 11, 14, 12, tzinfo=UTC)
NAMES = """
from airflow_provider_aianalytics.operators.claude_enterprise import *
from airflow_provider_aianalytics.operators.perplexity import *
from airflow_provider_aianalytics.sensors.claude_enterprise import *
"""
LAYOUT = r"^(\S+) {2,}"


def run_block(block: Block, run_dag: RunDag, lake: Path) -> Outcome | None:
    """A whole DAG file, the body of a DAG, or plain Python."""
    text = re.sub(r"s3://(aws_default@)?lake/ai", str(lake), block.text)
    if "with DAG(" in text:
        (name,) = re.findall(r'dag_id="(\w+)"', text)
        path = DAGS / f"{name}.py"
        path.write_text(text)
        try:
            return run_file(path, day=DAY)
        finally:
            path.unlink()
    if "task_id=" in text or "@task" in text:
        return run_dag(text, imports=NAMES, day=DAY)
    exec(compile(text, f"README.md, line {block.line}", "exec"), {})
    return None


def test_every_python_block_runs(
    run_dag: RunDag,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connect(monkeypatch, simulator, pseudonym_secret="the secret of the tests")
    outcomes = {block.line: run_block(block, run_dag, tmp_path) for block in blocks("python")}

    ran = {line: outcome for line, outcome in outcomes.items() if outcome is not None}
    assert {line: outcome.tasks for line, outcome in ran.items() if outcome.state != "success"} == {}
    assert len(ran) >= 8
    landed = {path.name: len(list(path.iterdir())) for path in tmp_path.glob("*/_manifests/*")}
    assert landed == {
        "cost_by_model": 31,
        "users": 1,
        "credit_usage": 4,
        "query_volume": 4,
        "member_credit_usage": 4,
        "summaries": 1,
        "cost_by_pseudonym": 1,
    }
    assert "claude-" in capsys.readouterr().out  # the spend by model


def test_the_layout_is_as_told(run_dag: RunDag, simulator: Simulator, tmp_path: Path) -> None:
    (told,) = [block.text for block in blocks("text") if block.text.startswith("{path}")]
    arguments = {"task_id": "land", "dataset": "users", "path": str(tmp_path), "start": "2026-11-01"}
    land = f"ClaudeEnterpriseAnalyticsToObjectStorageOperator(**{arguments!r})"
    assert run_dag(land, imports=NAMES).state == "success"

    data, manifest, *_ = [
        line.format(path=tmp_path, vendor="claude_enterprise", table="users", fetched_at="")
        for line in re.findall(LAYOUT, told, re.MULTILINE)
    ]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(str(path) for path in files if "_tables" not in path.parts) == sorted([data, manifest])
    assert any("_tables" in path.parts for path in files)
