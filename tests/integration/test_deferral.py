# SPDX-License-Identifier: Apache-2.0
"""One task is a pipeline: it waits in the triggerer for the day or for the budget, and then lands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import Asset, TaskDeferred

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.operators import to_object_storage
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, Simulator
from tests.integration.conftest import NOW, RunDag, connect, too_recent

OPERATOR = "ClaudeEnterpriseAnalyticsToObjectStorageOperator"
IMPORTS = f"from airflow_provider_aianalytics.operators.claude_enterprise import {OPERATOR}"

TRY = {"dag_id": "dag", "run_id": "run", "task_id": "land", "map_index": -1, "try_number": 1, "max_tries": 0}


@pytest.fixture
def living(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator whose time goes on with ours, so that triggers wait in real seconds."""
    settings = ClaudeSettings(lag_days=1)
    with Simulator(seed=7, members=20, now=NOW, speed=1.0, requests_per_minute=None, claude=settings) as sim:
        connect(monkeypatch, sim)
        yield sim


def test_an_unavailable_day_is_waited_for_and_lands(
    run_dag: RunDag, living: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_aianalytics.extraction import polling

    # The rule polls hours apart, which the test does not wait for.
    monkeypatch.setattr(polling.WaitTarget, "next_poll", lambda self, looked, **_: looked + timedelta(seconds=1))
    yesterday = (NOW - timedelta(days=3)).date()
    day = yesterday - timedelta(days=2)
    refusal = too_recent(yesterday, day)
    living.fail(Fault("status", path="users", query={"date": str(yesterday)}, status=400, body=refusal))

    outcome = run_dag(
        f'{OPERATOR}(task_id="land", dataset="users", path={str(tmp_path)!r}, start="{day}", '
        f'end="{yesterday + timedelta(days=1)}", on_unavailable="wait")',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"land": "success"}
    partitions = outcome.results["land"]["partitions"]
    assert [partition["status"] for partition in partitions] == ["kept", "kept", "created"]
    assert len(list(tmp_path.rglob("*.gz"))) == 3
    assert len(living.requests) == 5  # three days, including the unavailable one; one poll; the day


def test_a_day_is_waited_for_a_week_in_total(living: Simulator, tmp_path: Path) -> None:
    yesterday = (NOW - timedelta(days=3)).date()
    task = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land", dataset="users", path=str(tmp_path), start=yesterday, on_unavailable="wait", deferrable=True
    )
    refusal = too_recent(yesterday, yesterday - timedelta(days=1))
    context = {"task": task, "ti": SimpleNamespace(**TRY), "dag_run": SimpleNamespace(start_date=None)}

    living.fail(Fault("status", path="users", status=400, body=refusal, times=1))
    with pytest.raises(TaskDeferred) as first:
        task.execute(context)
    living.fail(Fault("status", path="users", status=503, headers={"retry-after": "90"}, times=1))
    with pytest.raises(TaskDeferred) as over_the_vendor:
        task.execute_complete(context, {"status": "available"}, **first.value.kwargs)
    living.fail(Fault("status", path="users", status=400, body=refusal, times=1))
    with pytest.raises(TaskDeferred) as second:
        task.resume(context, None, **over_the_vendor.value.kwargs)

    first, second = (deferral.value.trigger for deferral in (first, second))
    assert second.deadline == first.deadline
    assert timedelta(days=6) < datetime.fromisoformat(first.deadline) - living.now < timedelta(days=7)


def test_a_long_wait_for_the_rate_limit_frees_the_worker(
    run_dag: RunDag, living: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_object_storage, "timedelta", lambda seconds: timedelta(seconds=seconds / 100))
    living.fail(
        Fault("status", path="skills", nth=2, status=503, headers={"retry-after": "90"}, times=1),
    )

    outcome = run_dag(
        f'{OPERATOR}(task_id="land", dataset="skills", path={str(tmp_path)!r}, start="2026-11-10", '
        f'end="2026-11-13", deferrable=True, max_concurrency=1, retries=0)',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"land": "success"}
    assert [day["status"] for day in outcome.results["land"]["partitions"]] == ["kept", "created", "created"]
    assert len(living.requests) == 4


@pytest.mark.parametrize("retry_after", ["400000000", "1000000000000"])
def test_a_wait_is_at_most_a_day(
    run_dag: RunDag, living: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retry_after: str
) -> None:
    from airflow_provider_aianalytics.operators import to_object_storage

    waits = []

    def shortened(seconds: float) -> timedelta:
        waits.append(timedelta(seconds=seconds))
        return timedelta(0)

    monkeypatch.setattr(to_object_storage, "timedelta", shortened)
    living.fail(Fault("status", path="skills", status=503, headers={"retry-after": retry_after}, times=1))

    outcome = run_dag(
        f'{OPERATOR}(task_id="land", dataset="skills", path={str(tmp_path)!r}, start="2026-11-10", deferrable=True)',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"land": "success"}
    assert waits == [timedelta(days=1)]


def test_without_a_triggerer_a_long_wait_is_an_error(run_dag: RunDag, living: Simulator, tmp_path: Path) -> None:
    living.fail(Fault("status", path="skills", status=503, headers={"retry-after": "90"}, times=1))

    outcome = run_dag(
        f'{OPERATOR}(task_id="land", dataset="skills", path={str(tmp_path)!r}, start="2026-11-10", retries=0)',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"land": "failed"}
    assert len(living.requests) == 1


