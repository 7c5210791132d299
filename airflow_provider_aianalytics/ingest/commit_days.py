# SPDX-License-Identifier: Apache-2.0
"""The days of a window are committed several at a time: the order of calls binds only those of one day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from airflow_provider_aianalytics.storage.drivers import AT_ONCE
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.threads import run_parallel

Outcome = TypeVar("Outcome")

FinishedDay = tuple[Path, Manifest, bool]
"""The finished file of a day, what the day becomes, and whether the vendor's data covered it."""

COMMITS = AT_ONCE
"""How many days are committed at once."""
BYTES_AT_ONCE = 8 << 20
"""How many bytes of files are uploaded at once: the drivers of object stores read a file into memory."""


def commit_days(
    commit: Callable[[Path, Manifest, bool], Outcome], days: Sequence[FinishedDay], *, windows: int
) -> list[Outcome]:
    """Commit days side by side.

    :param commit: commits one day.
    :param windows: how many windows may commit their days at this moment.
    :return: the outcomes in the order of the days.
    :raises Exception: the error of the first day that has one. No other day starts after an error.
    """
    has_failed = False

    def commit_unless_failed(day: FinishedDay) -> Outcome | None:
        nonlocal has_failed
        if has_failed:
            return None
        try:
            return commit(*day)
        except BaseException:
            has_failed = True
            raise

    largest = max((file.stat().st_size for file, _, _ in days), default=0)
    workers = max(1, min(COMMITS, BYTES_AT_ONCE // max(largest, 1)) // windows)
    outcomes = run_parallel(commit_unless_failed, days, workers=workers, name="commit")
    return [outcome for outcome in outcomes if outcome is not None]
