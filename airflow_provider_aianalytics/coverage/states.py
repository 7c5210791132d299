# SPDX-License-Identifier: Apache-2.0
"""The states of a day, the days of a table, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from airflow_provider_aianalytics.coverage.landed_day import LandedDay
from airflow_provider_aianalytics.vendors.base import Dataset


class State(Enum):
    """What is known of a day: its name, its sign (and in ASCII), its colour in a terminal."""

    FINAL = "final", "■", "#", "32"
    PROVISIONAL = "provisional", "□", "+", "36"
    INCOMPLETE = "incomplete", "◧", "~", "33"
    EMPTY = "empty", "·", ".", "2"
    LATE = "late", "▲", "^", "1;33"
    MISSING = "missing", "×", "x", "1;31"  # noqa: RUF001 - the sign is meant
    UNREADABLE = "unreadable", "!", "!", "1;35"
    MIXED = "mixed", "≠", "%", "1;34"
    NOT_DUE = "not due yet", "○", "o", "2"

    def __init__(self, label: str, sign: str, plain: str, colour: str) -> None:
        self.label = label
        self.sign = sign
        self.plain = plain
        self.colour = colour

    @property
    def is_gap(self) -> bool:
        """Whether the day has to be landed, or landed anew."""
        return self in (State.LATE, State.MISSING, State.UNREADABLE, State.MIXED)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a table.

    :param landed: what its manifest says, ``None`` where there is none that can be read.
    :param due: the moment, UTC, from which it counts as late; ``None`` where nothing is known of that.
    :param is_overdue: whether an incomplete day should be complete by now.
    :param error: what is wrong with its manifest.
    """

    date: date
    state: State
    landed: LandedDay | None = None
    due: datetime | None = None
    is_overdue: bool = False
    error: str | None = None

    @property
    def rows(self) -> int | None:
        return None if self.landed is None else self.landed.rows

    @property
    def needs_action(self) -> bool:
        return self.state.is_gap or self.is_overdue


@dataclass(frozen=True, slots=True)
class Table:
    """One table, and every day of the range, ascending.

    :param dataset: its catalogue row, ``None`` where this version knows none.
    :param late_by: how long ago its first late day was due; ``None`` where it is on time.
    :param outside: its last landed day, where that is outside the range and no day inside has landed.
    """

    vendor: str
    name: str
    days: tuple[Day, ...]
    dataset: Dataset | None = None
    late_by: timedelta | None = None
    outside: Day | None = None

    @property
    def label(self) -> str:
        return f"{self.vendor}/{self.name}"

    @property
    def rows(self) -> int:
        return sum(day.rows or 0 for day in self.days)

    @property
    def landed(self) -> list[Day]:
        return [day for day in self.days if day.landed is not None]

    @property
    def last_landed(self) -> Day | None:
        return self.landed[-1] if self.landed else self.outside

    @property
    def counts(self) -> Counter[State]:
        return Counter(day.state for day in self.days)

    @property
    def is_mixed(self) -> bool:
        """Whether days of different datasets, queries, formats, hidden fields or organizations have landed in it."""
        return self.counts[State.MIXED] > 0

    @property
    def gaps(self) -> int:
        """How many days have to be landed, or landed anew."""
        return sum(day.state.is_gap for day in self.days)


def count(tables: Iterable[Table]) -> Counter[State]:
    return Counter(day.state for table in tables for day in table.days)


def count_gaps(tables: Iterable[Table]) -> int:
    """How many days have to be landed, or landed anew."""
    return sum(table.gaps for table in tables)


def plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def duration(length: timedelta) -> str:
    """A length of time for people: the two largest units."""
    minutes = int(length.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days >= 10 or (days and not hours):
        return plural(days, "day")
    if days:
        return f"{plural(days, 'day')} {hours} h"
    if hours >= 3 or (hours and not minutes):
        return f"{hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
