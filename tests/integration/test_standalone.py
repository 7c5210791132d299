# SPDX-License-Identifier: Apache-2.0
"""Waiting in a complete Airflow: three days pass, the triggerer is killed, and no worker is occupied."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import sleep as pause

import pytest
from airflow import __version__ as airflow_version

from tests.integration.standalone import Standalone, standalone, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not airflow_version.startswith("3.3."),
        reason=f"the API, the watchers' memory and the backfill by command are those of 3.3, not of {airflow_version}",
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="its processes are found in /proc"),
]

HEAD = """
from datetime import datetime, timedelta
from airflow.sdk import DAG, Asset, AssetWatcher, task
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable
from airflow_provider_aianalytics.triggers.new_day import NewDayTrigger
Land = ClaudeEnterpriseAnalyticsToObjectStorageOperator
LAKE = {"path": "{{ var.value.ai_lake }}", "dataset": "users"}
DAY = "{{ dag_run.conf['day'] }}"
"""
DAGS = {
    "one_task": """
with DAG("one_task", schedule=None, default_args={"priority_weight": 9}) as dag:
    Land(task_id="land", start=DAY, on_unavailable="wait", deferrable=True, table="by_one_task", **LAKE)
""",
    "sensor": """
with DAG("sensor", schedule=None, default_args={"priority_weight": 9}) as dag:
    wait = ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="skills", day=DAY, deferrable=True)
    wait >> Land(task_id="land", start=DAY, table="by_sensor", **LAKE)
""",
    "watcher": """
new_day = Asset("new_day", watchers=[
    AssetWatcher(name="users", trigger=NewDayTrigger(vendor="claude_enterprise", dataset="chat_projects"))])
# Not paused from the start: a watcher is armed when its DAG is parsed.
with DAG("watcher", schedule=[new_day], max_active_runs=1, is_paused_upon_creation=False) as dag:
    @task
    def days(triggering_asset_events=None):
        return sorted({event.extra["payload"]["day"] for event in triggering_asset_events[new_day]})
    days()
""",
}
EXAMPLES = Path(__file__).parent.parent.parent / "dags_examples"
BACKFILLS = (
    ["--dag-id", "final_cost", "--from-date", "2026-02-01", "--to-date", "2026-04-01", "--max-active-runs", "60"],
    ["--dag-id", "claude_enterprise_partitioned", "--from-date", "2026-03-01", "--to-date", "2026-03-03T23:00"],
)
SHOWN = datetime(2026, 11, 1, tzinfo=UTC)
SPEED = 4800.0
"""A day in eighteen seconds."""
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    dags = {name: HEAD + body for name, body in DAGS.items()}
    for name in ("monthly_close", "claude_enterprise_partitioned"):
        dags[name] = (EXAMPLES / f"{name}.py").read_text()
    home = tmp_path_factory.mktemp("standalone")
    with standalone(home, dags, shown=SHOWN, speed=SPEED, lag_days=3, backfills=BACKFILLS) as running:
        yield running
    assert not running.processes()


def states(airflow: Standalone, runs: dict[str, str]) -> dict[str, str | None]:
    """The state of the task that waits, by DAG."""
    waiting = {"one_task": "land", "sensor": "wait"}
    return {dag: next(s for _, name, s in airflow.tasks(dag, run) if name == waiting[dag]) for dag, run in runs.items()}


def test_waiting_for_days_needs_no_worker_and_survives_the_triggerer(airflow: Standalone) -> None:
    airflow.unpause("one_task", "sensor")
    target = airflow.clock.now().date()
    there = datetime.combine(target + 3 * DAY, time(10), tzinfo=UTC)
    runs = {dag: airflow.trigger(dag, conf={"day": str(target)}) for dag in ("one_task", "sensor")}
    deferred = dict.fromkeys(runs, "deferred")

    until(lambda: states(airflow, runs) == deferred, within=60, but="the tasks did not defer")
    assert airflow.clock.now() < there
    airflow.kill("triggerer")
    airflow.start("triggerer")
    airflow.unpause("final_cost", "monthly_close", "claude_enterprise_partitioned")
    while airflow.clock.now() < there:
        assert states(airflow, runs) == deferred
        pause(2)

    def all_done() -> bool:
        return all(state == "success" for dag, run in runs.items() for _, _, state in airflow.tasks(dag, run))

    until(all_done, within=150, but="the day did not land")
    for dag, dataset in (("one_task", "users"), ("sensor", "skills")):
        (landed,) = airflow.result(dag, runs[dag], "land")["partitions"]
        assert (landed["date"], landed["status"]) == (str(target), "created")
        assert Path(landed["path"].removeprefix("file://")).exists()
        requests = [request for request in airflow.requests(date=str(target)) if request["path"].endswith(dataset)]
        assert requests[-1]["status"] == 200, requests
        assert len(requests) <= 5, requests


def test_a_backfill_of_old_days_needs_one_request_a_day_and_no_wait(airflow: Standalone) -> None:
    def landed() -> list[tuple[str, str, str | None]]:
        tasks = [task for task in airflow.tasks("final_cost") if task[0].startswith("backfill")]
        assert not {"deferred", "failed", "up_for_retry"} & {state for _, _, state in tasks}
        return tasks if [state for _, _, state in tasks] == ["success"] * 60 else []

    until(landed, within=200, but="the backfill did not end")
    days = [str((datetime(2026, 2, 1) + DAY * number).date()) for number in range(60)]
    requests = [
        dict(request["query"])["starting_at"][:10]
        for request in airflow.requests()
        if request["path"].endswith("/cost_report")
    ]
    assert sorted(day for day in requests if day < "2026-08-01") == days


def test_each_whole_month_of_final_days_is_closed_once(airflow: Standalone) -> None:
    def closed() -> list[str]:
        tasks = airflow.tasks("monthly_close")
        return sorted(run for run, _, state in tasks if state == "success") if len(tasks) == 2 else []

    runs = until(closed, within=60, but="the months were not closed")
    results = [airflow.result("monthly_close", run, "close") for run in runs]
    assert all(float(amount) >= 0 for result in results for amount in result.values())
    assert any(result for result in results)


def test_a_partitioned_dag_lands_the_day_of_its_key(airflow: Standalone) -> None:
    def landed() -> list[str]:
        tasks = [task for task in airflow.tasks("claude_enterprise_partitioned") if task[0].startswith("backfill")]
        return [run for run, _, state in tasks] if {state for _, _, state in tasks} == {"success"} else []

    runs = until(landed, within=60, but="the partitions did not land")
    results = [airflow.result("claude_enterprise_partitioned", run, "users") for run in runs]
    assert sorted(result["start"] for result in results) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert all(f"__{result['start']}__" in run for run, result in zip(runs, results, strict=True))


def test_a_watcher_sends_an_event_for_each_new_day_in_order(airflow: Standalone) -> None:
    def sent_days() -> list[str]:
        found = [event["payload"]["day"] for event in airflow.events("new_day")]
        return found if len(set(found)) >= 4 else []

    days = list(dict.fromkeys(first := until(sent_days, within=90, but="there were no events")))
    assert len(first) - len(days) <= 1  # the triggerer may have been killed within seconds of telling
    waiting_since = date.fromisoformat(days[0])
    assert days == [str(waiting_since + DAY * number) for number in range(len(days))]
    until(
        lambda: {state for _, _, state in airflow.tasks("watcher")} == {"success"},
        within=60,
        but="the runs of the days did not end",
    )
    requests = [request for request in airflow.requests() if request["path"].endswith("chat/projects")]
    assert len(requests) <= 4 + 3 * len(days)
