# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it prints tables)
"""Prints one report: what a row costs us, the floor and the peers, all from the same loopback server in one run.

``make benchmark`` runs it. Rounds go through all cases one after the other, so that what else the machine does falls on
all of them; there are as many rounds as fit into the time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imports import costs
from meter import RESULT

HERE = Path(__file__).parent
DAYS = (30, 365, 3650)


@dataclass(frozen=True)
class Case:
    """One line of a table.

    :param latency: milliseconds from a request to its answer.
    """

    contender: str
    pages: int
    latency: int = 0
    windows: int = 1
    workers: int = 1

    @property
    def name(self) -> str:
        return TITLES[self.contender]


@dataclass
class Runs:
    """What the rounds of a case gave."""

    all: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, what: str) -> float:
        """The median."""
        return statistics.median(run[what] for run in self.all)

    @property
    def row(self) -> float:
        """Microseconds a row."""
        return self("seconds") / self("rows") * 1e6

    @property
    def cpu_row(self) -> float:
        """Microseconds of CPU a row."""
        return self("cpu") / self("rows") * 1e6

    @property
    def spread(self) -> str:
        seconds = [run["seconds"] for run in self.all]
        return f"{min(seconds):.2f}-{max(seconds):.2f}"


TITLES = {
    "floor": "**floor**: `requests`, bytes only",
    "floor-gzip": "the same, and gzip (isal)",
    "http-operator": "`HttpOperator`, pages to a file",
    "dlt-jsonl": "`dlt` `rest_api`, jsonl",
    "dlt-parquet": "`dlt` `rest_api`, parquet",
    "official-client": "official client, iterated",
    "hook": "**our hook**, `records`",
    "ndjson": "**ours**, NDJSON",
    "ndjson-gzip": "**ours**, NDJSON gzip",
    "ndjson-zstd": "**ours**, NDJSON zstd",
    "parquet": "**ours**, Parquet zstd",
}
OURS = ("ndjson", "ndjson-gzip", "ndjson-zstd", "parquet")

TABLES = {
    "One window, answers at once": [
        *(Case(contender, 100) for contender in ("floor", "floor-gzip", *OURS, "hook")),
        Case("http-operator", 100),
        Case("dlt-jsonl", 20),
        Case("dlt-parquet", 20),
        Case("official-client", 10),
    ],
    "One window, ten and 1,000 pages": [
        *(
            Case(contender, pages)
            for contender in ("floor", "ndjson-gzip", "ndjson-zstd", "parquet")
            for pages in (10, 1000)
        ),
    ],
    "One window, answers after 50 ms": [
        *(Case(contender, 100, 50) for contender in ("floor", "floor-gzip", *OURS)),
        Case("http-operator", 40, 50),
        Case("dlt-jsonl", 10, 50),
    ],
    "31 windows of 4 pages, answers after 50 ms": [
        *(Case(contender, 4, 50, 31, 8) for contender in ("floor", *OURS)),
        *(Case(contender, 4, 50, 31, 1) for contender in ("floor", "ndjson-gzip")),
    ],
}


# --- measuring --------------------------------------------------------------------------------------------------------


@contextmanager
def server() -> Iterator[dict[str, int]]:
    process = subprocess.Popen(
        [sys.executable, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.stdin.close()
    process.wait()


def counted(port: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats") as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def measure(case: Case, port: int, environment: dict[str, str]) -> dict[str, Any]:
    numbers = (port, case.pages, case.latency, case.windows, case.workers)
    with tempfile.TemporaryDirectory() as folder:
        before = counted(port)
        done = subprocess.run(
            [sys.executable, HERE / "cases.py", case.contender, *map(str, numbers), f"{folder}/work"],
            env=environment,
            capture_output=True,
            text=True,
        )
        after = counted(port)
    counts = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode or not counts:
        raise RuntimeError(f"{case} failed:\n{done.stderr[-2000:]}")
    ours_own = 1  # asking for the count is itself a request, on a connection of its own
    return json.loads(counts[-1].removeprefix(RESULT)) | {name: after[name] - before[name] - ours_own for name in after}


def rounds(cases: list[Case], port: int, environment: dict[str, str], until: float, most: int) -> dict[Case, Runs]:
    """Measure all cases in rounds. A round that would probably not end in time is not started."""
    results = {case: Runs() for case in cases}
    longest = 0.0
    for number in range(most):
        started = time.monotonic()
        if started + longest > until:
            break
        for case in cases:
            if number and time.monotonic() > until:
                return results
            results[case].all.append(measure(case, port, environment))
        longest = max(longest, time.monotonic() - started)
        print(f"round {number + 1}: {longest:.0f} s, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return results


def grown(environment: dict[str, str]) -> list[dict[str, float]]:
    done = subprocess.run(
        [sys.executable, HERE / "growth.py", *map(str, DAYS)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


# --- telling ----------------------------------------------------------------------------------------------------------


def table(head: str, rows: Iterable[Iterable[object]]) -> str:
    names = head.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def case_rows(cases: list[Case], results: dict[Case, Runs]) -> Iterator[list[object]]:
    for case in cases:
        runs = results[case]
        floor = results[Case("floor", 100 if case.windows == 1 and case.pages < 1000 else case.pages, *_how(case))]
        yield [
            case.name,
            case.pages,
            *([case.workers] if case.windows > 1 else []),
            f"{runs('seconds'):.2f}",
            runs.spread,
            f"{runs.row:.1f}",
            f"{runs.row / floor.row:.2f}",
            f"{runs.cpu_row:.1f}",
            f"{runs.cpu_row / floor.cpu_row:.2f}",
            f"{runs('peak'):.0f}",
            f"{runs('requests'):.0f}",
            f"{runs('connections'):.0f}",
            len(runs.all),
        ]


def _how(case: Case) -> tuple[int, int, int]:
    return case.latency, case.windows, case.workers


@dataclass(frozen=True)
class Target:
    """A number to reach; it holds when what was measured is at most the goal."""

    what: str
    goal: float
    measured: Callable[[dict[Case, Runs]], float]
    unit: str = "x"

    def row(self, results: dict[Case, Runs]) -> list[object]:
        measured = self.measured(results)
        return [
            self.what,
            f"<= {self.goal:g} {self.unit}",
            f"{measured:.3g} {self.unit}",
            "yes" if measured <= self.goal else "**no**",
        ]


def _ratio(ours: Case, other: Case) -> Callable[[dict[Case, Runs]], float]:
    return lambda results: results[ours].row / results[other].row


def _growth(contender: str) -> Callable[[dict[Case, Runs]], float]:
    return lambda results: results[Case(contender, 1000)]("peak") - results[Case(contender, 10)]("peak")


COUNTS = "requests | connections"
IDEAL = 4 * 4 * 0.050  # rounds of eight windows, pages, seconds
TARGETS = (
    Target("NDJSON, time a row against the floor", 2, _ratio(Case("ndjson", 100), Case("floor", 100))),
    Target("NDJSON zstd", 3.5, _ratio(Case("ndjson-zstd", 100), Case("floor", 100))),
    Target("NDJSON at 50 ms a page", 1.1, _ratio(Case("ndjson", 100, 50), Case("floor", 100, 50))),
    Target("NDJSON gzip at 50 ms a page", 1.1, _ratio(Case("ndjson-gzip", 100, 50), Case("floor", 100, 50))),
    Target("NDJSON zstd at 50 ms a page", 1.15, _ratio(Case("ndjson-zstd", 100, 50), Case("floor", 100, 50))),
    Target("NDJSON gzip against `dlt` jsonl", 1 / 20, _ratio(Case("ndjson-gzip", 100), Case("dlt-jsonl", 20))),
    Target("NDJSON gzip against `HttpOperator`", 1 / 5, _ratio(Case("ndjson-gzip", 100), Case("http-operator", 100))),
    Target(
        "NDJSON gzip against the official client", 1 / 50, _ratio(Case("ndjson-gzip", 100), Case("official-client", 10))
    ),
    Target("Parquet, CPU a row", 10, lambda results: results[Case("parquet", 1000)].cpu_row, "us"),
    Target(
        "31 windows, 8 workers, against the ideal",
        1.4,
        lambda results: results[Case("ndjson-gzip", 4, 50, 31, 8)]("seconds") / IDEAL,
    ),
    Target("NDJSON gzip, 1,000 pages over 10", 10, _growth("ndjson-gzip"), "MB"),
    Target("NDJSON zstd, 1,000 pages over 10", 10, _growth("ndjson-zstd"), "MB"),
    Target("Parquet, 1,000 pages over 10", 10, _growth("parquet"), "MB"),
)


STORE_TITLES = {"s3": "S3 (SeaweedFS)", "gs": "GCS (emulator)", "abfs": "Azure (Azurite)", "file": "a folder"}
MINIMUM = {"created": 2, "unchanged": 1, "revised": 4}
"""Requests a day that no order of calls can do without; a revised day is read, saved and written twice."""


def at_stores(environment: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, HERE / "stores.py"], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def store_rows(measured: list[dict[str, Any]]) -> Iterator[list[object]]:
    """A line for each step at a store: what it costs at once, after 30 ms, and beside the least."""
    for one in measured:
        if one["delay"]:
            continue
        same = [other for other in measured if (other["store"], other["step"]) == (one["store"], one["step"])]
        slow = next((other for other in same if other["delay"]), None)
        total = sum(one["requests"].values())
        least = MINIMUM.get(one["step"].split()[-1])
        verbs = ", ".join(f"{number:,} {verb}" for verb, number in sorted(one["requests"].items()))
        yield [
            STORE_TITLES[one["store"]],
            one["step"],
            verbs or "-",
            f"{total / one['days']:.2f}" if total else "-",
            f"{total / one['days'] / least:.2f}" if total and least else "-",
            f"{one['seconds']:.2f}",
            f"{slow['seconds']:.2f}" if slow else "-",
            f"{one['cpu']:.2f}",
        ]


STORE_HEAD = "store | what | requests | a day | x minimum | s | s at 30 ms | CPU s"


def report(results: dict[Case, Runs], row_bytes: int, environment: dict[str, str]) -> None:
    print(
        f"# Benchmark of {time.strftime('%Y-%m-%d')}\n\n"
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, load average "
        f"{os.getloadavg()[0]:.1f}. A page is 1,000 rows of {row_bytes:,} bytes. Medians; `x` is the ratio a row to "
        "the floor with the same latency and workers. Seconds and CPU are the work's own, without imports; peak is the "
        "process's, which has Airflow in it where Airflow is used.\n"
    )
    for title, cases in TABLES.items():
        workers = "workers | " if cases[0].windows > 1 else ""
        head = f"what | pages | {workers}s | min-max | us/row | x | CPU us/row | x CPU | peak MB | {COUNTS} | n"
        print(f"## {title}\n\n{table(head, case_rows(cases, results))}")
    spread = [run["seconds"] for run in results[Case("floor", 100)].all]
    print(
        f"The floor itself went from {min(spread):.2f} to {max(spread):.2f} s in {len(spread)} rounds: that is noise.\n"
    )
    print(f"## Targets\n\n{table('what | goal | measured | holds', (target.row(results) for target in TARGETS))}")
    print(f"## At a store\n\n{table(STORE_HEAD, store_rows(at_stores(environment)))}")
    print("## Import and parse\n")
    imported = costs(3, environment)
    rows = (
        [cost.step, f"{cost.seconds * 1e3:.0f}", f"{cost.cpu * 1e3:.0f}", cost.modules, ", ".join(cost.heavy)]
        for cost in imported
    )
    print(table("what | ms | CPU ms | new modules | heavy ones among them", rows))
    print("## Growth\n")
    growth = grown(environment)
    steps = [step for step in growth[0] if step != "days"]
    rows = (
        [
            step,
            *(f"{one[step] * 1e3:.1f}" for one in growth),
            *(f"{one[step] / one['days'] * 1e6:.0f}" for one in growth),
        ]
        for step in steps
    )
    days = [f"{one['days']:,.0f} days" for one in growth]
    print(table(" | ".join(["CPU ms", *days, *(f"us a day: {name}" for name in days)]), rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=420, help="for the rounds; imports and growth take a minute more"
    )
    parser.add_argument("--rounds", type=int, default=5, help="at most")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, server() as listening:
        environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        all_cases = [case for cases in TABLES.values() for case in cases]
        until = time.monotonic() + arguments.seconds
        results = rounds(all_cases, listening["port"], environment, until, arguments.rounds)
        report(results, listening["row_bytes"], environment)
