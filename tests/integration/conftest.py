# SPDX-License-Identifier: Apache-2.0
"""DAGs written to the dags folder and run in one process by a real Airflow, against a simulator."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_aianalytics.simulator import Simulator
from tests.support import NOW, follow

DAGS = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


@pytest.fixture(scope="session", autouse=True)
def airflow_db() -> None:
    from airflow.utils import db

    DAGS.mkdir(exist_ok=True)
    db.initdb()
    try:
        from airflow.sdk.execution_time import supervisor
    except ImportError:  # Airflow 2
        return
    # Until 3.3 ``dag.test()`` makes an API server of its own for each task, a second each.
    supervisor.in_process_api_server = cache(supervisor.in_process_api_server)
    if airflow_version.startswith("3.0"):  # its ``dag.test()`` takes no asset that a scheduler has not seen
        from airflow.sdk.execution_time import task_runner

        task_runner._validate_task_inlets_and_outlets = lambda **_: None


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(seed=7, members=50, now=NOW, requests_per_minute=None) as sim:
        connect(monkeypatch, sim)
        yield sim


def too_recent(day: date, latest: date) -> str:
    """The body of the 400 that names the latest day the vendor has (Claude contract section 6)."""
    message = f"date {day} is not available; latest: {latest}"
    return json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}})


def connect(monkeypatch: pytest.MonkeyPatch, sim: Simulator, **extra: object) -> None:
    """Connections of both vendors to a simulator, by its clock, with a budget that never waits."""
    follow(monkeypatch, sim)
    extra = {"requests_per_minute": 100_000, **extra}
    for vendor, key in (("claude_enterprise", sim.claude_key), ("perplexity", sim.perplexity_key)):
        monkeypatch.setenv(
            f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT",
            json.dumps({"conn_type": f"{vendor}_analytics", "password": key, "host": sim.url, "extra": extra}),
        )


@pytest.fixture
def output(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """All output so far, on the standard streams and in the logs, including tracebacks.

    Without the secrets that ``dag.test()`` of Airflow 3.0 itself repeats, whenever a connection is read, as it asks for
    them to be masked; a worker does not.
    """
    monkeypatch.setenv("COLUMNS", "500")  # else Airflow 3.0 breaks the lines of a traceback into a narrow box
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(), logging.getLogger("airflow.task")]
    for logger in loggers:
        logger.addHandler(handler)
    yield lambda: re.sub(r".*Sending request +msg=MaskSecret\(.*", "", stream.getvalue() + "".join(capfd.readouterr()))
    for logger in loggers:
        logger.removeHandler(handler)


@dataclass(frozen=True)
class Outcome:
    """What became of a DAG run.

    :param dag: the DAG as its file says it.
    :param instances: Airflow's own task instances, by their names in ``tasks``.
    """

    state: str
    tasks: dict[str, str]
    results: dict[str, Any]
    dag: Any
    instances: dict[str, Any]


RunDag = Callable[..., Outcome]


@pytest.fixture
def run_dag() -> Iterator[RunDag]:
    """Run the body of a DAG: ``run_dag('Operator(task_id="land", …)', imports="from … import Operator")``."""
    written = []

    def run(body: str, *, imports: str = "", day: datetime | None = NOW) -> Outcome:
        dag_id = f"test_{uuid.uuid4().hex[:12]}"
        path = DAGS / f"{dag_id}.py"
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        path.write_text(
            "from datetime import datetime, timedelta\n"
            "from airflow.providers.common.compat.sdk import DAG, task\n"
            f"{imports}\n"
            f'with DAG(dag_id="{dag_id}", schedule=None, start_date=datetime(2026, 1, 1)) as dag:\n{lines}\n'
        )
        written.append(path)
        return run_file(path, day=day)

    yield run
    for path in written:
        path.unlink()


def run_file(path: Path, *, day: datetime | None = NOW) -> Outcome:
    """Run the one DAG of a file of the dags folder.

    :param day: the logical date; ``None``, since Airflow 3, as in a run that an asset triggered.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    if day is None:
        run = module.dag.test(logical_date=None, run_after=NOW)
    else:
        run = module.dag.test(logical_date=day) if _takes("logical_date", module.dag.test) else module.dag.test(day)
    instances = run.get_task_instances()
    return Outcome(
        state=str(run.state),
        tasks={_name(instance): str(instance.state) for instance in instances},
        results={_name(instance): _result(instance) for instance in instances},
        dag=module.dag,
        instances={_name(instance): instance for instance in instances},
    )


def _takes(name: str, function: Callable[..., Any]) -> bool:
    return name in function.__code__.co_varnames


def _name(instance: Any) -> str:
    return instance.task_id if instance.map_index < 0 else f"{instance.task_id}[{instance.map_index}]"


def _result(instance: Any) -> Any:
    return instance.xcom_pull(task_ids=instance.task_id, map_indexes=instance.map_index)
