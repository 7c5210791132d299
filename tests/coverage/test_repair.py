# SPDX-License-Identifier: Apache-2.0
"""For each gap the command that mends it, from the DAG, the task and the runs that the manifests name."""

from __future__ import annotations

from datetime import date

from airflow_provider_aianalytics.coverage.repair import Repair, repairs_of
from airflow_provider_aianalytics.coverage.states import State
from airflow_provider_aianalytics.storage.manifest import Run
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from

FIRST = date(2026, 10, 30)


def commands(lake: ManifestLake, **more: date) -> list[str | None]:
    return [repair.command for repair in repairs_of(lake.look(**more))]


def test_runs_of_days_of_one_state_are_one_repair(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 3))
    lake.put_daily(days_from(FIRST + 6 * DAY, 2))
    lake.put(FIRST + 8 * DAY, b"broken")

    found = repairs_of(lake.look(last=FIRST + 9 * DAY))

    assert [(one.table, one.state, one.days) for one in found] == [
        ("claude_enterprise/users", State.MISSING, "2026-11-02 to 2026-11-04"),
        ("claude_enterprise/users", State.UNREADABLE, "2026-11-07"),
        ("claude_enterprise/users", State.LATE, "2026-11-08"),
    ]
    assert found[1].note.startswith("move it away first: ")


def test_the_command_clears_the_runs_that_land_these_days(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 3))
    lake.put_daily(days_from(FIRST + 6 * DAY, 2))

    (command,) = commands(lake, last=FIRST + 7 * DAY)

    # The run of 2026-11-03 lands 2026-11-02, that of the 5th the 4th; an end date is its first moment.
    assert command == (
        r"airflow tasks clear --task-regex '^land\.it$' --start-date 2026-11-02 --end-date 2026-11-06 daily"
    )


def test_a_backfill_does_not_widen_the_command(lake: ManifestLake) -> None:
    backfill = Run(dag_id="daily", run_id="manual__2026-11-09T05:00:00+00:00", task_id="t")
    lake.put_daily(days_from(FIRST, 10), run=backfill)
    for day in days_from(FIRST + 10 * DAY, 4):
        run = Run(dag_id="daily", run_id=f"scheduled__{day + DAY}T05:00:00+00:00", task_id="t")
        lake.put(day, run=run)

    (command,) = commands(lake, last=FIRST + 14 * DAY)

    assert command is not None
    assert "--start-date 2026-11-13 --end-date 2026-11-15" in command


def test_a_weekly_run_is_found(lake: ManifestLake) -> None:
    for start in (FIRST, FIRST + 14 * DAY):
        for day in days_from(start, 7):
            lake.put(day, run=Run(dag_id="weekly", run_id=f"scheduled__{start + 7 * DAY}T05:00:00+00:00", task_id="t"))

    (command,) = commands(lake, last=FIRST + 20 * DAY)

    assert command is not None
    # The missing days are 2026-11-06 to 2026-11-12, and the run of the 13th lands them.
    assert "--start-date 2026-11-06 --end-date 2026-11-20" in command


def test_names_are_quoted_for_a_shell(lake: ManifestLake) -> None:
    run = Run(dag_id="it's; rm -rf /", run_id="scheduled__2026-11-01T00:00:00+00:00", task_id="$(a|b)")
    lake.put(FIRST, run=run)
    lake.put(FIRST + 2 * DAY, run=run)

    (command,) = commands(lake, last=FIRST + 2 * DAY)

    assert command is not None
    assert r"""--task-regex '^\$\(a\|b\)$'""" in command
    assert command.endswith(""" 'it'"'"'s; rm -rf /'""")


def test_without_a_dated_run_there_is_no_command_that_would_clear_everything(lake: ManifestLake) -> None:
    lake.put(FIRST)
    lake.put(FIRST + 2 * DAY)

    assert commands(lake, last=FIRST + 2 * DAY) == [None]


def test_days_that_need_nobody_have_no_repair(lake: ManifestLake) -> None:
    lake.put_daily(days_from(NOW.date() - 5 * DAY, 5), rows=0)
    lake.put(NOW.date(), complete=False)

    assert list[Repair](repairs_of(lake.look())) == []
