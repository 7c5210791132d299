# SPDX-License-Identifier: Apache-2.0
"""The key, the pseudonyms' secret and people in error bodies are nowhere, whatever went wrong."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, InvalidArgumentError
from airflow_provider_aianalytics.hooks.async_http import AsyncAnalyticsHook, _load_connection
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from tests.conftest import HOME
from tests.faults.conftest import Matrix
from tests.faults.fault_cases import PERSON
from tests.faults.harness import SECRET, World
from tests.support import SimulatedClock, without_own_certificates


@pytest.fixture
def connected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.connections().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def secrets(world: World) -> list[str]:
    return [world.simulator.claude_key, world.simulator.perplexity_key, SECRET, PERSON, PERSON.split("@")[0]]


def places(world: World, matrix: Matrix) -> Iterator[tuple[str, str]]:
    """All output, requests and files of the matrix."""
    yield "the logs at DEBUG and the standard streams", world.recording.text()
    every = [ended for cells in matrix.values() for ended in cells]
    yield "errors", "\n".join(f"{ended.error} {ended.error!r} {vars(ended.error)}" for ended in every if ended.error)
    yield "tracebacks", "\n".join(ended.trace for ended in every)
    yield "summaries in XCom", "\n".join(repr(ended.result) for ended in every)
    yield "OpenLineage events", "\n".join(ended.lineage for ended in every)
    yield "requests as the vendor saw them", "\n".join(world.requested)
    yield (
        "manifests",
        "\n".join(
            content.decode() for ended in every for name, content in ended.after.items() if name.endswith(".json")
        ),
    )
    # XComs, rendered templates, triggers, serialized DAGs, logs. SQLite itself has to read it: to open and close the
    # files of a database gives up the locks that this process holds on them, and another process then destroys it.
    with closing(sqlite3.connect(HOME / "airflow.db")) as database:
        yield "airflow.db", database.serialize().decode("latin-1")
    for path in HOME.rglob("*"):
        if path.is_file() and not path.name.startswith("airflow.db"):
            yield str(path), path.read_bytes().decode("latin-1")
    yield "another host", repr(world.elsewhere.visitors)


def test_secrets_are_nowhere(world: World, matrix: Matrix, secrets: list[str]) -> None:
    looked_at = {}
    for place, text in places(world, matrix):
        looked_at[place] = len(text)
        for secret in secrets:
            assert secret not in text, f"{place}: …{text[max(0, text.find(secret) - 200) :][:300]}"
    assert looked_at["the logs at DEBUG and the standard streams"] > 500_000
    assert looked_at["airflow.db"] > 500_000


def test_messages_show_that_something_was_masked(matrix: Matrix) -> None:
    """The bodies of errors did hold the key and a person."""
    for ended in matrix["400"]:
        assert "refused the key <key> of <e-mail> (<<e-mail>>). Check" in " ".join(str(ended.error).split())


def test_a_redirect_is_not_followed(world: World, matrix: Matrix) -> None:
    assert world.elsewhere.visitors == []


def test_a_repr_contains_no_secret(world: World, connected: None, secrets: list[str]) -> None:
    for kind, conn_id in (
        (ClaudeEnterpriseAnalyticsHook, "claude_enterprise_patient"),
        (PerplexityAnalyticsHook, "perplexity_patient"),
    ):
        hook = kind(conn_id)
        session = hook.get_conn()
        for thing in (hook, hook.endpoint, session, session.auth, session.headers, AsyncAnalyticsHook(hook)):
            text = f"{thing!r} {thing!s}"
            assert not [secret for secret in secrets if secret in text], type(thing)


def test_a_deferred_task_contains_no_secret(world: World, connected: None, secrets: list[str]) -> None:
    """A trigger's row is what its ``serialize`` says."""
    sensor = ClaudeEnterpriseAnalyticsSensor(
        task_id="wait",
        dataset="users",
        day="2026-11-30",
        deferrable=True,
        timeout=3600,
        conn_id="claude_enterprise_patient",
    )
    sensor.clock = SimulatedClock(world.simulator)
    from airflow.exceptions import TaskDeferred

    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(_context())
    text = json.dumps(deferred.value.trigger.serialize(), default=str) + repr(vars(deferred.value.trigger))
    assert "claude_enterprise_patient" in text
    assert not [secret for secret in secrets if secret in text]


