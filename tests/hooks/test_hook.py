# SPDX-License-Identifier: Apache-2.0
"""The hook against a scripted server on loopback: what is sent, what is retried, and which secrets stay private."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    AuthenticationError,
    BudgetSpentError,
    CursorExpiredError,
    InvalidArgumentError,
    InvalidRequestError,
    MalformedResponseError,
    NotYetAvailableError,
    PermissionDeniedError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.hooks import http
from airflow_provider_aianalytics.hooks.async_http import AsyncAnalyticsHook
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from tests.support import without_own_certificates

KEY = "sk-ant-api01-Zm9vYmFyc2VjcmV0"
NUMBERS = count()


class FakeClock(Clock):
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.sleeps)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)


@dataclass
class Seen:
    """A received request."""

    path: str
    parameters: list[tuple[str, str]]
    headers: dict[str, str]
    port: int


@dataclass
class Scripted:
    """What one answer does: a status, headers and a body; ``cut`` sends less than it promised, ``drop`` nothing."""

    status: int = 200
    body: bytes = b'{"data":[],"next_page":null}'
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    drop: bool = False


class Stub:
    """A server that gives its answers in turn, and the last of them for ever."""

    def __init__(self) -> None:
        self.responses: list[Scripted] = [Scripted()]
        self.seen: list[Seen] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def date_time_string(self, timestamp: float | None = None) -> str:
                return "Sun, 22 Nov 2026 12:00:00 GMT"  # the clocks of these tests go by the same time

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                parameters = parse_qsl(parts.query, keep_blank_values=True)
                stub.seen.append(Seen(parts.path, parameters, headers, self.client_address[1]))
                answer = stub.responses.pop(0) if len(stub.responses) > 1 else stub.responses[0]
                if answer.drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) + (100 if answer.cut else 0)))
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = answer.cut

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Logged:
    """All that was logged, by whatever transport this Airflow's loggers take."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self._capsys = capsys

    def text(self) -> str:
        printed = self._capsys.readouterr()
        assert "(attempt 2 of" in printed.out + printed.err + self._caplog.text, "the log was not captured"
        return printed.out + printed.err + self._caplog.text + str([record.__dict__ for record in self._caplog.records])


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Logged:
    return Logged(caplog, capsys)


