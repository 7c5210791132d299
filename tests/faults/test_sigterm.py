# SPDX-License-Identifier: Apache-2.0
"""A task that is ended while it waits for a vendor that does not answer: it is gone long before it would be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.servers import drip_headers, serving
from tests.integration.conftest import DAGS

SILENCE = 180
"""Seconds for which the vendor does not answer."""
DAG = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator

with DAG(dag_id={dag_id!r}, schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land", dataset="users", path={path!r}, start="2026-05-01", end="2026-05-09"
    )
"""
RUN = (
    "import sys; from pathlib import Path; from tests.integration.conftest import run_file; run_file(Path(sys.argv[1]))"
)


def silent(connection: socket.socket) -> None:
    time.sleep(SILENCE)


def dripping(connection: socket.socket) -> None:
    drip_headers(connection, every=1, seconds=SILENCE)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("answer", [silent, dripping])
def test_a_task_that_waits_for_the_vendor_ends_in_time(
    airflow_db: None, tmp_path: Path, answer: Callable[[socket.socket], None]
) -> None:
    requested = threading.Semaphore(0)

    def on_request(connection: socket.socket) -> None:
        requested.release()
        answer(connection)

    dag = DAGS / f"ended_{answer.__name__}.py"
    dag.write_text(DAG.format(dag_id=dag.stem, path=f"file://{tmp_path}/lake"))
    with serving(on_request) as url:
        connection = {
            "conn_type": "claude_enterprise_analytics",
            "password": "sk-ant-api01-of-the-tests",
            "host": url,
            "extra": {"requests_per_minute": 100_000, "timeout": 120},
        }
        environment = {**os.environ, "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT": json.dumps(connection)}
        with (tmp_path / "log").open("wb") as log:
            task = subprocess.Popen([sys.executable, "-c", RUN, str(dag)], env=environment, stdout=log, stderr=log)
        try:
            assert requested.acquire(timeout=240), (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.3)
            task.send_signal(signal.SIGTERM)
            task.wait(SILENCE / 2)  # seconds on an idle machine; without an end it would wait for the vendor
        finally:
            task.kill()
            task.wait(60)
    assert not list((tmp_path / "lake").rglob("*.ndjson.gz"))
