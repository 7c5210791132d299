# SPDX-License-Identifier: Apache-2.0
"""A DAG waits for a day: deferred, rescheduled or holding its worker, and goes on for a handful of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_aianalytics.clock import Clock, RehearsalClock
from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.simulator.claude_enterprise.settings import ClaudeSettings
from airflow_provider_aianalytics.simulator.faults import Fault
from airflow_provider_aianalytics.triggers.availability import AvailabilityTrigger
from tests.integration.conftest import Outcome, RunDag, connect
from tests.triggers.conftest import WaitingClock

CLAUDE = "ClaudeEnterpriseAnalyticsSensor"
PERPLEXITY = "PerplexityAnalyticsSensor"
IMPORTS = f"""from airflow_provider_aianalytics.sensors.claude_enterprise import {CLAUDE}
from airflow_provider_aianalytics.sensors.perplexity import {PERPLEXITY}"""
START = datetime(2026, 11, 18, 9, tzinfo=UTC)

Serve = Callable[..., Simulator]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A simulator whose time passes as the sensors and triggers sleep, or, with a ``speed``, by itself."""
    running = []

    def start(now: datetime = START, speed: float | None = None, **settings: Any) -> Simulator:
        sim = Simulator(members=20, requests_per_minute=None, now=now, speed=speed, **settings).start()
        running.append(sim)
        connect(monkeypatch, sim)
        use(monkeypatch, WaitingClock(sim) if speed is None else RehearsalClock(sim.now, speed, datetime.now(UTC)))
        return sim

    yield start
    for sim in running:
        sim.stop()


def use(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    for where in (AnalyticsSensor, AvailabilityTrigger):
        monkeypatch.setattr(where, "clock", clock)


def wait(run_dag: RunDag, sensor: str = CLAUDE, **arguments: object) -> Outcome:
    written = {"dataset": "users", "day": "2026-11-17", **arguments}
    return run_dag(f'{sensor}(task_id="wait", **{written!r})', imports=IMPORTS)


def test_a_deferred_wait_over_days_costs_two_requests(run_dag: RunDag, serve: Serve) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=3))

    outcome = wait(run_dag, deferrable=True, timeout=10 * 86400)

    assert outcome.tasks == {"wait": "success"}
    assert [request.status for request in sim.requests] == [400, 200]
    assert [(request.at.day, request.at.hour) for request in sim.requests] == [(18, 10), (20, 10)]


