# SPDX-License-Identifier: Apache-2.0
"""What several test modules need: the truth as lines, and a clock that goes by the simulator's."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.simulator import Simulator

if TYPE_CHECKING:
    import pytest

DAY = timedelta(days=1)
report_lines: list[str] = []
"""Figures that pytest prints after the tests."""
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""The moment at which the tests happen, unless they choose another, whatever day it is."""
CLAUDE = "/v1/organizations/analytics"
SNAPSHOTS = {
    "users": "users",
    "chat_projects": "apps/chat/projects",
    "skills": "skills",
    "connectors": "connectors",
    "plugins": "plugins",
    "artifacts": "artifacts",
}
SERIES = [
    "credit_usage",
    "connectors",
    "artifacts",
    "skills",
    "spaces",
    "workflows",
    "task_durations",
    "query_volume",
    "daily_active_users",
]
BY_MEMBER = ["member_credit_usage", "member_query_volume"]
CLAUDE_DATASETS = [
    *SNAPSHOTS,
    "summaries",
    "user_usage_report",
    "user_cost_report",
    "usage_report",
    "cost_report",
    "usage",
    "cost",
]
PERPLEXITY_DATASETS = [*SERIES, *BY_MEMBER]


def without_own_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no file of certificates is set in the environment, which requests would name in place of True."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def growth(small: Callable[[], object], large: Callable[[], object], runs: int = 3) -> float:
    """How many times as much CPU the large work takes as the small: a slow or busy machine makes both dearer alike."""
    seconds: dict[Callable[[], object], list[float]] = {small: [], large: []}
    for _ in range(runs):
        for work, taken in seconds.items():
            started = time.thread_time()
            work()
            taken.append(time.thread_time() - started)
    return min(seconds[large]) / min(seconds[small])


def shown_day(today: str, real: datetime) -> datetime:
    """The moment that ``TODAY`` stands for: the time of day of a real moment on another day.

    :param today: ``YYYY-MM-DD``, or ``+45``: so many days ahead; empty for the real day.
    """
    if not today:
        return real
    if today.startswith("+"):
        return real + timedelta(days=int(today))
    return datetime.combine(date.fromisoformat(today), real.time(), tzinfo=UTC)


def clock_setting(shown: datetime, speed: float = 1.0) -> str:
    """The package's clock variable for a process that a test starts: it shows a moment now, and goes on from there."""
    import time_machine

    hatch = time_machine.escape_hatch
    real = hatch.time.time() if hatch.is_travelling() else time.time()
    return f"{shown.isoformat()}@{speed}@{real}"


class SimulatedClock(Clock):
    """The simulator's time; sleeping takes none of the tests' own."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.simulator.now

    def monotonic(self) -> float:
        return self.simulator.now.timestamp() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def follow(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> None:
    """Let everything in this process that would read the system's clock read the simulator's."""
    monkeypatch.setattr(Clock, "now", lambda self: simulator.now)


def days_of(start: date, end: date) -> list[date]:
    return [start + DAY * number for number in range((end - start).days)]


def truth(
    simulator: Simulator, vendor: str, dataset: str, start: date, end: date, **options: str | Sequence[str]
) -> dict[date, list[bytes]]:
    """The lines that must land for each day, made from the simulator's own records by the standard library alone."""
    lines: dict[date, list[bytes]] = {day: [] for day in days_of(start, end)}
    for window_start, window_end in _windows(vendor, dataset, start, end):
        for item in _items(simulator, vendor, dataset, window_start, window_end, options):
            for day, line in _lines(vendor, dataset, window_start, item):
                lines[day].append(line)
    return lines


def fewest_requests(
    simulator: Simulator, vendor: str, dataset: str, start: date, end: date, **options: str | Sequence[str]
) -> int:
    """Windows times pages at the largest page."""
    requests = 0
    for window_start, window_end in _windows(vendor, dataset, start, end):
        items = _items(simulator, vendor, dataset, window_start, window_end, options)
        if dataset in BY_MEMBER:
            counted, page = sum(len(json.loads(item)["results"]) for item in items), 100
        elif vendor == "perplexity" or dataset in ("usage_report", "cost_report"):
            counted, page = len(items), 31
        else:
            counted, page = len(items), 1000
        requests += max(1, -(-counted // page))
    return requests


def landed(root: Path, vendor: str, table: str, days: Iterable[date]) -> dict[date, list[bytes]]:
    return {
        day: gzip.decompress((root / f"{vendor}/{table}/date={day}/{table}.ndjson.gz").read_bytes()).splitlines()
        for day in days
    }


def _windows(vendor: str, dataset: str, start: date, end: date) -> list[tuple[date, date]]:
    length = 1 if vendor == "claude_enterprise" and dataset in SNAPSHOTS else 31 if vendor != "perplexity" else 90
    windows = []
    while start < end:
        windows.append((start, min(start + DAY * length, end)))
        start += DAY * length
    return windows


def _items(
    simulator: Simulator,
    vendor: str,
    dataset: str,
    start: date,
    end: date,
    options: dict[str, str | Sequence[str]],
) -> list[bytes]:
    if vendor == "perplexity":
        params = {"start_time": _epoch(start), "end_time": _epoch(end), **options}
        if dataset in BY_MEMBER:
            params |= {"dataset": dataset.removeprefix("member_"), "group_by": "user_email"}
            return simulator.truth("/v2/analytics/computer/usage", params)
        return simulator.truth("/v1/analytics/computer/usage", {**params, "dataset": dataset})
    if dataset in SNAPSHOTS:
        return simulator.truth(f"{CLAUDE}/{SNAPSHOTS[dataset]}", {"date": str(start), **options})
    if dataset == "summaries":
        return simulator.truth(f"{CLAUDE}/summaries", {"starting_date": str(start), "ending_date": str(end), **options})
    width = "time_bucket_width" if dataset in ("usage", "cost") else "bucket_width"
    params = {"starting_at": f"{start}T00:00:00Z", "ending_at": f"{end}T00:00:00Z", width: "1d", **options}
    if dataset in ("usage", "cost"):
        params |= {"order_by": "time", "order": "asc"}
    return simulator.truth(f"{CLAUDE}/{dataset}", params)


def _lines(vendor: str, dataset: str, window_start: date, item: bytes) -> list[tuple[date, bytes]]:
    parsed = json.loads(item)
    if vendor == "perplexity":
        day, bounds = datetime.fromtimestamp(parsed["start_time"], tz=UTC).date(), ("start_time", "end_time")
    elif dataset in SNAPSHOTS:
        return [(window_start, _stamped(window_start, item))]
    else:
        day, bounds = date.fromisoformat(parsed["starting_at"][:10]), ("starting_at", "ending_at")
    if "results" not in parsed:
        return [(day, _stamped(day, item))]
    with_prefix = "".join(f'"{name}":{json.dumps(parsed[name])},' for name in bounds).encode()
    return [(day, _stamped(day, row, with_prefix)) for row in _elements(item, "results")]


def _stamped(day: date, record: bytes, with_prefix: bytes = b"") -> bytes:
    return b'{"_date":"%s",' % str(day).encode() + with_prefix + record[1:]


def _elements(item: bytes, name: str) -> list[bytes]:
    """The raw elements of an array inside an item."""
    text = item.decode()
    at = text.index(f'"{name}":[') + len(f'"{name}":[')
    elements = []
    while text[at] != "]":
        _, end = json.JSONDecoder().raw_decode(text, at)
        elements.append(text[at:end].encode())
        at = end + (text[end] == ",")
    return elements


def _epoch(day: date) -> str:
    return str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()))
