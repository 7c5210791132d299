# SPDX-License-Identifier: Apache-2.0
"""Clock, log, control endpoints, start and stop, and the command line."""

from __future__ import annotations

import ast
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import airflow_provider_aianalytics.simulator as package
from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, Simulator
from airflow_provider_aianalytics.simulator.__main__ import parser
from airflow_provider_aianalytics.simulator.claude_enterprise.activity import bits
from airflow_provider_aianalytics.simulator.clock import Clock
from airflow_provider_aianalytics.simulator.json_text import pretty
from tests.support import growth

DAY = {"date": "2026-11-05"}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_clock_with_a_start_is_stopped_until_it_is_set(fresh: Callable[..., Any]) -> None:
    sim = fresh().sim
    assert sim.now == sim.now == NOW
    sim.advance(timedelta(hours=1))
    assert sim.now == NOW + timedelta(hours=1)
    sim.set_now(datetime(2026, 12, 1, tzinfo=UTC))
    assert sim.now == datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        sim.set_now(datetime(2026, 12, 1))


def test_a_clock_without_a_start_follows_real_time(system_clock: None) -> None:
    before = datetime.now(UTC)
    assert before <= Clock().now <= datetime.now(UTC)


def test_clocks_that_run() -> None:
    fast = Clock(NOW, speed=36_000)
    time.sleep(0.02)
    assert fast.now - NOW > timedelta(minutes=3)
    fast.run(0)
    shown = fast.now
    assert fast.now == shown > NOW


def test_every_answer_is_dated_in_simulated_time(client: Any) -> None:
    for answer in (client.get("users", DAY), client.get("users", {}), client.get("nothing")):
        assert answer.headers["date"] == "Sun, 22 Nov 2026 12:00:00 GMT"
        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["content-type"] == "application/json"


def test_the_log_has_the_requests_and_never_a_key(fresh: Callable[..., Any]) -> None:
    client = fresh()
    client.get("users", {**DAY, "filter[]": ["user_id:a", "user_id:b"]}, {"user-agent": "mine/1", "x-secret": "s"})
    client.get("users", {"date": "never"}, {"x-api-key": "", "authorization": f"Bearer {client.sim.claude_key}"})
    first, second = client.sim.requests
    assert first.query == (("date", "2026-11-05"), ("filter[]", "user_id:a"), ("filter[]", "user_id:b"))
    assert (first.vendor, first.path, first.status) == ("claude_enterprise", "/v1/organizations/analytics/users", 200)
    assert first.headers == {"user-agent": "mine/1", "anthropic-version": "2026-10-21", "accept-encoding": "identity"}
    assert first.at == NOW
    assert (second.status, second.connection - first.connection) == (400, 1)
    assert first.peer_port != second.peer_port
    log_text = json.dumps([r.to_json() for r in client.sim.requests])
    assert client.sim.claude_key not in log_text
    client.sim.clear_requests()
    assert client.sim.requests == []
    assert client.sim.stats()["requests"] == 0


def test_a_reused_connection_counts_once(fresh: Callable[..., Any]) -> None:
    client = fresh()
    connection = http.client.HTTPConnection("127.0.0.1", client.sim.port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/v1/organizations/analytics/users")
        connection.getresponse().read()
    connection.close()
    assert {r.connection for r in client.sim.requests} == {1}
    assert client.sim.stats()["connections"] == 1


def test_concurrent_requests_wait_for_the_latency_at_the_same_time(fresh: Callable[..., Any]) -> None:
    client = fresh(latency=0.5)
    client.sim.truth("users", DAY)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.get("users", DAY), range(8)))
    assert client.sim.stats()["most_in_flight"] > 1


