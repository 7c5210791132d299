# SPDX-License-Identifier: Apache-2.0
"""Which consumers run after a landing, in a whole Airflow of every version: plain, aliased and partitioned ones."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_aianalytics.compat import has_event_partitions
from tests.integration.conftest import NOW
from tests.integration.standalone import Standalone, standalone, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="its processes are found in /proc"),
]

SETTLING = 15
"""Seconds in which a scheduler has made the runs of all events that it knows."""

HEAD = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG, Asset, AssetAlias, task
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
START = datetime(2026, 1, 1)
END = "{{ dag_run.conf['end'] }}"
Land = ClaudeEnterpriseAnalyticsToObjectStorageOperator
COST = {"task_id": "land", "dataset": "cost_report", "path": "{{ var.value.ai_lake }}", "end": END}
LANDED, DAYS, ALIAS = Asset(uri="x-lake://landed"), Asset(uri="x-lake://days"), AssetAlias("alias")
"""
PRODUCER = """
with DAG("producer", schedule=None) as dag:
    Land(start="2026-10-01", table="landed", outlets=[LANDED, ALIAS], **COST)
"""
BY_DAY = """
with DAG("by_day", schedule=None) as by_day:
    Land(start="2026-10-28", table="days", outlets=[DAYS], event_per_day=True, **COST)
"""
CONSUMER = """
with DAG("{name}", schedule={schedule}, start_date=START, is_paused_upon_creation=False) as {name}:
    @task
    def {name}_task():
        pass
    {name}_task()
"""
PARTITIONED = "from airflow.sdk import PartitionedAssetTimetable\n" + CONSUMER.format(
    name="partitioned", schedule="PartitionedAssetTimetable(assets=DAYS)"
)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    dags = {
        "producer": PRODUCER,
        "plain": CONSUMER.format(name="plain", schedule="[LANDED]"),
        "aliased": CONSUMER.format(name="aliased", schedule="[ALIAS]"),
    }
    if has_event_partitions():
        dags |= {
            "by_day": BY_DAY,
            "partitioned": PARTITIONED,
            "plain_of_days": CONSUMER.format(name="plain_of_days", schedule="[DAYS]"),
        }
    dags = {name: HEAD + body for name, body in dags.items()}
    home = tmp_path_factory.mktemp("standalone")
    with standalone(home, dags, shown=NOW, speed=1.0) as running:
        yield running
    assert not running.processes()


def land(airflow: Standalone, dag: str, end: str) -> None:
    before = airflow.runs(dag)
    airflow.unpause(dag)
    airflow.trigger(dag, conf={"end": end})
    ended = until(
        lambda: [state for state in airflow.runs(dag)[len(before) :] if state in ("success", "failed")],
        within=240,
        but=f"{dag} did not end",
    )
    assert ended == ["success"], airflow.task_logs(dag)


def assert_runs(airflow: Standalone, **expected: int) -> None:
    """Assert how many runs each consumer has, once they have ended and the scheduler had the time to make more."""

    def states() -> dict[str, list[str]]:
        return {name: airflow.runs(name) for name in expected}

    until(
        lambda: all(states()[name].count("success") >= number for name, number in expected.items()),
        within=240,
        every=1,
        but=f"not all runs of {expected} came to their end",
    )
    time.sleep(SETTLING)
    assert states() == {name: ["success"] * number for name, number in expected.items()}


def test_consumers_run_once_for_each_landing_that_changed_something(airflow: Standalone) -> None:
    land(airflow, "producer", "2026-11-01")
    assert_runs(airflow, plain=1, aliased=1)
    (extra,) = airflow.extras("x-lake://landed")
    assert extra["changed"] == [f"2026-10-{day:02}" for day in range(1, 32)]
    assert (extra["vendor"], extra["dataset"], extra["table"]) == ("claude_enterprise", "cost_report", "landed")

    land(airflow, "producer", "2026-11-01")  # nothing changed
    assert_runs(airflow, plain=1, aliased=1)

    land(airflow, "producer", "2026-11-02")  # one new day
    assert_runs(airflow, plain=2, aliased=2)
    assert airflow.extras("x-lake://landed")[1]["changed"] == ["2026-11-01"]


@pytest.mark.skipif(not has_event_partitions(), reason=f"Airflow {airflow_version} has no partitions of events")
def test_a_partitioned_consumer_runs_once_for_each_changed_day(airflow: Standalone) -> None:
    land(airflow, "by_day", "2026-11-01")
    assert_runs(airflow, partitioned=4, plain_of_days=0)
    extras = airflow.extras("x-lake://days")
    assert len(extras) == 4
    assert "changed" not in json.dumps(extras)

    land(airflow, "by_day", "2026-11-02")
    assert_runs(airflow, partitioned=5, plain_of_days=0)
