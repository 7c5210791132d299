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
    from tests.production.scenario import Story

Row = Sequence[object]
BIN_SECONDS = 10


class Report:
    """Sections with lines, tables and plots, for the terminal, as they come, and for a page."""

    def __init__(self) -> None:
        self.html: list[str] = []

    def section(self, title: str) -> None:
        print("", title, "-" * len(title), sep="\n", flush=True)
        self.html.append(f"<h2>{escape(title)}</h2>")

    def say(self, line: str) -> None:
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


def write(story: Story, before: Found, found: Found, folder: Path) -> bool:
    """Print the report and write the page.

    :param before: what was there before the last look.
    :return: whether everything is as it should be.
    """
    report = Report()
    failures = _verdict(story, before, found, report)
    _story(story, report)
    _requests(story, found, report)
    _slots(story, report)
    _statuses(story, report)
    _cost(story, report)
    _lag(found, report)
    _restated(found, report)
    _alerts(story, report)
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


def _verdict(story: Story, before: Found, found: Found, report: Report) -> list[str]:
    report.section("Verdict")
    tables = found.tables.values()
    days = sum(len(table.days) for table in tables)
    rows = sum(day.rows for table in tables for day in table.days.values())
    size = sum(day.bytes for table in tables for day in table.days.values())
    stored = sum(table.stored for table in tables)
    failures = []
    for name, what in (("missing", "missing"), ("doubled", "doubled or foreign"), ("differing", "differing")):
        wrong = [f"{table.name} {entry}" for table in tables for entry in getattr(table, name)]
        report.say(f"{what} days: {len(wrong)}{'' if not wrong else ', such as ' + '; '.join(wrong[:5])}")
        failures += wrong
    late = [f"{table.name} {entry}" for table in before.tables.values() for entry in table.missing]
    report.say(
        f"days that were missing before the last look: {len(late)}{'' if not late else ': ' + '; '.join(late[:5])}"
    )
    failures += late
    broken = [name for name, facts in found.examples.items() if facts["broken"]]
    report.say(f"tables of the examples whose files are not what their manifests say: {', '.join(broken) or 'none'}")
    failures += broken
    report.say(f"unfinished files left in the lake: {len(found.leftovers)}")
    failures += found.leftovers
    report.say(
        f"{days:,} days of {len(found.tables)} datasets, each there once, {rows:,} rows and {size / 1e9:.2f} GB "
        f"({stored / 1e9:.2f} GB as stored), each equal byte for byte to the vendors' truth"
        if not failures
        else f"{days:,} days were looked at"
    )
    report.say(
        f"{story.facts['members']:,} members, {story.days} days backfilled, {LIVE_DAYS} live days at {story.speed:.0f} "
        f"times the speed; it took {story.facts['took'] / 60:.0f} minutes"
    )
    report.say(f"what a person had to do: {'; '.join(story.by_hand) or 'nothing'}")
    return failures


def _story(story: Story, report: Report) -> None:
    report.section("What happened")
    waiting_since = story.told[0][0]
    report.table(
        ("minute", "simulated time", ""),
        [
            (f"{(real - waiting_since) / 60:.1f}", f"{shown:%a %b %d %H:%M}" if shown else "", text)
            for real, shown, text in story.told
        ],
    )
    revived = Counter(story.processes.revived)
    told = ", ".join(f"{name} {count} times" for name, count in revived.items()) or "none"
    report.say(f"processes of Airflow that ended by themselves and were started again by the supervisor: {told}")


def _log(story: Story) -> list[dict[str, Any]]:
    if "log" not in story.facts:
        told: list[dict[str, Any]] = story.vendor.tell("GET", "requests", within=600)
        (story.folder / "requests.json").write_text(json.dumps(told))
        # The log's clock is the kernel's monotonic one, which all processes of the machine share.
        import time as clock

        shift = clock.time() - clock.monotonic()
        for entry in told:
            entry["at"] = entry["real"] + shift
        story.facts["log"] = told
    log: list[dict[str, Any]] = story.facts["log"]
    return log


def _fewest(story: Story, found: Found, vendor: str, dataset: str) -> int:
    """Windows times pages at the largest page, for the backfill of a dataset."""
    days = found.tables[f"{vendor}/{dataset}"].days
    length = 1 if vendor == "claude_enterprise" and dataset in SNAPSHOTS else 31 if vendor != "perplexity" else 90
    page = 100 if dataset in BY_MEMBER else 1000
    total, start = 0, story.first
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


