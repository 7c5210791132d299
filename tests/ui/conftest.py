# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_aianalytics.clock import Clock
from tests.coverage.lakes import NOW, ManifestLake, days_from
from tests.integration.conftest import airflow_db

__all__ = ["airflow_db"]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ManifestLake:
    """A lake that the configuration names, beside one that cannot be read."""
    monkeypatch.setattr(Clock, "now", lambda self: NOW)
    found = ManifestLake(tmp_path / "lake")
    found.put_daily(days_from(NOW.date().replace(day=1), 18))
    lakes = {"Production": found.path, "Broken <b>": "nostore://nowhere"}
    monkeypatch.setenv("AIRFLOW__AIANALYTICS__LAKES", json.dumps(lakes))
    return found
