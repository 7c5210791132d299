# SPDX-License-Identifier: Apache-2.0
"""What an import and the parsing of a DAG file cost, beside the same of Airflow's ``http`` provider."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass

HTTP_DAG = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
with DAG("d", schedule="@daily", start_date=datetime(2026, 1, 1)):
    HttpSensor(task_id="wait", endpoint="x") >> HttpOperator(task_id="read", endpoint="x")
"""
OUR_DAG = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
with DAG("d", schedule="@daily", start_date=datetime(2026, 1, 1)):
    ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users") >> (
        ClaudeEnterpriseAnalyticsToObjectStorageOperator(task_id="read", dataset="users", path="file:///tmp/lake"))
"""
BASE = "import airflow.sdk; from airflow.providers.common.compat.sdk import DAG, BaseOperator, BaseSensorOperator\nDAG"
HEAVY = ("pyarrow", "requests", "aiohttp", "fsspec", "s3fs")
STEPS = {
    "`airflow.sdk` with its operators and sensors, on which both stand": ("", BASE),
    "`http` operators": (BASE, "import airflow.providers.http.operators.http"),
    "our operators": (BASE, "import airflow_provider_aianalytics.operators.claude_enterprise"),
    "a DAG file of `http`, first time": (BASE, HTTP_DAG),
    "a DAG file of ours, first time": (BASE, OUR_DAG),
    "a DAG file of `http`, again": (BASE + HTTP_DAG, HTTP_DAG),
    "a DAG file of ours, again": (BASE + OUR_DAG, OUR_DAG),
}
PROBE = """
import json, sys, time
before, measured, heavy = json.loads(sys.argv[1])
exec(before, {"__name__": "before"})
modules, began = set(sys.modules), (time.perf_counter(), time.process_time())
exec(measured, {"__name__": "measured"})
spent = time.perf_counter() - began[0], time.process_time() - began[1]
new = set(sys.modules) - modules
print("PROBE", json.dumps([*spent, len(new), [name for name in heavy if name in new]]))
"""


@dataclass(frozen=True)
class Cost:
    """What one step cost: medians in seconds, modules that are new, and the heavy ones among them."""

    step: str
    seconds: float
    cpu: float
    modules: int
    heavy: list[str]


def costs(repeats: int, environment: dict[str, str]) -> list[Cost]:
    return [_cost(step, *code, repeats, environment) for step, code in STEPS.items()]


def _cost(step: str, before: str, measured: str, repeats: int, environment: dict[str, str]) -> Cost:
    found = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", PROBE, json.dumps([before, measured, HEAVY])],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("PROBE "))
        found.append(json.loads(line.removeprefix("PROBE ")))
    seconds, cpu = (statistics.median(one[number] for one in found) for number in (0, 1))
    return Cost(step, seconds, cpu, *found[0][2:])