def test_a_day_that_is_there_is_not_waited_for_in_the_triggerer(
    run_dag: RunDag, serve: Serve, output: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow 3.1 can fail a task whose trigger fires before the scheduler knows that the task has deferred."""
    sim = serve(now=datetime(2026, 11, 20, 12, tzinfo=UTC))
    monkeypatch.delattr(AvailabilityTrigger, "run")

    assert wait(run_dag, deferrable=True).tasks == {"wait": "success"}

    assert [request.status for request in sim.requests] == [200]
    shown = output()
    assert "after 1 request" in shown
    assert "in the triggerer" not in shown


def test_a_timeout_before_the_triggerers_first_check_tells_the_workers(
    run_dag: RunDag, serve: Serve, output: Callable[[], str]
) -> None:
    sim = serve(now=datetime(2026, 11, 20, 12, tzinfo=UTC), claude=ClaudeSettings(lag_days=30))

    assert wait(run_dag, deferrable=True, timeout=60).tasks == {"wait": "failed"}

    assert [request.status for request in sim.requests] == [400]
    shown = output()
    assert "No request was sent" not in shown
    assert "waiting in the triggerer until" in shown
    assert "waiting until" not in shown  # one line says it


def test_a_deferred_wait_for_cost_and_one_for_perplexity(run_dag: RunDag, serve: Serve) -> None:
    sim = serve(now=datetime(2026, 11, 17, 22, tzinfo=UTC))

    outcome = run_dag(
        f'{CLAUDE}(task_id="cost", dataset="cost_report", day="2026-11-17", deferrable=True)\n'
        f'{PERPLEXITY}(task_id="credits", dataset="credit_usage", day="2026-11-17", deferrable=True)',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"cost": "success", "credits": "success"}
    assert len(sim.requests) == 2
    assert all(request.at >= datetime(2026, 11, 18, 3, tzinfo=UTC) for request in sim.requests)


def test_an_old_day_needs_neither_request_nor_connection(
    run_dag: RunDag, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = serve()
    monkeypatch.delenv("AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT")

    for deferrable in (True, False):
        assert wait(run_dag, day="2026-11-10", deferrable=deferrable).tasks == {"wait": "success"}
    assert wait(run_dag, dataset="cost_report", day="2026-10-01", until="final").tasks == {"wait": "success"}
    assert not sim.requests


def test_poke_mode_sends_no_request_between_two_polls(run_dag: RunDag, serve: Serve, output: Callable[[], str]) -> None:
    poking = {"deferrable": False, "mode": "poke", "poke_interval": 0.02}

    # Time passes while Airflow starts the task too, so neither part may depend on how long that takes.
    sim = serve(now=START - timedelta(days=1), speed=4_000, claude=ClaudeSettings(lag_days=2))
    assert wait(run_dag, timeout=3 * 3600, **poking).tasks == {"wait": "failed"}
    assert not sim.requests  # it was over before the day could be there
    sim = serve(speed=15_000, claude=ClaudeSettings(lag_days=2))
    assert wait(run_dag, timeout=10 * 86400, **poking).tasks == {"wait": "success"}
    assert [request.status for request in sim.requests] in ([400, 200], [200])
    assert "cannot be called outside" not in output()


def test_a_timeout_fails_with_a_message_for_the_vendor(
    run_dag: RunDag, serve: Serve, output: Callable[[], str]
) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=30))

    outcome = wait(run_dag, deferrable=True, timeout=2 * 86400, retries=3)

    assert outcome.tasks == {"wait": "failed"}
    assert len(sim.requests) == 1
    log = output()
    assert "AirflowSensorTimeout" in log
    assert "claude_enterprise users of 2026-11-17 was not available by 2026-11-20" in log
    assert sim.claude_key not in log


def test_soft_fail_skips_at_the_timeout(run_dag: RunDag, serve: Serve, output: Callable[[], str]) -> None:
    serve(claude=ClaudeSettings(lag_days=30))

    outcome = wait(run_dag, deferrable=True, timeout=86400, soft_fail=True)

    assert outcome.tasks == {"wait": "skipped"}
    assert "was not available by" in output()


def test_a_key_that_is_revoked_while_waiting_fails_at_once(
    run_dag: RunDag, serve: Serve, output: Callable[[], str]
) -> None:
    sim = serve()
    sim.revoke_key("claude_enterprise")

    outcome = wait(run_dag, deferrable=True, timeout=10 * 86400)

    assert outcome.tasks == {"wait": "failed"}
    assert len(sim.requests) == 1
    log = output()
    assert "AuthenticationError" in log
    assert "read:analytics" in log
    assert "sk-ant-api01-simulated" not in log


def test_a_connection_without_a_key_fails_before_anything_waits(
    run_dag: RunDag, serve: Serve, monkeypatch: pytest.MonkeyPatch, output: Callable[[], str]
) -> None:
    sim = serve()
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT", '{"conn_type": "claude_enterprise_analytics"}'
    )

    assert wait(run_dag, deferrable=True).tasks == {"wait": "failed"}
    assert "has no password" in output()
    assert not sim.requests


@pytest.mark.parametrize("start_from_trigger", [False, True])
def test_a_mapped_sensor_waits_for_several_days(run_dag: RunDag, serve: Serve, start_from_trigger: bool) -> None:
    sim = serve()

    outcome = run_dag(
        f'{CLAUDE}.partial(task_id="wait", dataset="users", deferrable=True, start_from_trigger={start_from_trigger})'
        '.expand(day=["2026-11-01", "2026-11-16", "{{ \'2026-11-17\' }}"])',
        imports=IMPORTS,
    )

    assert outcome.tasks == {"wait[0]": "success", "wait[1]": "success", "wait[2]": "success"}
    assert sorted(dict(request.query)["date"] for request in sim.requests) == ["2026-11-16", "2026-11-17"]


def test_a_relative_day_counts_from_the_runs_own_day(run_dag: RunDag, serve: Serve, output: Callable[[], str]) -> None:
    serve()

    assert wait(run_dag, day=-10).tasks == {"wait": "success"}
    assert "claude_enterprise users 2026-11-10 is old enough" in output()


def test_reschedule_mode_resumes_at_the_next_poll(serve: Serve) -> None:
    from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor

    sim = serve(claude=ClaudeSettings(lag_days=3))
    sensor = ClaudeEnterpriseAnalyticsSensor(
        task_id="wait", dataset="users", day="2026-11-17", mode="reschedule", timeout=10 * 86400, deferrable=False
    )

    def comes_back_in(context: Any) -> timedelta:
        with pytest.raises(AirflowException) as caught:
            sensor.execute(context)
        assert type(caught.value).__name__ == "AirflowRescheduleException"
        again: datetime = caught.value.reschedule_date  # type: ignore[attr-defined]
        return again - datetime.now(UTC)

    context = _context()
    assert timedelta(hours=1) < comes_back_in(context) < timedelta(hours=1, minutes=16)
    assert not sim.requests
    sim.set_now(datetime(2026, 11, 18, 10, 20, tzinfo=UTC))
    assert timedelta(days=1, hours=23) < comes_back_in(context) < timedelta(days=2)
    assert [request.status for request in sim.requests] == [400]


@pytest.mark.parametrize("status", [503, 429])
def test_reschedule_mode_backs_off_during_an_outage(serve: Serve, status: int) -> None:
    """Each poll runs in a new process, without the state of earlier ones."""
    from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor

    sim = serve()
    sim.fail(Fault("status", status=status, times=None))
    waiting_since = sim.now

    while sim.now < waiting_since + timedelta(days=2):
        sensor = ClaudeEnterpriseAnalyticsSensor(
            task_id="wait", dataset="users", day="2026-11-17", mode="reschedule", deferrable=False
        )
        with pytest.raises(AirflowException) as caught:
            sensor.execute(_context(first_start=datetime.now(UTC) - (sim.now - waiting_since)))
        sim.advance(caught.value.reschedule_date - datetime.now(UTC))  # type: ignore[attr-defined]

    assert len(sim.requests) <= 25
    polled_at = [request.at for request in sim.requests]
    assert polled_at[1] - polled_at[0] < timedelta(minutes=3)
    assert polled_at[-1] - polled_at[-2] > timedelta(hours=3)


def _context(first_start: datetime | None = None) -> Any:
    class Instance:
        dag_id, task_id, run_id, map_index, max_tries, try_number = "dag", "wait", "run", -1, 0, 1
        start_date = None

        def get_first_reschedule_date(self, context: Any) -> datetime | None:
            return first_start

    return {"ti": Instance(), "task_reschedule_count": 0}
