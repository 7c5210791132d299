# SPDX-License-Identifier: Apache-2.0
"""An Airflow of the tests' own, set up before anything imports Airflow."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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

# How fast examples are drawn says more about the machine than about the package.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    # Not in pyproject.toml: pytest imports the named classes, and so Airflow, before the settings above are made.
    for category in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"):
        config.addinivalue_line("filterwarnings", f"error::{category}:airflow_provider_aianalytics")


@pytest.fixture(autouse=True)
def _own_ledgers(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The task processes of a machine share their budgets; tests, whose clocks differ, must not."""
    ledger = sys.modules.get("airflow_provider_aianalytics.hooks.rate_limiter")
    if ledger is not None:
        monkeypatch.setattr(ledger, "FOLDER", tmp_path_factory.mktemp("ledgers"))
