# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it talks to a person)
"""How much of an organization's budget parallel task processes use, and how many requests are refused.

Time is scaled: the simulator's window of 60 requests is a second long, and the tasks' clocks run 60 times faster.
``--apart`` gives every process a ledger of its own, as on machines of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

SPEED = 20.0
WINDOW = 60.0 / SPEED
BUDGET = 60
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def work(days: int, threads: int, first: int) -> None:
    """One task process: reads one page a day."""
    from airflow_provider_aianalytics.clock import Clock
    from airflow_provider_aianalytics.extraction.query import build_query
    from airflow_provider_aianalytics.extraction.windows import Period
    from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
    from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
    from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
    from airflow_provider_aianalytics.storage.lake import LakeTable
    from airflow_provider_aianalytics.storage.manifest import Run

    class Scaled(Clock):
        def now(self) -> datetime:
            return NOW

        def monotonic(self) -> float:
            return time.monotonic() * SPEED

        def sleep(self, seconds: float) -> None:
            time.sleep(seconds / SPEED)

    hook = ClaudeEnterpriseAnalyticsHook(clock=Scaled())
    assert hook.endpoint
    with tempfile.TemporaryDirectory() as lake:
        table = LakeTable(lake, vendor="claude_enterprise", table="t", file_format=FileFormat("ndjson", "none"))
        query = build_query(hook.vendor.dataset("users"))
        start = date(2026, 1, 1) + timedelta(days=first)
        run = Run(dag_id="d", run_id="r", task_id="t")
        print("ready", flush=True)
        sys.stdin.readline()
        Ingest(hook, query, table, run=run, options=IngestOptions(max_concurrency=threads)).land(
            Period(start, start + timedelta(days=days))
        )


def measure(processes: int, threads: int, windows: int, *, apart: bool) -> dict[str, Any]:
    from airflow_provider_aianalytics.simulator import ClaudeSettings, Simulator

    share = BUDGET * windows // processes
    with (
        Simulator(
            members=3,
            now=NOW,
            requests_per_minute=BUDGET,
            budget_window=WINDOW,
            claude=ClaudeSettings(retry_after="none"),
            latency=0.2 / SPEED,
        ) as sim,
        tempfile.TemporaryDirectory() as scratch,
    ):
        connection = {"conn_type": "claude_enterprise_analytics", "password": sim.claude_key, "host": sim.url}
        workers = []
        for number in range(processes):
            folder = os.path.join(scratch, str(number) if apart else "one")
            os.makedirs(folder, exist_ok=True)
            workers.append(
                subprocess.Popen(
                    [sys.executable, __file__, "--work", str(share), str(threads), "0"],
                    env={
                        **os.environ,
                        "TMPDIR": folder,
                        "AIRFLOW_HOME": os.path.join(scratch, "airflow"),
                        "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT": json.dumps(connection),
                    },
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
        for worker in workers:
            assert worker.stdout is not None
            while worker.stdout.readline().strip() != "ready":
                pass
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        states = [worker.wait() for worker in workers]
        sent = [request for request in sim.requests if request.status == 200]
        refused = sum(request.status == 429 for request in sim.requests)
        # Whole windows alone, since in the last one there is less left to ask than the budget allows.
        whole = int((sent[-1].real - sent[0].real) / WINDOW)
        used = sum(request.real < sent[0].real + whole * WINDOW for request in sent)
    return {
        "processes": processes,
        "threads": threads,
        "apart": apart,
        "failed": sum(map(bool, states)),
        "accepted": len(sent),
        "windows": whole,
        "use": used / (BUDGET * whole),
        "refused": refused / (len(sent) + refused),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs=3, type=int)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()
    if arguments.work:
        work(*arguments.work)
    else:
        for count in (1, 4, 8):
            print(json.dumps(measure(count, arguments.threads, arguments.windows, apart=arguments.apart)), flush=True)
