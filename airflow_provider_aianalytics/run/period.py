# SPDX-License-Identifier: Apache-2.0
"""What this run asks for: explicit days, else the run's partition, else its data interval; never the wall clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_aianalytics.compat import partition_key
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.windows import Period, parse_day
from airflow_provider_aianalytics.vendors.base import DAY

_ONE_DAY = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d(:\d\d){0,2}(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")
"""What Airflow's timetables and mappers write for a day or a moment of one; a week's key begins with a day too."""


def period_of(
    context: Mapping[str, Any], *, start: object = None, end: object = None, allow_partial: bool = False
) -> Period:
    """The period of a run, half-open, whole UTC days.

    A data interval that is not aligned to days is floored at both ends, so that the intervals of consecutive runs
    still tile the days without gap or overlap.

    :param context: the run's context.
    :param start: the first day, as a DAG author wrote it; empty for the run's own.
    :param end: the day after the last; empty for the day after ``start``.
    :param allow_partial: whether a data interval within one day, as of an hourly DAG, means that day up to now.
    :raises InvalidArgumentError: when there is no such period; the message shows what to write.
    """
    if start not in (None, ""):
        first = parse_day(start, name="start")
        return Period(first, parse_day(end, name="end") if end not in (None, "") else first + DAY)
    if end not in (None, ""):
        raise InvalidArgumentError(f"end={end!r} needs a start")
    key = partition_key(context)
    if key:
        if not _ONE_DAY.fullmatch(key):
            raise InvalidArgumentError(
                f"partition_key={key!r} is not one day, such as 2026-11-01 or 2026-11-01T00:00:00",
                hint="Write start and end",
            )
        return Period.of(parse_day(key[:10], name="partition_key"))
    interval = _interval(context)
    if interval is None:
        raise InvalidArgumentError(
            "this run has no day of its own (no partition key, and its data interval is empty)",
            hint=f"""Write into the task:
    start="{days_before(context, 3)}",
    end="{days_before(context, 2)}",""",
        )
    first, last = (moment.astimezone(UTC).date() for moment in interval)
    if first == last and allow_partial:
        return Period.of(first)
    if first == last:
        raise InvalidArgumentError(
            f"the run's data interval [{interval[0]}, {interval[1]}) lies within one day, and a partition is a whole "
            "UTC day",
            hint='Schedule the DAG once a day, give start and end, or take the day so far: on_unavailable="partial"',
        )
    return Period(first, last)


def days_before(context: Mapping[str, Any], days: int) -> str:
    """A template that the run can render of the day so many before it: one that an asset triggered has no ``ds``."""
    day = "ds" if context.get("ds") else "dag_run.run_after | ds"
    return f"{{{{ macros.ds_add({day}, -{days}) }}}}"


def _interval(context: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return (start, end) if start is not None and end is not None and start < end else None
