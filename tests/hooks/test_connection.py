# SPDX-License-Identifier: Apache-2.0
"""For any connection, the hook has an endpoint, or an error names the field and quotes no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_aianalytics.exceptions import AuthenticationError, InvalidArgumentError
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook

KEY = "sk-ant-api01-of-the-tests"
EXTRAS = ["requests_per_minute", "timeout", "pseudonym_secret", "proxies", "proxy", "verify", "cert", "trust_env"]
ODD = [None, True, False, 0, -1, 1, 10**7, 10**30, 1.5, "", "x", "9" * 40, "nan", "inf", "1e999", [], [1], {}, {"a": 1}]


def connect(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> ClaudeEnterpriseAnalyticsHook:
    connection = {"conn_type": "claude_enterprise_analytics", "password": KEY, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps(connection))
    return ClaudeEnterpriseAnalyticsHook("odd")


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_extra_is_accepted_or_named_in_the_error(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    hook = connect(monkeypatch, extra={name: value})
    try:
        assert hook.get_conn()
    except InvalidArgumentError as error:
        if f"extra {name}" not in str(error):
            raise


@pytest.mark.skipif(airflow_version.startswith(("3.0", "3.1")), reason="this Airflow does not find such a connection")
@pytest.mark.parametrize("extra", ["[]", "5", "null", '"x"', "{", '{"pseudonym_secret": "hush"'])
def test_an_extra_that_is_not_an_object_is_rejected_and_not_quoted(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    with pytest.raises(InvalidArgumentError, match="its extra is not a JSON object") as refused:
        connect(monkeypatch, extra=extra).get_conn()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["x y", "http://", "https://user:pw@h/", "ftp://h", "h:99999", "http://[::1", "https://h/path?x=1"]
)
def test_an_odd_host_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(InvalidArgumentError, match="host") as refused:
        connect(monkeypatch, host=host).get_conn()
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("key", ["", " ", "é", "sk ant", "\x00"])
def test_an_odd_key_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(AuthenticationError, match="password"):
        connect(monkeypatch, password=key).get_conn()
