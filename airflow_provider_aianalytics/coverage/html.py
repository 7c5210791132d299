# SPDX-License-Identifier: Apache-2.0
"""Coverage as a page: one HTML file that loads nothing, for a browser and for Airflow's UI."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from airflow_provider_aianalytics.coverage import drawing, formatting
from airflow_provider_aianalytics.coverage.figures import (
    Series,
    Week,
    series_of,
)
from airflow_provider_aianalytics.coverage.repair import repairs_of
from airflow_provider_aianalytics.coverage.restatements import Change, Restatements, restatements_of
from airflow_provider_aianalytics.coverage.states import State, Table, count, duration, plural
from airflow_provider_aianalytics.coverage.text import punctuality
from airflow_provider_aianalytics.vendors.registry import VENDORS

FOLDER = Path(__file__).parent / "page"
MOST_REPAIRS = 50
NEWEST_RESTATEMENTS = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """A link to another view of the page.

    :param label: its text.
    :param href: where it leads, relative to the page.
    """

    label: str
    href: str
    is_current: bool


def as_html(path: str, tables: Sequence[Table], *, now: datetime, choices: Sequence[Sequence[Choice]] = ()) -> str:
    """The page.

    :param path: the lake, for people.
    :param now: the moment of the survey, UTC.
    :param choices: groups of links to other views of the page.
    """
    repairs = repairs_of(tables)
    counted = count(tables)
    return _template("report.html.jinja").render(
        **_frame(),
        path=path,
        now=now.astimezone(UTC),
        choices=choices,
        verdict=_verdict(tables),
        is_good=not repairs,
        repairs=repairs[:MOST_REPAIRS],
        more_repairs=len(repairs) - MOST_REPAIRS,
        legend=[(state, counted[state], drawing.silhouette(state)) for state in State],
        strips=_strips(tables, now),
        series=[_card(series) for series in series_of(tables)],
        restated=[_restated(one) for one in restatements_of(tables, newest=NEWEST_RESTATEMENTS)],
    )


def message_as_html(title: str, text: str, *, choices: Sequence[Sequence[Choice]] = ()) -> str:
    """A page that says why there is no other."""
    return _template("message.html.jinja").render(**_frame(), title=title, text=text, choices=choices)


@cache
def content_security_policy() -> str:
    """What the page may do: show its own style, run its own script, and nothing else."""
    script, style = (_hash(_asset(name)) for name in ("report.js", "report.css"))
    return f"default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; base-uri 'none'"


def _frame() -> dict[str, str]:
    return {"css": _asset("report.css"), "js": _asset("report.js"), "policy": content_security_policy()}


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)


def _verdict(tables: Sequence[Table]) -> str:
    counted = count(tables)
    gaps = [f"{plural(counted[state], 'day')} {state.label}" for state in State if state.is_gap and counted[state]]
    overdue = sum(day.is_overdue for table in tables for day in table.days)
    if overdue:
        gaps.append(f"{plural(overdue, 'day')} still incomplete")
    if gaps:
        return f"{', '.join(gaps)} in {plural(sum(bool(repairs_of([table])) for table in tables), 'table')}"
    which = "The one table is" if len(tables) == 1 else f"All {plural(len(tables), 'table')} are"
    return f"{which} on time, nothing missing"


# --- strips -----------------------------------------------------------------------------------------------------------


def _strips(tables: Sequence[Table], now: datetime) -> dict[str, Any]:
    days = [day.date for table in tables for day in (*table.days[:1], *table.days[-1:])]
    first, last = min(days, default=now.date()), max(days, default=now.date())
    number = (last - first).days + 1
    return {
        "days": number,
        "first": first,
        "last": last,
        "height": drawing.STRIP_HEIGHT,
        "months": drawing.month_marks(first, number),
        "rows": [_strip(table, first, number) for table in tables],
    }


def _strip(table: Table, first: date, length: int) -> dict[str, Any]:
    counted = table.counts
    counts = ", ".join(f"{counted[state]:,} {state.label}" for state in State if counted[state])
    return {
        "table": table,
        "title": table.dataset.title if table.dataset else "",
        "counts": counts or "no days",
        "paths": list(drawing.strip_paths(table.days, first, length)),
        "start": (table.days[0].date - first).days if table.days else 0,
        "states": "".join(day.state.plain for day in table.days),
        "row_counts": " ".join("" if day.rows is None else str(day.rows) for day in table.days),
        "punctuality": punctuality(table),
        "last": table.last_landed.date if table.last_landed else None,
        "delay": _delay(table),
        "rows": f"{table.rows:,}",
        "size": formatting.format_bytes(sum(day.landed.size for day in table.days if day.landed)),
        "requests": f"{_requests(table):,}",
    }


def _delay(table: Table) -> str:
    """How long after it was due the last day landed; empty where it was on time."""
    day = table.last_landed
    moment = day.landed.first_fetched_at if day and day.landed else None
    if day is None or day.due is None or moment is None or moment < day.due:
        return ""
    return f"landed {duration(moment - day.due)} after it was due"


def _requests(table: Table) -> int:
    """The requests of the reads that landed the days; the days of one window share theirs."""
    reads = {(day.landed.fetched_at or day.date): day.landed.requests for day in table.landed if day.landed}
    return sum(reads.values())


# --- figures ----------------------------------------------------------------------------------------------------------


def _card(series: Series) -> dict[str, Any]:
    final, provisional = drawing.bar_paths(series.weeks)
    largest = max(week.amount for week in series.weeks)
    full = [week for week in series.weeks if week.days == 7]
    title = formatting.FIGURE_TITLES.get(series.name, series.name)
    return {
        "title": title,
        "vendor": VENDORS[series.vendor].title if series.vendor in VENDORS else series.vendor,
        "table": f"{series.vendor}/{series.table}",
        "total": formatting.format_figure(series.name, series.total),
        "total_of": f"{'over' if series.is_additive else 'on average of'} {plural(series.days, 'day')}",
        "latest": _latest(series.name, full),
        "final": final,
        "provisional": provisional,
        "number": len(series.weeks),
        "height": drawing.BAR_HEIGHT,
        "largest": formatting.format_figure(series.name, largest) if largest < 10_000 else _short(series.name, largest),
        "first": series.weeks[0].start,
        "last": series.weeks[-1].start,
        "tips": "|".join(_week_text(series.name, week) for week in series.weeks),
        "weeks": [_week(series.name, week) for week in reversed(series.weeks)],
        "is_additive": series.is_additive,
    }


def _short(name: str, amount: Any) -> str:
    if name == "spend_usd_cents":
        return f"US$ {formatting.format_short(amount.scaleb(-2))}"
    return formatting.format_short(amount)


def _latest(name: str, full: Sequence[Week]) -> str:
    if not full:
        return ""
    text = f"week of {full[-1].start}: {formatting.format_figure(name, full[-1].amount)}"
    if len(full) > 1:
        change = formatting.format_change(full[-2].amount, full[-1].amount)
        text += f" ({change} to the week before)" if change else ""
    return text


def _week(name: str, week: Week) -> dict[str, Any]:
    return {
        "start": week.start,
        "days": week.days,
        "amount": formatting.format_exact_figure(name, week.amount),
        "is_final": not week.provisional,
    }


def _week_text(name: str, week: Week) -> str:
    may_change = ", may still change" if week.provisional else ""
    days = "" if week.days == 7 else f", {week.days} of 7 days"
    return f"week of {week.start}: {formatting.format_figure(name, week.amount)}{days}{may_change}"


def _restated(one: Restatements) -> dict[str, Any]:
    return {
        "table": one.table,
        "days": plural(one.days, "day"),
        "changes": plural(one.changes, "change"),
        "measure": one.measure,
        "largest": {"day": one.largest.day, "text": _change(one.largest, one.is_money)},
        "latest": {"day": one.latest.day, "text": f"{plural(one.latest.days_after, 'day')} after"},
        "newest": [
            {"day": change.day, "after": plural(change.days_after, "day"), "text": _change(change, one.is_money)}
            for change in one.newest
        ],
    }


def _change(change: Change, is_money: bool) -> str:
    if change.total is not None and change.total[0] != change.total[1]:
        before, after = (formatting.format_money(total) if is_money else f"{total:,f}" for total in change.total)
        size = formatting.format_change(*change.total)
        return f"{before} → {after}{f' ({size})' if size else ''}"
    if change.rows[0] != change.rows[1]:
        return f"{change.rows[0]:,} → {plural(change.rows[1], 'row')}"
    return f"{plural(change.rows[1], 'row')}, other values"
