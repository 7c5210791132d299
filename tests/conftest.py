# SPDX-License-Identifier: Apache-2.0
"""An Airflow of the tests' own, set up before anything imports Airflow, and one clock for each test."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from airflow_provider_aianalytics.clock import CLOCK_VARIABLE, Clock
from airflow_provider_aianalytics.simulator.clock import Clock as SimulatedTime
from tests.support import NOW, clock_setting, report_lines, shown_day

HOME = Path(tempfile.mkdtemp(prefix="aianalytics-tests-"))
DAGS = HOME / "dags"

os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="INFO",
    AIRFLOW__API_AUTH__JWT_SECRET="for-the-tests-alone-" * 4,
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)


_patch = pytest.MonkeyPatch()
_traveller: Any = None


def _travel(today: str) -> None:
    """Run everything in this process as on another day.

    :param today: see :func:`tests.support.shown_day`.
    """
    import time_machine

    global _traveller
    _traveller = time_machine.travel(shown_day(today, datetime.now(UTC)), tick=True)
    _traveller.start()


if os.environ.get("TODAY"):
    _travel(os.environ["TODAY"])

# How fast examples are drawn says more about the machine than about the package.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    if not getattr(config.option, "numprocesses", None):  # in each process with tests, not in the one that starts these
        # Processes that a test starts inherit the day of the tests.
        _patch.setenv(CLOCK_VARIABLE, clock_setting(NOW))
    # Not in pyproject.toml: pytest imports the named classes, and so Airflow, before the settings above are made.
    for category in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"):
        config.addinivalue_line("filterwarnings", f"error::{category}:airflow_provider_aianalytics")


REFUSAL = (
    "A test, its client and its simulator go by one clock: pass a clock, give the simulator now=, call "
    "tests.support.follow(monkeypatch, simulator), or ask for the fixture system_clock if the real time is meant."
)
_read_system_clock, _start_simulated_clock = Clock.now, SimulatedTime.__init__


def _refuse(clock: Clock) -> datetime:
    pytest.fail(f"The package read the system's clock. {REFUSAL}")


def _refuse_real_start(clock: SimulatedTime, start: datetime | None = None, speed: float | None = None) -> None:
    if start is None:
        pytest.fail(f"A simulator started at the system's time. {REFUSAL}")
    _start_simulated_clock(clock, start, speed)


def _resolve_here_only(host: Any, *arguments: Any, **options: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", socket.gethostname()):
        pytest.fail(f"A test looked up {name}: tests talk to this machine alone.")
    return _resolve(host, *arguments, **options)


_resolve = socket.getaddrinfo
_patch.setattr(socket, "getaddrinfo", _resolve_here_only)

# From here on, so that fixtures of every scope and the collection are covered too.
_patch.setattr(Clock, "now", _refuse)
_patch.setattr(SimulatedTime, "__init__", _refuse_real_start)


REAL_TIME = (
    "coverage/test_hint.py",
    "coverage/test_reader.py",
    "stores/",
    "faults/test_commit.py",
    "faults/test_kills.py",
    "ingest/test_resume.py",
    "storage/test_lake.py",
)
"""Tests that keep the real day under TODAY: they compare with the time of files, processes or object stores."""


def _keeps_real_time(item: pytest.Item) -> bool:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return _traveller is not None and path.startswith(REAL_TIME)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if _keeps_real_time(item):
        _traveller.stop()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    if _keeps_real_time(item):
        _traveller.start()


@pytest.fixture
def system_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real time, for a test that is about it."""
    monkeypatch.setattr(Clock, "now", _read_system_clock)
    monkeypatch.setattr(SimulatedTime, "__init__", _start_simulated_clock)


@pytest.fixture(autouse=True)
def _own_ledgers(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The task processes of a machine share their budgets; tests, whose clocks differ, must not."""
    ledger = sys.modules.get("airflow_provider_aianalytics.hooks.rate_limiter")
    if ledger is not None:
        monkeypatch.setattr(ledger, "FOLDER", tmp_path_factory.mktemp("ledgers"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["report_lines"] = report_lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    report_lines.extend(getattr(node, "workeroutput", {}).get("report_lines", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in report_lines:
        terminalreporter.write_line(line)
