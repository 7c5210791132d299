# SPDX-License-Identifier: Apache-2.0
"""An Airflow of the tests' own, set up before anything imports Airflow."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

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


def pytest_configure(config: pytest.Config) -> None:
    # Not in pyproject.toml: pytest imports the named classes, and so Airflow, before the settings above are made.
    for category in ("DeprecationWarning", "airflow.exceptions.AirflowProviderDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"error::{category}:airflow_provider_aianalytics")