def test_asset_events_include_days_that_landed_before_a_wait(
    run_dag: RunDag, living: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    monkeypatch.setattr(to_object_storage, "timedelta", lambda seconds: timedelta(seconds=seconds / 100))
    monkeypatch.setattr(to_object_storage, "report_asset_events", lambda *_, days, **__: events.append(days))
    living.fail(Fault("status", path="skills", nth=2, status=503, headers={"retry-after": "90"}, times=1))

    outcome = run_dag(
        f'{OPERATOR}(task_id="land", dataset="skills", path={str(tmp_path)!r}, start="2026-11-10", '
        f'end="2026-11-12", deferrable=True, max_concurrency=1)',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"land": "success"}
    assert events == [["2026-11-10", "2026-11-11"]]


def test_asset_events_include_days_that_landed_before_a_cleared_failure(
    living: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    monkeypatch.setattr(to_object_storage, "report_asset_events", lambda *_, days, **__: events.append(days))
    living.fail(Fault("status", path="skills", nth=2, status=403, times=1))
    task = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land", dataset="skills", path=str(tmp_path), start="2026-11-10", end="2026-11-12", max_concurrency=1
    )
    tries = [
        {
            "task": task,
            "dag_run": SimpleNamespace(start_date=datetime(2026, 11, 20, hour, tzinfo=UTC)),
            "ti": SimpleNamespace(**TRY | {"try_number": number, "max_tries": number - 1}),
        }
        for number, hour in ((1, 12), (2, 13))
    ]
    with pytest.raises(AIAnalyticsError):
        task.execute(tries[0])
    assert not events

    task.execute(tries[1])

    assert events == [["2026-11-10", "2026-11-11"]]


def test_the_log_says_that_a_cleared_task_names_its_days_to_consumers_again(
    living: Simulator, tmp_path: Path, output: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = []
    monkeypatch.setattr(to_object_storage, "report_asset_events", lambda *_, **__: None)
    task = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land", dataset="skills", path=str(tmp_path), start="2026-11-10", outlets=[Asset("skills")]
    )

    for number, hour in ((1, 12), (2, 13)):
        run = SimpleNamespace(start_date=datetime(2026, 11, 20, hour, tzinfo=UTC))
        instance = SimpleNamespace(**TRY | {"try_number": number, "max_tries": number - 1})
        task.execute({"task": task, "dag_run": run, "ti": instance})
        texts.append(output())

    text = "An earlier try of this run landed 2026-11-10; the asset events name these days as changed"
    assert [text in logged for logged in texts] == [False, True]


def test_an_outlet_gets_one_event_only_if_days_changed(
    run_dag: RunDag, living: Simulator, tmp_path: Path, output: Callable[[], str]
) -> None:
    body = f"""
asset = Asset(uri="x-lake://ai/users")
{OPERATOR}(task_id="land", dataset="users", path={str(tmp_path)!r}, start="2026-11-10", end="2026-11-12",
    outlets=[asset])
"""
    imports = f"{IMPORTS}\nfrom airflow.providers.common.compat.sdk import Asset"

    before = len(_events())
    outcome = run_dag(body, imports=imports)
    if "AirflowInactiveAssetInInletOrOutletException" in output():
        pytest.skip("dag.test() of this Airflow takes no asset that its scheduler has not seen")
    assert outcome.state == "success"
    events = _events()[before:]
    if not events:
        pytest.skip("dag.test() of this Airflow records no events")
    ((extra, key),) = events
    assert extra == {
        "vendor": "claude_enterprise",
        "dataset": "users",
        "table": "users",
        "uri": f"file://{tmp_path}/claude_enterprise/users",
        "rows": outcome.results["land"]["rows"],
        "changed": ["2026-11-10", "2026-11-11"],
    }
    assert key is None

    assert run_dag(body, imports=imports).state == "success"
    assert _events()[before:] == events


@pytest.mark.parametrize("outlet", ['AssetAlias(name="landed")', 'File(url="s3://lake/ai")'])
def test_an_outlet_that_accepts_no_events_does_not_fail_the_task(
    run_dag: RunDag, living: Simulator, tmp_path: Path, outlet: str
) -> None:
    if airflow_version.startswith("2.") and "Alias" in outlet:
        pytest.skip("dag.test() of this Airflow takes no alias that its scheduler has not seen")
    outcome = run_dag(
        f'{OPERATOR}(task_id="land", dataset="users", path={str(tmp_path)!r}, start="2026-11-10", outlets=[{outlet}])',
        imports=f"{IMPORTS}\n"
        "from airflow.providers.common.compat.lineage.entities import File\n"
        "from airflow.providers.common.compat.sdk import AssetAlias",
    )

    assert outcome.tasks == {"land": "success"}


def _events() -> list[tuple[dict[str, object], str | None]]:
    from airflow.utils.session import create_session

    try:
        from airflow.models.asset import AssetEvent as Event
    except ImportError:
        from airflow.models.dataset import DatasetEvent as Event
    with create_session() as session:
        return [
            (event.extra, getattr(event, "partition_key", None)) for event in session.query(Event).order_by(Event.id)
        ]
