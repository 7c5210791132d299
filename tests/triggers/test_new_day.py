# SPDX-License-Identifier: Apache-2.0
"""The trigger of new days against the simulator: its events, their order, and the number of requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, Simulator
from airflow_provider_aianalytics.triggers.new_day import NewDayTrigger
from tests.triggers.conftest import Serve, WaitingClock

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Memory:
    """What Airflow 3.3 sets as a watcher's store."""

    def __init__(self, latest: str | None = None, *, is_broken: bool = False) -> None:
        self.values: dict[str, str] = {} if latest is None else {"latest_day": latest}
        self.is_broken = is_broken

    async def aget(self, key: str, default: str | None = None) -> str | None:
        return self.values.get(key, default)

    async def aset(self, key: str, value: str) -> None:
        if self.is_broken:
            raise RuntimeError("no store")
        self.values[key] = value


def watch(
    sim: Simulator,
    events: int,
    *,
    vendor: str = "claude_enterprise",
    dataset: str = "users",
    memory: Memory | None = None,
) -> list[str]:
    """The days of the next events of a trigger that a triggerer has just started, ended once the last is settled."""
    path, arguments = NewDayTrigger(vendor=vendor, dataset=dataset).serialize()
    assert path == "airflow_provider_aianalytics.triggers.new_day.NewDayTrigger"
    trigger = NewDayTrigger(**arguments)
    trigger.clock = WaitingClock(sim)
    if memory is not None:
        trigger.asset_state_store = memory  # type: ignore[assignment]

    async def collect() -> list[Any]:
        payloads: list[Any] = []
        running = trigger.run()
        while len(payloads) < events:
            payloads.append((await anext(running)).payload)  # type: ignore[union-attr]
        if memory is not None and not memory.is_broken:
            going_on = asyncio.ensure_future(anext(running))
            while memory.values.get("latest_day") != payloads[-1]["day"]:
                await asyncio.sleep(0)
            going_on.cancel()
        return payloads

    payloads = asyncio.run(asyncio.wait_for(collect(), 60))
    assert json.loads(json.dumps(payloads)) == payloads
    assert {(payload["vendor"], payload["dataset"]) for payload in payloads} == {(vendor, dataset)}
    return [payload["day"] for payload in payloads]


@pytest.mark.parametrize(
    ("lag_days", "latest"), [(1, "2026-11-17"), (2, "2026-11-16"), (3, "2026-11-15"), (4, "2026-11-14")]
)
def test_it_starts_with_the_latest_day_and_sends_each_new_one(serve: Serve, lag_days: int, latest: str) -> None:
    sim = serve(now=NOON, claude=ClaudeSettings(lag_days=lag_days))
    days = 6

    sent = watch(sim, days)

    first = datetime.fromisoformat(latest)
    assert sent == [str((first + DAY * number).date()) for number in range(days)]
    # The last event was sent within minutes of the aggregation, and each day needed at most two polls.
    assert timedelta(0) < sim.now - (NOON - timedelta(hours=2) + DAY * (days - 1)) < timedelta(minutes=20)
    assert len(sim.requests) <= 4 + 2 * (days - 1)


@pytest.mark.parametrize(("vendor", "dataset"), [("claude_enterprise", "cost_report"), ("perplexity", "credit_usage")])
def test_datasets_that_fill_during_the_day_are_sent_when_complete(serve: Serve, vendor: str, dataset: str) -> None:
    sim = serve(now=NOON)

    assert watch(sim, 4, vendor=vendor, dataset=dataset) == ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]
    assert sim.now < datetime(2026, 11, 22, tzinfo=UTC)
    assert len(sim.requests) <= 4 * 5


def test_days_of_an_outage_are_sent_in_order(serve: Serve) -> None:
    sim, memory = serve(now=NOON), Memory()

    assert watch(sim, 1, memory=memory) == ["2026-11-17"]
    sim.set_now(NOON + 9 * DAY)
    sim.clear_requests()
    sent = watch(sim, 9, memory=memory)

    assert sent == [f"2026-11-{day}" for day in range(18, 27)]
    assert memory.values == {"latest_day": "2026-11-26"}
    assert len(sim.requests) <= 3  # the older ones must be there


