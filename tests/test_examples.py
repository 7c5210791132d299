# SPDX-License-Identifier: Apache-2.0
"""The example DAGs parse as a DAG processor wants it: fast, silent, and without asking anybody anything."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "dags_examples"
NEWER = {"claude_enterprise_partitioned": (3, 2), "monthly_close": (3, 3), "new_day_event": (3, 0)}
"""The examples that need a newer Airflow than the package does."""

PARSE = """
import importlib.util, json, pathlib, socket, sys, warnings
import airflow.providers.common.compat.sdk as sdk
sdk.DAG, sdk.task, sdk.BaseSensorOperator, sdk.ObjectStoragePath
try:
    import airflow.sdk as new
    new.CronPartitionTimetable
except (ImportError, AttributeError):
    pass
import airflow.timetables.interval, airflow.timetables.base, airflow.triggers.base

def refuse(*arguments, **named):
    raise RuntimeError("a DAG file used the network when it was parsed")

socket.socket.connect = socket.getaddrinfo = refuse
sdk.Variable.get = sdk.BaseHook.get_connection = refuse
for path in map(pathlib.Path, sys.argv[1:]):
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spec.loader.exec_module(module)
    dags = [value for value in vars(module).values() if isinstance(value, sdk.DAG)]
    print("@" + json.dumps({
        "name": path.stem,
        "warnings": [str(warning) for warning in caught],
        "loaded": sorted({name.split(".")[0] for name in set(sys.modules) - before}),
        "dags": [dag.dag_id for dag in dags],
        "documented": all(dag.doc_md for dag in dags),
        "starts": [dag.start_date.isoformat() for dag in dags if dag.start_date],
        "paths": [
            str(getattr(task, "path", None) or getattr(task, "partial_kwargs", {}).get("path"))
            for dag in dags for task in dag.tasks if "ToObjectStorage" in task.task_type
        ],
    }))
"""


def supported() -> list[Path]:
    """The examples that the installed Airflow can take."""
    from airflow import __version__

    version = tuple(map(int, __version__.split(".")[:2]))
    return [path for path in sorted(EXAMPLES.glob("*.py")) if version >= NEWER.get(path.stem, (2, 11))]


@pytest.fixture(scope="module")
def parsed() -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-c", PARSE, *map(str, supported())]
    elsewhere = {**os.environ, "AIRFLOW__CORE__DEFAULT_TIMEZONE": "America/New_York"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=elsewhere)
    assert done.returncode == 0, done.stderr[-2000:]
    examples = [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("@")]
    return {example["name"]: example for example in examples}


def test_examples_for_newer_airflow_exist() -> None:
    assert set(NEWER) <= {path.stem for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_an_example_parses_silently_and_loads_little(name: str, parsed: dict[str, dict[str, Any]]) -> None:
    if name not in parsed:
        pytest.skip(f"needs Airflow {'.'.join(map(str, NEWER[name]))}")
    example = parsed[name]

    assert name in example["dags"]
    assert example["warnings"] == []
    assert example["documented"]
    assert not {"duckdb", "pyarrow", "requests", "aiohttp", "s3fs", "pandas"} & set(example["loaded"])
    assert set(example["paths"]) <= {"{{ var.value.ai_lake }}"}
    # Its first day is the first UTC day, wherever Airflow's own time zone is.
    assert all(start.endswith("T00:00:00+00:00") for start in example["starts"])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_documents_what_it_needs(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""

    major, minor = NEWER.get(path.stem, (2, 11))
    assert f"Airflow {major}.{minor} or newer" in docstring
    assert "Needs the connection" in docstring or "Needs a connection" in docstring
    assert ("ai_lake" in docstring) == ("ai_lake" in path.read_text().split('"""', 2)[2])
    if path.stem in NEWER:
        assert docstring.startswith("Needs Airflow")
