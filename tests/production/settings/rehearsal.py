# SPDX-License-Identifier: Apache-2.0
"""A schedule on the accelerated clock: Airflow's scheduler, which goes by the machine's clock, makes the runs of
simulated days at the moments at which the shared clock shows their time."""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pendulum
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

DAY = timedelta(days=1)


class Shared:
    """The clock of ``AIANALYTICS_CLOCK``."""

    def __init__(self) -> None:
        shown, speed, since = os.environ["AIANALYTICS_CLOCK"].split("@")
        self.shown, self.speed, self.since = datetime.fromisoformat(shown), float(speed), float(since)

    def real(self, moment: datetime) -> pendulum.DateTime:
        """The machine's time at which the clock shows a moment."""
        seconds = self.since + (moment - self.shown).total_seconds() / self.speed
        return pendulum.from_timestamp(seconds, tz="UTC")


class RehearsalTimetable(Timetable):
    """Another timetable's runs, on the accelerated clock.

    :param kind: ``days``: a run a UTC day, ``delay`` after its beginning, with the day as its interval; ``ticks``: runs
        at the UTC ``hours``, with no interval; ``months``: a run a month with the month as its interval; ``keys``: a
        run a day at the first of the ``hours``, with the day ``delay`` before as its partition key.
    :param since: the first simulated moment that may have a run.
    """

    def __init__(
        self, kind: str, since: str, *, delay: float = 0.0, hours: tuple[int, ...] = (), minute: int = 0
    ) -> None:
        self.kind, self.since, self.delay, self.hours, self.minute = kind, since, delay, tuple(hours), minute
        self.partitioned = kind == "keys"
        self.description = f"{kind} on the accelerated clock"

    def serialize(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "since": self.since,
            "delay": self.delay,
            "hours": list(self.hours),
            "minute": self.minute,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> RehearsalTimetable:
        return cls(data["kind"], data["since"], delay=data["delay"], hours=tuple(data["hours"]), minute=data["minute"])

    @property
    def summary(self) -> str:
        return self.description

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        last = last_automated_data_interval
        return self._after(None if last is None else last.start)

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        if last_dagrun_info is None:
            return self._after(None)
        if self.kind == "keys":
            key = last_dagrun_info.partition_key
            return self._after(datetime.fromisoformat(key).replace(tzinfo=UTC) if key else None)
        interval = last_dagrun_info.data_interval
        return self._after(interval.start if interval else None)

    def _after(self, last: datetime | None) -> DagRunInfo | None:
        """The run behind the one of an interval, unless it would be made after the last live moment."""
        info = self._next(last)
        day = info.data_interval.start.date() if info.data_interval else None
        if self.kind == "days" and day is not None and day > date.fromisoformat(os.environ["AIANALYTICS_LAST_DAY"]):
            return None
        return (
            info if info.run_after <= Shared().real(datetime.fromisoformat(os.environ["AIANALYTICS_UNTIL"])) else None
        )

    def _next(self, last: datetime | None) -> DagRunInfo:
        since = datetime.fromisoformat(self.since)
        if self.kind == "ticks":
            moment = since.replace(minute=self.minute, second=0, microsecond=0)
            while moment.hour not in self.hours or moment < since or (last is not None and moment <= last):
                moment += timedelta(hours=1)
            return self._run(moment, moment, moment)
        if self.kind == "months":
            first = since.date().replace(day=1) if last is None else _next_month(last.date())
            return self._run(_midnight(first), _midnight(_next_month(first)), _midnight(_next_month(first)))
        day = since.date() if last is None else last.date() + DAY
        if self.kind == "days":
            return self._run(_midnight(day), _midnight(day + DAY), _midnight(day) + timedelta(seconds=self.delay))
        after = _midnight(day) + timedelta(seconds=self.delay)
        return DagRunInfo(
            run_after=Shared().real(after),
            data_interval=None,
            partition_date=_pendulum(_midnight(day)),
            partition_key=day.isoformat(),
        )

    def _run(self, start: datetime, end: datetime, after: datetime) -> DagRunInfo:
        return DagRunInfo(
            run_after=Shared().real(after),
            data_interval=DataInterval(_pendulum(start), _pendulum(end)),
            partition_date=None,
            partition_key=None,
        )

    def generate_run_id(self, *, run_type: Any, data_interval: DataInterval | None, **extra: Any) -> str:
        """Named by the simulated time."""
        if run_type.value == "scheduled" and data_interval is not None:
            return f"scheduled__{data_interval.start.isoformat()}"
        return super().generate_run_id(run_type=run_type, data_interval=data_interval, **extra)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _pendulum(moment: datetime) -> pendulum.DateTime:
    return pendulum.instance(moment)


class RehearsalPlugin(AirflowPlugin):
    name = "rehearsal"
    timetables = [RehearsalTimetable]  # noqa: RUF012 - how AirflowPlugin declares it


def _let_the_future_run(runner: ModuleType) -> None:
    """The scheduler holds back runs whose logical date lies in the machine's future; here it is simulated time."""
    schedule, real = runner.SchedulerJobRunner._schedule_dag_run, runner.timezone
    ahead = SimpleNamespace(utcnow=lambda: real.utcnow() + timedelta(days=366))

    def schedule_dag_run(self: Any, *arguments: Any, **options: Any) -> Any:
        runner.timezone = ahead  # type: ignore[attr-defined]
        try:
            return schedule(self, *arguments, **options)
        finally:
            runner.timezone = real  # type: ignore[attr-defined]

    runner.SchedulerJobRunner._schedule_dag_run = schedule_dag_run


if "airflow.jobs.scheduler_job_runner" in sys.modules:
    _let_the_future_run(sys.modules["airflow.jobs.scheduler_job_runner"])
