# SPDX-License-Identifier: Apache-2.0
"""A DAG lands days of a dataset, byte for byte as the vendor serves them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import Simulator
from tests.integration.conftest import RunDag

OPERATOR = "ClaudeEnterpriseAnalyticsToObjectStorageOperator"
IMPORTS = f"from airflow_provider_aianalytics.operators.claude_enterprise import {OPERATOR}"
USERS = "/v1/organizations/analytics/users"
COST = "/v1/organizations/analytics/cost_report"


def land(run_dag: RunDag, **arguments: object) -> Any:
    return run_dag(f'{OPERATOR}(task_id="land", **{arguments!r})', imports=IMPORTS)


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


def stamped(day: str, record: bytes, extra: bytes = b"") -> bytes:
    return b'{"_date":"%s",' % day.encode() + extra + record[1:]


def test_a_day_of_users_lands_byte_for_byte(run_dag: RunDag, simulator: Simulator, tmp_path: Path) -> None:
    outcome = land(run_dag, dataset="users", path=str(tmp_path), start="2026-11-16", end="2026-11-18")

    assert outcome.state == "success"
    landed = outcome.results["land"]
    assert (landed["vendor"], landed["dataset"], landed["table"]) == ("claude_enterprise", "users", "users")
    assert (landed["start"], landed["end"], landed["requests"]) == ("2026-11-16", "2026-11-18", 2)
    for partition in landed["partitions"]:
        day = partition["date"]
        path = tmp_path / f"claude_enterprise/users/date={day}/users.ndjson.gz"
        truth = simulator.truth(USERS, [("date", day)])
        assert lines_of(path) == [stamped(day, record) for record in truth]
        content = gzip.decompress(path.read_bytes())
        manifest = json.loads((tmp_path / f"claude_enterprise/_manifests/users/{day}.json").read_text())
        assert manifest["sha256"] == partition["sha256"] == hashlib.sha256(content).hexdigest()
        assert (manifest["rows"], manifest["bytes"]) == (len(truth), len(content))
        assert manifest["query"] == {"date": day, "limit": "1000"}
        assert manifest["run"]["task_id"] == "land"
        assert partition["path"] == str(path)
        assert partition["status"] == "created"


def test_a_range_of_grouped_cost_lands_as_rows_with_their_bounds(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path
) -> None:
    outcome = land(
        run_dag,
        dataset="cost_report",
        group_by=["model"],
        table="cost_by_model",
        path=str(tmp_path),
        start="2026-09-10",
        end="2026-11-15",
    )

    assert outcome.results["land"]["requests"] == 3  # 66 days in windows of 31
    truth: dict[str, list[bytes]] = {}
    for start, end in (("2026-09-10", "2026-10-11"), ("2026-10-11", "2026-11-11"), ("2026-11-11", "2026-11-15")):
        query = [
            ("starting_at", f"{start}T00:00:00Z"),
            ("ending_at", f"{end}T00:00:00Z"),
            ("bucket_width", "1d"),
            ("group_by[]", "model"),
        ]
        for bucket in simulator.truth(COST, query):
            day, fields, rows = _bucket(bucket)
            truth[day] = [stamped(day, row, fields) for row in rows]
    assert len(truth) == 66
    for day, rows in truth.items():
        assert rows
        assert lines_of(tmp_path / f"claude_enterprise/cost_by_model/date={day}/cost_by_model.ndjson.gz") == rows


def test_a_second_run_reports_unchanged_and_writes_nothing(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path
) -> None:
    arguments = {"dataset": "users", "path": str(tmp_path), "start": "2026-11-16", "end": "2026-11-17"}
    land(run_dag, **arguments)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    again = land(run_dag, **arguments)

    assert [partition["status"] for partition in again.results["land"]["partitions"]] == ["unchanged"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_wrong_key_fails_once_and_names_key_and_scope(
    run_dag: RunDag,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: Callable[[], str],
) -> None:
    key = "sk-ant-api01-a-key-that-was-revoked-long-ago"
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT",
        json.dumps({"conn_type": "claude_enterprise_analytics", "password": key, "host": simulator.url}),
    )

    outcome = land(run_dag, dataset="users", path=str(tmp_path), start="2026-11-16", retries=3)

    assert outcome.tasks == {"land": "failed"}
    assert len(simulator.requests) == 1
    log = output()
    assert "AuthenticationError" in log
    assert "read:analytics" in log
    assert "sk-ant-api01-" in log
    assert key not in log
    assert not list(tmp_path.rglob("*.gz"))


def test_the_key_is_in_no_file_log_or_xcom(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path, output: Callable[[], str]
) -> None:
    outcome = land(run_dag, dataset="users", path=str(tmp_path), start="2026-11-16")

    assert outcome.state == "success"
    log = output()
    assert "1 day of users: 1 created" in log
    assert simulator.claude_key not in log
    assert simulator.claude_key not in json.dumps(outcome.results)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert simulator.claude_key.encode() not in (gzip.decompress(data) if path.suffix == ".gz" else data)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_every_compression_has_the_same_content(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path, compression: str
) -> None:
    import zstandard

    outcome = land(run_dag, dataset="users", path=str(tmp_path), start="2026-11-16", compression=compression)

    (partition,) = outcome.results["land"]["partitions"]
    data = Path(partition["path"]).read_bytes()
    unpack = {
        "gzip": gzip.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        "none": bytes,
    }[compression]
    assert hashlib.sha256(unpack(data)).hexdigest() == partition["sha256"]
    assert partition["path"].endswith({"gzip": ".ndjson.gz", "zstd": ".ndjson.zst", "none": ".ndjson"}[compression])


def _bucket(bucket: bytes) -> tuple[str, bytes, list[bytes]]:
    """A bucket's day, its own fields (bounds first) and its rows, raw, found by the standard library's decoder."""
    text = bucket.decode()
    fields: dict[str, str] = {}
    at = 1
    while text[at - 1] != "}":
        name, at = json.JSONDecoder().raw_decode(text, at)
        start = at + 1
        _, at = json.JSONDecoder().raw_decode(text, start)
        fields[name] = text[start:at]
        at += 1
    rows = fields.pop("results")
    order = sorted(fields, key=lambda name: name not in ("starting_at", "ending_at"))
    with_prefix = "".join(f'"{name}":{fields[name]},' for name in order)
    return json.loads(fields["starting_at"])[:10], with_prefix.encode(), _elements(rows)


def _elements(array: str) -> list[bytes]:
    at, elements = 1, []
    while array[at] != "]":
        _, end = json.JSONDecoder().raw_decode(array, at)
        elements.append(array[at:end].encode())
        at = end + (array[end] == ",")
    return elements