class Connect:
    """Makes a hook of a connection of its own, so that no two tests share a budget."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
        self._monkeypatch = monkeypatch
        self._clock = clock

    def __call__(
        self,
        host: str | None = None,
        *,
        kind: type[ClaudeEnterpriseAnalyticsHook | PerplexityAnalyticsHook] = ClaudeEnterpriseAnalyticsHook,
        **fields: Any,
    ) -> AnalyticsHook:
        conn_id = f"conn_{next(NUMBERS)}"
        connection = {"conn_type": kind.conn_type, "host": host, "password": KEY, **fields}
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return kind(conn_id, clock=self._clock)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Connect:
    return Connect(monkeypatch, clock)


def page(*rows: object, cursor: str | None = None, **more: Any) -> Scripted:
    return Scripted(body=json.dumps({"data": rows, "next_page": cursor, **more}).encode())


def error(status: int, kind: str = "api_error", message: str = "No.", **headers: str) -> Scripted:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return Scripted(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def users(hook: AnalyticsHook, start: str = "2026-11-01", end: str = "2026-11-02") -> list[dict[str, Any]]:
    return list(hook.records("users", start, end))


class TestWhatIsSent:
    def test_claudes_key_version_and_name(self, stub: Stub, connect: Connect) -> None:
        users(connect(stub.url))
        (request,) = stub.seen
        assert request.path == "/v1/organizations/analytics/users"
        assert request.parameters == [("date", "2026-11-01"), ("limit", "1000")]
        assert request.headers["x-api-key"] == KEY
        assert request.headers["anthropic-version"] == "2026-10-21"
        assert request.headers["user-agent"].startswith("airflow-provider-aianalytics/")
        assert "authorization" not in request.headers
        assert "anthropic-beta" not in request.headers

    def test_the_beta_header_where_the_contract_wants_it(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page(data_refreshed_at="2026-11-22T08:00:00Z")]
        hook = connect(stub.url)
        list(hook.records("cost", "2026-11-01", "2026-11-02", group_by=["model"]))
        users(hook)
        assert stub.seen[0].headers["anthropic-beta"] == "analytics-usage-cost-2026-08-24"
        assert ("group_by[]", "model") in stub.seen[0].parameters
        assert "anthropic-beta" not in stub.seen[1].headers

    def test_perplexitys_bearer(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page({"start_time": 1793491200, "end_time": 1793577600, "count": 0}, has_more=False)]
        hook = connect(stub.url, kind=PerplexityAnalyticsHook, password="p-secret-1")
        list(hook.records("credit_usage", "2026-11-01", "2026-11-02"))
        (request,) = stub.seen
        assert request.headers["authorization"] == "Bearer p-secret-1"
        assert "anthropic-version" not in request.headers
        assert dict(request.parameters)["dataset"] == "credit_usage"

    def test_no_extra_becomes_a_header(self, stub: Stub, connect: Connect) -> None:
        extra = {"pseudonym_secret": "hush", "X-Api-Key": "other", "anthropic-version": "1999", "timeout": 5, "a": {}}
        users(connect(stub.url, extra=json.dumps(extra)))
        (request,) = stub.seen
        assert "hush" not in str(request.headers)
        assert request.headers["x-api-key"] == KEY
        assert request.headers["anthropic-version"] == "2026-10-21"
        assert set(request.headers) <= {
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
            "connection",
            "anthropic-version",
            "x-api-key",
        }

    def test_login_and_netrc_are_ignored(
        self, stub: Stub, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login someone password netrc-secret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        users(connect(stub.url, login="admin"))
        (request,) = stub.seen
        assert "authorization" not in request.headers
        assert request.headers["x-api-key"] == KEY

    def test_one_connection_carries_all_pages(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page({"n": n}, cursor=f"c{n}") for n in range(9)] + [page({"n": 9})]
        assert [row["n"] for row in users(connect(stub.url))] == list(range(10))
        assert len({request.port for request in stub.seen}) == 1

    def test_an_error_does_not_cost_the_connection(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [error(500), error(429), page({"n": 1})]
        users(connect(stub.url))
        assert len({request.port for request in stub.seen}) == 1


class TestHosts:
    def test_an_empty_host_is_the_vendors(self, connect: Connect) -> None:
        assert connect().endpoint.base_url == "https://api.anthropic.com"
        assert connect("  ").endpoint.base_url == "https://api.anthropic.com"
        assert connect(kind=PerplexityAnalyticsHook).endpoint.base_url == "https://api.perplexity.ai"

    @pytest.mark.parametrize(
        ("fields", "url"),
        [
            ({"host": "gateway.example"}, "https://gateway.example"),
            ({"host": "gateway.example/"}, "https://gateway.example"),
            ({"host": "gateway.example", "port": 8443}, "https://gateway.example:8443"),
            ({"host": "gateway.example", "schema": "https"}, "https://gateway.example"),
            ({"host": "https://gateway.example:8443", "port": 1}, "https://gateway.example:8443"),
            ({"host": "https://gateway.example/anthropic/"}, "https://gateway.example/anthropic"),
            ({"host": "https://gateway.example/anthropic", "port": 8443}, "https://gateway.example:8443/anthropic"),
            ({"host": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
            ({"host": "127.0.0.1", "port": 8080, "schema": "http"}, "http://127.0.0.1:8080"),
            ({"host": "http://localhost", "port": 8080}, "http://localhost:8080"),
            ({"host": "http://[::1]:8080"}, "http://[::1]:8080"),
        ],
        ids=str,
    )
    def test_every_form_of_a_host(self, connect: Connect, fields: dict[str, Any], url: str) -> None:
        assert connect(**fields).endpoint.base_url == url

    @pytest.mark.parametrize(
        "fields",
        [
            {"host": "http://gateway.example"},
            {"host": "gateway.example", "schema": "http"},
            {"host": "http://127.0.0.1.example"},
            {"host": "http://10.0.0.1"},
            {"host": "http://0.0.0.0"},
            {"host": "ftp://127.0.0.1"},
            {"host": "file:///etc/passwd"},
            {"host": "http://localhost@gateway.example"},
            {"host": "https://gateway.example?x=1"},
            {"host": "https://gateway.example#x"},
            {"host": "https://"},
            {"host": "https://[::1"},
            {"host": "gateway.example:https"},
            {"host": "gateway.example:99999"},
            {"host": "::1", "port": 8080},
        ],
        ids=str,
    )
    def test_a_host_that_would_expose_the_key_is_rejected(self, connect: Connect, fields: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgumentError, match="conn_") as refusal:
            _ = connect(**fields).endpoint
        assert KEY not in str(refusal.value)

    @pytest.mark.parametrize("host", ["https://user:s3cret@gateway.example", "https://:s3cret@gateway.example"])
    def test_a_secret_in_the_host_is_rejected_and_not_quoted(self, connect: Connect, host: str) -> None:
        with pytest.raises(InvalidArgumentError) as refusal:
            _ = connect(host).endpoint
        assert "s3cret" not in str(refusal.value)

    def test_a_missing_key_has_a_helpful_error(self, connect: Connect) -> None:
        for password in (None, "", "  "):
            with pytest.raises(AuthenticationError, match=r"password.*read:analytics"):
                _ = connect(password=password).endpoint

    @pytest.mark.parametrize("key", ["sk-ant-api01-one\nsk-two", "sk-ant-api01-…abcdef", "sk-ant api01"], ids=repr)
    def test_a_key_with_invalid_characters_is_rejected_and_not_quoted(
        self, stub: Stub, connect: Connect, key: str
    ) -> None:
        with pytest.raises(AuthenticationError) as refusal:
            users(connect(stub.url, password=key))
        assert "api01" not in str(refusal.value).replace("sk-ant-api01-)", "")
        assert stub.seen == []

    @pytest.mark.parametrize("name", ["requests_per_minute", "timeout"])
    @pytest.mark.parametrize("value", ["many", 0, -1, "nan", "inf", [60], {}], ids=repr)
    def test_an_extra_that_is_no_number_is_refused_by_name(self, connect: Connect, name: str, value: object) -> None:
        with pytest.raises(InvalidArgumentError, match=name):
            _ = connect(extra=json.dumps({name: value})).endpoint

    def test_less_than_one_request_a_minute_is_refused(self, connect: Connect) -> None:
        with pytest.raises(InvalidArgumentError, match="requests_per_minute"):
            _ = connect(extra=json.dumps({"requests_per_minute": 0.5})).endpoint

    def test_the_timeout_of_the_extra(self, connect: Connect) -> None:
        assert connect(extra=json.dumps({"timeout": "7"})).endpoint.timeouts == (7.0, 7.0)
        assert connect(extra=json.dumps({"timeout": 300})).endpoint.timeouts == (10.0, 300.0)


class TestProxies:
    def test_a_proxy_without_a_scheme_works_in_both_hooks(self, stub: Stub, connect: Connect) -> None:
        hook = connect("http://127.0.0.1:1", extra=json.dumps({"proxies": {"http": f"127.0.0.1:{stub.port}"}}))
        query = build_query(hook.vendor.dataset("users"))
        assert hook.probe(query, date(2026, 11, 1)).items == []
        assert asyncio.run(AsyncAnalyticsHook(hook).probe(query, date(2026, 11, 1))).items == []
        assert len(stub.seen) == 2

    def test_the_connections_proxy_takes_precedence_over_the_environment(
        self, stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        hook = connect("http://127.0.0.1:1", extra=json.dumps({"proxies": {"http": stub.url}}))
        query = build_query(hook.vendor.dataset("users"))
        hook.probe(query, date(2026, 11, 1))
        asyncio.run(AsyncAnalyticsHook(hook).probe(query, date(2026, 11, 1)))
        assert len(stub.seen) == 2

    def test_an_empty_verify_means_true(self, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
        without_own_certificates(monkeypatch)
        assert connect(extra=json.dumps({"verify": ""})).get_conn().verify is True

    def test_the_connections_verify_takes_precedence_over_the_environment(
        self, stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The stub has no TLS, so the error must be about that and not about a file of certificates."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        hook = connect(f"https://127.0.0.1:{stub.port}", extra=json.dumps({"verify": False}))
        query = build_query(hook.vendor.dataset("users"))
        with pytest.raises(VendorUnavailableError, match="SSL"):
            hook.probe(query, date(2026, 11, 1))
        with pytest.raises(VendorUnavailableError, match="SSL"):
            asyncio.run(AsyncAnalyticsHook(hook).probe(query, date(2026, 11, 1)))


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed_and_the_key_stays(self, stub: Stub, connect: Connect, status: int) -> None:
        other = Stub()
        try:
            stub.responses = [Scripted(status, b"", {"Location": f"{other.url}/v1/organizations/analytics/users"})]
            with pytest.raises(InvalidRequestError, match="redirect"):
                users(connect(stub.url))
            assert other.seen == []
            assert len(stub.seen) == 1
        finally:
            other.close()


class TestRetries:
    def test_a_429_is_retried(self, stub: Stub, connect: Connect, clock: FakeClock) -> None:
        stub.responses = [error(429, "rate_limit_error", retry_after="17"), page({"n": 1})]
        assert len(users(connect(stub.url))) == 1
        (slept,) = clock.sleeps
        assert 17.0 <= slept <= 20.0

    def test_a_429_as_a_date(self, stub: Stub, connect: Connect, clock: FakeClock) -> None:
        stub.responses = [error(429, retry_after="Sun, 22 Nov 2026 12:00:30 GMT"), page()]
        users(connect(stub.url))
        assert 30.0 <= clock.sleeps[0] <= 33.0

    def test_a_longer_wait_is_an_error(self, stub: Stub, connect: Connect, clock: FakeClock) -> None:
        stub.responses = [error(429, "rate_limit_error", retry_after="600")]
        with pytest.raises(RateLimitedError) as raised:
            users(connect(stub.url))
        assert raised.value.retry_after == 600.0
        assert clock.sleeps == []
        assert len(stub.seen) == 1

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
    def test_transient_errors_are_retried(self, stub: Stub, connect: Connect, status: int) -> None:
        stub.responses = [error(status), error(status), page({"n": 1})]
        assert len(users(connect(stub.url))) == 1
        assert len(stub.seen) == 3

    def test_retries_end_with_the_vendors_error(self, stub: Stub, connect: Connect, clock: FakeClock) -> None:
        stub.responses = [error(503, "overloaded_error")]
        with pytest.raises(VendorUnavailableError, match="overloaded_error"):
            users(connect(stub.url))
        assert len(stub.seen) == AnalyticsHook.backoff.attempts
        assert len(clock.sleeps) == len(stub.seen) - 1
        assert all(0 < slept <= 60 for slept in clock.sleeps)

    @pytest.mark.parametrize(
        ("status", "kind", "raised"),
        [
            (400, "invalid_request_error", InvalidRequestError),
            (401, "authentication_error", AuthenticationError),
            (403, "permission_error", PermissionDeniedError),
            (404, "not_found_error", AuthenticationError),
            (422, "", InvalidRequestError),
        ],
    )
    def test_permanent_errors_are_not_retried(
        self, stub: Stub, connect: Connect, clock: FakeClock, status: int, kind: str, raised: type[AIAnalyticsError]
    ) -> None:
        stub.responses = [error(status, kind)]
        with pytest.raises(raised):
            users(connect(stub.url))
        assert len(stub.seen) == 1
        assert clock.sleeps == []

    @pytest.mark.parametrize(
        "broken",
        [
            Scripted(drop=True),
            Scripted(body=b'{"data":[{"n":1}', cut=True),
            Scripted(body=b'{"data":[{"n":1}],"next_page":null}', cut=True),
            Scripted(body=b""),
            Scripted(
                body=gzip.compress(b'{"data":[{"n":0}],"next_page":null}')[:-20], headers={"Content-Encoding": "gzip"}
            ),
            Scripted(body=b"no gzip at all", headers={"Content-Encoding": "gzip"}),
            Scripted(body=b"<html>"),
        ],
        ids=["reset", "cut in the middle", "cut at a whole object", "empty", "half a gzip", "no gzip", "no json"],
    )
    def test_a_truncated_response_is_an_error(self, stub: Stub, connect: Connect, broken: Scripted) -> None:
        stub.responses = [broken, page({"n": 1}, {"n": 2})]
        assert [row["n"] for row in users(connect(stub.url))] == [1, 2]
        assert len(stub.seen) == 2
        stub.responses = [broken]
        with pytest.raises((VendorUnavailableError, MalformedResponseError)):
            users(connect(stub.url))

    def test_a_refused_connection_is_an_error(self, connect: Connect) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        with pytest.raises(VendorUnavailableError, match="ConnectionError"):
            users(connect(f"http://127.0.0.1:{port}"))

    def test_an_address_in_a_filter_is_not_in_messages_or_logs(self, connect: Connect, logged: Logged) -> None:
        """Perplexity contract section 8: the key and ``user_email`` are not logged."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        hook = connect(f"http://127.0.0.1:{port}", kind=PerplexityAnalyticsHook)
        with pytest.raises(VendorUnavailableError) as raised:
            list(hook.records("skills", "2026-11-01", "2026-11-02", filters={"user_email": "jane.doe@example.com"}))
        assert "jane.doe" not in str(raised.value)
        assert "jane.doe" not in logged.text()


