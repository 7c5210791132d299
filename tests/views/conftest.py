# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_aianalytics.simulator import Simulator
from tests.support import NOW, follow
from tests.views.lakes import SimulatedLake


@contextmanager
def connected(simulator: Simulator) -> Iterator[None]:
    """Let the default connections of both vendors lead to a simulator."""
    with pytest.MonkeyPatch.context() as patch:
        follow(patch, simulator)
        for vendor, key in (("claude_enterprise", "claude_key"), ("perplexity", "perplexity_key")):
            connection = {
                "conn_type": f"{vendor}_analytics",
                "password": simulator.keys[key],
                "host": simulator.url,
                "extra": {"requests_per_minute": 100_000},
            }
            patch.setenv(f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT", json.dumps(connection))
        yield


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=5, members=40, now=NOW, requests_per_minute=None) as running:
        yield running


@pytest.fixture(scope="module")
def connections(simulator: Simulator) -> Iterator[None]:
    with connected(simulator):
        yield


@pytest.fixture
def lake(simulator: Simulator, connections: None, tmp_path: Path) -> SimulatedLake:
    return SimulatedLake(simulator, tmp_path)


@pytest.fixture
def large_lake(tmp_path: Path) -> Iterator[SimulatedLake]:
    """A lake of an organization with more groups than the vendor serves in a bucket."""
    with Simulator(seed=7, members=600, now=NOW, requests_per_minute=None) as running, connected(running):
        yield SimulatedLake(running, tmp_path)