def _context() -> Any:
    class Instance:
        dag_id, task_id, run_id, map_index, try_number = "dag", "wait", "run", -1, 1

    return {"ti": Instance(), "task_instance": Instance()}


def test_errors_can_be_pickled() -> None:
    error = AIAnalyticsError("what", where="where", hint="way out")
    assert "what" in str(pickle.loads(pickle.dumps(error)))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AIAnalyticsError("It broke.", where="here", hint="Mend it"), "here: It broke. Mend it"),
        (AIAnalyticsError("It broke", hint="Mend it"), "It broke. Mend it"),
        (AIAnalyticsError("It broke."), "It broke."),
    ],
)
def test_a_message_has_one_full_stop(error: AIAnalyticsError, message: str) -> None:
    assert str(error) == message


# --- where things may go ----------------------------------------------------------------------------------------------

OUTSIDE = [
    "../users",
    "..",
    ".",
    "a/b",
    "/etc",
    "a\\b",
    "users\0",
    "",
    "-rf",
    ".hidden",
    "a" * 200,
    "users\n",
    "ü",
    "%2e%2e",
]


@pytest.mark.parametrize("table", OUTSIDE)
def test_a_table_name_that_leaves_the_folder_is_rejected(tmp_path: Path, table: str) -> None:
    with pytest.raises(InvalidArgumentError):
        LakeTable(str(tmp_path), vendor="claude_enterprise", table=table, file_format=FileFormat("ndjson", "gzip"))
    if table:  # there is no message for the dataset's own name
        with pytest.raises(InvalidArgumentError):
            ClaudeEnterpriseAnalyticsToObjectStorageOperator(
                task_id="land", dataset="users", path=str(tmp_path), table=table
            )


@pytest.mark.parametrize("name", ["table", "dataset"])
@pytest.mark.parametrize("value", ["../../etc", "..", "users/../../x"])
def test_a_rendered_name_that_leaves_the_folder_is_rejected_before_any_request(
    world: World, connected: None, tmp_path: Path, name: str, value: str
) -> None:
    arguments = {"dataset": "users", name: "{{ params.it }}"}
    operator = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        path=str(tmp_path / "lake"),
        start="2026-11-10",
        conn_id="claude_enterprise_patient",
        **arguments,  # type: ignore[arg-type]
    )
    setattr(operator, name, value)  # as it is once it is rendered
    world.simulator.clear_requests()

    with pytest.raises(InvalidArgumentError, match=r"\.\."):
        operator.execute(_context())

    assert world.simulator.requests == []
    assert list(tmp_path.iterdir()) == []


def test_tls_is_verified_unless_a_connection_says_otherwise(
    world: World, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_own_certificates(monkeypatch)
    hook = ClaudeEnterpriseAnalyticsHook("claude_enterprise_patient")
    assert hook.get_conn().verify is True
    connection = hook.get_connection(hook.conn_id)
    connection.host = ""  # the vendor's own
    way = _load_connection(hook, connection)
    assert way.tls is not None
    assert way.tls.check_hostname
    assert way.tls.verify_mode.name == "CERT_REQUIRED"
    assert hook.endpoint.base_url.startswith("https://")


@pytest.mark.parametrize(
    "host", ["http://api.anthropic.com", "http://10.0.0.1", "ftp://127.0.0.1", "http://127.0.0.1.evil.example"]
)
def test_a_key_goes_over_https_or_to_loopback(world: World, connected: None, host: str) -> None:
    hook = ClaudeEnterpriseAnalyticsHook("claude_enterprise_patient")
    connection = hook.get_connection(hook.conn_id)
    connection.host = host
    with pytest.raises(InvalidArgumentError, match="https"):
        hook.load_connection(connection)


def test_the_simulator_listens_on_loopback_alone(world: World) -> None:
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{world.simulator.port:04X}")
    ]
    assert listening == [f"0100007F:{world.simulator.port:04X}"]
    assert world.simulator.settings.port == 0
    assert timedelta(0) == world._behind
