# SPDX-License-Identifier: Apache-2.0
"""The one loop: windows in, committed partitions out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.exceptions import (
    NotYetAvailableError,
    QueryMismatchError,
    SuspiciousShrinkError,
)
from airflow_provider_aianalytics.extraction.answers import moment_of
from airflow_provider_aianalytics.extraction.measure import total_of
from airflow_provider_aianalytics.extraction.pages import Page
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.records import batches
from airflow_provider_aianalytics.extraction.windows import Period, Window, first_day, plan
from airflow_provider_aianalytics.storage.commit import Status, commit
from airflow_provider_aianalytics.storage.formats import Content, NdjsonFile
from airflow_provider_aianalytics.storage.manifest import Manifest, Run, query_as_sent, rfc3339
from airflow_provider_aianalytics.vendors.dataset import DAY

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook
    from airflow_provider_aianalytics.storage.lake import TableInLake

log = logging.getLogger(__name__)

PROGRESS_EVERY = 5.0
"""Seconds between two progress lines of a long read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a run may do.

    :param max_concurrency: how many windows are read at once, at most.
    :param restate_days: how many days before the period are read again.
    :param partial: whether a day that the vendor's data does not cover yet lands as far as it goes.
    :param accept_shrink: whether a day may lose rows or total beyond the tolerance.
    :param keep_revisions: whether the content that a restatement replaces is kept.
    """

    max_concurrency: int = 1
    restate_days: int = 0
    partial: bool = False
    accept_shrink: bool = False
    keep_revisions: bool = True


@dataclass(frozen=True, slots=True)
class Partition:
    """One day after the run.

    :param status: ``created``; ``revised``, its content changed; ``unchanged``, read again with the same content and
        not written; ``kept``, committed by an earlier try of the same task run and not read again.
    """

    manifest: Manifest
    url: str
    status: Status

    def summary(self) -> dict[str, Any]:
        manifest = self.manifest
        return {
            "date": manifest.date.isoformat(),
            "path": self.url,
            "rows": manifest.rows,
            "bytes": manifest.bytes,
            "sha256": manifest.sha256,
            "status": self.status,
            "final": manifest.final,
            "data_refreshed_at": manifest.data_refreshed_at,
        }


@dataclass(slots=True)
class Landed:
    """What a run, or one window of it, came to.

    :param missing: the days that are not there yet.
    :param refused: why days that were answered were not committed.
    """

    partitions: list[Partition] = field(default_factory=list)
    missing: list[date] = field(default_factory=list)
    refused: list[SuspiciousShrinkError] = field(default_factory=list)
    requests: int = 0

    def add(self, other: Landed) -> None:
        self.partitions += other.partitions
        self.missing += other.missing
        self.refused += other.refused
        self.requests += other.requests


class Ingest:
    """Lands the days of one table.

    :param hook: reads the vendor.
    :param query: what is asked.
    :param table: where it lands.
    :param run: the task run, for the manifests.
    :param first_try: the first try of this series of tries: what it or a later one committed is kept.
    :param rules: what the run may do.
    """

    def __init__(
        self,
        hook: AnalyticsHook,
        query: Query,
        table: TableInLake,
        *,
        run: Run,
        first_try: int = 1,
        rules: Rules = Rules(),
    ) -> None:
        self.hook = hook
        self.query = query
        self.dataset = query.dataset
        self.table = table
        self.run = run
        self.first_try = first_try
        self.rules = rules
        self._latest: date | None = None
        self._progress = _Progress(hook)
        self._stop = threading.Event()

    def land(self, period: Period) -> Landed:
        """Land every day of a period, and read again the days before it that the rules ask for.

        Days that are there are committed even where others are not: nothing read is lost.

        :return: the partitions, ascending, and the days that are not there yet.
        :raises QueryMismatchError: when the table was landed by another query.
        :raises SuspiciousShrinkError: when a day lost more than the tolerance, after the others were committed.
        :raises AIAnalyticsError: the typed error of whatever went wrong.
        """
        period = self._with_restated(period)
        known = {day: self.table.manifest(day) for day in period.days()}
        for manifest in known.values():
            self._check_same_cut(manifest)
        landed = Landed()
        for day, manifest in known.items():
            if manifest is not None and self._is_kept(manifest):
                landed.partitions.append(Partition(manifest, self._url(day), "kept"))
        kept = {partition.manifest.date for partition in landed.partitions}
        windows: list[Window] = []
        for stretch in _stretches(day for day in known if day not in kept):
            planned = plan(
                self.dataset,
                stretch,
                now=self.hook.clock.now(),
                bucket_width=self.query.bucket_width,
                partial=self.rules.partial,
            )
            windows += planned.windows
            landed.missing += planned.unavailable
        for outcome in self._land_windows(windows, known):
            landed.add(outcome)
        landed.partitions.sort(key=lambda partition: partition.manifest.date)
        landed.missing.sort()
        if landed.refused:
            raise landed.refused[0]
        return landed

    def _land_windows(self, windows: list[Window], known: dict[date, Manifest | None]) -> list[Landed]:
        if not windows:
            return []
        workers = min(self.rules.max_concurrency, self.hook.vendor.max_concurrency, len(windows))
        with ThreadPoolExecutor(workers, thread_name_prefix="window") as pool:
            futures = [pool.submit(self._land_window, window, known) for window in windows]
            try:
                return [future.result() for future in futures]
            except BaseException:
                self._stop.set()
                for future in futures:
                    future.cancel()
                raise

    def _land_window(self, window: Window, known: dict[date, Manifest | None]) -> Landed:
        landed = Landed()
        while self._latest is None or window.start.date() <= self._latest:
            try:
                landed.add(self._land_as_asked(window, known))
                return landed
            except NotYetAvailableError as error:
                # The vendor's own word of its latest day decides, and no later day is asked for in vain.
                latest = error.latest or window.start.date() - DAY
                log.info("%s", error)
                self._latest = min(latest, self._latest or latest)
                end = datetime.combine(latest + DAY, time(0), tzinfo=UTC)
                landed.missing += [day for day in window.days() if day > latest]
                if not window.start < end < window.end:
                    return landed
                window = Window(window.start, end)
        landed.missing += list(window.days())
        return landed

    def _land_as_asked(self, window: Window, known: dict[date, Manifest | None]) -> Landed:
        with self.table.spool() as folder, ExitStack() as stack:
            read = _WindowRead(self, window, folder, stack)
            for page in self.hook.walk(self.query, window):
                if self._stop.is_set():
                    return Landed()
                self._progress.add(read.take(page))
            landed = Landed(requests=read.requests)
            fetched_at = self.hook.clock.now()
            for day in window.days():
                complete = read.covers(day, fetched_at)
                if not complete and not self.rules.partial:
                    landed.missing.append(day)
                    continue
                file = read.files[day]
                new = self._manifest(read, day, file.finish(), fetched_at, complete=complete)
                try:
                    manifest, status = commit(
                        self.table,
                        file.path,
                        new,
                        known.get(day),
                        keep_revisions=self.rules.keep_revisions,
                        accept_shrink=self.rules.accept_shrink,
                    )
                except SuspiciousShrinkError as error:
                    log.error("%s", error)
                    landed.refused.append(error)
                else:
                    landed.partitions.append(Partition(manifest, self._url(day), status))
            return landed

    def _manifest(
        self, read: _WindowRead, day: date, content: Content, fetched_at: datetime, *, complete: bool
    ) -> Manifest:
        return Manifest(
            vendor=self.dataset.vendor,
            dataset=self.dataset.name,
            table=self.table.table,
            date=day,
            query=query_as_sent(self.query.parameters(read.window)),
            file=self.table.data_file(day),
            format=self.table.file_format.name,
            compression=self.table.file_format.compression,
            rows=content.rows,
            bytes=content.bytes,
            sha256=content.sha256,
            total=content.total,
            pages=read.pages,
            requests=read.requests,
            data_refreshed_at=read.data_refreshed_at,
            fetched_at=rfc3339(fetched_at),
            complete=complete,
            final=complete and fetched_at >= self.dataset.availability.final_from(day),
            organization_id=read.organization_id,
            provider_version=__version__,
            run=self.run,
        )

    def _with_restated(self, period: Period) -> Period:
        start = period.start - DAY * self.rules.restate_days
        first = first_day(self.dataset, now=self.hook.clock.now())
        return Period(min(period.start, max(start, first)) if first else start, period.end)

    def _is_kept(self, manifest: Manifest) -> bool:
        return self.run.is_same_task_run(manifest.run) and manifest.run.try_number >= self.first_try

    def _check_same_cut(self, manifest: Manifest | None) -> None:
        if manifest is None:
            return
        window = {self.dataset.window.start, self.dataset.window.end, "limit"}
        then = {name: value for name, value in manifest.query.items() if name not in window}
        now = query_as_sent(tuple(self.query.options()))
        ours = {
            "dataset": self.dataset.name,
            "format": self.table.file_format.name,
            "compression": self.table.file_format.compression,
        }
        theirs = {name: getattr(manifest, name) for name in ours}
        if then != now or theirs != ours:
            raise QueryMismatchError(
                f"{manifest.date} of table {self.table.table!r} was landed as {theirs} by the query {then}; "
                f"this is {ours} by the query {now}",
                where=f"{self.dataset.vendor} {self.dataset.name}",
                way_out="Give the other cut a table of its own (table=…), or another path",
            )

    def _url(self, day: date) -> str:
        return self.table.url(self.table.data_file(day))


class _WindowRead:
    """What the pages of one window said, and the unfinished files of its days; every day has one, also an empty day."""

    def __init__(self, ingest: Ingest, window: Window, folder: Path, stack: ExitStack) -> None:
        self.window = window
        self._query = ingest.query
        self._format = ingest.table.file_format
        self._folder = folder
        self._stack = stack
        self.files: dict[date, NdjsonFile] = {}
        self._begin()

    def _begin(self) -> None:
        """Begin the window, dropping what was read of it before."""
        for file in self.files.values():
            file.discard()
        total = total_of(self._query.dataset)
        self.files = {
            day: self._stack.enter_context(NdjsonFile(self._folder / str(day), self._format, total))
            for day in self.window.days()
        }
        self.pages = 0
        self.requests = 0
        self.organization_id: str | None = None
        self.data_refreshed_at: str | None = None
        self._until: datetime | None = None

    def take(self, page: Page) -> int:
        """Take the next page.

        :return: its rows.
        """
        if page.number == 1 and self.pages:
            self._begin()
        self.pages += 1
        self.requests = page.requests
        self.organization_id = page.organization_id or self.organization_id
        self.data_refreshed_at = page.data_refreshed_at or self.data_refreshed_at
        rows = 0
        for batch in batches(page, self._query):
            self.files[batch.day].write(batch)
            rows += len(batch.records)
            if batch.end is not None:
                self._until = max(self._until or batch.end, batch.end)
        return rows

    def covers(self, day: date, fetched_at: datetime) -> bool:
        """Whether the vendor's answer covered the whole day."""
        end = datetime.combine(day + DAY, time(0), tzinfo=UTC)
        availability = self._query.dataset.availability
        match availability.kind:
            case "aggregated":
                return True
            case "watermark":
                return self.data_refreshed_at is not None and moment_of(self.data_refreshed_at) >= end
            case "frontier":
                if fetched_at < end + availability.settle:
                    return False
                # v2 leaves out days without use, so only a series of buckets tells how far it goes.
                return self._query.dataset.results is not None or (self._until is not None and self._until >= end)


