# SPDX-License-Identifier: Apache-2.0
"""The "Test" button of a connection, and the two formats of a connection in the environment."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import date
from urllib.parse import quote

import pytest

from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.simulator import Simulator

CLAUDE, PERPLEXITY = ClaudeEnterpriseAnalyticsHook, PerplexityAnalyticsHook
BOTH = pytest.mark.parametrize("kind", [CLAUDE, PERPLEXITY])
Hook = type[ClaudeEnterpriseAnalyticsHook | PerplexityAnalyticsHook]
Connect = Callable[..., AnalyticsHook]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> Connect:
    """A hook of a connection to the simulator, as the environment spells it."""

    def made(kind: Hook, uri: str | None = None, **changes: object) -> AnalyticsHook:
        message = {"conn_type": kind.conn_type, "password": key_of(simulator, kind), "host": simulator.url, **changes}
        monkeypatch.setenv("AIRFLOW_CONN_TESTED", uri or json.dumps(message))
        return kind("tested")

    return made


def key_of(simulator: Simulator, kind: Hook) -> str:
    return simulator.claude_key if kind is CLAUDE else simulator.perplexity_key


def refused(hook: AnalyticsHook) -> str:
    works, message = hook.test_connection()
    assert not works
    return message


class TestTheButton:
    @BOTH
    def test_a_valid_key_is_accepted(self, hook: Connect, simulator: Simulator, kind: Hook) -> None:
        works, message = hook(kind).test_connection()
        assert works, message
        assert message == f"{kind.vendor.title} accepts the key"
        assert len(simulator.requests) == 1

    @BOTH
    def test_a_wrong_key_is_rejected(self, hook: Connect, kind: Hook) -> None:
        message = refused(hook(kind, password="sk-ant-api01-of-somebody-else"))
        assert "invalid" in message
        assert kind.vendor.key_help in message
        assert "somebody-else" not in message

    def test_a_key_without_the_scope_is_rejected(self, hook: Connect, simulator: Simulator) -> None:
        message = refused(hook(CLAUDE, password=simulator.claude_unscoped_key))
        assert "Missing required scopes" in message
        assert "the scope read:analytics is needed" in message

    def test_an_admin_key_is_rejected_for_other_endpoints(self, hook: Connect, simulator: Simulator) -> None:
        message = refused(hook(CLAUDE, password=simulator.claude_admin_key))
        assert "a Console Admin API key (sk-ant-admin…), which this endpoint refuses" in message
        assert "only usage, cost accept it" in message
        assert simulator.requests == []

    @BOTH
    def test_a_disabled_api_is_explained(self, hook: Connect, simulator: Simulator, kind: Hook) -> None:
        simulator.set_enabled(kind.vendor.name, False)
        message = refused(hook(kind))
        assert "not enabled for this organization" in message or "disabled for this organization" in message
        assert kind.vendor.key_help in message

    def test_only_an_admin_can_enable_perplexitys_api(self, hook: Connect, simulator: Simulator) -> None:
        simulator.set_enabled("perplexity", False)
        assert "An admin switches the API on for the organization" in refused(hook(PERPLEXITY))

    @BOTH
    def test_another_service_at_the_host_is_explained(self, hook: Connect, simulator: Simulator, kind: Hook) -> None:
        message = refused(hook(kind, host=f"{simulator.url}/elsewhere"))
        assert f"The connection's host is {simulator.url}/elsewhere; an empty host is {kind.vendor.base_url}" in message
        assert key_of(simulator, kind) not in message

    @BOTH
    def test_a_host_that_refuses_connections_is_explained(self, hook: Connect, kind: Hook) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
            message = refused(hook(kind, host=address))
        assert "Connection refused" in message
        assert f"The connection's host is {address}; an empty host is {kind.vendor.base_url}" in message

    def test_a_host_without_https_is_rejected(self, hook: Connect, simulator: Simulator) -> None:
        message = refused(hook(CLAUDE, host="http://gateway.example"))
        assert "use https" in message
        assert "leave the host empty for https://api.anthropic.com" in message
        assert simulator.requests == []

    def test_a_missing_key_is_explained(self, hook: Connect) -> None:
        message = refused(hook(PERPLEXITY, password=""))
        assert "has no password" in message
        assert PERPLEXITY.vendor.key_help in message


class TestSpellings:
    """Connections in ``AIRFLOW_CONN_…`` variables, tested by a request to the simulator."""

    @BOTH
    def test_json_with_host_and_port_apart(self, hook: Connect, simulator: Simulator, kind: Hook) -> None:
        extra = {"requests_per_minute": 30, "timeout": 5, "pseudonym_secret": "hush"}
        asking = hook(kind, host="127.0.0.1", schema="http", port=simulator.port, extra=extra)
        assert asking.test_connection()[0]
        assert_read(asking, simulator, kind)

    @BOTH
    def test_a_uri_with_host_port_and_extra(self, hook: Connect, simulator: Simulator, kind: Hook) -> None:
        uri = (
            f"{kind.conn_type.replace('_', '-')}://:{quote(key_of(simulator, kind), safe='')}"
            f"@127.0.0.1:{simulator.port}/http?requests_per_minute=30&timeout=5&pseudonym_secret=hush"
        )
        asking = hook(kind, uri)
        assert asking.test_connection()[0]
        assert_read(asking, simulator, kind)

    @BOTH
    def test_the_addresses_that_the_form_suggests(self, hook: Connect, simulator: Simulator, kind: Hook) -> None:
        assert hook(kind, host="http://127.0.0.1", port=simulator.port).test_connection()[0]
        assert hook(kind, host="", port=443).endpoint.base_url == kind.vendor.base_url

    def test_a_uri_whose_host_is_an_address(self, hook: Connect, simulator: Simulator) -> None:
        uri = (
            f"claude-enterprise-analytics://:{simulator.claude_key}@http%3A%2F%2F127.0.0.1:{simulator.port}"
            "/?requests_per_minute=30&timeout=5&pseudonym_secret=hush"
        )
        asking = hook(CLAUDE, uri)
        assert asking.test_connection()[0]
        assert_read(asking, simulator, CLAUDE)

    def test_a_key_of_any_letters_survives_a_uri(self, hook: Connect) -> None:
        key = "sk-ant-api01-/+=@:%?#&"
        asking = hook(CLAUDE, f"claude-enterprise-analytics://:{quote(key, safe='')}@")
        assert asking.endpoint.key == key
        assert asking.endpoint.base_url == "https://api.anthropic.com"

    def test_a_connection_without_a_host_uses_the_vendors_address(self, hook: Connect) -> None:
        assert hook(PERPLEXITY, host=None).endpoint.base_url == "https://api.perplexity.ai"

    def test_airflows_own_uri_is_read_back(self, hook: Connect, simulator: Simulator) -> None:
        """``Connection.get_uri()`` is what people copy into their environment."""
        from airflow.models.connection import Connection

        connection = Connection(
            conn_id="written",
            conn_type=CLAUDE.conn_type,
            password=simulator.claude_key,
            host=simulator.url,
            extra={"requests_per_minute": 30, "timeout": 5, "pseudonym_secret": "hush"},
        )
        asking = hook(CLAUDE, connection.get_uri())
        assert list(asking.records("users", date(2026, 11, 10), date(2026, 11, 11)))
        assert_read(asking, simulator, CLAUDE)


def assert_read(asking: AnalyticsHook, simulator: Simulator, kind: Hook) -> None:
    endpoint = asking.endpoint
    assert endpoint.base_url == simulator.url
    assert endpoint.key == key_of(simulator, kind)
    assert (endpoint.requests_per_minute, endpoint.read_timeout) == (30, 5)
    assert endpoint.pseudonym_secret == "hush"
    assert [request.status for request in simulator.requests] == [200]
