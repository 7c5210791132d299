# SPDX-License-Identifier: Apache-2.0
"""Coverage in a terminal: a line a table, what to do, calendars on request."""

from __future__ import annotations

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.coverage.states import Day, State, Table
from airflow_provider_aianalytics.coverage.text import MOST_REPAIRS, as_text
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from

FIRST = date(2026, 10, 30)
SIGNS = "".join(state.plain for state in State)


def calendar(letters: str, *, first: date = FIRST, name: str = "users", late_by: timedelta | None = None) -> Table:
    """A table whose days are written as the ASCII signs of their states."""
    by_sign = {state.plain: state for state in State}
    days = (
        Day(
            first + place * DAY,
            state := by_sign[letter],
            error="there: broken" if state is State.UNREADABLE else None,
        )
        for place, letter in enumerate(letters)
    )
    return Table("claude_enterprise", name, tuple(days), late_by=late_by)


def test_a_table_is_a_line() -> None:
    text = as_text(
        "s3://lake/ai",
        [calendar("##x#"), calendar("#" * 1200 + "^^o", name="cost_by_model", late_by=timedelta(days=1, hours=3.5))],
        now=NOW,
        signs=False,
    )

    assert text == (
        "s3://lake/ai   2026-11-20 12:00 UTC\n"
        "\n"
        "  table                             last day                             days   rows   gaps\n"
        "  claude_enterprise/users           none       on time                 0 of 4      0   1 missing\n"
        "  claude_enterprise/cost_by_model   none       late by 1 day 3 h   0 of 1,202      0   2 late\n"
        "\n"
        "  claude_enterprise/users missing 2026-11-01 (run the task that lands this table for these days)\n"
        "  claude_enterprise/cost_by_model late 2030-02-11 to 2030-02-12 (run the task that lands this table for these "
        "days)\n"
        "\n"
        "# final 1,203   ^ late 2   x missing 1   o not due yet 1\n"
    )


def test_one_table_has_its_calendar(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 2))
    lake.put_daily(days_from(FIRST + 3 * DAY, 27))
    lake.put(FIRST + 30 * DAY, rows=0)
    lake.put(FIRST + 32 * DAY, b"{")
    lake.put_daily(days_from(FIRST + 33 * DAY, 2), final=False)
    lake.put(FIRST + 35 * DAY, complete=False)

    text = as_text("s3://lake/ai", lake.look(last=FIRST + 35 * DAY), now=NOW, signs=False)

    assert (
        "claude_enterprise/users   2026-10-30 to 2026-12-04\n"
        "           1       5         10        15        20        25        30\n"
        "  2026-10                                                            # #\n"
        "  2026-11  x # # # # # # # # # # # # # # # # # # # # # # # # # # # . x\n"
        "  2026-12  ! + + ~\n"
        "  missing: 2026-11-01, 2026-11-30\n"
        "  unreadable: "
    ) in text
    assert "  claude_enterprise/users missing 2026-11-01\n    airflow tasks clear --task-regex" in text


def test_several_tables_have_calendars_on_request() -> None:
    tables = [calendar("###"), calendar("###", name="skills")]

    assert "2026-10  " not in as_text("lake", tables, now=NOW)
    assert as_text("lake", tables, now=NOW, calendars=True).count("2026-10  ") == 2


def test_every_state_has_a_sign_of_its_own() -> None:
    for drawn in ([state.sign for state in State], [state.plain for state in State], [state.label for state in State]):
        assert len(set(drawn)) == len(State)
        assert all(drawn)
    assert SIGNS.isascii()


@given(letters=st.text(alphabet=SIGNS, min_size=1, max_size=800), first=st.dates(date(2024, 1, 1), date(2027, 1, 1)))
def test_every_day_is_drawn_under_its_number(letters: str, first: date) -> None:
    table = calendar(letters, first=first)
    text = as_text("lake", [table], now=NOW, signs=False)
    drawn = {}
    for year, month, line in re.findall(r"^  (\d{4})-(\d\d)  (.*)$", text, re.MULTILINE):
        for column, sign in enumerate(line):
            if sign != " ":
                assert column % 2 == 0
                drawn[date(int(year), int(month), column // 2 + 1)] = sign

    assert drawn == {day.date: day.state.plain for day in table.days}


def test_colours_add_nothing_but_colour() -> None:
    tables = [calendar("##.x!+~^o")]

    assert "\x1b" not in as_text("lake", tables, now=NOW)
    coloured = as_text("lake", tables, now=NOW, colours=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == as_text("lake", tables, now=NOW)


def test_a_table_with_many_gaps_does_not_flood_the_terminal() -> None:
    text = as_text("lake", [calendar("#x" * 40)], now=NOW, calendars=False)

    assert text.count("run the task") == MOST_REPAIRS
    assert f"claude_enterprise/users: and {40 - MOST_REPAIRS} more" in text
