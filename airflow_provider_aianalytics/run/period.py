# SPDX-License-Identifier: Apache-2.0
"""The days of a run: from its arguments, else from the run itself. Never from the clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from airflow_provider_aianalytics.compat import partition_key
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.windows import Period, check_period, parse_day
from airflow_provider_aianalytics.vendors.base import DAY, Dataset

_ONE_DAY = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d(:\d\d){0,2}(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")
"""A partition key that is a day or a moment of one. The key of a week can start with a day too."""
_DAYS = re.compile(r"[+-]\d{1,4}|0")
"""A relative day as a template renders it."""


def period_of(
    context: Mapping[str, Any], *, start: object = None, end: object = None, allow_partial: bool = False
) -> Period:
    """The period of a run: half-open, whole UTC days.

    Without ``start`` it is the day of the run's partition key, else the run's data interval, else the run's own day
    (see :func:`run_day`). A data interval that is not aligned to days is floored at both ends, so the intervals of
    consecutive runs tile the days without a gap or an overlap.

    :param context: the run's context.
    :param start: the first day: a date, or a whole number of days relative to the run's own day; empty for the default.
    :param end: the day after the last, in the same forms; empty for the day after ``start``.
    :param allow_partial: whether a data interval within one day, as of an hourly DAG, means that day so far.
    :raises InvalidArgumentError: when there is no such period; the message shows what to write.
    """
    if start not in (None, ""):
        first = resolve_day(start, context, name="start")
        return Period(first, first + DAY if end in (None, "") else resolve_day(end, context, name="end"))
    if end not in (None, ""):
        raise InvalidArgumentError(f"end={end!r} needs a start")
    interval = _interval(context)
    if partition_key(context) or interval is None:
        return Period.of(run_day(context))
    first, last = (moment.astimezone(UTC).date() for moment in interval)
    if first == last and not allow_partial:
        raise InvalidArgumentError(
            f"the run's data interval [{interval[0]}, {interval[1]}) lies within one day, and a partition is a whole "
            "UTC day",
            hint="Schedule the DAG once a day, write the days into the task (start=-1, end=0 is the day before the "
            'run\'s own day), or land the day so far: on_unavailable="partial"',
        )
    return Period(first, max(last, first + DAY))


def resolve_day(value: object, context: Mapping[str, Any], *, name: str) -> date:
    """A UTC day from an argument: a date, or a number of days relative to the run's own day.

    :param value: what :func:`..extraction.windows.parse_day` takes, an ``int``, or its text as a template renders it.
    :param name: the name of the argument, for the message.
    :raises InvalidArgumentError: for anything else.
    """
    if not is_relative(value):
        return parse_day(value, name=name)
    try:
        return run_day(context) + DAY * int(str(value))
    except OverflowError:
        raise InvalidArgumentError(f"{name}={value!r} is beyond the calendar") from None


def run_day(context: Mapping[str, Any]) -> date:
    """The run's own UTC day, from which relative days count.

    In this order: the day of its partition key; the first day of its data interval; its logical date; for a run without
    these, the latest day that the DAG's timetable expects to be available at ``run_after``; the day of ``run_after``.

    :raises InvalidArgumentError: for a partition key that is not one day, or a run that has none of these.
    """
    if key := partition_key(context):
        if not _ONE_DAY.fullmatch(key):
            raise InvalidArgumentError(
                f"partition_key={key!r} is not one day, such as 2026-11-01 or 2026-11-01T00:00:00",
                hint="Write start and end",
            )
        return parse_day(key[:10], name="partition_key")
    run = context.get("dag_run")
    moment = (_interval(context) or (None,))[0] or context.get("logical_date") or getattr(run, "logical_date", None)
    if moment is not None:
        return _utc_day(moment)
    run_after = getattr(run, "run_after", None)
    if run_after is None:
        raise InvalidArgumentError(
            "this run has no day of its own (no partition key, data interval, logical date or run_after)",
            hint="""Write the days into the task:
    start="2026-11-01",
    end="2026-11-02",""",
        )
    timetable: Any = getattr(context.get("dag"), "timetable", None)
    if hasattr(timetable, "latest_day"):
        latest: date = timetable.latest_day(run_after)
        return latest
    return _utc_day(run_after)


def is_relative(value: object) -> bool:
    """Whether a day is written as a number of days relative to the run's own day: ``-3``."""
    if isinstance(value, str):
        return bool(_DAYS.fullmatch(value.strip()))
    return isinstance(value, int) and not isinstance(value, bool)


def check_days(dataset: Dataset, start: object, end: object) -> None:
    """Check the days of a task when its DAG is parsed.

    :raises InvalidArgumentError: for days that no run of the task can read.
    """
    if start in (None, ""):
        if end not in (None, ""):
            raise InvalidArgumentError(f"{dataset}: end={end!r} needs a start")
        return
    relative = [is_relative(day) for day in (start, end)]
    if not any(relative):
        check_period(dataset, period_of({}, start=start, end=end))
        return
    for name, day in (("start", start), ("end", end)):
        if day not in (None, "") and not is_relative(day):
            parse_day(day, name=name)
    if all(relative) and int(str(start)) >= int(str(end)):
        raise InvalidArgumentError(
            f"{dataset}: start={start!r}, end={end!r} is empty: end is exclusive and must be after start"
        )


def _interval(context: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return (start, end) if start is not None and end is not None and start < end else None


def _utc_day(moment: datetime) -> date:
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)).date()
