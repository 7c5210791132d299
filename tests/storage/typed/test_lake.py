# SPDX-License-Identifier: Apache-2.0
"""Typed tables in the lake: a day is the same file however it was read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from tests.support import SimulatedClock

START = date(2026, 10, 5)
HOOKS = {"claude_enterprise": ClaudeEnterpriseAnalyticsHook, "perplexity": PerplexityAnalyticsHook}


@pytest.mark.parametrize("name", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("vendor", "dataset"),
    [
        ("claude_enterprise", "user_cost_report"),
        ("claude_enterprise", "cost_report"),
        ("perplexity", "member_credit_usage"),
    ],
)
def test_a_day_read_alone_is_the_same_as_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, dataset: str, name: str
) -> None:
    with Simulator(seed=5, members=60, now=datetime(2026, 11, 20, 12, tzinfo=UTC), requests_per_minute=None) as sim:
        for kind, key in (("claude_enterprise", sim.claude_key), ("perplexity", sim.perplexity_key)):
            connection = {"conn_type": f"{kind}_analytics", "host": sim.url, "password": key}
            monkeypatch.setenv(f"AIRFLOW_CONN_{kind.upper()}_ANALYTICS_DEFAULT", json.dumps(connection))

        def land(start: date, days: int, run_id: str) -> list[tuple[str, int, str]]:
            hook = HOOKS[vendor](clock=SimulatedClock(sim))
            query = build_query(hook.vendor.dataset(dataset))
            lake = LakeTable(str(tmp_path), vendor=vendor, table=dataset, file_format=FileFormat(name, "gzip"))
            run = Run(dag_id="dag", run_id=run_id, task_id="land")
            landed = Ingest(hook, query, lake, run=run).land(Period(start, start + timedelta(days=days)))
            return [(part.status, part.manifest.rows, part.manifest.sha256) for part in landed.partitions]

        together = land(START, 5, "all")
        alone = [land(START + timedelta(days=number), 1, f"day {number}")[0] for number in range(5)]
    assert [status for status, *_ in together] == ["created"] * 5
    assert all(rows for _, rows, _ in together)
    assert alone == [("unchanged", *rest) for _, *rest in together]
    folder = tmp_path / vendor / dataset
    suffix = FileFormat(name, "gzip").suffix
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        f"date={START + timedelta(days=number)}/{dataset}{suffix}" for number in range(5)
    ]
