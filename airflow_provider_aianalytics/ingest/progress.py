# SPDX-License-Identifier: Apache-2.0
"""The log lines of a run: what it reads, how far it is, and what changed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.extraction.windows import days_text
from airflow_provider_aianalytics.ingest.result import IngestResult, Partition
from airflow_provider_aianalytics.vendors.base import Dataset

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook
    from airflow_provider_aianalytics.storage.lake import LakeTable

log = logging.getLogger(__name__)

PROGRESS_EVERY = 5.0
"""Seconds between two progress lines of a long read."""


class Progress:
    """Logs a line every few seconds while a run reads. Windows are read in parallel, so it is thread-safe.

    :param hook: gives the time and the rest of the budget.
    :param dataset: the dataset that is read.
    """

    def __init__(self, hook: AnalyticsHook, dataset: Dataset) -> None:
        self._hook = hook
        self._dataset = dataset
        self._lock = threading.Lock()
        self._started = self._logged = hook.clock.monotonic()
        self._days = self._days_landed = self._requests = self._rows = 0

    def start(self, days: int) -> None:
        """Start to read.

        :param days: how many days are read.
        """
        self._days = days
        self._started = self._logged = self._hook.clock.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._hook.clock.monotonic() - self._started

    def add_page(self, rows: int) -> None:
        """Count a page, which took a request."""
        with self._lock:
            self._requests += 1
            self._rows += rows
            now = self._hook.clock.monotonic()
            if now - self._logged >= PROGRESS_EVERY:
                self._logged = now
                log.info(
                    "%s: %d of %s landed so far; %s read by %s in %.0f s; %s left in the budget of this minute",
                    self._dataset,
                    self._days_landed,
                    count_text(self._days, "day"),
                    count_text(self._rows, "row"),
                    count_text(self._requests, "request"),
                    now - self._started,
                    count_text(self._hook.budget_left(), "request"),
                )

    def add_days(self, days: int) -> None:
        """Count landed days."""
        with self._lock:
            self._days_landed += days


def plan_text(*, table: str, days: Sequence[date], windows: int, kept: int, unavailable: int) -> str:
    """What a run is about to read.

    :param days: the days of the period, ascending.
    :param windows: how many windows they are read in; each takes a request or more.
    :param kept: how many days an earlier try landed.
    :param unavailable: how many days the vendor cannot have yet.
    """
    notes = [f"{count_text(windows, 'window')}, at least {count_text(windows, 'request')}"]
    if kept:
        notes.append(f"{count_text(kept, 'day')} landed by an earlier try")
    if unavailable:
        notes.append(f"{count_text(unavailable, 'day')} not available yet")
    return f"reading {count_text(len(days), 'day')} ({days_text(days)}) into table {table}: {'; '.join(notes)}"


def summary_text(table: LakeTable, landed: IngestResult) -> str:
    """One sentence about what a run landed, and where."""
    days = [partition.manifest.date for partition in landed.partitions]
    counts = [
        f"{len(found)} {status}" + (f" ({days_text(found)})" if status == "revised" else "")
        for status in ("created", "revised", "unchanged", "kept")
        if (found := [partition.manifest.date for partition in landed.partitions if partition.status == status])
    ]
    counts += [
        f"{len(found)} {word} ({days_text(found)})"
        for word, found in (("not available yet", landed.missing), ("empty and left out", landed.empty))
        if found
    ]
    rows = sum(partition.manifest.rows for partition in landed.partitions)
    number = len(days) + len(landed.missing) + len(landed.empty)
    return (
        f"{count_text(number, 'day')} of {table.table}: {', '.join(counts)}; "
        f"{count_text(rows, 'row')}, {count_text(landed.requests, 'request')}, {landed.seconds:.1f} s; "
        f"in {table.url(table.folder)}"
    )


def revision_texts(dataset: Dataset, partitions: Iterable[Partition]) -> list[str]:
    """A line for each revised day: its rows and total, before and after."""
    measure = dataset.column(dataset.measure).name if dataset.measure else ""
    return [_revision_text(partition, measure) for partition in partitions if partition.status == "revised"]


def _revision_text(partition: Partition, measure: str) -> str:
    new, old = partition.manifest, partition.previous
    if old is None:
        return f"{new.date} revised: {count_text(new.rows, 'row')}; the content before had no manifest"
    text = f"{new.date} revised: {old.rows:,} rows before, {new.rows:,} after"
    if old.total is not None and new.total is not None:
        text += f"; {measure} {old.total:,} before, {new.total:,} after"
    return text


def repeated_event_text(changed: Iterable[Partition]) -> str:
    """A sentence about the changed days that an earlier try of the same run landed; empty if there are none."""
    days = [partition.manifest.date for partition in changed if partition.status in ("unchanged", "kept")]
    if not days:
        return ""
    return f"An earlier try of this run landed {days_text(days)}; the asset events name these days as changed"


def count_text(number: int, unit: str) -> str:
    """A number with its unit: ``1 day``, ``1,204 rows``."""
    return f"{number:,} {unit if number == 1 else unit + 's'}"
