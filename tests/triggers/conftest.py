# SPDX-License-Identifier: Apache-2.0
"""A trigger that waits by the simulator's time, which passes as it sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.triggers.availability import AvailabilityTrigger
from tests.integration.conftest import connect
from tests.support import SimulatedClock


class WaitingClock(SimulatedClock):
    """Sleeping lets the simulator's time pass."""

    async def async_sleep(self, seconds: float) -> None:
        self.simulator.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)


Run = Callable[[AvailabilityTrigger], dict[str, Any]]
Serve = Callable[..., Simulator]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A simulator of those settings, and connections to it."""
    running: list[Simulator] = []

    def start(**settings: Any) -> Simulator:
        defaults = {"members": 20, "requests_per_minute": None, "now": datetime(2026, 11, 18, 9, tzinfo=UTC)}
        simulator = Simulator(**{**defaults, **settings}).start()
        running.append(simulator)
        connect(monkeypatch, simulator)
        return simulator

    yield start
    for simulator in running:
        simulator.stop()


def run(trigger: AvailabilityTrigger, simulator: Simulator) -> dict[str, Any]:
    """The payload of the one event of a trigger, which is rebuilt first as a triggerer does."""
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_aianalytics.triggers.availability.AvailabilityTrigger"
    rebuilt = AvailabilityTrigger(**arguments)
    rebuilt.clock = WaitingClock(simulator)

    async def events() -> list[Any]:
        return [event.payload async for event in rebuilt.run()]

    (payload,) = asyncio.run(events())
    assert isinstance(payload, dict)
    return payload