class TestBodies:
    def test_gzip(self, stub: Stub, connect: Connect) -> None:
        body = json.dumps({"data": [{"n": n, "text": "x" * 50} for n in range(30_000)], "next_page": None}).encode()
        stub.responses = [Scripted(body=gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})]
        rows = users(connect(stub.url))
        assert [row["n"] for row in rows] == list(range(30_000))
        assert "gzip" in stub.seen[0].headers["accept-encoding"]

    @pytest.mark.parametrize("coding", ["identity", "gzip"])
    def test_an_oversized_body_is_an_error(
        self, stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch, coding: str
    ) -> None:
        monkeypatch.setattr(http, "MAX_BODY", 10_000)
        body = b'{"data":[' + b" " * 50_000 + b"]}"
        packed = Scripted(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        stub.responses = [packed if coding == "gzip" else Scripted(body=body)]
        with pytest.raises(MalformedResponseError, match="10000"):
            users(connect(stub.url))


class TestSecrecy:
    def test_the_key_is_in_no_message_log_or_repr(self, stub: Stub, connect: Connect, logged: Logged) -> None:
        hook = connect(stub.url)
        stub.responses = [error(500), error(429), page({"n": 1}, cursor="c"), error(401, "authentication_error")]
        with pytest.raises(AuthenticationError) as raised:
            users(hook)
        for text in (repr(hook), str(hook), repr(hook.endpoint), repr(hook.get_conn().auth), logged.text()):
            assert KEY not in text
        chain: BaseException | None = raised.value
        while chain is not None:
            assert KEY not in f"{chain} {chain!r} {chain.args}"
            chain = chain.__cause__ or chain.__context__
        assert all(KEY not in f"{seen.path}{seen.parameters}" for seen in stub.seen)

    @pytest.mark.parametrize("broken", ["", "x"], ids=["refused", "no port"])
    @pytest.mark.parametrize("scheme", ["http://", ""], ids=["with a scheme", "without"])
    def test_the_password_of_a_proxy_is_not_in_messages(
        self, stub: Stub, connect: Connect, logged: Logged, scheme: str, broken: str
    ) -> None:
        """The stub refuses to be a proxy."""
        proxy = f"{scheme}someone:hush-hush@127.0.0.1:{stub.port}{broken}"
        hook = connect("https://api.example", extra=json.dumps({"proxies": {"https": proxy}}))
        query = build_query(hook.vendor.dataset("users"))
        with pytest.raises(VendorUnavailableError) as raised:
            hook.probe(query, date(2026, 11, 1))
        with pytest.raises(VendorUnavailableError) as raised_in_the_loop:
            asyncio.run(AsyncAnalyticsHook(hook).probe(query, date(2026, 11, 1)))
        for text in (str(raised.value), str(raised_in_the_loop.value), logged.text()):
            assert "hush" not in text

    def test_an_address_in_a_filter_is_not_in_messages_of_the_async_hook(self, stub: Stub, connect: Connect) -> None:
        """``aiohttp`` names the whole URL where an answer is no HTTP."""
        stub.responses = [Scripted(status=99_999)]
        hook = connect(stub.url, kind=PerplexityAnalyticsHook)
        query = build_query(hook.vendor.dataset("skills"), filters={"user_email": "jane.doe@example.com"})
        with pytest.raises(VendorUnavailableError) as raised:
            asyncio.run(AsyncAnalyticsHook(hook).probe(query, date(2026, 11, 1)))
        assert "jane" not in str(raised.value)

    def test_a_key_in_a_response_is_masked(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [error(401, "authentication_error", f"invalid x-api-key: {KEY}")]
        with pytest.raises(AuthenticationError) as raised:
            users(connect(stub.url))
        assert KEY not in str(raised.value)

    def test_an_admin_key_is_rejected_and_not_sent(self, stub: Stub, connect: Connect) -> None:
        hook = connect(stub.url, password="sk-ant-admin01-c2VjcmV0")
        with pytest.raises(PermissionDeniedError, match="Admin API key") as raised:
            users(hook)
        assert "usage, cost" in str(raised.value)
        assert "c2VjcmV0" not in str(raised.value)
        assert stub.seen == []
        stub.responses = [page(data_refreshed_at="2026-11-22T08:00:00Z")]
        list(hook.records("usage", "2026-11-01", "2026-11-02"))
        assert len(stub.seen) == 1


class TestRecords:
    def test_they_are_complete_and_exact_across_an_expired_cursor(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [
            page({"n": "stale 1"}, cursor="a"),
            page({"n": "stale 2"}, cursor="b"),
            error(410),
            page({"n": 1}, {"n": 2}, cursor="a"),
            page(cursor="b"),
            page({"n": 3}),
        ]
        assert users(connect(stub.url)) == [{"_date": "2026-11-01", "n": n} for n in (1, 2, 3)]
        assert [dict(seen.parameters).get("page") for seen in stub.seen] == [None, "a", "b", None, "a", "b"]
        for seen in stub.seen:
            assert [pair for pair in seen.parameters if pair[0] != "page"] == stub.seen[0].parameters

    def test_no_record_is_returned_before_its_window_is_complete(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page({"n": 1}, cursor="a"), error(400, "invalid_request_error", "no such luck")]
        rows = connect(stub.url).records("users", "2026-11-01", "2026-11-02")
        with pytest.raises(InvalidRequestError):
            next(rows)

    @pytest.mark.parametrize("status", [400, 410])
    def test_a_cursor_that_always_expires_is_an_error(self, stub: Stub, connect: Connect, status: int) -> None:
        stub.responses = [page({"n": 1}, cursor="a"), error(status, message="The token is stale.")] * 4
        with pytest.raises(CursorExpiredError, match="The token is stale"):
            users(connect(stub.url))
        assert len(stub.seen) == 6

    def test_rows_that_repeat_in_each_read_are_an_error_that_says_so(self, stub: Stub, connect: Connect) -> None:
        row = {"user": {"id": "u1"}}
        stub.responses = [page(row, cursor="a"), page(row | {"n": 1})] * 3
        with pytest.raises(CursorExpiredError, match=r"a row was served twice.* and again when the window was read"):
            users(connect(stub.url))
        assert len(stub.seen) == 6

    def test_a_day_that_becomes_unavailable_during_the_read_is_an_error(self, stub: Stub, connect: Connect) -> None:
        too_recent = error(400, "invalid_request_error", "The latest available day is 2026-10-31.")
        stub.responses = [page({"n": 1}, cursor="a"), too_recent]
        with pytest.raises(NotYetAvailableError) as raised:
            users(connect(stub.url))
        assert raised.value.latest == date(2026, 10, 31)
        assert len(stub.seen) == 3

    def test_days_are_in_order_and_records_have_their_day(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page({"n": 1}), page(), page({"n": 3})]
        rows = users(connect(stub.url), end="2026-11-04")
        assert rows == [{"_date": "2026-11-01", "n": 1}, {"_date": "2026-11-03", "n": 3}]
        assert [dict(seen.parameters)["date"] for seen in stub.seen] == ["2026-11-01", "2026-11-02", "2026-11-03"]

    @pytest.mark.parametrize("number", ["1E400", "9" * 400])
    def test_a_huge_number_is_parsed_or_a_typed_error(self, stub: Stub, connect: Connect, number: str) -> None:
        """NDJSON lands such a number unchanged. As a Python record, it must at least be a typed error."""
        stub.responses = [Scripted(body=b'{"data":[{"n":%s}],"next_page":null}' % number.encode())]
        try:
            (row,) = users(connect(stub.url))
        except AIAnalyticsError:
            return
        assert row["n"] > 1e300

    def test_broken_chains_are_errors(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page({"n": 1}, cursor="a")]
        with pytest.raises(MalformedResponseError):
            users(connect(stub.url))
        stub.responses = [page({"n": 1}, has_more=True)]
        with pytest.raises(MalformedResponseError, match="has_more"):
            users(connect(stub.url))

    def test_a_day_that_cannot_exist_sends_no_request(self, stub: Stub, connect: Connect) -> None:
        with pytest.raises(NotYetAvailableError, match="2026-11-22"):
            users(connect(stub.url), "2026-11-20", "2026-11-23")
        assert stub.seen == []

    def test_bad_arguments_send_no_request(self, stub: Stub, connect: Connect) -> None:
        hook = connect(stub.url)
        for arguments, options in (
            (("nope", "2026-11-01", "2026-11-02"), {}),
            (("users", "2026-11-02", "2026-11-01"), {}),
            (("users", "2025-11-01", "2026-11-01"), {}),
            (("users", "2026-11-01", "2026-11-02"), {"group_by": ["product"]}),
            (("users", datetime(2026, 11, 1), "2026-11-02"), {}),
        ):
            with pytest.raises(InvalidArgumentError):
                hook.records(*arguments, **options)  # type: ignore[arg-type]
        assert stub.seen == []

    @pytest.mark.parametrize("watermark", [None, "2026-11-01T23:00:00Z"])
    def test_a_report_that_does_not_cover_its_days_is_an_error(
        self, stub: Stub, connect: Connect, watermark: str | None
    ) -> None:
        bucket = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z", "results": []}
        stub.responses = [page(bucket, has_more=False, data_refreshed_at=watermark)]
        with pytest.raises(NotYetAvailableError, match="2026-11-01"):
            list(connect(stub.url).records("cost_report", "2026-11-01", "2026-11-02"))

    def test_perplexitys_has_more_false_is_no_proof_of_the_last_day(self, stub: Stub, connect: Connect) -> None:
        """Perplexity contract section 2.5: the data may end before the window does."""
        stub.responses = [page({"start_time": 1793491200, "end_time": 1793577600, "count": 3}, has_more=False)]
        with pytest.raises(MalformedResponseError, match="2026-11-02"):
            list(connect(stub.url, kind=PerplexityAnalyticsHook).records("skills", "2026-11-01", "2026-11-03"))

    def test_pages_are_the_bytes_as_sent(self, stub: Stub, connect: Connect) -> None:
        body = b'{"data": [ {"n": 1.0} ],\n "next_page": null, "data_refreshed_at": "2026-11-21T00:00:00Z"}'
        stub.responses = [Scripted(body=body)]
        (only,) = connect(stub.url).pages("users", date(2026, 11, 1), date(2026, 11, 2))
        assert only.body == body
        assert only.data_refreshed_at == "2026-11-21T00:00:00Z"
        assert only.number == 1


class TestProbes:
    def test_a_probe_is_one_small_request(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [page({"n": 1}, cursor="more")]
        hook = connect(stub.url)
        answer = hook.probe(build_query(hook.vendor.dataset("users")), date(2026, 11, 1))
        assert len(answer.items) == 1
        (seen,) = stub.seen
        assert seen.parameters == [("date", "2026-11-01"), ("limit", "1")]

    def test_a_probe_of_a_day_that_cannot_exist_is_an_error(self, stub: Stub, connect: Connect) -> None:
        hook = connect(stub.url)
        with pytest.raises(NotYetAvailableError):
            hook.probe(build_query(hook.vendor.dataset("users")), date(2026, 11, 22))
        assert stub.seen == []

    @pytest.mark.parametrize("kind", [ClaudeEnterpriseAnalyticsHook, PerplexityAnalyticsHook])
    def test_a_connection_that_works(
        self,
        stub: Stub,
        connect: Connect,
        kind: type[ClaudeEnterpriseAnalyticsHook | PerplexityAnalyticsHook],
    ) -> None:
        works, fields = connect(stub.url, kind=kind).test_connection()
        assert works, fields
        assert len(stub.seen) == 1

    def test_an_unavailable_day_shows_that_the_key_works(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [error(400, "invalid_request_error", "date must be at least 3 days ago")]
        assert connect(stub.url).test_connection()[0]

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (error(401, "authentication_error", "invalid"), "read:analytics"),
            (error(403, "permission_error", "Missing required scopes."), "Missing required scopes"),
            (error(404, "not_found_error", "gone"), "read:analytics"),
            (Scripted(302, b"", {"Location": "https://x.example"}), "redirect"),
        ],
    )
    def test_a_connection_that_does_not_work(self, stub: Stub, connect: Connect, answer: Scripted, words: str) -> None:
        stub.responses = [answer]
        works, fields = connect(stub.url).test_connection()
        assert not works
        assert words in fields
        assert KEY not in fields
        assert len(stub.seen) == 1

    def test_a_connection_that_cannot_be_used(self, connect: Connect) -> None:
        works, fields = connect("http://gateway.example").test_connection()
        assert not works
        assert "https" in fields
        works, fields = connect(password=None).test_connection()
        assert not works
        assert "password" in fields

    def test_the_test_of_a_form_does_not_wait_for_an_outage(
        self, stub: Stub, connect: Connect, clock: FakeClock
    ) -> None:
        """``test_connection`` sends one small request, because a person waits for it in a form."""
        stub.responses = [error(503, "overloaded_error")]
        assert not connect(stub.url).test_connection()[0]
        assert sum(clock.sleeps) < 10
        assert len(stub.seen) <= 2


class TestBudget:
    def test_requests_stay_within_the_extras_limit(self, stub: Stub, connect: Connect, clock: FakeClock) -> None:
        hook = connect(stub.url, extra=json.dumps({"requests_per_minute": 3}))
        users(hook, end="2026-11-08")
        assert len(stub.seen) == 7
        assert clock.sleeps == pytest.approx([60, 60], abs=1)
        assert hook.budget_left() == 2

    def test_a_wait_for_the_budget_is_logged_with_its_seconds(
        self, stub: Stub, connect: Connect, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.INFO)
        users(connect(stub.url, extra=json.dumps({"requests_per_minute": 3})), end="2026-11-05")
        text = caplog.text or capsys.readouterr().out
        assert text.count("waiting") == 1
        assert "waiting 61 s for the budget of 3 requests a minute" in text

    def test_hooks_of_one_connection_share_it(self, stub: Stub, connect: Connect, clock: FakeClock) -> None:
        one = connect(stub.url, extra=json.dumps({"requests_per_minute": 2}))
        other = type(one)(one.conn_id, clock=clock)
        users(one)
        users(other)
        assert other.budget_left() == 0
        users(one)
        assert clock.sleeps == pytest.approx([60], abs=1)

    def test_a_slot_beyond_the_longest_wait_is_not_taken(
        self, stub: Stub, connect: Connect, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process may take a place at any moment in between."""
        one = connect(stub.url, extra=json.dumps({"requests_per_minute": 1}))
        other = type(one)(one.conn_id, clock=clock)
        waits = [other.reserve(), other.reserve()]
        reserve = one.reserve

        def with_another_in_between(*arguments: float) -> float:
            wait = reserve(*arguments)
            waits.append(other.reserve())
            return wait

        monkeypatch.setattr(one, "reserve", with_another_in_between)
        with pytest.raises(BudgetSpentError, match="121 s"):
            users(one)
        waits.append(other.reserve())
        assert waits == pytest.approx([0.0, 60.6, 121.2, 181.8])
        assert stub.seen == []

    def test_a_429_without_a_wait_delays_no_other_request(self, stub: Stub, connect: Connect) -> None:
        stub.responses = [error(429, retry_after="0")]
        hook = connect(stub.url)
        with pytest.raises(RateLimitedError):
            asyncio.run(AsyncAnalyticsHook(hook).probe(build_query(hook.vendor.dataset("users")), date(2026, 11, 1)))
        assert hook.reserve() == 0.0

    def test_the_default_is_sixty_a_minute(self, stub: Stub, connect: Connect) -> None:
        hook = connect(stub.url)
        users(hook)
        assert hook.budget_left() == 59

    def test_a_closed_hook_opens_again(self, stub: Stub, connect: Connect) -> None:
        hook = connect(stub.url)
        users(hook)
        hook.close()
        users(hook)
        hook.close()
        assert len(stub.seen) == 2
