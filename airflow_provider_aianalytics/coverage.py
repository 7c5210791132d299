# SPDX-License-Identifier: Apache-2.0
"""What has landed, told from the manifests alone: a state for every day of every table."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, InvalidArgumentError
from airflow_provider_aianalytics.extraction.redaction import printable
from airflow_provider_aianalytics.storage.lake import READERS, manifests_under, tables_under
from airflow_provider_aianalytics.storage.layout import check_path
from airflow_provider_aianalytics.storage.manifest import decode_of
from airflow_provider_aianalytics.storage.table_spec import spec_digest
from airflow_provider_aianalytics.vendors.base import DAY

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath


class State(Enum):
    """What is known of a day: its name, its sign (and in ASCII), its colour in a terminal."""

    FINAL = "final", "■", "#", "32"
    PROVISIONAL = "provisional", "□", "+", "36"
    INCOMPLETE = "incomplete", "◧", "~", "33"
    EMPTY = "empty", "·", ".", "2"
    MISSING = "missing", "×", "x", "1;31"  # noqa: RUF001 - the sign is meant
    UNREADABLE = "unreadable", "!", "!", "1;35"

    def __init__(self, label: str, sign: str, plain: str, colour: str) -> None:
        self.label = label
        self.sign = sign
        self.plain = plain
        self.colour = colour

    @property
    def is_gap(self) -> bool:
        """Whether the day has to be landed, or landed anew."""
        return self in (State.MISSING, State.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a table.

    :param rows: how many records landed, ``None`` for a gap.
    :param final: whether the vendor will not restate it any more, ``None`` for a gap.
    :param error: what is wrong with its manifest.
    :param holds: a digest of what its table held when it landed, ``None`` for a gap.
    """

    date: date
    state: State
    rows: int | None = None
    final: bool | None = None
    error: str | None = None
    holds: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Every day of the range of one table, ascending."""

    vendor: str
    name: str
    days: tuple[Day, ...]

    @property
    def rows(self) -> int:
        return sum(day.rows or 0 for day in self.days)

    @property
    def is_mixed(self) -> bool:
        """Whether days of different datasets, queries, formats or hidden fields have landed in it."""
        return len({day.holds for day in self.days if day.holds is not None}) > 1


# --- reading ----------------------------------------------------------------------------------------------------------


def coverage(
    path: str,
    *,
    vendor: str | None = None,
    table: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[Table]:
    """Read the manifests of a lake: one listing a table, one small read a day in the range.

    :param path: any URL that ``ObjectStoragePath`` takes.
    :param vendor: only this vendor's tables.
    :param table: only tables of this name.
    :param first: the first day told of; default: a table's first landed day.
    :param last: the last day told of; default: a table's last landed day.
    :raises InvalidArgumentError: when there is no such table, or ``last`` is before ``first``.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath  # slow, and not needed to show the usage

    if first and last and last < first:
        raise InvalidArgumentError(f"the last day {last} is before the first, {first}")
    root = ObjectStoragePath(check_path(path))
    there = tables_under(root)
    names = [name for name in there if vendor in (None, name[0]) and table in (None, name[1])]
    if not there:
        raise InvalidArgumentError(f"no table has landed under {path}")
    if not names:
        asked = " ".join(
            f"{what} {name!r}" for what, name in (("vendor", vendor), ("table", table)) if name is not None
        )
        raise InvalidArgumentError(f"no {asked} under {path}; there are {', '.join(map('/'.join, there))}")
    with ThreadPoolExecutor(READERS) as pool:
        landed = list(pool.map(lambda name: manifests_under(root, vendor=name[0], table=name[1]), names))
        read = [
            pool.map(partial(_day, root, *name), days, map(paths.get, days))
            for name, paths in zip(names, landed, strict=True)
            for days in (_range(paths, first, last),)
        ]
        return [Table(*name, days=tuple(days)) for name, days in zip(names, read, strict=True)]


def _range(landed: Collection[date], first: date | None, last: date | None) -> list[date]:
    """From the first to the last landed day; a bound that was asked for replaces its end, and is itself inside."""
    edges = [*landed, *(day for day in (first, last) if day)]
    if not edges:
        return []
    low, high = first or min(edges), last or max(edges)
    return [low + DAY * number for number in range((high - low).days + 1)]


def _day(root: ObjectStoragePath, vendor: str, table: str, day: date, path: str | None) -> Day:
    if path is None:
        return Day(day, State.MISSING)
    try:
        data = root.fs.cat_file(path)
    except FileNotFoundError:  # taken away since it was listed
        return Day(day, State.MISSING)
    except OSError as error:  # a folder of that name, or no right to read it
        return Day(day, State.UNREADABLE, error=printable(f"{path}: {type(error).__name__}: {error}"))
    return judge(data, vendor=vendor, table=table, day=day, where=path)


