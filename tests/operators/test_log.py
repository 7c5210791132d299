# SPDX-License-Identifier: Apache-2.0
"""The log of a task: what it reads, what changed, and, when it fails, what to do."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    AuthenticationError,
    ConnectionNotFoundError,
    StorageError,
)
from airflow_provider_aianalytics.extraction.windows import days_text
from airflow_provider_aianalytics.operators.claude_enterprise import (
    ClaudeEnterpriseAnalyticsOperator,
    ClaudeEnterpriseAnalyticsToObjectStorageOperator,
)
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.simulator import Fault, Simulator
from tests.integration.conftest import connect
from tests.support import DAY, NOW

Log = Callable[[], str]


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(seed=7, members=20, now=NOW, requests_per_minute=None) as running:
        connect(monkeypatch, running)
        yield running


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Log:
    """What was logged at INFO since the last call. Airflow 3 writes the log of a task to the standard streams."""
    caplog.set_level(logging.INFO)

    def read() -> str:
        text = "".join(capfd.readouterr()) + "\n".join(record.getMessage() for record in caplog.records)
        caplog.clear()
        return text

    return read


class Instance:
    dag_id, task_id, map_index, try_number, max_tries = "dag", "task", -1, 1, 0

    def __init__(self, run_id: str = "run") -> None:
        self.run_id = run_id

    def xcom_push(self, **_: Any) -> None:
        pass


def run(task: Any, run_id: str = "run") -> Any:
    instance = Instance(run_id)
    return task.execute({"ti": instance, "task_instance": instance, "task": task})


def landing(path: Path, **arguments: Any) -> ClaudeEnterpriseAnalyticsToObjectStorageOperator:
    arguments = {"dataset": "cost_report", "group_by": ["model"], "table": "cost_by_model", **arguments}
    return ClaudeEnterpriseAnalyticsToObjectStorageOperator(task_id="land", path=str(path), **arguments)


def test_a_landing_logs_what_it_reads_and_what_changed(simulator: Simulator, tmp_path: Path, log: Log) -> None:
    run(landing(tmp_path, start="2026-10-20", end="2026-11-19"))
    simulator.advance(DAY)
    log()
    run(landing(tmp_path, start="2026-10-20", end="2026-11-20"), "next")

    text = log()
    assert (
        "claude_enterprise cost_report: reading 31 days (2026-10-20 to 2026-11-19) into table cost_by_model: "
        "1 window, at least 1 request"
    ) in text
    summary = re.search(
        r"31 days of cost_by_model: 1 created, (\d+) revised \((.*)\), (\d+) unchanged; "
        rf"[\d,]+ rows, 1 request, \d+\.\d s; in (?:file://)?{re.escape(str(tmp_path))}/claude_enterprise/cost_by_model",
        text,
    )
    assert summary
    revised = re.findall(
        r"(2026-\d\d-\d\d) revised: [\d,]+ rows before, [\d,]+ after; amount_cents [\d,.]+ before, [\d,.]+ after", text
    )
    revised = sorted(set(revised))  # Airflow 2 logs to both
    assert int(summary[1]) == len(revised) > 0
    assert int(summary[1]) + int(summary[3]) == 30
    assert summary[2] == days_text(map(date.fromisoformat, revised))


def test_the_summary_as_json_is_not_logged_at_info(simulator: Simulator, tmp_path: Path, log: Log) -> None:
    run(landing(tmp_path, start="2026-11-10"))

    text = log()
    assert "1 day of cost_by_model: 1 created" in text
    assert "sha256" not in text


def test_days_that_are_not_available_are_named(simulator: Simulator, tmp_path: Path, log: Log) -> None:
    run(landing(tmp_path, start="2026-11-18", end="2026-11-22", on_unavailable="partial"))

    assert "4 days of cost_by_model: 2 created, 2 not available yet (2026-11-20 to 2026-11-21); " in log()


def test_a_small_result_logs_what_it_reads_and_returns(simulator: Simulator, log: Log) -> None:
    period = "claude_enterprise users [2026-11-10, 2026-11-12)"
    records = run(
        ClaudeEnterpriseAnalyticsOperator(task_id="read", dataset="users", start="2026-11-10", end="2026-11-12")
    )

    text = log()
    assert f"{period}: reading 2 windows, at least 2 requests" in text
    assert re.search(rf"{re.escape(period)}: {len(records)} records, [\d,]+ bytes, 2 requests, \d+\.\d s", text)


@pytest.mark.parametrize(
    "task",
    [
        lambda path: landing(path, start="2026-11-10"),
        lambda path: ClaudeEnterpriseAnalyticsOperator(task_id="read", dataset="users", start="2026-11-10"),
        lambda path: ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users", day="2026-11-18"),
    ],
    ids=["landing", "small result", "sensor"],
)
def test_the_message_of_an_error_is_the_last_thing_in_the_log(
    simulator: Simulator, tmp_path: Path, task: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator.fail(Fault("status", status=401, times=None))

    with pytest.raises(AuthenticationError) as raised:
        run(task(tmp_path))

    text = "".join(traceback.format_exception(raised.value))
    frames = re.findall(r'File ".*?/airflow_provider_aianalytics/(.*?)"', text)
    assert set(frames) == {"run/errors.py"}
    assert "During handling" not in text
    message = text.partition("AuthenticationError: ")[2].strip().splitlines()
    assert re.search(
        r"\(connection 'claude_enterprise_analytics_default', host http://127\.0\.0\.1:\d+\)\.$", message[-2]
    )
    assert message[-1].startswith("An Analytics key with the scope read:analytics is needed")
    assert message[-1].endswith("it belongs in the connection's password")
    whole = [record for record in caplog.records if record.exc_info and record.levelname == "DEBUG"]
    assert "hooks/http.py" in "".join(traceback.format_exception(*whole[0].exc_info)) if whole[0].exc_info else ""


def test_another_error_keeps_its_traceback(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = landing(tmp_path, start="2026-11-10")

    def fail(context: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(task, "period", fail)
    with pytest.raises(ZeroDivisionError) as raised:
        run(task)

    assert "to_object_storage.py" in "".join(traceback.format_exception(raised.value))


def test_a_missing_connection_error_names_place_and_type(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(ConnectionNotFoundError) as raised:
        run(landing(tmp_path, start="2026-11-10", conn_id="nowhere"))

    text = str(raised.value).replace("\n", " ")
    assert isinstance(raised.value, AirflowNotFoundException)
    assert "the connection 'nowhere' is not defined" in text
    assert "Make it under Admin > Connections, with the type 'Claude Enterprise Analytics'" in text
    assert "AIRFLOW_CONN_NOWHERE (conn_type 'claude_enterprise_analytics')" in text


def test_a_missing_driver_names_the_extra_to_install(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = landing(tmp_path, start="2026-11-10")
    task.path = "s3://unseen@lake/ai"  # Airflow keeps the drivers of the connections it has seen
    # As without the package of the driver: the import of a module that is None fails.
    for name in ("s3fs", "airflow.providers.amazon.aws.fs.s3"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StorageError) as raised:
        run(task)

    text = str(raised.value).replace("\n", " ")
    assert "the driver of s3:// is not installed" in text
    assert "pip install 'airflow-provider-aianalytics[s3]'" in text


def test_each_sentence_of_an_error_is_a_line() -> None:
    error = AIAnalyticsError(
        "the vendor answered 401: It was revoked. (request 1)", where="users", hint="Wait. " + "Long" * 40
    )
    error.is_multiline = True

    assert str(error).splitlines() == [
        "users: the vendor answered 401: It was revoked. (request 1).",
        "Wait.",
        "Long" * 40,
    ]


def test_line_breaks_of_copyable_text_are_not_changed() -> None:
    error = AIAnalyticsError("this run has no day", hint='Write:\n    start="2026-11-01",\n    end="2026-11-02",')
    error.is_multiline = True

    assert str(error).splitlines() == [
        "this run has no day.",
        "Write:",
        '    start="2026-11-01",',
        '    end="2026-11-02",',
    ]
