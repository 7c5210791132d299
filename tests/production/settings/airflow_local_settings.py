# SPDX-License-Identifier: Apache-2.0
"""What a platform team sets for all DAGs: here the accelerated clock for schedules and retries, and the alerts.

The DAG files stay as they are.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

# Where tasks are forked from; what is imported here, a task does not import again.
if os.environ.get("AIANALYTICS_PRELOAD"):
    import aiobotocore.session  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import s3fs  # noqa: F401
    from airflow.providers.amazon.aws.fs import s3  # noqa: F401

    import airflow_provider_aianalytics.hooks.claude_enterprise
    import airflow_provider_aianalytics.hooks.perplexity
    import airflow_provider_aianalytics.ingest.loop  # noqa: F401

LIVE = os.environ.get("AIANALYTICS_LIVE_SINCE", "")
THINNED = {"claude_enterprise_spend_by_minute": (6,), "perplexity_hourly": (17,)}
"""Hourly DAGs run once a day: two cores cannot run the tasks of 24 runs in the two minutes that a day takes."""
CATCH_UP_DAYS = 3
"""``backfill_by_day`` catches up with as many days before the live ones; the year is backfilled elsewhere."""


def alert(context: Any) -> None:
    """An alert: a line in a file."""
    ti, error = context.get("ti") or context.get("task_instance"), context.get("exception")
    line = {
        "at": datetime.now(UTC).isoformat(),
        "dag_id": getattr(ti, "dag_id", ""),
        "run_id": getattr(ti, "run_id", ""),
        "task_id": getattr(ti, "task_id", ""),
        "map_index": getattr(ti, "map_index", -1),
        "try_number": getattr(ti, "try_number", 0),
        "kind": type(error).__name__ if isinstance(error, BaseException) else "",
        "message": str(error)[:300],
    }
    with open(os.environ["AIANALYTICS_ALERTS"], "a") as file:
        file.write(json.dumps(line) + "\n")


def dag_policy(dag: Any) -> None:
    """Put a schedule by the clock on the accelerated clock; asset events and DAGs without a schedule stay."""
    from rehearsal import RehearsalTimetable

    if not LIVE:
        return
    live = datetime.fromisoformat(LIVE)
    table = dag.timetable
    kind = type(table).__name__
    if kind == "DataAvailabilityTimetable":
        delay = table.lag + timedelta(days=1, hours=table.at.hour, minutes=table.at.minute)
        # The first run is the one that was made last.
        first = (live - delay).replace(hour=0, minute=0)
        if dag.dag_id == "backfill_by_day":
            first -= timedelta(days=CATCH_UP_DAYS)
        dag.timetable = RehearsalTimetable("days", first.isoformat(), delay=delay.total_seconds())
    elif kind == "CronDataIntervalTimetable":
        dag.timetable = RehearsalTimetable("months", "2026-08-01T00:00:00+00:00")
    elif kind == "CronPartitionTimetable":
        first = (live - timedelta(days=4)).replace(hour=0, minute=0)
        dag.timetable = RehearsalTimetable("keys", first.isoformat(), delay=timedelta(days=4, hours=12).total_seconds())
    elif kind == "CronTriggerTimetable":
        minute, hour, *_ = table.expression.split()
        hours = THINNED.get(dag.dag_id) or (int(hour),)
        dag.timetable = RehearsalTimetable("ticks", live.isoformat(), hours=hours, minute=int(minute))


def task_policy(task: Any) -> None:
    """Retry delays on the accelerated clock, and an alert when a task has failed for good."""
    speed = max(60.0, float(os.environ["AIANALYTICS_CLOCK"].split("@")[1]))
    arguments = getattr(task, "partial_kwargs", None)
    if arguments is not None:
        arguments["retry_delay"] = _scaled(arguments.get("retry_delay", timedelta(minutes=5)), speed)
        arguments["on_failure_callback"] = [alert]
    else:
        task.retry_delay = _scaled(task.retry_delay, speed)
        task.on_failure_callback = [alert]


def _scaled(delay: timedelta | float, speed: float) -> timedelta:
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
    return timedelta(seconds=max(15.0, seconds / speed))
