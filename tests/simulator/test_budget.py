# SPDX-License-Identifier: Apache-2.0
"""The budget: 60 in any window, for all keys and endpoints of one vendor together."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_aianalytics.simulator import ClaudeSettings
from airflow_provider_aianalytics.simulator.budget import Budget

DAY = {"date": "2026-11-05"}
SPAN = {"starting_at": "2026-11-05T00:00:00Z"}


def test_the_61st_request_of_a_minute_is_refused(fresh: Callable[..., Any]) -> None:
    client = fresh(requests_per_minute=60)
    assert {client.get("artifacts", DAY).status for _ in range(60)} == {200}
    refused = client.get("cost_report", SPAN, {"x-api-key": client.sim.claude_unscoped_key})
    assert (refused.status, refused.json()["error"]["type"]) == (429, "rate_limit_error")
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert client.sim.stats()["statuses"]["claude_enterprise"] == {"200": 60, "429": 1}
    perplexity = client.call("GET", "/v1/analytics/computer/usage", {})
    assert perplexity.status == 401
    client.sim.reset_budget()
    assert client.get("users", DAY).status == 200


def test_obeying_retry_after_is_enough_in_scaled_time(fresh: Callable[..., Any]) -> None:
    client = fresh(requests_per_minute=5, budget_window=0.3, claude=ClaudeSettings(retry_after="decimal"))
    for _ in range(3):
        answers = [client.get("artifacts", DAY) for _ in range(6)]
        assert [a.status for a in answers] == [200] * 5 + [429]
        time.sleep(float(answers[-1].headers["retry-after"]))
        assert client.get("artifacts", DAY).status == 200
        time.sleep(0.31)


def test_the_window_slides(fresh: Callable[..., Any]) -> None:
    budget = Budget(2, 0.2)
    assert budget.admit() == 0
    time.sleep(0.1)
    assert budget.admit() == 0
    wait = budget.admit()
    assert 0.05 < wait <= 0.11
    time.sleep(wait)
    assert budget.admit() == 0
    assert 0.05 < budget.admit() <= 0.11


def test_forms_of_retry_after(fresh: Callable[..., Any]) -> None:
    for form, check in (
        ("seconds", lambda value, now: value == "30"),
        ("decimal", lambda value, now: 29 < float(value) <= 30),
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
