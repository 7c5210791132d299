# SPDX-License-Identifier: Apache-2.0
"""What a DAG author may write, checked when the DAG is parsed, and what parsing costs."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.triggers.base import BaseTrigger

from airflow_provider_aianalytics.clock import Clock, RehearsalClock, clock_from_env
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.get_provider_info import get_provider_info
from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.sensors.perplexity import PerplexityAnalyticsSensor
from airflow_provider_aianalytics.triggers.availability import AvailabilityTrigger

HOUR = timedelta(hours=1)


def context(**fields: Any) -> Any:
    instance = SimpleNamespace(dag_id="dag", task_id="wait", run_id="run", map_index=-1)
    return {"ti": instance, **fields}


@pytest.mark.parametrize(
    ("sensor", "arguments", "message"),
    [
        (ClaudeEnterpriseAnalyticsSensor, {"dataset": "user"}, "claude_enterprise has no dataset 'user'; it has users"),
        (PerplexityAnalyticsSensor, {"dataset": "users"}, "perplexity has no dataset 'users'; it has credit_usage"),
        (ClaudeEnterpriseAnalyticsSensor, {"until": "done"}, "until='done' is not allowed; allowed: available, final"),
        (ClaudeEnterpriseAnalyticsSensor, {"lag": -HOUR}, "lag=.* is not a timedelta of zero or more"),
        (ClaudeEnterpriseAnalyticsSensor, {"day": "2025-12-31"}, "2026-01-01, the first day the vendor has"),
        (ClaudeEnterpriseAnalyticsSensor, {"day": "yesterday"}, "day='yesterday' is not a date"),
        (ClaudeEnterpriseAnalyticsSensor, {"start_from_trigger": True, "deferrable": True}, "needs day="),
        (PerplexityAnalyticsSensor, {"dataset": "credit_usage", "settle": -HOUR}, "settle=.* is not a timedelta"),
    ],
)
def test_invalid_arguments_fail_when_the_dag_is_parsed(
    sensor: type[AnalyticsSensor], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        sensor(task_id="wait", **{"dataset": "users", **arguments})


@pytest.mark.parametrize(
    "arguments",
    [{"dataset": "{{ params.dataset }}"}, {"day": "{{ ds }}"}, {"day": date(2026, 11, 17)}, {"conn_id": "{{ var }}"}],
)
def test_templates_and_valid_arguments_are_accepted(arguments: dict[str, Any]) -> None:
    sensor = ClaudeEnterpriseAnalyticsSensor(task_id="wait", **{"dataset": "users", **arguments})
    assert sensor.template_fields == ("dataset", "day", "conn_id")


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"partition_key": "2026-11-17"}, date(2026, 11, 17)),
        (
            {
                "data_interval_start": datetime(2026, 11, 15, tzinfo=UTC),
                "data_interval_end": datetime(2026, 11, 18, tzinfo=UTC),
            },
            date(2026, 11, 17),
        ),
    ],
)
def test_the_day_is_the_last_of_the_runs_own_period(fields: dict[str, Any], day: date) -> None:
    sensor = ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users")
    assert sensor.wait_target(context(**fields)).day == day


def test_lag_and_settle_are_the_catalogues_unless_given() -> None:
    def availability(sensor: AnalyticsSensor) -> Any:
        return sensor.wait_target(context()).dataset.availability

    day = "2026-11-17"
    claude = ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users", day=day)
    perplexity = PerplexityAnalyticsSensor(task_id="wait", dataset="credit_usage", day=day, settle=6 * HOUR)
    assert availability(claude).lag == timedelta(days=3)
    assert availability(perplexity).settle == 6 * HOUR
    assert availability(PerplexityAnalyticsSensor(task_id="w", dataset="skills", day=day)).settle == 3 * HOUR
    assert availability(ClaudeEnterpriseAnalyticsSensor(task_id="w", dataset="users", day=day, lag=HOUR)).lag == HOUR


@pytest.mark.parametrize("day", ["2026-11-17", date(2026, 11, 17), "{{ ds }}"])
def test_it_can_start_in_the_triggerer(day: Any) -> None:
    sensor = PerplexityAnalyticsSensor(
        task_id="wait",
        dataset="credit_usage",
        day=day,
        settle=6 * HOUR,
        timeout=3600,
        deferrable=True,
        start_from_trigger=True,
    )
    if day == "{{ ds }}" and not hasattr(BaseTrigger, "render_template_fields"):
        assert not sensor.start_from_trigger
        return
    assert sensor.start_from_trigger
    arguments = sensor.start_trigger_args
    assert arguments is not None
    assert arguments.timeout == timedelta(hours=1, minutes=15)
    trigger = AvailabilityTrigger(**arguments.trigger_kwargs)
    assert (trigger.vendor, trigger.dataset, trigger.day) == ("perplexity", "credit_usage", str(day))
    assert (trigger.settle, trigger.timeout, trigger.next_poll_at, trigger.deadline) == (6 * 3600, 3600, None, None)


@pytest.mark.parametrize("argument", ["dataset", "day", "conn_id"])
def test_results_of_other_tasks_are_resolved_by_the_worker(argument: str) -> None:
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1)):
        sensor = ClaudeEnterpriseAnalyticsSensor(
            task_id="wait",
            deferrable=True,
            start_from_trigger=True,
            **{"dataset": "users", "day": "2026-11-17", argument: BaseOperator(task_id="upstream").output},
        )

    assert sensor.upstream_task_ids == {"upstream"}
    assert not sensor.start_from_trigger
    assert sensor.start_trigger_args is None


def test_by_default_it_starts_in_a_worker() -> None:
    sensor = ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users", day="2026-11-17", deferrable=True)
    assert not sensor.start_from_trigger
    assert sensor.start_trigger_args is None


def test_a_dag_file_with_sensors_loads_nothing_heavy() -> None:
    code = (
        "import sys; import airflow.providers.common.compat.sdk as sdk; sdk.BaseSensorOperator; sdk.BaseHook\n"
        "before = set(sys.modules)\n"
        "import airflow_provider_aianalytics.sensors.claude_enterprise\n"
        "import airflow_provider_aianalytics.sensors.perplexity\n"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(loaded & {'aiohttp', 'requests', 'pyarrow', 's3fs', 'gcsfs'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_airflow_finds_sensors_and_triggers() -> None:
    import importlib

    info = get_provider_info()
    modules = [module for room in ("sensors", "triggers") for entry in info[room] for module in entry["python-modules"]]
    assert len(modules) == 3 * len(info["integrations"])  # its sensor, and both triggers
    for module in modules:
        importlib.import_module(module)
    titles = {integration["integration-name"] for integration in info["integrations"]}
    assert {entry["integration-name"] for room in ("sensors", "triggers") for entry in info[room]} == titles


def test_a_rehearsal_has_one_accelerated_time_everywhere() -> None:
    since = datetime.now(UTC).timestamp()
    clocks = [clock_from_env({"AIANALYTICS_CLOCK": f"2026-11-20T12:00:00Z@3600@{since}"}) for _ in range(2)]

    shown = [clock.now() for clock in clocks]
    assert shown[1] - shown[0] < timedelta(minutes=10)
    assert timedelta(0) <= shown[0] - datetime(2026, 11, 20, 12, tzinfo=UTC) < timedelta(hours=1)
    assert 0.9 < clocks[0].seconds_until(clocks[0].now() + HOUR) <= 1.0
    assert type(clock_from_env({})) is Clock
    assert isinstance(clocks[0], RehearsalClock)


@pytest.mark.parametrize(
    "value", ["tomorrow", "2026-11-20T12:00:00Z@3600", "2026-11-20T12:00:00@1@0", "2026-11-20T12:00:00Z@0@0"]
)
def test_an_invalid_rehearsal_clock_is_rejected(value: str) -> None:
    with pytest.raises(ValueError, match=r"AIANALYTICS_CLOCK=.* is not <start>@<speed>@<origin>"):
        clock_from_env({"AIANALYTICS_CLOCK": value})