def _requests(story: Story, found: Found, report: Report) -> None:
    report.section("Requests against the minimum, and the use of the budget")
    rows: list[Row] = []
    for vendor, datasets in VENDORS.items():
        told = story.facts["requests of the backfill"].get(vendor, {})
        fewest = sum(_fewest(story, found, vendor, dataset) for dataset in datasets)
        answered = told.get("200", 0)
        refused = sum(count for status, count in told.items() if status == "429")
        other = sum(told.values()) - answered - refused
        waiting_since, ended = story.spans["backfill"]
        rows.append((vendor, fewest, answered, refused, other, f"{60 * answered / (ended - waiting_since):,.0f}"))
    report.say("The backfill:")
    report.table(("vendor", "fewest possible", "answered", "refused (429)", "other", "a minute on average"), rows)
    log = _log(story)
    whole = Counter((entry["vendor"], entry["status"]) for entry in log)
    report.say("The whole story, by status: " + ", ".join(f"{v} {s}: {c:,}" for (v, s), c in sorted(whole.items())))
    waiting_since = story.told[0][0]
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
        last = int((story.told[-1][0] - waiting_since) // BIN_SECONDS)
        series[name] = [(n * BIN_SECONDS, bins.get(n, 0) * 60 / BIN_SECONDS) for n in range(last + 1)]
    report.plot(lines(series, spans=_spans(story), ceiling=story.budget, unit="requests a minute"))
    report.say(
        f"The dashed line is the budget of each vendor, {story.budget:,} a minute, {story.budget // 60} times theirs."
    )


def _spans(story: Story) -> list[Span]:
    waiting_since = story.told[0][0]
    return [Span(name, start - waiting_since, end - waiting_since) for name, (start, end) in story.spans.items()]


def _slots(story: Story, report: Report) -> None:
    report.section("Slots held, and waiting")
    samples, waiting_since = story.watch.samples, story.told[0][0]
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
    report.plot(lines(series, spans=_spans(story), unit="task instances"))
    live = [sample for sample in samples if sample["at"] >= story.spans["live"][0]]
    step = 2.0
    deferred = sum(sample["deferred"] for sample in live) * step
    held = max(
        (sample.get("running in the pool", 0) + sample.get("queued in the pool", 0) for sample in samples), default=0
    )
    most = max((sample["deferred"] for sample in live), default=0)
    report.say(
        f"Tasks waited for {deferred * story.speed / 3600:,.0f} simulated task-hours in the triggerer, {most:.0f} at "
        f"once at most, and held no slot. No more than {held:.0f} slots of the pool were taken at any look."
    )
    report.say(f"Tasks waiting when the triggerer was lost: {story.facts.get('waiting when the triggerer was lost')}")


def _cost(story: Story, report: Report) -> None:
    report.section("Processor time")
    spent = story.processes.spent()
    (tasks,) = story.airflow.postgres.rows("select count(*), coalesce(sum(try_number), 0) from task_instance")
    workers = sum(seconds for name, seconds in spent.items() if name.startswith("worker"))
    rest = sum(spent.get(name, 0.0) for name in ("api-server", "scheduler"))
    report.table(("process", "seconds"), [(name, round(seconds)) for name, seconds in sorted(spent.items())])
    report.say(
        f"{tasks[0]:,} task instances in {tasks[1]:,} tries: {workers / max(1, tasks[1]):.1f} s of the workers and "
        f"{rest / max(1, tasks[1]):.1f} s of scheduler and API server a try, the reading of a year included"
    )


def _statuses(story: Story, report: Report) -> None:
    """What the summaries of the tasks say; of a task that was tried again, that of its last try."""
    found: dict[str, Counter[str]] = {}
    for dag_id, told in story.airflow.postgres.rows("select dag_id, value from xcom where key = 'return_value'"):
        if isinstance(told, dict) and "partitions" in told:
            name = dag_id if dag_id in ("backfill", *PRODUCTION) else "the examples"
            found.setdefault(name, Counter()).update(day["status"] for day in told["partitions"])
    statuses = ("created", "revised", "unchanged", "kept")
    report.section("What became of the days that were read")
    report.table(
        ("DAG", *statuses),
        [(name, *(counts[status] for status in statuses)) for name, counts in sorted(found.items())],
    )
    report.say("kept: landed by an earlier try of the same task, before its worker, the vendor or the store was lost")


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
                (facts.landed_at - _available(vendor, dataset, day)).total_seconds() / 3600
                for day, facts in found.tables[f"{vendor}/{dataset}"].days.items()
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


def _alerts(story: Story, report: Report) -> None:
    report.section("Alerts")
    path = story.folder / "alerts.jsonl"
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    counts = Counter((alert["dag_id"], alert["task_id"], alert["kind"] or "killed, or not told") for alert in told)
    report.say(f"{len(told)} tasks failed for good; each raised an alert")
    report.table(("DAG", "task", "error", "times"), [(*key, count) for key, count in sorted(counts.items())])
    ours = [alert for alert in told if alert["dag_id"] in PRODUCTION]
    if ours:
        report.say("what one of them says: " + ours[0]["said"])
    states = story.airflow.postgres.rows("select dag_id, state, count(*) from dag_run group by 1, 2 order by 1, 2")
    report.say("Runs by state:")
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
    report.say("The examples, each in a folder of its own:")
    report.table(
        ("example: table", "days", "rows", "restated"),
        [(name, facts["days"], facts["rows"], facts["revisions"]) for name, facts in sorted(found.examples.items())],
    )
