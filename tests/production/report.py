# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it talks to a person)
"""What the proof found: printed, and written as one HTML page with its plots inside."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.production.audit import Found
from tests.production.plots import Span, dots, heat, lines
from tests.production.scenario import FIRST_LIVE, LIVE_DAYS, PRODUCTION
from tests.production.truth import VENDORS
from tests.production.vendor import LAG_DAYS
from tests.support import BY_MEMBER, SERIES, SNAPSHOTS

if TYPE_CHECKING:
    from tests.production.scenario import Scenario

Row = Sequence[object]
BIN_SECONDS = 10


class Report:
    """Sections with lines, tables and plots, for the terminal, as they come, and for a page."""

    def __init__(self) -> None:
        self.html: list[str] = []

    def section(self, title: str) -> None:
        print("", title, "-" * len(title), sep="\n", flush=True)
        self.html.append(f"<h2>{escape(title)}</h2>")

    def write(self, line: str) -> None:
        print(line, flush=True)
        self.html.append(f"<p>{escape(line)}</p>")

    def table(self, head: Row, rows: Sequence[Row]) -> None:
        cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in [head, *rows]]
        widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
        for row in cells:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells[1:])
        header = "".join(f"<th>{escape(cell)}</th>" for cell in cells[0])
        self.html.append(f"<table><tr>{header}</tr>{body}</table>")

    def plot(self, svg: str) -> None:
        self.html.append(svg)


def write(scenario: Scenario, before: Found, found: Found, folder: Path) -> bool:
    """Print the report and write the page.

    :param before: what was there before the last look.
    :return: whether everything is as it should be.
    """
    report = Report()
    failures = _verdict(scenario, before, found, report)
    _scenario(scenario, report)
    _requests(scenario, found, report)
    _slots(scenario, report)
    _statuses(scenario, report)
    _cost(scenario, report)
    _lag(found, report)
    _restated(found, report)
    _alerts(scenario, report)
    _days(found, report)
    page = folder / "report.html"
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:1060px;margin:2em auto;padding:0 1em;color:#0f172a}"
        "table{border-collapse:collapse;font-size:13px}"
        "td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #e2e8f0}"
    )
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Production proof</title><style>{style}</style>'
        f"<h1>Production proof: {'failed' if failures else 'passed'}</h1>{''.join(report.html)}</html>"
    )
    print(f"\n{'FAILED' if failures else 'PASSED'}; {page}", flush=True)
    return not failures


def _verdict(scenario: Scenario, before: Found, found: Found, report: Report) -> list[str]:
    report.section("Verdict")
    tables = found.tables.values()
    days = sum(len(table.days) for table in tables)
    rows = sum(day.rows for table in tables for day in table.days.values())
    size = sum(day.bytes for table in tables for day in table.days.values())
    stored = sum(table.stored for table in tables)
    failures = []
    for name, what in (("missing", "missing"), ("doubled", "doubled or foreign"), ("differing", "differing")):
        wrong = [f"{table.name} {entry}" for table in tables for entry in getattr(table, name)]
        report.write(f"{what} days: {len(wrong)}{'' if not wrong else ', such as ' + '; '.join(wrong[:5])}")
        failures += wrong
    late = [f"{table.name} {entry}" for table in before.tables.values() for entry in table.missing]
    report.write(
        f"days that were missing before the last look: {len(late)}{'' if not late else ': ' + '; '.join(late[:5])}"
    )
    failures += late
    broken = [name for name, example in found.examples.items() if example["broken"]]
    report.write(f"tables of the examples whose files are not what their manifests say: {', '.join(broken) or 'none'}")
    failures += broken
    report.write(f"unfinished files left in the lake: {len(found.leftovers)}")
    failures += found.leftovers
    report.write(
        f"{days:,} days of {len(found.tables)} datasets, each there once, {rows:,} rows and {size / 1e9:.2f} GB "
        f"({stored / 1e9:.2f} GB as stored), each equal byte for byte to the vendors' truth"
        if not failures
        else f"{days:,} days were looked at"
    )
    report.write(
        f"{scenario.measurements['members']:,} members, {scenario.days} days backfilled, {LIVE_DAYS} live days at "
        f"{scenario.speed:.0f} times the speed; it took {scenario.measurements['took'] / 60:.0f} minutes"
    )
    report.write(f"what a person had to do: {'; '.join(scenario.by_hand) or 'nothing'}")
    return failures


def _scenario(scenario: Scenario, report: Report) -> None:
    report.section("What happened")
    waiting_since = scenario.events[0][0]
    report.table(
        ("minute", "simulated time", ""),
        [
            (f"{(real - waiting_since) / 60:.1f}", f"{shown:%a %b %d %H:%M}" if shown else "", text)
            for real, shown, text in scenario.events
        ],
    )
    revived = Counter(scenario.processes.revived)
    restarts = ", ".join(f"{name} {count} times" for name, count in revived.items()) or "none"
    report.write(f"processes of Airflow that ended by themselves and were restarted by the supervisor: {restarts}")


def _log(scenario: Scenario) -> list[dict[str, Any]]:
    if "log" not in scenario.measurements:
        requests: list[dict[str, Any]] = scenario.vendor.control("GET", "requests", within=600)
        (scenario.folder / "requests.json").write_text(json.dumps(requests))
        # The log's clock is the kernel's monotonic one, which all processes of the machine share.
        import time as clock

        shift = clock.time() - clock.monotonic()
        for entry in requests:
            entry["at"] = entry["real"] + shift
        scenario.measurements["log"] = requests
    log: list[dict[str, Any]] = scenario.measurements["log"]
    return log


def _fewest(scenario: Scenario, found: Found, vendor: str, dataset: str) -> int:
    """Windows times pages at the largest page, for the backfill of a dataset."""
    days = found.tables[f"{vendor}/{dataset}"].days
    length = 1 if vendor == "claude_enterprise" and dataset in SNAPSHOTS else 31 if vendor != "perplexity" else 90
    page = 100 if dataset in BY_MEMBER else 1000
    total, start = 0, scenario.first
    while start < FIRST_LIVE:
        end = min(start + timedelta(days=length), FIRST_LIVE)
        window = [start + timedelta(days=n) for n in range((end - start).days)]
        if (vendor == "perplexity" and dataset in SERIES) or dataset in ("usage_report", "cost_report"):
            counted, size = len(window), 31
        else:
            counted, size = sum(days[day].rows for day in window), page
        total += max(1, -(-counted // size))
        start = end
    return total


def _requests(scenario: Scenario, found: Found, report: Report) -> None:
    report.section("Requests against the minimum, and the use of the budget")
    rows: list[Row] = []
    for vendor, datasets in VENDORS.items():
        statuses = scenario.measurements["requests of the backfill"].get(vendor, {})
        fewest = sum(_fewest(scenario, found, vendor, dataset) for dataset in datasets)
        answered = statuses.get("200", 0)
        refused = sum(count for status, count in statuses.items() if status == "429")
        other = sum(statuses.values()) - answered - refused
        waiting_since, ended = scenario.spans["backfill"]
        rows.append((vendor, fewest, answered, refused, other, f"{60 * answered / (ended - waiting_since):,.0f}"))
    report.write("The backfill:")
    report.table(("vendor", "fewest possible", "answered", "refused (429)", "other", "a minute on average"), rows)
    log = _log(scenario)
    whole = Counter((entry["vendor"], entry["status"]) for entry in log)
    report.write(
        "The whole scenario, by status: " + ", ".join(f"{v} {s}: {c:,}" for (v, s), c in sorted(whole.items()))
    )
    waiting_since = scenario.events[0][0]
    series: dict[str, list[tuple[float, float]]] = {}
    for name, vendor, statuses in (
        ("Claude answered", "claude_enterprise", (200,)),
        ("Perplexity answered", "perplexity", (200,)),
        ("refused (429)", "", (429,)),
        ("failed (5xx, 401)", "", (401, 500, 503)),
    ):
        bins = Counter(
            int((entry["at"] - waiting_since) // BIN_SECONDS)
            for entry in log
            if entry["status"] in statuses and vendor in ("", entry["vendor"])
        )
        last = int((scenario.events[-1][0] - waiting_since) // BIN_SECONDS)
        series[name] = [(n * BIN_SECONDS, bins.get(n, 0) * 60 / BIN_SECONDS) for n in range(last + 1)]
    report.plot(lines(series, spans=_spans(scenario), ceiling=scenario.budget, unit="requests a minute"))
    report.write(
        f"The dashed line is the budget of each vendor, {scenario.budget:,} a minute, "
        f"{scenario.budget // 60} times theirs."
    )


def _spans(scenario: Scenario) -> list[Span]:
    waiting_since = scenario.events[0][0]
    return [Span(name, start - waiting_since, end - waiting_since) for name, (start, end) in scenario.spans.items()]


def _slots(scenario: Scenario, report: Report) -> None:
    report.section("Slots held, and waiting")
    samples, waiting_since = scenario.watch.samples, scenario.events[0][0]
    series = {
        name: [(sample["at"] - waiting_since, sample.get(key, 0)) for sample in samples]
        for name, key in (
            ("running", "running"),
            ("of them in the pool", "running in the pool"),
            ("deferred: no slot", "deferred"),
            ("waiting for a retry", "up_for_retry"),
            ("queued", "queued"),
        )
    }
    report.plot(lines(series, spans=_spans(scenario), unit="task instances"))
    live = [sample for sample in samples if sample["at"] >= scenario.spans["live"][0]]
    step = 2.0
    deferred = sum(sample["deferred"] for sample in live) * step
    used = max(
        (sample.get("running in the pool", 0) + sample.get("queued in the pool", 0) for sample in samples), default=0
    )
    most = max((sample["deferred"] for sample in live), default=0)
    report.write(
        f"Tasks waited for {deferred * scenario.speed / 3600:,.0f} simulated task-hours in the triggerer, "
        f"{most:.0f} at "
        f"once at most, and held no slot. No more than {used:.0f} slots of the pool were taken at any look."
    )
    report.write(
        f"Tasks waiting when the triggerer was lost: {scenario.measurements.get('waiting when the triggerer was lost')}"
    )


def _cost(scenario: Scenario, report: Report) -> None:
    report.section("Processor time")
    spent = scenario.processes.spent()
    (tasks,) = scenario.airflow.postgres.rows("select count(*), coalesce(sum(try_number), 0) from task_instance")
    workers = sum(seconds for name, seconds in spent.items() if name.startswith("worker"))
    rest = sum(spent.get(name, 0.0) for name in ("api-server", "scheduler"))
    report.table(("process", "seconds"), [(name, round(seconds)) for name, seconds in sorted(spent.items())])
    report.write(
        f"{tasks[0]:,} task instances in {tasks[1]:,} tries: {workers / max(1, tasks[1]):.1f} s of the workers and "
        f"{rest / max(1, tasks[1]):.1f} s of scheduler and API server a try, the reading of a year included"
    )


def _statuses(scenario: Scenario, report: Report) -> None:
    """What the summaries of the tasks say; of a task that was tried again, that of its last try."""
    found: dict[str, Counter[str]] = {}
    for dag_id, summary in scenario.airflow.postgres.rows("select dag_id, value from xcom where key = 'return_value'"):
        if isinstance(summary, dict) and "partitions" in summary:
            name = dag_id if dag_id in ("backfill", *PRODUCTION) else "the examples"
            found.setdefault(name, Counter()).update(day["status"] for day in summary["partitions"])
    statuses = ("created", "revised", "unchanged", "kept")
    report.section("What became of the days that were read")
    report.table(
        ("DAG", *statuses),
        [(name, *(counts[status] for status in statuses)) for name, counts in sorted(found.items())],
    )
    report.write("kept: landed by an earlier try of the same task, before its worker, the vendor or the store was lost")


def _available(vendor: str, dataset: str, day: date) -> datetime:
    """When the simulated vendor could first answer for a day."""
    midnight = datetime.combine(day + timedelta(days=1), time(0), tzinfo=UTC)
    if vendor == "perplexity":
        return midnight
    if dataset in SNAPSHOTS or dataset == "summaries":
        return midnight + timedelta(days=LAG_DAYS - 1, hours=10)
    return midnight + timedelta(hours=3)


def _lag(found: Found, report: Report) -> None:
    report.section("From available to landed, the live days")
    rows, table = {}, []
    for vendor, datasets in VENDORS.items():
        for dataset in datasets:
            name = f"{vendor.split('_')[0]}/{dataset}"
            lags = [
                (landed.landed_at - _available(vendor, dataset, day)).total_seconds() / 3600
                for day, landed in found.tables[f"{vendor}/{dataset}"].days.items()
                if day >= FIRST_LIVE
            ]
            rows[name] = lags
            if lags:
                table.append((name, f"{statistics.median(lags):.1f} h", f"{max(lags):.1f} h"))
    report.plot(dots(rows, unit="h"))
    report.table(("dataset", "median", "longest"), table)


def _restated(found: Found, report: Report) -> None:
    report.section("Restated days")
    days = sorted({day for table in found.tables.values() for day in table.days})[-45:]
    rows = {
        name.replace("_enterprise", ""): {str(day): table.days[day].revisions for day in days if day in table.days}
        for name, table in found.tables.items()
    }
    report.plot(heat(rows, [str(day) for day in days]))
    report.table(
        ("dataset", "days restated", "contents replaced and kept"),
        [
            (name, sum(count > 0 for count in row.values()), sum(row.values()))
            for name, row in rows.items()
            if any(row.values())
        ],
    )


def _alerts(scenario: Scenario, report: Report) -> None:
    report.section("Alerts")
    path = scenario.folder / "alerts.jsonl"
    alerts = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    counts = Counter((alert["dag_id"], alert["task_id"], alert["kind"] or "killed, or unknown") for alert in alerts)
    report.write(f"{len(alerts)} tasks failed for good; each raised an alert")
    report.table(("DAG", "task", "error", "times"), [(*key, count) for key, count in sorted(counts.items())])
    ours = [alert for alert in alerts if alert["dag_id"] in PRODUCTION]
    if ours:
        report.write("what one of them says: " + ours[0]["message"])
    states = scenario.airflow.postgres.rows("select dag_id, state, count(*) from dag_run group by 1, 2 order by 1, 2")
    report.write("Runs by state:")
    report.table(("DAG", "state", "runs"), states)


def _days(found: Found, report: Report) -> None:
    report.section("What is in the lake")
    report.table(
        ("dataset", "days", "rows", "MB", "MB as stored", "final"),
        [
            (
                name,
                len(table.days),
                sum(day.rows for day in table.days.values()),
                f"{sum(day.bytes for day in table.days.values()) / 1e6:,.1f}",
                f"{table.stored / 1e6:,.1f}",
                sum(day.is_final for day in table.days.values()),
            )
            for name, table in found.tables.items()
        ],
    )
    report.write("The examples, each in a folder of its own:")
    report.table(
        ("example: table", "days", "rows", "restated"),
        [
            (name, example["days"], example["rows"], example["revisions"])
            for name, example in sorted(found.examples.items())
        ],
    )
