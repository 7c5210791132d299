# SPDX-License-Identifier: Apache-2.0
"""Tasks killed at seeded random moments in a real Airflow: readers see whole days, and the last run is complete.

``SOAK`` is for how many seconds; ``SEED`` repeats a soak.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest

from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, Simulator
from tests.faults.fault_cases import CLAUDE, DAY, DAYS, FORMATS, NOW
from tests.faults.harness import Lake, Tree, data_name, manifest_name
from tests.integration.conftest import DAGS
from tests.support import clock_setting, report_lines

REQUESTS = 3 * len(DAYS)
DAG = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator

with DAG(dag_id={dag_id!r}, schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land", dataset="users", path={path!r}, start="{start}", end="{end}", file_format={file_format!r}
    )
"""


class Killed:
    """A lake, and runs into it that are killed."""

    def __init__(self, process: subprocess.Popen[str], simulator: Simulator, root: Path, file_format: str) -> None:
        self.process = process
        self.simulator = simulator
        self.file_format = file_format
        self.lake = Lake(f"file://{root}")
        self.dag = DAGS / f"killed_{file_format}_{root.name}.py"
        self.dag.write_text(
            DAG.format(
                dag_id=self.dag.stem,
                path=f"file://{root}",
                start=DAYS[0],
                end=DAYS[-1] + DAY,
                file_format=file_format,
            )
        )
        self.whole: dict[date, set[bytes]] = {day: set() for day in DAYS}
        self.committed: dict[date, set[str]] = {day: set() for day in DAYS}
        self.partial = 0
        self.statuses: list[int] = []

    def run(self, kill: signal.Signals | None = None, *, at: int = 0, after: float = 0.0) -> int:
        """:param at: the request at which it is killed.
        :param after: the seconds from there.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.simulator.clear_requests()
        print(self.dag, file=self.process.stdin, flush=True)
        child = int(self.process.stdout.readline())
        if kill is not None:
            until = time.monotonic() + 30
            while len(self.simulator.requests) < at and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(after)
            with suppress(ProcessLookupError):  # it was faster
                os.kill(child, kill)
        status = int(self.process.stdout.readline())
        self.statuses.append(status)
        return status

    def read_lake(self) -> Tree:
        """What a reader sees: whole days, old or new."""
        tree = self.lake.tree()
        for day in DAYS:
            data = tree.get(data_name(CLAUDE, self.file_format, day))
            if data is not None and data not in self.whole[day]:
                self.partial += 1
            manifest = tree.get(manifest_name(CLAUDE, day))
            if manifest is not None:
                fields = json.loads(manifest)
                self.committed[day] |= {fields["sha256"], *(revision["sha256"] for revision in fields["revisions"])}
        return tree


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    claude = ClaudeSettings(page_cap=100)
    with Simulator(seed=11, members=400, now=NOW, requests_per_minute=None, latency=0.01, claude=claude) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def process(
    airflow_db: None, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    connection = {
        "conn_type": "claude_enterprise_analytics",
        "password": simulator.claude_key,
        "host": simulator.url,
        "extra": {"requests_per_minute": 100_000},
    }
    environment = {
        **os.environ,
        "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT": json.dumps(connection),
        "AIANALYTICS_CLOCK": clock_setting(NOW),
    }
    with (tmp_path_factory.mktemp("worker") / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
    yield worker
    assert worker.stdin is not None
    worker.stdin.close()
    try:
        worker.wait(60)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(60)


def kill_into(killed: Killed, moments: random.Random, *, kills: int | None, seconds: float) -> None:
    """Land each of two contents in turn, killed at it."""
    sim = killed.simulator
    for shrunk in (True, False):
        _change_data(sim, shrunk)
        assert killed.run() == 0
        for day in DAYS:
            killed.whole[day].add(killed.lake.tree()[data_name(CLAUDE, killed.file_format, day)])
        killed.read_lake()
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until and (kills is None or number < kills):
        number += 1
        _change_data(sim, number % 2 == 1)
        name = moments.choice([signal.SIGKILL, signal.SIGTERM])
        killed.run(name, at=moments.randint(1, REQUESTS), after=moments.choice([0, moments.uniform(0, 0.1)]))
        killed.read_lake()
    _change_data(sim, True)
    assert killed.run() == 0, "the next run lands what the killed ones left"
    tree = killed.read_lake()
    for day in DAYS:
        fields = json.loads(tree[manifest_name(CLAUDE, day)])
        data = tree[data_name(CLAUDE, killed.file_format, day)]
        content = gzip.decompress(data) if killed.file_format == "ndjson" else data
        assert hashlib.sha256(content).hexdigest() == fields["sha256"]
        assert killed.committed[day] <= {fields["sha256"], *(revision["sha256"] for revision in fields["revisions"])}
        for revision in fields["revisions"]:
            assert tree[revision["file"]] in killed.whole[day]
    assert killed.partial == 0


def _change_data(simulator: Simulator, shrunk: bool) -> None:
    simulator.clear_faults()
    simulator.advance(timedelta(minutes=1))
    if shrunk:
        simulator.fail(*(Fault("shrink", vendor=CLAUDE, date=day, fraction=0.95) for day in DAYS))


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_few_kills(process: subprocess.Popen[str], simulator: Simulator, tmp_path: Path, file_format: str) -> None:
    killed = Killed(process, simulator, tmp_path, file_format)

    kill_into(killed, random.Random(f"20261122 {file_format}"), kills=4, seconds=120)

    assert len([status for status in killed.statuses if status != 0]) >= 2, "kills that hit nothing show nothing"


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif("SOAK" not in os.environ, reason="make soak says for how long")
def test_a_soak(process: subprocess.Popen[str], simulator: Simulator, tmp_path: Path) -> None:
    seconds = float(os.environ["SOAK"])
    seed = int(os.environ.get("SEED") or time.time())
    print(f"SEED={seed} repeats this soak")  # noqa: T201
    moments = random.Random(seed)
    killed = []
    for file_format in FORMATS:
        folder = tmp_path / file_format
        folder.mkdir()
        killed.append(Killed(process, simulator, folder, file_format))
        kill_into(killed[-1], moments, kills=None, seconds=seconds / len(FORMATS))
    runs = sum(len(one.statuses) for one in killed)
    died = sum(status != 0 for one in killed for status in one.statuses)
    report_lines.append(
        f"SEED={seed}: {died} of {runs} runs died, rows lost 0, partial files seen {sum(o.partial for o in killed)}"
    )
