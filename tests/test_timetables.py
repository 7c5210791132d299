# SPDX-License-Identifier: Apache-2.0
"""Each UTC day gets one run, in order, when it is available; on every Airflow, by the scheduler's own questions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import islice
from typing import Any

import pendulum
import pytest
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.plugin import AIAnalyticsPlugin
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

DAY = timedelta(days=1)
DEFAULT = DataAvailabilityTimetable()
LAGS = st.timedeltas(timedelta(0), timedelta(days=40))
TIMES = st.times()
MOMENTS = st.datetimes(
    datetime(2020, 1, 1),
    datetime(2035, 1, 1),
    timezones=st.sampled_from(
        [UTC, pendulum.timezone("America/New_York"), pendulum.timezone("Asia/Kolkata"), timezone(timedelta(hours=-11))]
    ),
)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def at(moment: datetime) -> Any:
    return pendulum.instance(moment)


def restriction(earliest: datetime | None, latest: datetime | None = None, *, catchup: bool = True) -> TimeRestriction:
    return TimeRestriction(earliest and at(earliest), latest and at(latest), catchup)


def runs(timetable: DataAvailabilityTimetable, within: TimeRestriction) -> Iterator[DagRunInfo]:
    """Ask for one run after another as the scheduler and the backfill do."""
    last: DataInterval | None = None
    while run := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=within):
        yield run
        last = run.data_interval


def days(found: Iterator[DagRunInfo]) -> list[date]:
    return [run.logical_date.date() for run in found if run.logical_date]


class StandingClock(Clock):
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def when(moment: datetime, timetable: DataAvailabilityTimetable = DEFAULT) -> DataAvailabilityTimetable:
    copy = DataAvailabilityTimetable.deserialize(timetable.serialize())
    copy.clock = StandingClock(moment)
    return copy


def test_a_day_runs_three_days_after_it_is_aggregated() -> None:
    run = next(runs(DEFAULT, restriction(datetime(2026, 11, 1, tzinfo=UTC))))

    assert run.run_after == datetime(2026, 11, 5, 10, tzinfo=UTC)
    assert run.data_interval == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


@given(start=MOMENTS, lag=LAGS, of_day=TIMES, number=st.integers(1, 400))
def test_each_day_once_in_order_without_drift(start: datetime, lag: timedelta, of_day: time, number: int) -> None:
    timetable = DataAvailabilityTimetable(lag=lag, at=of_day)
    found = list(islice(runs(timetable, restriction(start)), number))

    first = found[0].logical_date
    assert first is not None
    assert timedelta(0) <= first - start < DAY
    assert len(found) == number
    for place, run in enumerate(found):
        day = first.date() + place * DAY
        assert run.data_interval == (midnight(day), midnight(day + DAY))
        assert run.run_after == datetime.combine(day + DAY, of_day, UTC) + lag
        assert run.run_after.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("start", "first"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 1, 31, 0, 0, 0, 1, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2026, 2, 28, 15, 30, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2028, 2, 28, 15, 30, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=2))), date(2026, 11, 1)),
        (datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=-5))), date(2026, 11, 2)),
    ],
)
def test_the_first_run_is_of_the_first_whole_utc_day(start: datetime, first: date) -> None:
    assert days(islice(runs(DEFAULT, restriction(start)), 1)) == [first]


def test_a_naive_start_is_utc() -> None:
    within = TimeRestriction(datetime(2026, 11, 1), None, True)  # type: ignore[arg-type]

    assert days(islice(runs(DEFAULT, within), 1)) == [date(2026, 11, 1)]


@given(start=MOMENTS, more=st.timedeltas(timedelta(0), timedelta(days=60)))
def test_a_backfill_has_every_day_that_starts_in_its_range(start: datetime, more: timedelta) -> None:
    end = start.astimezone(UTC) + more
    found = days(runs(DEFAULT, restriction(start, end)))

    near = [start.astimezone(UTC).date() + place * DAY for place in range(more.days + 3)]
    assert found == [day for day in near if start <= midnight(day) <= end]


@given(now=MOMENTS, lag=LAGS, of_day=TIMES)
def test_the_latest_day_is_available_and_the_next_is_not(now: datetime, lag: timedelta, of_day: time) -> None:
    timetable = DataAvailabilityTimetable(lag=lag, at=of_day)
    day = timetable.latest_day(now)

    assert timetable.run_of(day).run_after <= now < timetable.run_of(day + DAY).run_after


@given(now=MOMENTS)
def test_a_run_made_by_hand_is_of_the_latest_day_available(now: datetime) -> None:
    interval = DEFAULT.infer_manual_data_interval(run_after=at(now))

    assert interval == (midnight(DEFAULT.latest_day(now)), midnight(DEFAULT.latest_day(now) + DAY))


def test_without_catchup_the_first_run_is_of_the_latest_day_and_those_missed_are_left_out() -> None:
    timetable = when(datetime(2026, 11, 20, 9, 59, tzinfo=UTC))
    year = restriction(datetime(2026, 1, 1, tzinfo=UTC), catchup=False)

    assert days(islice(runs(timetable, year), 3)) == [date(2026, 11, 15), date(2026, 11, 16), date(2026, 11, 17)]
    long_ago = DataInterval(at(midnight(date(2026, 3, 1))), at(midnight(date(2026, 3, 2))))
    run = timetable.next_dagrun_info(last_automated_data_interval=long_ago, restriction=year)
    assert run is not None
    assert run.logical_date == midnight(date(2026, 11, 15))


def test_without_catchup_a_start_in_the_future_is_waited_for() -> None:
    timetable = when(datetime(2026, 11, 20, tzinfo=UTC))
    later = restriction(datetime(2026, 12, 24, 18, tzinfo=UTC), catchup=False)

    assert days(islice(runs(timetable, later), 1)) == [date(2026, 12, 25)]


def test_without_a_start_there_is_no_first_run_to_catch_up_from() -> None:
    assert list(runs(DEFAULT, restriction(None))) == []


@pytest.mark.parametrize(
    ("last", "following"),
    [
        ((datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)), date(2026, 11, 4)),
        ((datetime(2026, 11, 3, 12, tzinfo=UTC), datetime(2026, 11, 4, 12, tzinfo=UTC)), date(2026, 11, 4)),
        ((datetime(2026, 11, 3, 12, tzinfo=UTC), datetime(2026, 11, 3, 12, tzinfo=UTC)), date(2026, 11, 4)),
        ((datetime(2026, 11, 3, 4, tzinfo=UTC), datetime(2026, 11, 3, 5, tzinfo=UTC)), date(2026, 11, 4)),
        ((datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)), date(2026, 11, 4)),
    ],
)
def test_it_continues_after_another_schedule(last: tuple[datetime, datetime], following: date) -> None:
    interval = DataInterval(at(last[0]), at(last[1]))
    run = DEFAULT.next_dagrun_info(
        last_automated_data_interval=interval, restriction=restriction(datetime(2026, 1, 1, tzinfo=UTC))
    )

    assert run is not None
    assert run.logical_date == midnight(following)


@given(lag=LAGS, of_day=TIMES)
def test_it_survives_serialization(lag: timedelta, of_day: time) -> None:
    timetable = DataAvailabilityTimetable(lag=lag, at=of_day)
    copy = DataAvailabilityTimetable.deserialize(json.loads(json.dumps(timetable.serialize())))

    assert copy == timetable
    assert hash(copy) == hash(timetable)
    assert copy.run_of(date(2026, 2, 28)) == timetable.run_of(date(2026, 2, 28))


def test_a_dag_with_it_survives_serialization(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow import plugins_manager
    from airflow.providers.common.compat.sdk import DAG
    from airflow.serialization import serialized_objects

    known = {
        f"{timetable.__module__}.{timetable.__qualname__}": timetable for timetable in AIAnalyticsPlugin.timetables
    }
    if hasattr(plugins_manager, "get_timetables_plugins"):
        monkeypatch.setattr(plugins_manager, "get_timetables_plugins", lambda: known)
    else:
        monkeypatch.setattr(plugins_manager, "timetable_classes", known)
    serialization = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    timetable = DataAvailabilityTimetable(lag=timedelta(hours=4), at=time(0))
    dag = DAG("days", schedule=timetable, start_date=datetime(2026, 1, 31, 9), catchup=True)

    copy = serialization.from_dict(json.loads(json.dumps(serialization.to_dict(dag))))

    assert copy.timetable == timetable
    found = copy.iter_dagrun_infos_between(None, at(datetime(2026, 3, 2, tzinfo=UTC)))
    assert days(found) == [date(2026, 2, 1) + place * DAY for place in range(30)]


def test_a_shorter_lag_gives_no_day_the_run_id_of_another() -> None:
    def run_id(timetable: DataAvailabilityTimetable, day: date) -> str:
        run = timetable.run_of(day)
        return timetable.generate_run_id(
            run_type=DagRunType.SCHEDULED,
            run_after=run.run_after,
            logical_date=run.logical_date,
            data_interval=run.data_interval,
        )

    shorter = DataAvailabilityTimetable(lag=timedelta(days=1))
    assert DEFAULT.run_of(date(2026, 11, 1)).run_after == shorter.run_of(date(2026, 11, 3)).run_after
    assert run_id(DEFAULT, date(2026, 11, 1)) == "scheduled__2026-11-01T00:00:00+00:00"
    assert run_id(shorter, date(2026, 11, 3)) == "scheduled__2026-11-03T00:00:00+00:00"


@pytest.mark.parametrize("has_interval", [True, False], ids=["with a data interval", "without a logical date"])
def test_the_id_of_a_manual_run_names_its_day(has_interval: bool) -> None:
    moment = at(datetime(2026, 11, 20, 8, 30, 1, tzinfo=UTC))
    run_id = DEFAULT.generate_run_id(
        run_type=DagRunType.MANUAL,
        run_after=moment,
        logical_date=moment,
        data_interval=DEFAULT.infer_manual_data_interval(run_after=moment) if has_interval else None,
    )

    assert run_id == "manual__2026-11-20T08:30:01+00:00_day_2026-11-15"


def test_the_id_of_a_backfill_run_names_its_day() -> None:
    run = DEFAULT.run_of(date(2026, 11, 1))
    run_id = DEFAULT.generate_run_id(
        run_type=DagRunType.BACKFILL_JOB,
        run_after=run.run_after,
        logical_date=run.logical_date,
        data_interval=run.data_interval,
    )

    assert run_id.startswith("backfill__")
    assert run_id.endswith("_day_2026-11-01")


@pytest.mark.parametrize(
    ("timetable", "summary", "description"),
    [
        (
            DEFAULT,
            "10:00 UTC + 3 days",
            "A run for each UTC day D, 3 days after 10:00 UTC of D+1; its run id names D",
        ),
        (
            DataAvailabilityTimetable(lag=timedelta(days=1, hours=4, minutes=30), at=time(0)),
            "00:00 UTC + 1 day 4 hours 30 minutes",
            "A run for each UTC day D, 1 day 4 hours 30 minutes after 00:00 UTC of D+1; its run id names D",
        ),
        (
            DataAvailabilityTimetable(lag=timedelta(0)),
            "10:00 UTC",
            "A run for each UTC day D, at 10:00 UTC of D+1; its run id names D",
        ),
    ],
)
def test_it_describes_itself(timetable: DataAvailabilityTimetable, summary: str, description: str) -> None:
    assert (timetable.summary, timetable.description) == (summary, description)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lag": timedelta(days=-1)}, "lag=datetime.timedelta(days=-1) is not a timedelta of zero or more"),
        ({"lag": 3}, "lag=3 is not a timedelta"),
        ({"at": "10:00"}, "at='10:00' is not a time of day in UTC"),
        ({"at": time(10, tzinfo=timezone(timedelta(hours=1)))}, "is not a time of day in UTC"),
    ],
)
def test_bad_arguments_fail_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message.replace("(", r"\(").replace(")", r"\)")):
        DataAvailabilityTimetable(**arguments)


def test_the_plugin_registers_it() -> None:
    assert AIAnalyticsPlugin.name == "aianalytics"
    assert AIAnalyticsPlugin.timetables == [DataAvailabilityTimetable]


def test_a_dag_file_loads_nothing_heavy_with_it() -> None:
    """Measured over Airflow itself, which brings some of these along."""
    probe = (
        "import sys, airflow.timetables.base, airflow.providers.common.compat.sdk as sdk; sdk.AirflowException\n"
        "before = set(sys.modules)\n"
        "import airflow_provider_aianalytics.timetables\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print('heavy', sorted(new & {'requests', 'aiohttp', 'pyarrow', 'fsspec', 'upath', 'msgspec'}))"
    )
    message = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout

    assert message.splitlines()[-1] == "heavy []"
