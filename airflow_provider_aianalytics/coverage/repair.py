# SPDX-License-Identifier: Apache-2.0
"""What to do about the days that need somebody, with the DAG and the task that the manifests name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from statistics import median_low

from airflow_provider_aianalytics.coverage.landed_day import LandedDay
from airflow_provider_aianalytics.coverage.states import Day, State, Table
from airflow_provider_aianalytics.extraction.windows import runs_of, span
from airflow_provider_aianalytics.vendors.base import DAY

NEIGHBOURS = 14
"""Landed days around a gap, from which the run that lands a day is learned."""


NO_COMMAND = "run the task that lands this table for these days"
NOTES = {
    State.INCOMPLETE: "cut off at the vendor's limit of groups, or read too early",
    State.MIXED: "of another dataset, query, format or hidden fields than the table's other days: move them away",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """A run of days of one table that need somebody.

    :param state: of all of these days.
    :param command: the command that mends it, ``None`` where no run of Airflow is known that landed days nearby.
    :param note: what to do before, or what is wrong.
    """

    table: str
    state: State
    first: date
    last: date
    command: str | None
    note: str = ""

    @property
    def days(self) -> str:
        return span(self.first, self.last)


def repairs_of(tables: Iterable[Table]) -> list[Repair]:
    """The repairs of some tables, ordered by table and day."""
    return [repair for table in tables for repair in _repairs(table)]


def _repairs(table: Table) -> Iterator[Repair]:
    found: list[tuple[State, date, date, str]] = []
    for state in State:
        days = [day for day in table.days if day.state is state and day.needs_action]
        if state is State.UNREADABLE:  # each has an error of its own
            found += [(state, day.date, day.date, f"move it away first: {day.error}") for day in days]
        else:
            found += [(state, *run, NOTES.get(state, "")) for run in runs_of(day.date for day in days)]
    landed = table.landed or ([table.outside] if table.outside else [])
    for state, first, last, note in sorted(found, key=lambda one: one[1]):
        command = None if state is State.MIXED else _command(landed, first, last)
        yield Repair(table.label, state, first, last, command, note if command or note else NO_COMMAND)


def _command(landed: list[Day], first: date, last: date) -> str | None:
    """Clear the runs that land these days; one run more at either end does no harm, since it lands the same again."""
    near = _neighbours(landed, first, last)
    if not near:
        return None
    task = near[0][1].dag_id, near[0][1].task_id
    offsets = _run_offsets([(day, one) for day, one in near if (one.dag_id, one.task_id) == task])
    if offsets is None:
        return None
    start, end = first + DAY * (offsets[0] - 1), last + DAY * (offsets[1] + 1)
    pattern = shlex.quote(f"^{re.escape(task[1])}$")
    return f"airflow tasks clear --task-regex {pattern} --start-date {start} --end-date {end} {shlex.quote(task[0])}"


def _neighbours(landed: list[Day], first: date, last: date) -> list[tuple[date, LandedDay]]:
    """Days around a gap, those before it first, the nearest first.

    A restated day names the run that restated it, so days that are still as they landed say more.
    """
    known = [(day.date, day.landed) for day in landed if day.landed is not None]
    known = [(day, one) for day, one in known if len(one.contents) == 1] or known
    before = [pair for pair in known if pair[0] < first][-NEIGHBOURS:]
    after = [pair for pair in known if pair[0] > last][:NEIGHBOURS]
    return [*reversed(before), *after]


def _run_offsets(landed: list[tuple[date, LandedDay]]) -> tuple[int, int] | None:
    """How many days after a day its run is dated: the least and the most, as is usual for these runs."""
    by_run: dict[str, list[int]] = {}
    for day, one in landed:
        if one.run_date is not None:
            by_run.setdefault(one.run_id, []).append((one.run_date - day).days)
    if not by_run:
        return None
    return median_low(map(min, by_run.values())), median_low(map(max, by_run.values()))
