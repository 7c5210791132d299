# SPDX-License-Identifier: Apache-2.0
"""A lake of the simulator's organization, landed day by day, with days in every state."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from tests.support import DAY, SimulatedClock

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
TODAY = NOW.date()
HISTORY = 110
"""Days that one run lands at first; the last of them are then landed by daily runs."""
DAILY = 40
# Dataset, table, cut and the days read again; the delay is how long after the end of a day its run starts.
TABLES: tuple[tuple[str, str, str, dict[str, object], int, timedelta], ...] = (
    ("claude_enterprise", "cost_report", "cost_by_model", {"group_by": ["model"]}, 30, timedelta(hours=12)),
    ("claude_enterprise", "cost_report", "cost_by_hour", {"bucket_width": "1h"}, 0, timedelta(hours=12)),
    ("claude_enterprise", "usage_report", "usage_report", {}, 30, timedelta(hours=12)),
    ("claude_enterprise", "summaries", "summaries", {}, 3, timedelta(hours=36)),
    ("claude_enterprise", "users", "users", {}, 0, timedelta(hours=36)),
    ("claude_enterprise", "skills", "skills", {}, 0, timedelta(hours=36)),
    ("perplexity", "credit_usage", "credit_usage", {}, 3, timedelta(hours=6)),
    ("perplexity", "daily_active_users", "daily_active_users", {}, 3, timedelta(hours=6)),
)
HOOKS: dict[str, type[AnalyticsHook]] = {
    "claude_enterprise": ClaudeEnterpriseAnalyticsHook,
    "perplexity": PerplexityAnalyticsHook,
}


def build_lake(root: Path, *, spoil: bool = True) -> None:
    """Land the sample tables in a folder.

    :param spoil: whether some days are then taken away or broken, so that every state occurs.
    """
    start = datetime.combine(TODAY - DAY * DAILY, datetime.min.time(), tzinfo=UTC)
    with Simulator(seed=7, members=120, now=start + timedelta(hours=12), requests_per_minute=None) as simulator:
        for vendor, key in (("claude_enterprise", simulator.claude_key), ("perplexity", simulator.perplexity_key)):
            os.environ[f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT"] = json.dumps(
                {
                    "conn_type": f"{vendor}_analytics",
                    "password": key,
                    "host": simulator.url,
                    "extra": {"requests_per_minute": 100_000},
                }
            )
        for number in range(DAILY + 1):
            midnight = start + DAY * number
            for table in sorted(TABLES, key=lambda one: one[5] % DAY):
                moment = midnight + table[5] % DAY
                if moment > NOW:
                    continue
                simulator.set_now(max(moment, simulator.now))
                last = (moment - table[5]).date() - DAY
                first = TODAY - DAY * (HISTORY + DAILY) if number == 0 else last
                _land(simulator, root, table, Period(first, last + DAY), midnight)
        simulator.set_now(NOW)
        _land(simulator, root, TABLES[1], Period.of(TODAY), NOW, partial=True)
    if spoil:
        _spoil(root)


def _land(
    simulator: Simulator,
    root: Path,
    sample: tuple[str, str, str, dict[str, object], int, timedelta],
    period: Period,
    started: datetime,
    *,
    partial: bool = False,
) -> None:
    vendor, dataset, table, cut, restate_days, delay = sample
    hook = HOOKS[vendor](clock=SimulatedClock(simulator))
    query = build_query(hook.vendor.dataset(dataset), **cut)  # type: ignore[arg-type]
    lake = LakeTable(str(root), vendor=vendor, table=table, file_format=FileFormat("ndjson", "gzip"))
    moment = (started + delay % DAY).isoformat()
    run = Run(dag_id=f"{vendor}_daily", run_id=f"scheduled__{moment}", task_id=table)
    options = IngestOptions(restate_days=restate_days, partial=partial, max_concurrency=4)
    Ingest(hook, query, lake, run=run, options=options).land(period)
    hook.close()


def _spoil(root: Path) -> None:
    def manifest(table: str, day: date) -> Path:
        return root / f"claude_enterprise/_manifests/{table}/{day}.json"

    for number in range(9):  # the DAG of this table died
        manifest("skills", TODAY - DAY * (number + 2)).unlink(missing_ok=True)
    for number in (33, 34, 35):
        manifest("usage_report", TODAY - DAY * number).unlink()
    manifest("users", TODAY - DAY * 20).write_text("{")
