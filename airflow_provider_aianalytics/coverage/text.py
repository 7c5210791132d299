# SPDX-License-Identifier: Apache-2.0
"""Coverage for a terminal: a line a table, what to do, and calendars on request."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

from airflow_provider_aianalytics.coverage.repair import Repair, repairs_of
from airflow_provider_aianalytics.coverage.states import (
    Day,
    State,
    Table,
    count,
    duration,
)
from airflow_provider_aianalytics.extraction.windows import days_text, span

MOST_REPAIRS = 10
"""Of one table: somebody who has more to mend changes the DAG, and not day after day."""
RULER = "".join(f"{day:<{2 * width}}" for day, width in ((1, 4), (5, 5), (10, 5), (15, 5), (20, 5), (25, 5), (30, 1)))

Sign = Callable[[State], str]


def as_text(
    path: str,
    tables: Sequence[Table],
    *,
    now: datetime,
    calendars: bool | None = None,
    colours: bool = False,
    signs: bool = True,
) -> str:
    """A line for each table, then what to do, then the legend with its counts.

    The column ``days`` has the landed days of the days that are due.

    :param now: the moment of the survey, UTC.
    :param calendars: whether each table has a calendar, one line a month and one column a day; default: if it is one.
    :param colours: for a terminal that shows them; no state is shown by colour alone.
    :param signs: ``False`` for a terminal that has ASCII alone.
    """

    def sign(state: State) -> str:
        drawn = state.sign if signs else state.plain
        return f"\x1b[{state.colour}m{drawn}\x1b[0m" if colours else drawn

    lines = [f"{path}   {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC", "", *_overview(tables), ""]
    if calendars or (calendars is None and len(tables) == 1):
        for table in tables:
            lines += [f"{table.label}   {_range(table)}", *_calendar(table, sign), *_gaps(table), ""]
    repairs = list(to_do(tables))
    lines += [*repairs, ""] if repairs else []
    lines.append(_legend(tables, sign))
    return "\n".join(lines) + "\n"


def _overview(tables: Iterable[Table]) -> list[str]:
    heads = ("table", "last day", "", "days", "rows", "gaps")
    cells = [heads, *((table.label, *_summary(table)) for table in tables)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        label, last, punctual, days, rows, gaps = (
            cell.rjust(width) if 3 <= place <= 4 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(f"  {label}   {last}   {punctual}   {days}   {rows}   {gaps}".rstrip())
    return lines


def _summary(table: Table) -> tuple[str, ...]:
    last, counted = table.last_landed, table.counts
    gaps = ", ".join(f"{counted[state]:,} {state.label}" for state in State if state.is_gap and counted[state])
    return (
        str(last.date) if last else "none",
        punctuality(table),
        f"{len(table.landed):,} of {sum(day.state is not State.NOT_DUE for day in table.days):,}",
        f"{table.rows:,}",
        gaps or "none",
    )


def punctuality(table: Table) -> str:
    return "on time" if table.late_by is None else f"late by {duration(table.late_by)}"


def _range(table: Table) -> str:
    return span(table.days[0].date, table.days[-1].date) if table.days else "nothing landed"


def _calendar(table: Table, sign: Sign) -> Iterator[str]:
    if not table.days:
        return
    yield f"           {RULER}".rstrip()
    months: dict[tuple[int, int], list[Day]] = {}
    for day in table.days:
        months.setdefault((day.date.year, day.date.month), []).append(day)
    for (year, month), days in months.items():
        before = "  " * (days[0].date.day - 1)  # a month's days are consecutive
        yield f"  {year:04}-{month:02}  {before}{' '.join(sign(day.state) for day in days)}"


def _gaps(table: Table) -> Iterator[str]:
    for state in (State.LATE, State.MISSING):
        days: list[date] = [day.date for day in table.days if day.state is state]
        if days:
            text = f"{state.label}: {days_text(days)}"
            yield from textwrap.wrap(text, 76, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    for day in table.days:
        if day.error is not None:
            yield f"  unreadable: {day.error}"


def to_do(tables: Iterable[Table]) -> Iterator[str]:
    """The days to act on, with the command for each of them, in lines."""
    for table in tables:
        repairs = repairs_of([table])
        for repair in repairs[:MOST_REPAIRS]:
            yield from _repair(repair)
        if len(repairs) > MOST_REPAIRS:
            yield f"  {table.label}: and {len(repairs) - MOST_REPAIRS} more"


def _repair(repair: Repair) -> Iterator[str]:
    note = f" ({repair.note})" if repair.note else ""
    yield f"  {repair.table} {repair.state.label} {repair.days}{note}"
    if repair.command:
        yield f"    {repair.command}"


def _legend(tables: Sequence[Table], sign: Sign) -> str:
    counted = count(tables)
    return "   ".join(
        f"{sign(state)} {state.label} {counted[state]:,}" for state in State if counted[state] or state is State.MISSING
    )
