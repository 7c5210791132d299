# SPDX-License-Identifier: Apache-2.0
"""What is handed to the next task is whole, or the task fails in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aianalytics.exceptions import ResultTooLargeError
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsOperator
from airflow_provider_aianalytics.simulator import Fault, Simulator
from tests.integration.conftest import connect

PERIOD = ("2026-11-10", "2026-11-12")
Records = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(members=600, now=datetime(2026, 11, 20, 12, tzinfo=UTC), requests_per_minute=None) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    running.clear_faults()
    connect(monkeypatch, running)
    return running


def by_operator(dataset: str, **options: Any) -> list[dict[str, Any]]:
    class Instance:
        dag_id, task_id, run_id, map_index, try_number = "dag", "read", "run", -1, 1

    operator = ClaudeEnterpriseAnalyticsOperator(
        task_id="read", dataset=dataset, start=PERIOD[0], end=PERIOD[1], **options
    )
    records: list[dict[str, Any]] = operator.execute({"ti": Instance(), "task_instance": Instance()})  # type: ignore[typeddict-item]
    return records


def by_hook(dataset: str, **options: Any) -> list[dict[str, Any]]:
    return list(ClaudeEnterpriseAnalyticsHook().records(dataset, *PERIOD, **options))


@pytest.mark.parametrize("number", ["1e400", "-1E400", "9" * 400])
def test_a_number_beyond_a_double_is_read_as_by_the_hook(simulator: Simulator, number: str) -> None:
    simulator.fail(Fault("json", path="users", body=f'{{"data":[{{"n":{number}}}],"next_page":null}}', times=None))
    records = by_operator("users")
    assert records == by_hook("users")
    assert abs(records[0]["n"]) > 1e300


@pytest.mark.parametrize("read", [by_operator, by_hook])
def test_a_capped_bucket_is_an_error(simulator: Simulator, read: Records) -> None:
    """Claude contract section 8.0: 100 groups of a bucket are served, without a word of the others."""
    with pytest.raises(ResultTooLargeError) as raised:
        read("cost_report", group_by=["product", "model", "context_window", "rbac_group_id"])
    message = " ".join(str(raised.value).split())  # an operator breaks it into lines
    for part in ("claude_enterprise cost_report", "2026-11-10, 2026-11-11", "100 groups", "less", 'on_cap="split"'):
        assert part in message
    assert isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize("read", [by_operator, by_hook])
def test_fewer_groups_than_the_limit_are_complete(simulator: Simulator, read: Records) -> None:
    groups = {(record["_date"], record["product"]) for record in read("cost_report", group_by=["product"])}
    assert {day for day, _ in groups} == {"2026-11-10", "2026-11-11"}
    assert len(groups) > 4
