# SPDX-License-Identifier: Apache-2.0
"""One run for each UTC day, made when the vendor is expected to have that day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.vendors.availability import duration_text
from airflow_provider_aianalytics.vendors.base import DAY
from airflow_provider_aianalytics.vendors.registry import VENDORS

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from airflow.utils.types import DagRunType
    from pendulum import DateTime


_LATEST = max(
    (dataset.availability for vendor in VENDORS.values() for dataset in vendor.datasets.values()),
    key=lambda availability: availability.exists_from(date(2026, 1, 1)) + availability.lag,
)
"""The availability of the datasets that arrive last."""


class DataAvailabilityTimetable(Timetable):
    """One run for each UTC day ``D``, with the data interval ``[D, D+1)``, made at ``D+1 at`` UTC plus ``lag``.

    The defaults are those of the datasets that arrive last: a day is aggregated at 10:00 UTC of the next and expected
    three days later. Datasets that are filled during the day have it sooner: ``lag=timedelta(hours=4), at=time(0)``.

    The first day is the first whole UTC day from ``start_date``, the last is the one that ``end_date`` lies in. With
    ``catchup`` every day between gets its run; without it the first run is that of the latest day there is. A run
    made by hand is one of the latest day that was available at its logical date.

    :param lag: how long after ``at`` a day is expected to be answered, zero or more.
    :param at: the time of day, UTC, from which the day before can be answered.
    :raises InvalidArgumentError: when either is not of its type, or ``lag`` is negative.
    """

    clock: Clock = SYSTEM_CLOCK

    def __init__(self, *, lag: timedelta = _LATEST.lag, at: time = _LATEST.at) -> None:
        if not isinstance(lag, timedelta) or lag < timedelta(0):
            raise InvalidArgumentError(f"lag={lag!r} is not a timedelta of zero or more, such as timedelta(days=3)")
        if not isinstance(at, time) or at.tzinfo not in (None, UTC):
            raise InvalidArgumentError(f"at={at!r} is not a time of day in UTC, such as time(10)")
        self.lag = lag
        self.at = at.replace(tzinfo=None)
        # From the beginning of a day to the moment it is available. All in UTC, so it is the same for every day.
        self._delay = DAY + (datetime.combine(date.min, self.at) - datetime.min) + lag
        moment = f"{duration_text(lag)} after {self._at}" if lag else f"at {self._at}"
        self.description = f"A run for each UTC day D, {moment} of D+1; its run id names D"

    # --- the rule -----------------------------------------------------------------------------------------------------

    def run_of(self, day: date) -> DagRunInfo:
        """The run of a UTC day."""
        interval = DagRunInfo.interval(*_interval_of(day))  # its constructor takes more fields on 3.2 than elsewhere
        return interval._replace(run_after=_midnight(day) + self._delay)

    def latest_day(self, now: datetime) -> date:
        """The latest UTC day that is available at a moment."""
        return (_utc(now) - self._delay).date()

    # --- called by Airflow --------------------------------------------------------------------------------------------

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        not_before = []
        if last_automated_data_interval is not None:
            not_before.append(_day_after(last_automated_data_interval))
        if restriction.earliest is not None:
            not_before.append(_first_whole_day(restriction.earliest))
        if not restriction.catchup:
            not_before.append(self.latest_day(self.clock.now()))
        if not not_before:
            return None
        day = max(not_before)
        if restriction.latest is not None and _midnight(day) > _utc(restriction.latest):
            return None
        return self.run_of(day)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        return _interval_of(self.latest_day(run_after))

    def generate_run_id(self, *, run_type: DagRunType, data_interval: DataInterval | None, **extra: Any) -> str:
        """Name a run by its day: ``scheduled__2026-11-01T00:00:00+00:00``, ``manual__<moment>_day_2026-11-01``.

        Airflow 3 names a scheduled run by ``run_after``. Two days share that once ``lag`` is shorter than before, so
        the run of the second day, and of each day after it, could not be made.
        """
        if run_type.value == "scheduled" and data_interval is not None:
            return f"{run_type.value}__{data_interval.start.isoformat()}"
        run_id = super().generate_run_id(run_type=run_type, data_interval=data_interval, **extra)
        moment = extra.get("run_after") or extra.get("logical_date")
        if data_interval is not None:
            return f"{run_id}_day_{_utc(data_interval.start).date()}"
        return run_id if moment is None else f"{run_id}_day_{self.latest_day(moment)}"

    def serialize(self) -> dict[str, Any]:
        return {"lag": self.lag.total_seconds(), "at": self.at.isoformat()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> DataAvailabilityTimetable:
        return cls(lag=timedelta(seconds=data["lag"]), at=time.fromisoformat(data["at"]))

    @property
    def summary(self) -> str:
        return f"{self._at} + {duration_text(self.lag)}" if self.lag else self._at

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _at(self) -> str:
        return f"{self.at.isoformat('auto' if self.at.second or self.at.microsecond else 'minutes')} UTC"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DataAvailabilityTimetable):
            return NotImplemented
        return (self.lag, self.at) == (other.lag, other.at)

    def __hash__(self) -> int:
        return hash((self.lag, self.at))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(lag={self.lag!r}, at={self.at!r})"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _midnight(day: date) -> DateTime:
    return pendulum.datetime(day.year, day.month, day.day, tz="UTC")


def _interval_of(day: date) -> DataInterval:
    return DataInterval(_midnight(day), _midnight(day + DAY))


def _first_whole_day(moment: datetime) -> date:
    day = _utc(moment).date()
    return day if _midnight(day) >= _utc(moment) else day + DAY


def _day_after(interval: DataInterval) -> date:
    """The day to continue with; the interval of another schedule may not have been a complete day."""
    day = _utc(interval.end).date()
    return day if _midnight(day) > _utc(interval.start) else day + DAY
