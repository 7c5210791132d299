# SPDX-License-Identifier: Apache-2.0
"""The whole history through a real scheduler: at the vendor's pace, whatever is killed on the way.

Time is scaled by the budget: five times what a vendor allows, so that a quarter of an hour stands for more than one.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_aianalytics.ingest.loop import IngestOptions
from airflow_provider_aianalytics.simulator import Fault, Simulator
from tests.ingest.test_loop import Bench, connect
from tests.integration.standalone import Standalone, standalone, until
from tests.support import CLAUDE_DATASETS, DAY, NOW, PERPLEXITY_DATASETS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not airflow_version.startswith("3.3."), reason="the processes are those of 3.3"),
    pytest.mark.skipif(sys.platform != "linux", reason="its processes are found in /proc"),
]

MEMBERS = 1000
DAYS = 320
START = NOW.date() - (DAYS + 3) * DAY  # the vendor's adoption data is there after three days
PER_MINUTE = 300
# Those of few requests beside those of many, for it takes as long to start them.
CLAUDE = sorted(CLAUDE_DATASETS, key=lambda name: (name.startswith("user_"), name))
PERPLEXITY = sorted(PERPLEXITY_DATASETS, key=lambda name: not name.startswith("member_"))
TABLES = [*(("claude_enterprise", name) for name in CLAUDE), *(("perplexity", name) for name in PERPLEXITY)]
DAG = f"""
from datetime import timedelta
from airflow.sdk import DAG
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator
Claude = ClaudeEnterpriseAnalyticsToObjectStorageOperator
Perplexity = PerplexityAnalyticsToObjectStorageOperator
DAYS = dict(path="{{{{ var.value.ai_lake }}}}", start="{START}", end="{START + DAYS * DAY}", deferrable=True)
AGAIN = dict(retries=9, retry_delay=timedelta(seconds=2))
with DAG("backfill", schedule=None, max_active_tasks=4, default_args=AGAIN):
    Claude.partial(task_id="claude_enterprise", priority_weight=2, **DAYS).expand(dataset={CLAUDE})
    Perplexity.partial(task_id="perplexity", **DAYS).expand(dataset={PERPLEXITY})
"""
SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "8",
    # A dead scheduler or worker is missed after seconds, as everything here is ten times faster.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[str]]:
    """The same days, landed without a budget and without an Airflow, and the requests that each vendor got for it."""
    root = tmp_path_factory.mktemp("undisturbed")
    with (
        Simulator(seed=7, members=MEMBERS, now=NOW, requests_per_minute=None) as simulator,
        pytest.MonkeyPatch.context() as patch,
    ):
        connect(patch, simulator, timeout=60)
        it = Bench(simulator, root)
        for vendor, dataset in TABLES:
            it.land(dataset, START, START + DAYS * DAY, vendor=vendor, options=IngestOptions(max_concurrency=4))
        return root, Counter(request.vendor for request in simulator.requests)


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[Standalone]:
    organization = ("--seed", "7", "--members", str(MEMBERS))
    pace = ("--requests-per-minute", str(PER_MINUTE), "--latency", "0.05")
    with standalone(
        tmp_path / "airflow",
        {"backfill": DAG},
        shown=NOW,
        speed=1.0,
        simulator=(*organization, *pace),
        requests_per_minute=PER_MINUTE,
        settings=SETTINGS,
    ) as running:
        yield running


def test_a_backfill_completes_within_the_rate_limit_despite_kills(
    airflow: Standalone, undisturbed: tuple[Path, Counter[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    calm, least = undisturbed
    airflow.fail(Fault("status", status=503, headers={"retry-after": "75"}, path="projects", nth=20))
    airflow.unpause("backfill")
    run = airflow.trigger("backfill")

    def states() -> Counter[str | None]:
        return Counter(state for _, _, state in airflow.tasks("backfill", run))

    def has_requested(share: float) -> bool:
        assert not states()["failed"], airflow.output()
        return len(airflow.requests()) >= share * least.total()

    until(lambda: states()["deferred"], within=120, but="no task deferred")
    airflow.kill("triggerer")
    airflow.start("triggerer")
    until(lambda: has_requested(0.2), within=600, but="the requests did not go on")
    airflow.kill_one_task()
    until(lambda: has_requested(0.3), within=600, but="the requests did not go on")
    airflow.kill("airflow scheduler")
    airflow.start("scheduler")
    until(
        lambda: has_requested(0.4) and states() == Counter(success=len(TABLES)),
        within=2400,
        every=3,
        but="not all landed",
    )

    requests = airflow.requests()
    lake = airflow.home / "lake"
    for path in calm.rglob("*.ndjson.gz"):
        assert gzip.decompress((lake / path.relative_to(calm)).read_bytes()) == gzip.decompress(path.read_bytes()), path
    # The spools of killed processes are removed when they are a week old; no task reads them.
    assert {part.name for part in lake.rglob("_*")} <= {"_manifests", "_spool"}
    for vendor, dataset in TABLES:
        for day in range(DAYS):
            name = f"{vendor}/_manifests/{dataset}/{START + day * DAY}.json"
            assert content(lake / name) == content(calm / name)
    airflow.airflow("aianalytics", "coverage", str(lake), "--from", str(START), "--to", str(START + (DAYS - 1) * DAY))
    for vendor in least:
        used = use(requests, vendor)
        twice = again(requests, vendor)
        refused = sum(request["vendor"] == vendor and request["status"] == 429 for request in requests)
        with capsys.disabled():
            sys.stdout.write(
                f"\n{vendor}: of {PER_MINUTE} requests a minute {used:.1%} used; {least[vendor]} were needed, "
                f"{twice} were answered twice and {refused} refused\n"
            )
        assert used >= 0.9
        assert twice <= 4 * 4 * 3  # windows in flight: four tasks of four windows, for each kill
        assert refused <= 0.05 * least[vendor]


def content(manifest: Path) -> dict[str, Any]:
    """The part of a manifest that does not depend on its run and time."""
    of_its_landing = ("fetched_at", "run", "requests", "file_bytes", "file_md5")
    return {name: value for name, value in json.loads(manifest.read_text()).items() if name not in of_its_landing}


def use(requests: list[dict[str, Any]], vendor: str) -> float:
    """How full the vendor's window was on average, from its first turn to the last request."""
    times = sorted(r["real"] for r in requests if r["vendor"] == vendor and r["status"] == 200)
    moments = [times[0] + 60 + step for step in range(int(times[-1] - times[0] - 60))]
    fill = [sum(moment - 60 < at <= moment for at in times) / PER_MINUTE for moment in moments]
    return sum(fill) / len(fill)


def again(requests: list[dict[str, Any]], vendor: str) -> int:
    """How many answers were given more than once."""
    given = Counter(
        (r["path"], json.dumps(r["query"])) for r in requests if r["vendor"] == vendor and r["status"] == 200
    )
    return given.total() - len(given)
