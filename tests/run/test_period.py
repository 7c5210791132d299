# SPDX-License-Identifier: Apache-2.0
"""The days of a run: explicit or relative ones, else those of its partition, its interval, or its run_after."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsOperator
from airflow_provider_aianalytics.run.period import period_of
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

DAY = Period.of(date(2026, 11, 1))


def interval(start: datetime, end: datetime) -> dict[str, Any]:
    return {"data_interval_start": start, "data_interval_end": end}


DAILY = interval(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


def test_explicit_days_win_over_everything() -> None:
    context = {**DAILY, "partition_key": "2026-10-01"}
    assert period_of(context, start="2026-09-01", end="2026-09-04") == Period(date(2026, 9, 1), date(2026, 9, 4))


@pytest.mark.parametrize("hour", range(24))
def test_an_hourly_run_can_request_the_day_so_far(hour: int) -> None:
    start = datetime(2026, 11, 1, hour, tzinfo=UTC)
    context = interval(start, start + timedelta(hours=1))
    assert period_of(context, allow_partial=True) == DAY
    if hour < 23:
        with pytest.raises(InvalidArgumentError, match=r"within one day.*partial"):
            period_of(context)


def test_a_start_alone_is_one_day() -> None:
    assert period_of(DAILY, start="2026-09-01") == Period.of(date(2026, 9, 1))
    assert period_of(DAILY, start=date(2026, 9, 1), end="") == Period.of(date(2026, 9, 1))


def test_an_end_alone_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="needs a start"):
        period_of(DAILY, end="2026-09-01")


def test_inverted_days_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="is empty"):
        period_of({}, start="2026-09-02", end="2026-09-01")


@pytest.mark.parametrize(
    "key",
    ["2026-11-01", "2026-11-01T05", "2026-11-01T00:00:00", "2026-11-01T00:00:00+00:00", "2026-11-01 00:00:00Z"],
)
def test_the_partition_key_wins_over_the_interval(key: str) -> None:
    context = {**interval(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)), "partition_key": key}
    assert period_of(context) == DAY
    on_the_run = {**context, "partition_key": None, "dag_run": SimpleNamespace(partition_key=key)}
    assert period_of(on_the_run) == DAY


@pytest.mark.parametrize(
    "key",
    [
        "eu-west",
        "2026-11-02 (W45)",
        "2026-W44",
        "2026-W44-1",
        "2026-11",
        "2026-Q4",
        "2026-11-01/2026-11-08",
        "2026-11-01|eu",
        "2026-11-01T00:00:00|eu",
        "20261101",
        "20261101|eu",
    ],
)
def test_a_partition_key_that_is_no_one_day_is_refused_by_name(key: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"partition_key='{re.escape(key)}'.*Write start and end"):
        period_of({"partition_key": key})


def test_a_partition_key_beyond_the_calendar_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgumentError, match="partition_key='2026-11-31'"):
        period_of({"partition_key": "2026-11-31"})


def test_the_interval_of_a_daily_run() -> None:
    assert period_of(DAILY) == DAY
    assert period_of(interval(pendulum.datetime(2026, 11, 1), pendulum.datetime(2026, 11, 8))) == Period(
        date(2026, 11, 1), date(2026, 11, 8)
    )


def test_an_interval_is_counted_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    start = datetime(2026, 11, 2, tzinfo=zone)
    assert period_of(interval(start, start + timedelta(days=1))) == DAY


@given(
    st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 1), timezones=st.just(UTC)),
    st.integers(24 * 60, 10 * 24 * 60),
)
def test_consecutive_intervals_tile_the_days(start: datetime, minutes: int) -> None:
    step = timedelta(minutes=minutes)
    one, other = (period_of(interval(moment, moment + step)) for moment in (start, start + step))
    assert one.end == other.start


RUN_AFTER = datetime(2026, 11, 20, 23, 30, tzinfo=timezone(-timedelta(hours=2)))  # 01:30 UTC of the 21st


@pytest.mark.parametrize(
    ("context", "day"),
    [
        ({**DAILY, "partition_key": "2026-10-05", "logical_date": RUN_AFTER}, date(2026, 10, 5)),
        ({**DAILY, "logical_date": RUN_AFTER}, date(2026, 11, 1)),
        (
            {
                **interval(datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)),
                "logical_date": datetime(2026, 11, 20, 12, tzinfo=UTC),
                "dag_run": SimpleNamespace(run_after=datetime(2026, 12, 24, tzinfo=UTC)),
            },
            date(2026, 11, 20),
        ),
        ({"dag_run": SimpleNamespace(run_after=RUN_AFTER, logical_date=None)}, date(2026, 11, 21)),
    ],
    ids=["partition key", "data interval", "logical date", "run_after"],
)
def test_relative_days_count_from_the_runs_own_day(context: dict[str, Any], day: date) -> None:
    assert period_of(context, start=0) == Period.of(day)
    assert period_of(context, start=-31, end=-1) == Period(day - timedelta(days=31), day - timedelta(days=1))
    assert period_of(context, start="-31", end="+1") == Period(day - timedelta(days=31), day + timedelta(days=1))
    assert period_of(context, start="2026-01-01", end=0) == Period(date(2026, 1, 1), day)


def test_a_run_without_a_date_has_the_day_of_its_run_after() -> None:
    context = {"dag_run": SimpleNamespace(run_after=RUN_AFTER, logical_date=None)}
    assert period_of(context) == Period.of(date(2026, 11, 21))


def test_a_run_without_a_date_of_a_timetable_dag_has_the_latest_available_day() -> None:
    dag = SimpleNamespace(timetable=DataAvailabilityTimetable())
    context = {"dag": dag, "dag_run": SimpleNamespace(run_after=datetime(2026, 11, 20, 12, tzinfo=UTC))}
    assert period_of(context) == Period.of(date(2026, 11, 16))
    assert period_of(context, start=-1) == Period.of(date(2026, 11, 15))


def test_a_relative_day_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="start=-999999999 is beyond the calendar"):
        period_of(DAILY, start=-999_999_999)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (0, 0, r"users: start=0, end=0 is empty: end is exclusive and must be after start"),
        (-1, -3, r"start=-1, end=-3 is empty"),
        (True, None, r"start=True is not a date"),
        (-1, "tomorrow", r"end='tomorrow' is not a date"),
        (None, 0, r"end=0 needs a start"),
        (-1.5, None, r"start=-1.5 is not a date"),
        ("2025-12-31", None, r"before 2026-01-01, the first day the vendor has"),
    ],
)
def test_days_that_no_run_can_read_are_refused_when_the_dag_is_parsed(start: Any, end: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        ClaudeEnterpriseAnalyticsOperator(task_id="read", dataset="users", start=start, end=end)


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (-4, None), ("-1", "0"), ("2026-01-01", -1), (None, None)])
def test_relative_days_are_accepted_when_the_dag_is_parsed(start: Any, end: Any) -> None:
    ClaudeEnterpriseAnalyticsOperator(task_id="read", dataset="users", start=start, end=end)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"data_interval_start": None, "data_interval_end": None},
        interval(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
        {"partition_key": "", "dag_run": SimpleNamespace()},
    ],
    ids=["nothing", "none", "empty interval", "empty key"],
)
def test_a_run_without_days_explains_what_to_write(context: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        period_of(context)
    assert "start=" in str(refusal.value)
    assert "end=" in str(refusal.value)


def test_an_hour_is_no_partition() -> None:
    hour = interval(datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC))
    with pytest.raises(InvalidArgumentError, match="whole UTC day"):
        period_of(hour)
