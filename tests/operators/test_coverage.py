# SPDX-License-Identifier: Apache-2.0
"""A check that fails when a table is late."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.exceptions import CoverageError, InvalidArgumentError
from airflow_provider_aianalytics.operators.coverage import AIAnalyticsCoverageOperator
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from

FIRST = date(2026, 11, 1)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ManifestLake:
    monkeypatch.setattr(Clock, "now", lambda self: NOW)
    return ManifestLake(tmp_path)


def check(lake: ManifestLake, **arguments: Any) -> Any:
    return AIAnalyticsCoverageOperator(task_id="check", path=lake.path, **arguments).execute({})


def test_tables_on_time_pass_with_a_summary(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 18))

    assert check(lake) == {"claude_enterprise/users": {"last_landed": "2026-11-18", "late_by_seconds": 0}}


def test_a_late_table_fails_with_the_command_for_it(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 18))
    lake.put_daily(days_from(FIRST, 10), table="skills")

    with pytest.raises(CoverageError) as raised:
        check(lake)

    text = str(raised.value)
    assert text.startswith(f"{lake.path}: 1 table to act on: claude_enterprise/skills. What to do:\n")
    assert "claude_enterprise/skills late 2026-11-11 to 2026-11-18" in text
    assert "airflow tasks clear --task-regex '^land\\.it$'" in text
    assert "claude_enterprise/users" not in text


def test_a_table_may_be_late_by_as_much_as_is_allowed(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 10))

    (summary,) = check(lake, max_late=timedelta(days=8)).values()
    assert summary["late_by_seconds"] > 7 * 86_400
    with pytest.raises(CoverageError, match="users late 2026-11-11"):
        check(lake, max_late=timedelta(days=7))


@pytest.mark.parametrize("content", [None, b"{"])
def test_a_missing_or_unreadable_day_fails_however_late_a_table_may_be(
    lake: ManifestLake, content: bytes | None
) -> None:
    lake.put_daily(days_from(FIRST, 18))
    lake.put(FIRST + 5 * DAY, content or b"").unlink()
    if content:
        lake.put(FIRST + 5 * DAY, content)

    with pytest.raises(CoverageError, match="unreadable 2026-11-06" if content else "missing 2026-11-06"):
        check(lake, max_late=timedelta(days=99))


def test_only_the_chosen_tables_and_days_are_checked(lake: ManifestLake) -> None:
    lake.put_daily(days_from(FIRST, 18))
    lake.put_daily(days_from(FIRST, 3), table="skills")
    lake.put(FIRST + 5 * DAY).unlink()

    assert len(check(lake, vendor="claude_enterprise", table="users", days=10)) == 1


def test_a_table_that_never_landed_fails(lake: ManifestLake) -> None:
    lake.put(FIRST)

    with pytest.raises(InvalidArgumentError, match="no table 'skills'"):
        check(lake, table="skills")


@pytest.mark.parametrize("arguments", [{"path": "lake/ai"}, {"days": 0}])
def test_a_wrong_argument_fails_when_the_dag_is_parsed(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        AIAnalyticsCoverageOperator(**{"task_id": "check", "path": "/lake"} | arguments)