def test_control_endpoints(fresh: Callable[..., Any]) -> None:
    client = fresh()
    client.get("users", DAY)
    assert client.control("GET", "stats")["statuses"] == {"claude_enterprise": {"200": 1}}
    assert client.control("GET", "requests")[0]["path"].endswith("/users")
    client.control("DELETE", "requests")
    assert client.control("GET", "requests") == []
    assert client.control("GET", "clock") == {"now": "2026-11-22T12:00:00+00:00"}
    assert client.control("POST", "clock", {"advance_seconds": 60})["now"] == "2026-11-22T12:01:00+00:00"
    assert client.control("POST", "clock", {"now": "2026-11-23T00:00:00Z"})["now"] == "2026-11-23T00:00:00+00:00"
    client.control("POST", "clock", {"speed": 3_600_000})
    time.sleep(0.02)
    assert client.control("POST", "clock", {"speed": 0})["now"] > "2026-11-23T00:10"
    client.control("POST", "fault", {"kind": "status", "status": 503})
    assert client.get("users", DAY).status == 503
    client.control("POST", "fault", {"kind": "shrink", "date": "2026-11-05", "fraction": 0})
    assert client.get("users", DAY).json()["data"] == []
    client.control("DELETE", "fault")
    path = quote("/v1/organizations/analytics/users")
    items = client.control("GET", f"truth?path={path}&date=2026-11-05")["items"]
    assert [item.encode() for item in items] == client.sim.truth("users", DAY)
    old = client.sim.perplexity_key
    assert client.control("POST", "key", {"vendor": "perplexity", "action": "replace"})["key"] != old
    client.control("POST", "toggle", {"vendor": "claude_enterprise", "enabled": False})
    assert client.get("users", DAY).status == 403
    assert client.call("GET", "/_simulator/nothing", {}).status == 404
    for name, body in (
        ("fault", {"kind": "x"}),
        ("clock", {"now": "soon"}),
        ("fault", {"nonsense": 1}),
        ("key", {"vendor": "perplexit"}),
        ("toggle", {"vendor": "perplexit", "enabled": False}),
    ):
        assert client.call("POST", f"/_simulator/{name}", {}, body).status == 400


def test_perplexity_lives_at_the_same_address(fresh: Callable[..., Any]) -> None:
    client = fresh()
    start = int(datetime(2026, 11, 5, tzinfo=UTC).timestamp())
    target = f"/v1/analytics/computer/usage?dataset=credit_usage&start_time={start}&end_time={start + 3 * 86400}"
    good = client.call("GET", target, {"authorization": f"Bearer {client.sim.perplexity_key}"})
    assert good.status == 200
    query = {"dataset": "credit_usage", "start_time": str(start), "end_time": str(start + 3 * 86400)}
    assert good.json()["data"] == client.rows("/v1/analytics/computer/usage", query)
    assert client.call("GET", target, {"authorization": f"Bearer {client.sim.claude_key}"}).status == 401
    client.sim.revoke_key("perplexity")
    assert client.call("GET", target, {"authorization": "Bearer simulated-perplexity-7"}).status == 401
    client.sim.set_enabled("perplexity", False)
    assert client.call("GET", target, {"authorization": f"Bearer {client.sim.perplexity_key}"}).status == 404


def test_it_binds_loopback_only_and_stops(fresh: Callable[..., Any]) -> None:
    sim = Simulator(members=5, now=NOW)
    with sim:
        port = sim.port
        assert sim.url == f"http://127.0.0.1:{port}"
        with pytest.raises(RuntimeError, match="running"):
            sim.start()
        with pytest.raises(OSError, match=r"in use|Address"):
            Simulator(members=5, now=NOW, port=port).start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    with sim:
        assert sim.url


def test_json_is_not_written_as_python_writes_it() -> None:
    sim = Simulator(members=200, now=NOW)
    span = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-08T00:00:00Z"}
    items = sim.truth("user_cost_report", span) + sim.truth("summaries", {"starting_date": "2026-09-01"})
    items += sim.truth("artifacts", DAY) + sim.truth("users", DAY)
    joined = b"\n".join(items)
    assert b"\\u00" in joined
    assert "é".encode() in joined
    assert b"text\\/" in joined
    assert any(json.dumps(json.loads(i), ensure_ascii=False, separators=(",", ":")).encode() != i for i in items)
    unknown = [
        item for item in items if b"experiment_weight" in item or b"x_pilot" in item or b"preview_metrics" in item
    ]
    assert 0 < len(unknown) < len(items) / 10
    assert (
        items
        == Simulator(members=200, now=NOW).truth("user_cost_report", span)
        + items[len(sim.truth("user_cost_report", span)) :]
    )
    calm = Simulator(members=200, now=NOW, claude=ClaudeSettings(spelling="plain", unknown_fields=0.0))
    for item in calm.truth("users", DAY):
        assert json.dumps(json.loads(item), ensure_ascii=False, separators=(",", ":")).encode() == item


