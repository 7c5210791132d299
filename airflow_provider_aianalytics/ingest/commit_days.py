# SPDX-License-Identifier: Apache-2.0
"""The days of a window are committed several at a time: the order of calls binds only those of one day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.threads import run_parallel

Outcome = TypeVar("Outcome")

FinishedDay = tuple[Path, Manifest, bool]
"""The finished file of a day, what the day becomes, and whether the vendor's data covered it."""

BYTES_AT_ONCE = 8 << 20
"""How many bytes of files are uploaded at once: the drivers of object stores read a file into memory."""


def commit_days(
    commit: Callable[[Path, Manifest, bool], Outcome], days: Sequence[FinishedDay], *, at_once: int, windows: int
) -> list[Outcome]:
    """Commit days side by side.

    :param commit: commits one day.
    :param at_once: how many days may be committed at once.
    :param windows: how many windows may commit their days at this moment.
    :return: the outcomes in the order of the days.
    :raises Exception: the error of the first day that has one. No other day starts after an error.
    """
    largest = max((file.stat().st_size for file, _, _ in days), default=0)
    workers = max(1, min(at_once, BYTES_AT_ONCE // max(largest, 1)) // windows)
    return run_parallel(lambda day: commit(*day), days, workers=workers, name="commit")
