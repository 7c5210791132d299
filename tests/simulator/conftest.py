# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from airflow_provider_aianalytics.simulator import Simulator

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PREFIX = "/v1/organizations/analytics/"
NEW = {"anthropic-beta": "analytics-usage-cost-2026-08-24"}


@dataclass(frozen=True)
class Answer:
    """What a plain HTTP client saw."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])


Query = Mapping[str, str | Sequence[str]]


class Client:
    """A plain client of the standard library: no retries, no decompression, nothing hidden."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim

    def get(self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {"x-api-key": self.sim.claude_key, "anthropic-version": "2026-10-21", **(headers or {})}
        whole = path if path.startswith("/") else PREFIX + path
        return self.call("GET", f"{whole}?{urlencode(query or {}, doseq=True)}", {k: v for k, v in sent.items() if v})

    def call(self, method: str, target: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        place = urlsplit(self.sim.url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        try:
            connection.request(method, target, None if body is None else json.dumps(body), dict(headers))
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def control(self, method: str, name: str, body: Any = None) -> Any:
        answer = self.call(method, f"/_simulator/{name}", {}, body)
        assert answer.status == 200, answer.body
        return answer.json()

    def pages(self, path: str, query: Query, headers: Mapping[str, str] | None = None) -> list[Any]:
        """All pages of a query, in order."""
        found, cursor = [], None
        while True:
            answer = self.get(path, {**query, "page": cursor} if cursor else query, headers)
            assert answer.status == 200, answer.body
            found.append(answer.json())
            cursor = found[-1]["next_page"]
            assert found[-1].get("has_more", cursor is not None) == (cursor is not None)
            if cursor is None:
                return found

    def rows(self, path: str, query: Query) -> list[Any]:
        """Everything a query has, parsed."""
        return [json.loads(item) for item in self.sim.truth(path, query)]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """One simulator for tests that change nothing in it."""
    with Simulator(seed=7, members=120, now=NOW, requests_per_minute=None) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Client:
    return Client(sim)


@pytest.fixture
def fresh() -> Iterator[Callable[..., Client]]:
    """Make simulators of one's own; they stop with the test."""
    running: list[Simulator] = []

    def make(**changes: Any) -> Client:
        settings = {"seed": 7, "members": 60, "now": NOW, "requests_per_minute": None, **changes}
        running.append(Simulator(**settings).start())
        return Client(running[-1])

    yield make
    for simulator in running:
        simulator.stop()
