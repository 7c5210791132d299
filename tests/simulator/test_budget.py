# SPDX-License-Identifier: Apache-2.0
"""The budget: 60 in any window, for all keys and endpoints of one vendor together."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import ClaudeSettings, budget
from airflow_provider_aianalytics.simulator.budget import Budget

DAY = {"date": "2026-11-05"}
SPAN = {"starting_at": "2026-11-05T00:00:00Z"}


class Seconds:
    """What the budget takes for the time: it passes by command alone, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=seconds.monotonic))
    return seconds


def test_the_61st_request_of_a_minute_is_refused(fresh: Callable[..., Any]) -> None:
    client = fresh(requests_per_minute=60)
    assert {client.get("artifacts", DAY).status for _ in range(60)} == {200}
    refused = client.get("cost_report", SPAN, {"x-api-key": client.sim.claude_unscoped_key})
    assert (refused.status, refused.json()["error"]["type"]) == (429, "rate_limit_error")
    assert refused.headers["retry-after"] == "60"
    assert client.sim.stats()["statuses"]["claude_enterprise"] == {"200": 60, "429": 1}
    perplexity = client.call("GET", "/v1/analytics/computer/usage", {})
    assert perplexity.status == 401
    client.sim.reset_budget()
    assert client.get("users", DAY).status == 200


def test_obeying_retry_after_is_enough(fresh: Callable[..., Any], time: Seconds) -> None:
    client = fresh(requests_per_minute=5, claude=ClaudeSettings(retry_after="decimal"))
    for _ in range(3):
        answers = [client.get("artifacts", DAY) for _ in range(6)]
        assert [a.status for a in answers] == [200] * 5 + [429]
        time.sleep(float(answers[-1].headers["retry-after"]))
        assert client.get("artifacts", DAY).status == 200
        time.sleep(60)


def test_the_window_slides(time: Seconds) -> None:
    two = Budget(2, 60)
    assert two.admit() == 0
    time.sleep(20)
    assert two.admit() == 0
    assert two.admit() == 40
    time.sleep(40)
    assert two.admit() == 0
    assert two.admit() == 20


def test_forms_of_retry_after(fresh: Callable[..., Any]) -> None:
    for form, check in (
        ("seconds", lambda value, now: value == "30"),
        ("decimal", lambda value, now: float(value) == 30),
        ("http-date", lambda value, now: 29 <= (parsedate_to_datetime(value) - now).total_seconds() <= 32),
        ("none", lambda value, now: value is None),
    ):
        client = fresh(requests_per_minute=1, budget_window=30, claude=ClaudeSettings(retry_after=form))
        client.get("users", DAY)
        refused = client.get("users", DAY)
        assert refused.status == 429
        assert check(refused.headers.get("retry-after"), client.sim.now), form


def test_unlimited(fresh: Callable[..., Any]) -> None:
    client = fresh(requests_per_minute=None)
    assert {client.get("artifacts", DAY).status for _ in range(70)} == {200}


def test_perplexity_has_a_budget_of_its_own(fresh: Callable[..., Any]) -> None:
    client = fresh(requests_per_minute=2)
    headers = {"authorization": f"Bearer {client.sim.perplexity_key}"}
    target = "/v1/analytics/computer/usage?dataset=credit_usage&start_time=1793664000"
    answers = [client.call("GET", target, headers) for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["type"] == "request_rate_limit_exceeded"
    assert "retry-after" not in answers[-1].headers
    assert client.get("users", DAY).status == 200
