# SPDX-License-Identifier: Apache-2.0
"""Shapes for the page: a strip of days, bars of weeks. Coordinates are days and weeks, so that the text is short.

Each state has a silhouette of its own, so that colour is never the only difference, however narrow a day is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from airflow_provider_aianalytics.coverage.figures import Week
from airflow_provider_aianalytics.coverage.states import Day, State

STRIP_HEIGHT = 18
BAR_HEIGHT = 100
MOST_SEPARATE_DAYS = 130
"""Up to so many days in a strip have a gap between them; more would be too narrow for one."""

SILHOUETTES: Mapping[State, tuple[tuple[int, int], ...]] = {
    State.FINAL: ((0, 18),),
    State.PROVISIONAL: ((6, 12),),
    State.INCOMPLETE: ((12, 6),),
    State.EMPTY: ((16, 2),),
    State.LATE: ((0, 9),),
    State.MISSING: ((0, 6), (12, 6)),
    State.UNREADABLE: ((0, 11), (14, 4)),
    State.MIXED: ((0, 4), (7, 4), (14, 4)),
    State.NOT_DUE: ((8, 2),),
}
"""Top and height of the boxes that make the silhouette of a state."""


def strip_paths(days: Sequence[Day], first: date, length: int) -> Iterator[tuple[State, str]]:
    """The path of each state that occurs.

    :param first: the first day of the strip's axis.
    :param length: the days of that axis.
    """
    separate = length <= MOST_SEPARATE_DAYS
    for state in State:
        runs = list(_runs([(day.date - first).days for day in days if day.state is state], separate))
        boxes = (_box(x, width, *box, gap=separate) for x, width in runs for box in SILHOUETTES[state])
        if path := "".join(boxes):
            yield state, path


def silhouette(state: State) -> str:
    """The path of one day of a state, for a legend."""
    return "".join(_box(0, 1, *box) for box in SILHOUETTES[state])


def _runs(places: Iterable[int], separate: bool) -> Iterator[tuple[int, int]]:
    start = end = -1
    for place in places:
        if place == end and not separate:
            end += 1
            continue
        if end > start >= 0:
            yield start, end - start
        start, end = place, place + 1
    if end > start >= 0:
        yield start, end - start


def _box(x: int, width: int, top: int, height: int, *, gap: bool = False) -> str:
    breadth = f"{width - 0.15:g}" if gap else f"{width}"
    return f"M{x} {top}h{breadth}v{height}h-{breadth}z"


def bar_paths(weeks: Sequence[Week]) -> tuple[str, str]:
    """The paths of the final and of the provisional part of each week; a week is 10 wide, the largest 100 high."""
    largest = max((week.amount for week in weeks), default=Decimal(0)) or Decimal(1)
    final, provisional = [], []
    for place, week in enumerate(weeks):
        solid, light = (round(float(part / largest) * BAR_HEIGHT, 1) for part in (week.final, week.provisional))
        if solid > 0:
            final.append(f"M{place * 10 + 1} {BAR_HEIGHT - solid:g}h8v{solid:g}h-8z")
        if light > 0:
            provisional.append(f"M{place * 10 + 1} {BAR_HEIGHT - solid - light:g}h8v{light:g}h-8z")
    return "".join(final), "".join(provisional)


def month_marks(first: date, number: int) -> list[tuple[float, str]]:
    """Where each month starts on an axis of days, in per cent of its length, and its name."""
    marks = []
    for place in range(number):
        day = date.fromordinal(first.toordinal() + place)
        if day.day == 1 or place == 0:
            marks.append((round(100 * place / number, 2), f"{day:%b}" if day.month > 1 else f"{day:%b %Y}"))
    if len(marks) > 1 and marks[1][0] - marks[0][0] < 4:  # the rest of a month has no room for its name
        del marks[0]
    return marks
