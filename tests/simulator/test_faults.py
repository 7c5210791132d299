# SPDX-License-Identifier: Apache-2.0
"""Every scripted fault, as a client without any mercy of its own sees it."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault
from airflow_provider_aianalytics.simulator.claude_enterprise.api import ClaudeApi
from airflow_provider_aianalytics.simulator.claude_enterprise.keys import KeyRing
from airflow_provider_aianalytics.simulator.faults import KINDS

DAY = {"date": "2026-11-05", "limit": "10"}
SPAN = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-08T00:00:00Z"}
TARGET = "/v1/organizations/analytics/users?date=2026-11-05"


@pytest.fixture(scope="module")
def faulty(client: Any) -> Any:
    return client


def raw(client: Any, target: str = TARGET, accept: str = "identity") -> tuple[bytes, bytes, bool]:
    """Head, body, and whether the connection was reset, straight from the socket."""
    place = urlsplit(client.sim.url)
    with socket.create_connection((place.hostname, place.port), timeout=60) as sock:
        head = f"GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept-encoding: {accept}\r\n"
        sock.sendall(f"{head}x-api-key: {client.sim.claude_key}\r\nanthropic-version: 2026-10-21\r\n\r\n".encode())
        received, reset = b"", False
        try:
            while piece := sock.recv(65536):
                received += piece
        except ConnectionResetError:
            reset = True
    head, _, body = received.partition(b"\r\n\r\n")
    return head.lower(), body, reset


def length(head: bytes) -> int:
    return int(head.split(b"content-length: ")[1].split(b"\r\n")[0])


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault("status", status=500), 500, "api_error"),
        (Fault("status", status=503), 503, "api_error"),
        (Fault("status", status=504), 504, "timeout_error"),
        (Fault("status", status=529), 529, "overloaded_error"),
        (Fault("cursor_expired"), 410, "invalid_request_error"),
        (Fault("cursor_mismatch"), 400, "invalid_request_error"),
    ],
)
def test_statuses(faulty: Any, fault: Fault, status: int, kind: str) -> None:
    faulty.sim.fail(fault)
    answer = faulty.get("users", DAY)
    assert (answer.status, answer.json()["error"]["type"]) == (status, kind)
    assert faulty.get("users", DAY).status == 200


def test_a_status_with_a_body_and_headers_of_choice(faulty: Any) -> None:
    faulty.sim.fail(
        Fault(
            "status",
            status=502,
            body="<h1>bad gateway</h1>",
            headers={"content-type": "text/html", "x-should-retry": "false"},
        )
    )
    answer = faulty.get("users", DAY)
    assert (answer.status, answer.body, answer.headers["x-should-retry"]) == (502, b"<h1>bad gateway</h1>", "false")


@pytest.mark.parametrize("value", ["7", "Sun, 22 Nov 2026 12:00:05 GMT", None])
def test_rate_limit(faulty: Any, value: str | None) -> None:
    faulty.sim.fail(Fault("rate_limit", retry_after=value))
    answer = faulty.get("users", DAY)
    assert (answer.status, answer.headers.get("retry-after")) == (429, value)


def test_redirect_html_and_json_that_is_no_page(faulty: Any) -> None:
    faulty.sim.fail(
        Fault("redirect", location="https://example.org/x"),
        Fault("html"),
        *(Fault("json", body=b) for b in ("[]", '"x"', "42")),
    )
    answer = faulty.get("users", DAY)
    assert (answer.status, answer.headers["location"]) == (302, "https://example.org/x")
    answer = faulty.get("users", DAY)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.body.startswith(b"<!doctype html>")
    assert [faulty.get("users", DAY).json() for _ in range(3)] == [[], "x", 42]


def test_connection_resets(faulty: Any) -> None:
    whole = faulty.get("users", {"date": "2026-11-05"}).body
    faulty.sim.fail(Fault("reset_before"), Fault("reset_inside"), Fault("reset_after"))
    assert raw(faulty) == (b"", b"", True)
    head, body, reset = raw(faulty)
    assert (length(head), body, reset) == (len(whole), whole[: len(whole) // 2], True)
    head, body, reset = raw(faulty)
    assert (body, reset) == (whole, True)
    assert [r.status for r in faulty.sim.requests[-3:]] == [0, 200, 200]


def test_truncated_bodies(faulty: Any) -> None:
    whole = faulty.get("users", {"date": "2026-11-05"}).body
    faulty.sim.fail(Fault("truncated", fraction=0.25), Fault("short_of_length", fraction=0.75))
    head, body, reset = raw(faulty)
    assert (length(head), body, reset) == (len(body), whole[: len(whole) // 4], False)
    head, body, reset = raw(faulty)
    assert (length(head), body, reset) == (len(whole), whole[: int(len(whole) * 0.75)], False)
    faulty.sim.fail(Fault("short_of_length"))
    with pytest.raises(http.client.IncompleteRead):
        faulty.get("users", DAY)


def test_gzip_and_its_faults(faulty: Any) -> None:
    whole = faulty.get("users", {"date": "2026-11-05"}).body
    head, body, _ = raw(faulty, accept="gzip, deflate")
    assert b"content-encoding: gzip" in head
    assert gzip.decompress(body) == whole
    faulty.sim.fail(Fault("truncated_gzip"), Fault("gzip_garbage"))
    head, cut, _ = raw(faulty, accept="gzip")
    assert length(head) == len(cut) < len(body)
    with pytest.raises(EOFError):
        gzip.decompress(cut)
    _, padded, _ = raw(faulty, accept="gzip")
    stream = zlib.decompressobj(31)
    assert stream.decompress(padded) == whole
    assert stream.unused_data


def test_small_and_unwanted_bodies_are_not_compressed(faulty: Any, fresh: Callable[..., Any]) -> None:
    small = "/v1/organizations/analytics/users?date=2026-11-05&filter%5B%5D=user_id%3Anobody"
    assert b"content-encoding" not in raw(faulty, small, "gzip")[0]
    assert b"content-encoding" not in raw(faulty, TARGET, "br")[0]
    assert b"content-encoding" not in raw(fresh(gzip=False), TARGET, "gzip")[0]


def test_huge_stall_and_drip(faulty: Any) -> None:
    faulty.sim.fail(Fault("huge", size=3_000_000), Fault("stall", seconds=0.15), Fault("drip", seconds=0.15))
    answer = faulty.get("users", DAY)
    assert len(answer.body) == 3_000_000
    assert list(answer.json()) == ["data", "has_more", "next_page"]
    for _ in range(2):
        started = time.monotonic()
        assert faulty.get("users", DAY).json()["data"]
        assert time.monotonic() - started > 0.14


def test_a_page_served_twice(faulty: Any) -> None:
    first = faulty.get("users", DAY)
    cursor = first.json()["next_page"]
    faulty.sim.fail(Fault("duplicate_page", paged=True), Fault("duplicate_rows", paged=True))
    assert faulty.get("users", {**DAY, "page": cursor}).body == first.body
    rows = faulty.get("users", {**DAY, "page": cursor}).json()
    assert rows["data"] == first.json()["data"]
    assert rows["next_page"] not in (cursor, None)


def test_broken_cursors(faulty: Any) -> None:
    cursor = faulty.get("users", DAY).json()["next_page"]
    faulty.sim.fail(Fault("repeated_cursor", paged=True), Fault("lost_cursor", path="user_cost_report"))
    assert faulty.get("users", {**DAY, "page": cursor}).json()["next_page"] == cursor
    lost = faulty.get("user_cost_report", SPAN).json()
    assert (lost["has_more"], lost["next_page"]) == (True, None)


@pytest.mark.parametrize("path", ["users", "user_cost_report"])
def test_an_empty_page_is_not_the_end(faulty: Any, path: str) -> None:
    query = DAY if path == "users" else {**SPAN, "limit": "10"}
    faulty.sim.fail(Fault("empty_page", paged=False), Fault("empty_page", paged=True, nth=2))
    pages = faulty.pages(path, query)
    assert [len(page["data"]) for page in pages[:4]].count(0) == 2
    assert [row for page in pages for row in page["data"]] == faulty.rows(path, query)


def test_matching_and_order(faulty: Any) -> None:
    sim = faulty.sim
    sim.clear_faults()
    sim.fail(
        Fault("status", path="users", status=500, nth=2),
        Fault("status", path="skills", status=503, times=2),
        Fault("status", status=529, query={"date": "2026-11-04"}),
        Fault("status", vendor="perplexity", status=504),
    )
    day = {"date": "2026-11-05"}
    assert [faulty.get("users", day).status for _ in range(3)] == [200, 500, 200]
    assert [faulty.get("skills", day).status for _ in range(3)] == [503, 503, 200]
    assert [faulty.get("plugins", q).status for q in (day, {"date": "2026-11-04"}, {"date": "2026-11-04"})] == [
        200,
        529,
        200,
    ]
    assert faulty.call("GET", "/v1/analytics/computer/usage", {}).status == 504
    sim.fail(Fault("status", status=500, times=None))
    assert {faulty.get("users", day).status for _ in range(5)} == {500}
    sim.clear_faults()
    assert faulty.get("users", day).status == 200


def test_a_path_matches_whole_segments(faulty: Any) -> None:
    faulty.sim.fail(Fault("status", path="cost_report"))
    assert faulty.get("user_cost_report", SPAN).status == 200
    assert faulty.get("cost_report", SPAN).status == 500


def test_a_fault_waits_for_a_request_within_budget(fresh: Callable[..., Any]) -> None:
    client = fresh(requests_per_minute=1)
    assert client.get("users", DAY).status == 200
    client.sim.fail(Fault("status", status=500))
    assert client.get("users", DAY).status == 429
    client.sim.reset_budget()
    assert client.get("users", DAY).status == 500


@pytest.mark.parametrize("fraction", [0.0, 0.4])
def test_a_day_that_shrinks(fresh: Callable[..., Any], fraction: float) -> None:
    client = fresh(claude=ClaudeSettings(restatement="off"))
    day, other = {"date": "2026-11-05"}, {"date": "2026-11-04"}
    before = [client.get("users", q).json()["data"] for q in (day, other)]
    cost = client.get("cost_report", SPAN).json()["data"]
    client.sim.fail(Fault("shrink", date=date(2026, 11, 5), fraction=fraction))
    after = [client.get("users", q).json()["data"] for q in (day, other)]
    assert after[1] == before[1]
    assert len(after[0]) <= len(before[0]) * (fraction + 0.3)
    assert all(row in before[0] for row in after[0])
    smaller = client.get("cost_report", SPAN).json()["data"]
    assert [a != b for a, b in zip(cost, smaller, strict=True)] == [n == 4 for n in range(7)]
    assert (smaller[4]["results"] == []) == (fraction == 0)
    assert [json.loads(t) for t in client.sim.truth("users", day)] == before[0]
    assert [json.loads(t) for t in client.sim.truth("users", day, faults=True)] == after[0]
    client.sim.clear_faults()
    assert client.get("users", day).json()["data"] == before[0]


def test_a_day_that_shrinks_while_it_is_read_is_whole_again_afterwards() -> None:
    """A result that was computed before a shrink fault is not cached as the result after it."""

    class Late(dict[date, float]):
        def get(self, key: date, default: Any = None) -> Any:  # as by another thread, in the middle
            return 0.0

    api = ClaudeApi(7, 60, KeyRing(), shrunk=Late())
    now, query = datetime(2026, 11, 22, 12, tzinfo=UTC), [("date", "2026-11-05")]
    assert api.truth("users", query, now, faults=True) == api.truth("users", query, now) != []


def test_a_perplexity_day_that_shrinks(fresh: Callable[..., Any]) -> None:
    client = fresh()
    start = int(datetime(2026, 11, 5, tzinfo=UTC).timestamp())
    query = {"dataset": "credit_usage", "start_time": str(start), "end_time": str(start + 86400)}
    path = "/v1/analytics/computer/usage"
    [before] = client.rows(path, query)
    client.sim.fail(Fault("shrink", date=date(2026, 11, 5), fraction=0.0))
    [after] = client.rows(path, query)
    assert before["count"] > after["count"] == 0


def test_perplexity_days_shrink_side_by_side(fresh: Callable[..., Any]) -> None:
    client = fresh()
    start = int(datetime(2026, 11, 4, tzinfo=UTC).timestamp())
    path, query = "/v1/analytics/computer/usage", {"dataset": "credit_usage", "start_time": str(start)}
    before = [day["count"] for day in client.rows(path, query)]
    client.sim.fail(*(Fault("shrink", date=date(2026, 11, day), fraction=0.0) for day in (4, 6)))
    assert [day["count"] for day in client.rows(path, query)] == [0, before[1], 0, *before[3:]]
    client.sim.clear_faults()
    assert [day["count"] for day in client.rows(path, query)] == before


def test_a_wrong_fault_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        Fault("explode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="date"):
        Fault("shrink")
    with pytest.raises(ValueError, match="fraction"):
        Fault("shrink", date=date(2026, 11, 5), fraction=1.5)


def test_every_kind_is_described() -> None:
    assert [kind for kind in KINDS if f"``{kind}``" not in str(Fault.__doc__)] == []


def test_more_bytes_than_declared_and_huge_bodies(faulty: Any) -> None:
    whole = faulty.get("users", DAY).body
    faulty.sim.fail(Fault("past_length", fraction=0.5), Fault("bomb", size=3_000_000))
    head, body, reset = raw(faulty, TARGET + "&limit=10")
    assert (length(head), body, reset) == (len(whole) // 2, whole, False)
    _, packed, _ = raw(faulty)
    assert len(packed) < 50_000
    assert len(gzip.decompress(packed)) == 3_000_000
    assert list(json.loads(gzip.decompress(packed))) == ["data", "has_more", "next_page"]


def test_a_loop_of_cursors_and_a_clock_that_is_wrong(faulty: Any) -> None:
    first = faulty.get("users", DAY).json()["next_page"]
    second = faulty.get("users", {**DAY, "page": first}).json()["next_page"]
    faulty.sim.fail(Fault("cursor_loop", paged=True), Fault("skew", seconds=86_400, path="user_cost_report"))
    assert faulty.get("users", {**DAY, "page": second}).json()["next_page"] == first
    skewed, right = faulty.get("user_cost_report", SPAN), faulty.get("user_cost_report", SPAN)
    head = [datetime.fromisoformat(answer.json()["data_refreshed_at"]) for answer in (skewed, right)]
    assert (head[0] - head[1]).total_seconds() == 86_400
    assert skewed.headers["date"] != right.headers["date"]


def test_a_vendor_may_serve_fewer_than_the_limit_allows(fresh: Callable[..., Any]) -> None:
    client = fresh(claude=ClaudeSettings(page_cap=7))
    pages = client.pages("users", {"date": "2026-11-05", "limit": "1000"})
    assert {len(page["data"]) for page in pages[:-1]} == {7}