class _Progress:
    """A line every few seconds on long reads."""

    def __init__(self, hook: AnalyticsHook) -> None:
        self._hook = hook
        self._lock = threading.Lock()
        self._began = self._logged = hook.clock.monotonic()
        self._pages = self._rows = 0

    def add(self, rows: int) -> None:
        """Count a page and its rows."""
        with self._lock:
            self._pages += 1
            self._rows += rows
            now = self._hook.clock.monotonic()
            if now - self._logged >= PROGRESS_EVERY:
                self._logged = now
                log.info(
                    "%d pages, %d rows, %.0f rows/s, %d requests of the budget left this minute",
                    self._pages,
                    self._rows,
                    self._rows / (now - self._began),
                    self._hook.budget_left(),
                )


def summary(table: TableInLake, query: Query, landed: Landed) -> dict[str, Any]:
    """What a run landed, as the operator returns it: a few hundred bytes a day, whatever the rows."""
    days = [partition.manifest.date for partition in landed.partitions] + landed.missing
    return {
        "vendor": query.dataset.vendor,
        "dataset": query.dataset.name,
        "table": table.table,
        "start": min(days).isoformat(),
        "end": (max(days) + DAY).isoformat(),
        "rows": sum(partition.manifest.rows for partition in landed.partitions),
        "bytes": sum(partition.manifest.bytes for partition in landed.partitions),
        "requests": landed.requests,
        "partitions": [partition.summary() for partition in landed.partitions],
    }


def _stretches(days: Iterable[date]) -> list[Period]:
    """Consecutive days as periods."""
    stretches: list[Period] = []
    for day in days:
        if stretches and stretches[-1].end == day:
            stretches[-1] = Period(stretches[-1].start, day + DAY)
        else:
            stretches.append(Period.of(day))
    return stretches