def test_a_restart_repeats_no_event_and_no_request(serve: Serve) -> None:
    sim, memory = serve(now=NOON), Memory("2026-11-17")

    assert watch(sim, 1, memory=memory) == ["2026-11-18"]
    (request,) = sim.requests
    assert request.at >= datetime(2026, 11, 19, 10, tzinfo=UTC)


def test_without_a_store_a_restart_sends_the_latest_day_again(serve: Serve) -> None:
    sim = serve(now=NOON)

    assert watch(sim, 2) == ["2026-11-17", "2026-11-18"]
    sim.set_now(NOON + 5 * DAY)
    assert watch(sim, 2) == ["2026-11-22", "2026-11-23"]


def test_a_failing_store_does_not_end_it(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    sim = serve(now=NOON)

    assert watch(sim, 3, memory=Memory(is_broken=True)) == ["2026-11-17", "2026-11-18", "2026-11-19"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sim: sim.set_enabled("claude_enterprise", False),
        lambda sim: sim.fail(Fault("status", status=500, times=None)),
        lambda sim: sim.fail(Fault("html", times=None)),
    ],
)
def test_permanent_errors_are_polled_a_few_times_a_day(serve: Serve, spoil: Callable[[Simulator], None]) -> None:
    sim = serve(now=NOON)
    spoil(sim)
    clock = WaitingClock(sim)
    trigger = NewDayTrigger(vendor="claude_enterprise", dataset="users")
    trigger.clock = clock

    async def first() -> Any:
        running = trigger.run()
        waiting = asyncio.ensure_future(anext(running))
        while sim.now < NOON + 2 * DAY:
            await asyncio.sleep(0)
        assert not waiting.done()
        spent = len(sim.requests)
        sim.clear_faults()
        sim.set_enabled("claude_enterprise", True)
        return spent, (await waiting).payload["day"]  # type: ignore[attr-defined]

    spent, day = asyncio.run(asyncio.wait_for(first(), 60))
    assert spent <= 25
    assert day == "2026-11-17"


def test_a_missing_connection_is_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = serve(now=NOON)
    trigger = NewDayTrigger(vendor="claude_enterprise", dataset="users", conn_id="made_later")
    trigger.clock = WaitingClock(sim)

    async def first() -> Any:
        waiting = asyncio.ensure_future(anext(trigger.run()))
        while sim.now < NOON + DAY:
            await asyncio.sleep(0.001)
        assert not waiting.done()
        assert not sim.requests
        monkeypatch.setenv(
            "AIRFLOW_CONN_MADE_LATER",
            json.dumps({"conn_type": "claude_enterprise_analytics", "password": sim.claude_key, "host": sim.url}),
        )
        return (await waiting).payload["day"]  # type: ignore[attr-defined]

    assert asyncio.run(asyncio.wait_for(first(), 60)) == "2026-11-17"


def test_its_serialized_form_is_stable_plain_json_without_the_key(serve: Serve) -> None:
    sim = serve(now=NOON)
    one, two = (NewDayTrigger(vendor="claude_enterprise", dataset="users").serialize() for _ in range(2))

    assert one == two
    assert sim.claude_key not in json.dumps(one)
    assert one[1] == {
        "vendor": "claude_enterprise",
        "dataset": "users",
        "conn_id": "claude_enterprise_analytics_default",
    }
    assert NewDayTrigger(vendor="perplexity", dataset="skills", conn_id="mine").serialize()[1]["conn_id"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vendor": "acme", "dataset": "users"}, "known: claude_enterprise, perplexity"),
        ({"vendor": "perplexity", "dataset": "users"}, "it has credit_usage"),
    ],
)
def test_unknown_vendors_and_datasets_fail_when_the_dag_is_parsed(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        NewDayTrigger(**arguments)
