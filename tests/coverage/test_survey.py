# SPDX-License-Identifier: Apache-2.0
"""The state of every day, from the manifests alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aianalytics.coverage.repair import repairs_of
from airflow_provider_aianalytics.coverage.states import State, count_gaps
from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from tests.coverage.lakes import DAY, HOUR, NOW, ManifestLake, days_from, late_days, manifest, signs, states

FIRST = date(2026, 10, 30)


def test_each_day_has_its_state(lake: ManifestLake) -> None:
    lake.put(FIRST)
    lake.put(FIRST + DAY, final=False)
    lake.put(FIRST + 2 * DAY, final=False, complete=False)
    lake.put(FIRST + 3 * DAY, rows=0)
    lake.put(FIRST + 4 * DAY, b'{"schema_version": 1, "vendor": ')
    lake.put(FIRST + 6 * DAY)

    (table,) = lake.look(now=datetime(2026, 11, 11, 9, tzinfo=UTC))

    assert table.label == "claude_enterprise/users"
    assert states(table) == {
        "2026-10-30": "final",
        "2026-10-31": "provisional",
        "2026-11-01": "incomplete",
        "2026-11-02": "empty",
        "2026-11-03": "unreadable",
        "2026-11-04": "missing",
        "2026-11-05": "final",
        "2026-11-06": "late",
        "2026-11-07": "not due yet",
        "2026-11-08": "not due yet",
        "2026-11-09": "not due yet",
        "2026-11-10": "not due yet",
    }
    assert table.rows == 4 * 812
    assert table.gaps == count_gaps([table]) == 3


def test_a_table_that_died_three_weeks_ago_is_late(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST - 30 * DAY, 30))

    (table,) = lake.look()

    assert late_days(table)[0] == str(FIRST)
    assert table.late_by is not None
    assert table.late_by > timedelta(days=19)


def test_a_table_that_died_before_the_range_is_late(lake: ManifestLake) -> None:
    """Its last manifest is the only place that names the dataset of a table with a name of its own."""
    lake.put_daily(days_from(FIRST - 40 * DAY, 10), table="cost_by_model", dataset="cost_report")

    (table,) = survey(lake.path, days=Range(now=NOW, most=10))

    assert signs(table) == "^^^^^^^^^o"
    assert table.last_landed is not None
    assert table.last_landed.date == FIRST - 31 * DAY
    (repair,) = repairs_of([table])
    assert repair.command is not None


def test_days_that_the_vendor_cannot_have_yet_are_not_gaps(lake: ManifestLake) -> None:
    lake.put_daily(days_from(NOW.date() - 10 * DAY, 10))

    (table,) = lake.look(last=NOW.date() + 3 * DAY)

    assert signs(table) == "##########oooo"
    assert table.gaps == 0
    assert table.late_by is None


def test_an_incomplete_day_needs_somebody_once_it_should_be_complete(lake: ManifestLake) -> None:
    lake.put(FIRST, table="cost_report", complete=False)
    lake.put(NOW.date(), table="cost_report", complete=False)

    (table,) = lake.look()
    old, *_, today = table.days
    assert not table.is_mixed

    assert (old.state, old.needs_action) == (State.INCOMPLETE, True)
    assert (today.state, today.needs_action) == (State.INCOMPLETE, False)


def test_a_table_of_a_dataset_that_is_not_known_is_never_late(lake: ManifestLake) -> None:
    lake.put(FIRST, vendor="another_vendor", table="figures")
    lake.put(FIRST, table="figures_of_the_future")

    assert [table.gaps for table in lake.look()] == [0, 0]


def test_a_manifest_of_another_day_or_table_is_unreadable(lake: ManifestLake) -> None:
    lake.put(FIRST, manifest(FIRST + DAY))
    lake.put(FIRST + DAY, manifest(FIRST + DAY, table="skills"))

    (table,) = lake.look(last=FIRST + DAY)

    assert [day.state for day in table.days] == [State.UNREADABLE, State.UNREADABLE]
    assert str(table.days[0].error).endswith(
        "users/2026-10-30.json: the manifest of claude_enterprise/users 2026-10-31"
    )


def test_a_folder_in_the_place_of_a_manifest_makes_one_day_unreadable(lake: ManifestLake) -> None:
    lake.put(FIRST).unlink()
    (lake.root / f"claude_enterprise/_manifests/users/{FIRST}.json").mkdir()
    lake.put(FIRST + DAY)

    (table,) = lake.look(last=FIRST + DAY)

    assert [day.state for day in table.days] == [State.UNREADABLE, State.FINAL]


@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode)))
@example(data=b"")
@example(data=b"\xff\xfe")
@example(data=b'{"vendor": "\xff"}')
@example(data=b"[" * 5000)
@example(data=manifest(FIRST).replace(b"claude", b"\xc3\x28aude"))
def test_garbage_is_an_unreadable_day_and_never_a_crash(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = ManifestLake(tmp_path_factory.mktemp("lake"))
    file = lake.put(FIRST, data)

    (table,) = lake.look(last=FIRST)

    (day,) = table.days
    assert day.state is State.UNREADABLE
    assert str(day.error).startswith(f"{file}: ")


def test_a_manifest_with_an_odd_value_is_unreadable_and_named(lake: ManifestLake) -> None:
    lake.put(FIRST, fetched_at="yesterday")
    lake.put(FIRST + DAY, fetched_at="2026-11-20T12:00:00")

    (table,) = lake.look(last=FIRST + DAY)

    assert signs(table) == "!!"
    assert str(table.days[0].error).endswith(f"users/{FIRST}.json: not a manifest of this package (fetched_at is odd)")


@pytest.mark.parametrize(
    ("first", "last", "range_"),
    [
        (None, None, ("2026-10-30", "2026-11-19")),
        (date(2026, 11, 2), None, ("2026-11-02", "2026-11-19")),
        (None, date(2026, 10, 31), ("2026-10-30", "2026-10-31")),
        (date(2026, 10, 28), date(2026, 11, 5), ("2026-10-28", "2026-11-05")),
        (date(2026, 12, 1), None, ("2026-12-01", "2026-12-01")),
        (None, date(2026, 9, 30), ("2026-09-30", "2026-09-30")),
    ],
)
def test_the_range_is_from_the_first_landed_day_to_yesterday(
    lake: ManifestLake, first: date | None, last: date | None, range_: tuple[str, str]
) -> None:
    lake.put(FIRST)
    lake.put(FIRST + 4 * DAY)

    (table,) = lake.look(first=first, last=last)

    assert (str(table.days[0].date), str(table.days[-1].date)) == range_
    assert [day.date for day in table.days] == sorted({day.date for day in table.days})
    assert {str(day.date) for day in table.days if day.state is State.FINAL} <= {"2026-10-30", "2026-11-03"}


def test_a_day_so_far_is_inside_the_range(lake: ManifestLake) -> None:
    lake.put(NOW.date(), complete=False)

    (table,) = lake.look()

    assert states(table) == {str(NOW.date()): "incomplete"}


def test_the_range_can_be_bounded_by_a_number_of_days(lake: ManifestLake) -> None:
    lake.put(FIRST - 300 * DAY)

    assert Range(now=NOW, most=90).days([FIRST - 300 * DAY])[0] == NOW.date() - 90 * DAY
    assert Range(now=NOW, most=90).days([NOW.date() - 9 * DAY])[0] == NOW.date() - 9 * DAY


@given(
    landed=st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 31)), min_size=1),
    bounds=st.tuples(*[st.none() | st.dates(date(2025, 12, 1), date(2026, 4, 30))] * 2),
)
def test_every_day_of_the_range_is_there_once(
    landed: set[date], bounds: tuple[date | None, date | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, last = bounds
    if first and last and last < first:
        first, last = last, first
    lake = ManifestLake(tmp_path_factory.mktemp("lake"))
    for day in landed:
        lake.put(day)

    (table,) = lake.look(first=first, last=last, now=datetime(2026, 4, 1, tzinfo=UTC))

    days = [day.date for day in table.days]
    assert days == days_from(days[0], len(days))
    assert first in (None, days[0])
    assert last in (None, days[-1])
    assert {day.date for day in table.days if day.landed} == landed & set(days)


def test_tables_are_chosen_by_vendor_and_name(lake: ManifestLake) -> None:
    for vendor, table in (
        ("claude_enterprise", "users"),
        ("claude_enterprise", "connectors"),
        ("perplexity", "connectors"),
    ):
        lake.put(FIRST, vendor=vendor, table=table)

    def named(**chosen: str) -> list[str]:
        return [table.label for table in lake.look(**chosen)]

    assert named() == ["claude_enterprise/connectors", "claude_enterprise/users", "perplexity/connectors"]
    assert named(table="connectors") == ["claude_enterprise/connectors", "perplexity/connectors"]
    assert named(vendor="perplexity") == ["perplexity/connectors"]
    with pytest.raises(
        InvalidArgumentError, match=r"no vendor 'perplexity' table 'users' under .*; there are claude_ent"
    ):
        named(vendor="perplexity", table="users")


def test_files_that_are_no_manifests_are_skipped(lake: ManifestLake, tmp_path: Path) -> None:
    lake.put(FIRST)
    manifests = tmp_path / "claude_enterprise/_manifests"
    for stray in ("users/2026-11-31.json", "users/2026-11-20.json.tmp", "users/notes.txt", "README.md"):
        (manifests / stray).write_text("not this")
    for folder in ("claude_enterprise/users/date=2026-11-05", "claude_enterprise/_spool", "elsewhere", "_other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "LICENSE").write_text("a file beside the vendors")

    assert [states(table) for table in lake.look(last=FIRST)] == [{"2026-10-30": "final"}]


def test_a_given_lag_decides_what_is_late(lake: ManifestLake) -> None:
    lake.put_daily(days_from(NOW.date() - 14 * DAY, 10), table="cost_report")

    (patient,) = lake.look(lag=10 * DAY)
    (learned,) = lake.look()

    assert (patient.gaps, learned.gaps) == (0, 3)
    assert late_days(learned) == ["2026-11-16", "2026-11-17", "2026-11-18"]
    assert learned.late_by == 2 * DAY + 18 * HOUR


@pytest.mark.parametrize("name", ["organization_id", "pseudonym_secret_id"])
def test_days_of_another_organization_or_secret_are_mixed_and_unknown_ones_are_not(
    lake: ManifestLake, name: str
) -> None:
    for place, value in enumerate((None, "one", "one", None, "two", "one")):
        lake.put(FIRST + place * DAY, **{name: value})

    (table,) = lake.look(last=FIRST + 5 * DAY)

    assert signs(table) == "####%#"


def test_days_that_hold_something_else_are_mixed(lake: ManifestLake) -> None:
    for day in days_from(FIRST, 4):
        lake.put(day, dropped_fields=("user.email_address",))
    lake.put(FIRST + 4 * DAY)
    lake.put(FIRST + 5 * DAY, format="csv")

    (table,) = lake.look(last=FIRST + 5 * DAY)

    assert signs(table) == "####%%"
    assert table.is_mixed
    assert table.gaps == 2