def judge(data: bytes, *, vendor: str, table: str, day: date, where: str) -> Day:
    """What a manifest says of its day; one that cannot be read, or is another's, is told as such.

    :param where: its address, for the message.
    """
    try:
        manifest = decode_of(data, vendor=vendor, table=table, day=day, where=where)
    except AIAnalyticsError as error:
        return Day(day, State.UNREADABLE, error=f"{error.where}: {error.message}")
    if not manifest.complete:
        state = State.INCOMPLETE
    elif manifest.rows == 0:
        state = State.EMPTY
    else:
        state = State.FINAL if manifest.final else State.PROVISIONAL
    return Day(day, state, rows=manifest.rows, final=manifest.final, holds=spec_digest(manifest))


# --- telling ----------------------------------------------------------------------------------------------------------


def count(tables: Iterable[Table]) -> Counter[State]:
    return Counter(day.state for table in tables for day in table.days)


def gaps(tables: Iterable[Table]) -> int:
    """How many days have to be landed, or landed anew."""
    return sum(number for state, number in count(tables).items() if state.is_gap)


def as_json(path: str, tables: Sequence[Table]) -> str:
    """All that is known, for machines; one line."""
    return json.dumps(
        {
            "path": path,
            "days": _counts(tables),
            "tables": [
                {
                    "vendor": table.vendor,
                    "table": table.name,
                    "first": table.days[0].date.isoformat() if table.days else None,
                    "last": table.days[-1].date.isoformat() if table.days else None,
                    "rows": table.rows,
                    **({"mixed": True} if table.is_mixed else {}),
                    "days": _counts([table]),
                    "calendar": [_day_as_json(day) for day in table.days],
                }
                for table in tables
            ],
        }
    )


def _counts(tables: Sequence[Table]) -> dict[str, int]:
    counted = count(tables)
    return {state.label: counted[state] for state in State}


def _day_as_json(day: Day) -> dict[str, object]:
    told: dict[str, object] = {"date": day.date.isoformat(), "state": day.state.label}
    if not day.state.is_gap:
        told |= {"rows": day.rows, "final": day.final}
    if day.error is not None:
        told["error"] = day.error
    return told


def as_text(path: str, tables: Sequence[Table], *, colours: bool = False, signs: bool = True) -> str:
    """A calendar for each table, one line a month and one column a day, then the legend with its counts.

    :param colours: for a terminal that shows them; nothing is told by colour alone.
    :param signs: ``False`` for a terminal that has ASCII alone.
    """

    def sign(state: State) -> str:
        drawn = state.sign if signs else state.plain
        return f"\x1b[{state.colour}m{drawn}\x1b[0m" if colours else drawn

    lines = [path, ""]
    for table in tables:
        lines += [_headline(table), *(_months(table, sign) if table.days else ()), *_gaps(table), ""]
    counted = count(tables)
    lines.append(
        "   ".join(
            f"{sign(state)} {state.label} {counted[state]:,}"
            for state in State
            if counted[state] or state is State.MISSING
        )
    )
    return "\n".join(lines) + "\n"


def _headline(table: Table) -> str:
    span = f"{table.days[0].date} to {table.days[-1].date}" if table.days else "nothing landed"
    mixed = "   MIXED: its days hold different things" if table.is_mixed else ""
    counts = f"{_plural(len(table.days), 'day')}   {_plural(table.rows, 'row')}"
    return f"{table.vendor}/{table.name}   {span}   {counts}{mixed}"


RULER = "".join(f"{day:<{2 * width}}" for day, width in ((1, 4), (5, 5), (10, 5), (15, 5), (20, 5), (25, 5), (30, 1)))


def _months(table: Table, sign: Callable[[State], str]) -> Iterator[str]:
    yield f"           {RULER}".rstrip()
    months: dict[tuple[int, int], list[Day]] = {}
    for day in table.days:
        months.setdefault((day.date.year, day.date.month), []).append(day)
    for (year, month), days in months.items():
        before = "  " * (days[0].date.day - 1)  # a month's days are consecutive
        yield f"  {year:04}-{month:02}  {before}{' '.join(sign(day.state) for day in days)}"


def _gaps(table: Table) -> Iterator[str]:
    missing = [day.date for day in table.days if day.state is State.MISSING]
    if missing:
        spelled = (f"{low}" if low == high else f"{low} to {high}" for low, high in _runs(missing))
        text = f"missing: {', '.join(spelled)}"
        yield from textwrap.wrap(text, 76, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    for day in table.days:
        if day.error is not None:
            yield f"  unreadable: {day.error}"


def _runs(days: Iterable[date]) -> list[tuple[date, date]]:
    """Ascending days as the first and the last of each unbroken run."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] + DAY == day:
            runs[-1] = runs[-1][0], day
        else:
            runs.append((day, day))
    return runs


def _plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