def test_pretty_bodies_have_the_same_values(fresh: Callable[..., Any]) -> None:
    compact, indented = fresh(), fresh(claude=ClaudeSettings(pretty=True))
    span = {"starting_at": "2026-11-01T00:00:00Z"}
    for path, query in (("users", DAY), ("cost_report", span), ("users", {**DAY, "filter[]": "user_id:nobody"})):
        body = indented.get(path, query).body
        assert json.loads(body)["data"] == compact.get(path, query).json()["data"]
        assert b"\n" in body
    assert (
        b",\n    ".join(indented.sim.truth("users", {**DAY})[:20]) in indented.get("users", {**DAY, "limit": "20"}).body
    )
    text = '{"a":[],"b":{},"c":[1.0,"x,:{}\\"[ "],"d":{"e":null}}'
    assert json.loads(pretty(text, 0)) == json.loads(text)
    assert pretty(text, 0) == json.dumps(json.loads(text), indent=2)


def test_a_day_costs_as_much_as_it_has_members() -> None:
    def users(members: int) -> int:
        return len(Simulator(members=members, now=NOW).truth("users", DAY))

    assert len(Simulator(members=10_000, now=NOW).truth("plugins", DAY)) > 1
    assert users(10_000) > 4000
    assert growth(lambda: users(1000), lambda: users(10_000)) < 40


def test_masks() -> None:
    assert list(bits(0)) == []
    assert list(bits(0b1010010001)) == [0, 4, 7, 9]


def test_it_runs_without_airflow() -> None:
    """It imports only the standard library and aiohttp: nothing of the client, no Airflow."""
    folder = Path(str(package.__file__)).parent
    allowed = set(sys.stdlib_module_names) | {"aiohttp"}
    for file in folder.rglob("*.py"):
        depth = len(file.relative_to(folder).parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert {name.name.partition(".")[0] for name in node.names} <= allowed, file
            elif isinstance(node, ast.ImportFrom):
                inside = 0 < node.level <= depth
                assert inside or str(node.module).partition(".")[0] in allowed, (file, node.module)


def test_the_command_line() -> None:
    log_text = [
        sys.executable,
        "-m",
        "airflow_provider_aianalytics.simulator",
        "--members",
        "5",
        "--requests-per-minute",
        "0",
    ]
    root = Path(str(package.__file__)).parents[2]
    process = subprocess.Popen(
        [*log_text, "--now", "2026-11-22T12:00:00Z", "--pretty"], stdout=subprocess.PIPE, text=True, cwd=root
    )
    try:
        assert process.stdout is not None
        word, _, ready = process.stdout.readline().partition(" ")
        assert word == "ready"
        place = json.loads(ready)
        request = urllib.request.Request(
            f"{place['url']}/v1/organizations/analytics/users?date=2026-11-05",
            headers={"x-api-key": place["claude_key"]},
        )
        assert json.load(urllib.request.urlopen(request, timeout=60))["data"]
        assert json.load(urllib.request.urlopen(f"{place['url']}/_simulator/stats", timeout=60))["requests"] == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(60)


def test_the_command_line_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    assert "--requests-per-minute" in capsys.readouterr().out


def test_a_long_query_is_accepted(client: Any) -> None:
    users = [f"user_01{n:022d}" for n in range(100)]
    query = {"starting_at": "2026-11-05T00:00:00Z", "user_ids[]": users, "rbac_group_ids[]": users}
    assert client.get("cost_report", query).status == 200


def test_impatient_clients_and_a_busy_server_do_no_harm(
    fresh: Callable[..., Any], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    client = fresh()
    client.sim.fail(*(Fault(kind, seconds=20, size=50_000_000) for kind in ("stall", "drip", "huge")))
    sockets = [socket.create_connection(("127.0.0.1", client.sim.port)) for _ in range(3)]
    target = "/v1/organizations/analytics/users?date=2026-11-05"
    for sock in sockets:
        sock.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\nx-api-key: {client.sim.claude_key}\r\n\r\n".encode())
    deadline = time.monotonic() + 60
    while client.sim.stats()["in_flight"] < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    sockets[1].close()
    sockets[2].close()
    time.sleep(0.05)
    assert client.get("users", DAY).status == 200
    started = time.monotonic()
    client.sim.stop()
    assert time.monotonic() - started < 10
    sockets[0].close()
    assert "Traceback" not in capfd.readouterr().err + caplog.text
