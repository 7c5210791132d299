# SPDX-License-Identifier: Apache-2.0
"""Days are committed side by side, in order, few where they are large, and none after an error."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.ingest import commit_days as module
from airflow_provider_aianalytics.ingest.commit_days import commit_days
from tests.support import DAY

FIRST = date(2026, 11, 1)
COMMITS = 8


def days(folder: Path, number: int, size: int = 1) -> list[Any]:
    finished = []
    for place in range(number):
        file = folder / str(place)
        file.write_bytes(b"x" * size)
        finished.append((file, FIRST + place * DAY, True))
    return finished


class Commits:
    """Remembers which days were started; each waits for as many others as are expected at once."""

    def __init__(self, at_once: int = 1) -> None:
        self.started: list[date] = []
        self.barrier = threading.Barrier(at_once)

    def __call__(self, file: Path, day: Any, covered: bool) -> date:
        self.started.append(day)
        self.barrier.wait(timeout=60)
        return day  # type: ignore[no-any-return]


@pytest.mark.parametrize(("windows", "at_once"), [(1, COMMITS), (4, COMMITS // 4), (COMMITS, 1), (100, 1)])
def test_windows_share_the_commits(tmp_path: Path, windows: int, at_once: int) -> None:
    finished = days(tmp_path, 2 * COMMITS)
    commits = Commits(at_once)

    assert commit_days(commits, finished, at_once=COMMITS, windows=windows) == [day for _, day, _ in finished]
    assert commits.started[0] == FIRST


def test_large_files_are_uploaded_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 100)
    finished = days(tmp_path, 10, size=60)
    commits = Commits()

    commit_days(commits, finished, at_once=COMMITS, windows=1)

    assert commits.started == [day for _, day, _ in finished]


def test_no_day_is_started_after_an_error_and_the_first_error_is_raised(tmp_path: Path) -> None:
    finished = days(tmp_path, 10, size=1)
    started: list[date] = []

    def commit(file: Path, day: Any, covered: bool) -> date:
        started.append(day)
        if day >= FIRST + 3 * DAY:
            raise OSError(f"no room for {day}")
        return day  # type: ignore[no-any-return]

    with pytest.raises(OSError, match="no room for 2026-11-04"):
        commit_days(commit, finished, at_once=COMMITS, windows=COMMITS)
    assert started == [FIRST + place * DAY for place in range(4)]
