# SPDX-License-Identifier: Apache-2.0
"""When a day is late: by the catalogue at first, then by the table's own habit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from airflow_provider_aianalytics.coverage.lateness import end_of, schedule_of
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.coverage.lakes import DAY, HOUR, days_from

D = date(2026, 11, 1)
DATASETS = VENDORS["claude_enterprise"].datasets
USERS, COST = DATASETS["users"], DATASETS["cost_report"]


def reads(days: list[date], *, after: timedelta) -> dict[date, datetime]:
    return {day: end_of(day) + after for day in days}


def read_at(days: list[date], moment: datetime) -> dict[date, datetime]:
    return dict.fromkeys(days, moment)


def test_the_catalogue_decides_at_first() -> None:
    assert schedule_of(USERS, {}).due(D) == datetime(2026, 11, 5, 10, tzinfo=UTC)
    assert schedule_of(COST, {}).due(D) == datetime(2026, 11, 3, tzinfo=UTC)
    assert schedule_of(COST, reads(days_from(D, 2), after=HOUR)).due(D) == datetime(2026, 11, 3, tzinfo=UTC)
    assert schedule_of(None, {}).due(D) is None


def test_the_habit_of_a_daily_run_is_learned_with_slack() -> None:
    assert schedule_of(USERS, reads(days_from(D, 5), after=12 * HOUR)).due(D) == end_of(D) + 18 * HOUR
    assert schedule_of(USERS, reads(days_from(D, 5), after=30 * HOUR)).due(D) == end_of(D) + 45 * HOUR
    assert schedule_of(None, reads(days_from(D, 5), after=HOUR)).due(D) == end_of(D) + 7 * HOUR


def test_a_backfill_teaches_nothing() -> None:
    backfill = read_at(days_from(D - 300 * DAY, 300), end_of(D) + HOUR)

    assert schedule_of(COST, backfill).due(D) == datetime(2026, 11, 3, tzinfo=UTC)
    daily = reads(days_from(D + DAY, 3), after=12 * HOUR)
    assert schedule_of(COST, backfill | daily).due(D) == end_of(D) + 18 * HOUR


def test_an_outage_does_not_spoil_what_was_learned() -> None:
    usual = reads(days_from(D, 6), after=12 * HOUR)
    after_outage = read_at(days_from(D + 6 * DAY, 3), end_of(D + 8 * DAY) + 12 * HOUR)

    assert schedule_of(COST, usual | after_outage).due(D) == end_of(D) + 18 * HOUR


def test_a_weekly_run_is_a_week_behind() -> None:
    weeks: dict[date, datetime] = {}
    for number in range(4):
        week = days_from(D + 7 * number * DAY, 7)
        weeks |= read_at(week, end_of(week[-1]) + 6 * HOUR)

    due = schedule_of(COST, weeks).due(D)

    assert due is not None
    assert due - end_of(D) > 6 * DAY + 6 * HOUR


def test_a_given_lag_replaces_both() -> None:
    daily = reads(days_from(D, 9), after=HOUR)

    assert schedule_of(USERS, daily, lag=DAY).due(D) == datetime(2026, 11, 3, 10, tzinfo=UTC)
    assert schedule_of(COST, daily, lag=5 * DAY).due(D) == end_of(D) + 5 * DAY
    assert schedule_of(None, {}, lag=DAY).due(D) == end_of(D) + DAY


def test_the_vendor_has_a_day_before_it_is_late() -> None:
    for vendor in VENDORS.values():
        for dataset in vendor.datasets.values():
            schedule = schedule_of(dataset, {})
            at_vendor, due = schedule.at_vendor(D), schedule.due(D)
            assert at_vendor is not None
            assert due is not None
            assert end_of(D) < at_vendor < due
