# SPDX-License-Identifier: Apache-2.0
"""The request log. It never contains a key."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request and its result.

    :param at: simulated time of arrival.
    :param real: real monotonic time of arrival, in seconds.
    :param vendor: the vendor's name, empty when no vendor serves the path.
    :param query: the decoded query, in order.
    :param status: the response's status; 0 when the connection was reset before a response.
    :param headers: the request headers that :class:`Log` selects.
    :param connection: number of the TCP connection, from 1.
    :param peer_port: the client's port.
    :param fault: the kind of the fault that hit the request, or empty.
    :param sent: the size of the response's body on the wire, in bytes.
    """

    at: datetime
    real: float
    vendor: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    headers: dict[str, str]
    connection: int
    peer_port: int
    fault: str
    sent: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "at": self.at.isoformat(), "query": [list(pair) for pair in self.query]}


class Log:
    """The newest requests, and counts of all requests.

    :param limit: how many requests to store.
    :param headers: the request headers to store, never one that carries a key.
    """

    def __init__(self, limit: int, headers: Sequence[str]) -> None:
        self.headers = tuple(headers)
        self.requests: deque[LoggedRequest] = deque(maxlen=limit)
        self.statuses: dict[str, Counter[int]] = {}
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0

    def add(self, entry: LoggedRequest) -> None:
        """Add a request."""
        self.requests.append(entry)
        self.statuses.setdefault(entry.vendor or "none", Counter())[entry.status] += 1

    def clear(self) -> None:
        """Remove all requests and counts. The numbers of connections go on."""
        self.requests.clear()
        self.statuses.clear()
        self.most_in_flight = self.in_flight

    def stats(self) -> dict[str, Any]:
        """Counts by vendor and status, the number of connections, and the largest number of concurrent requests."""
        by_status = {v: {str(s): n for s, n in sorted(c.items())} for v, c in list(self.statuses.items())}
        return {
            "requests": sum(sum(counts.values()) for counts in by_status.values()),
            "statuses": by_status,
            "connections": self.connections,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
        }


def dumps(value: Any) -> bytes:
    """JSON for the control endpoints."""
    return json.dumps(value, ensure_ascii=False).encode()
