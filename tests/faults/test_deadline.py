# SPDX-License-Identifier: Apache-2.0
"""An answer that drips for ever ends all the same, for tasks and for triggers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.exceptions import VendorUnavailableError
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.hooks import connection as connections
from airflow_provider_aianalytics.hooks.async_http import AsyncAnalyticsHook
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.simulator import Fault, Simulator
from tests.faults.fault_cases import NOW
from tests.faults.servers import drip_headers, serving
from tests.support import SimulatedClock

TIMEOUT, FACTOR = 1.0, 2
"""So long that a busy machine does not miss it, and as short for all of the answer as the tests can be."""
D = date(2026, 11, 10)


@pytest.fixture(autouse=True)
def _short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RESPONSE_DEADLINE_FACTOR", FACTOR)


def sync_probe(hook: AnalyticsHook) -> Any:
    return hook.probe(build_query(hook.vendor.dataset("users")), D, backoff=Backoff(attempts=1))


def async_probe(hook: AnalyticsHook) -> Any:
    return asyncio.run(AsyncAnalyticsHook(hook).probe(build_query(hook.vendor.dataset("users")), D))


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(seed=7, members=30, now=NOW, requests_per_minute=None, gzip=False) as simulator:
        connection = {
            "conn_type": "claude_enterprise_analytics",
            "password": simulator.claude_key,
            "host": simulator.url,
            "extra": {"requests_per_minute": 100_000, "timeout": TIMEOUT},
        }
        monkeypatch.setenv("AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT", json.dumps(connection))
        yield simulator


@pytest.mark.parametrize("probe", [sync_probe, async_probe])
def test_a_slow_body_ends_at_the_deadline(simulator: Simulator, probe: Callable[[AnalyticsHook], Any]) -> None:
    hook = ClaudeEnterpriseAnalyticsHook(clock=SimulatedClock(simulator))
    assert len(probe(hook).items) == 1
    simulator.fail(Fault("drip", seconds=TIMEOUT / 4 * 20))  # each of its 20 pieces comes in a quarter of its time

    waiting_since = time.monotonic()
    with pytest.raises(VendorUnavailableError, match="no complete response"):
        probe(hook)

    assert time.monotonic() - waiting_since >= TIMEOUT * FACTOR  # without an end it would succeed


def connect(monkeypatch: pytest.MonkeyPatch, url: str) -> AnalyticsHook:
    connection = {
        "conn_type": "claude_enterprise_analytics",
        "password": "sk-ant-api01-of-the-tests",
        "host": url,
        "extra": {"requests_per_minute": 100_000, "timeout": TIMEOUT},
    }
    monkeypatch.setenv("AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT", json.dumps(connection))
    return ClaudeEnterpriseAnalyticsHook(clock=StandingClock())


class StandingClock(Clock):
    def now(self) -> datetime:
        return NOW


@pytest.mark.parametrize("every", [TIMEOUT / 4, TIMEOUT / 1000], ids=["slow", "fast"])
@pytest.mark.parametrize("probe", [sync_probe, async_probe])
def test_headers_without_an_end_end_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, probe: Callable[[AnalyticsHook], Any], every: float
) -> None:
    with serving(lambda connection: drip_headers(connection, every=every, seconds=30)) as url:
        hook = connect(monkeypatch, url)
        started = time.monotonic()
        with pytest.raises(VendorUnavailableError, match="no complete response"):
            probe(hook)

    assert TIMEOUT * FACTOR * 0.9 <= time.monotonic() - started < 30  # the drip's own end
