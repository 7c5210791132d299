# SPDX-License-Identifier: Apache-2.0
"""Read the windows of a period and commit their days."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    NotYetAvailableError,
    RateLimitedError,
    SuspiciousShrinkError,
    VendorUnavailableError,
    error_location,
)
from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.redaction import hash_emails
from airflow_provider_aianalytics.extraction.window_reader import WindowReader
from airflow_provider_aianalytics.extraction.windows import Period, Window, first_day, midnight, plan, runs_of
from airflow_provider_aianalytics.ingest.commit_days import FinishedDay, commit_days
from airflow_provider_aianalytics.ingest.prefetch import prefetch
from airflow_provider_aianalytics.ingest.progress import Progress, plan_text
from airflow_provider_aianalytics.ingest.report_splitter import ReportSplitter
from airflow_provider_aianalytics.ingest.result import IngestResult, Partition, is_empty
from airflow_provider_aianalytics.storage.checkpoint import PageCheckpoint
from airflow_provider_aianalytics.storage.commit import commit
from airflow_provider_aianalytics.storage.encoders.day_files import DayFiles
from airflow_provider_aianalytics.storage.figures import figures_of
from airflow_provider_aianalytics.storage.manifest import Manifest, Run, format_timestamp, query_as_sent
from airflow_provider_aianalytics.storage.table_spec import SpecGuard, TableSpec
from airflow_provider_aianalytics.threads import GRACE, run_parallel
from airflow_provider_aianalytics.vendors.base import DAY

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook
    from airflow_provider_aianalytics.storage.lake import LakeTable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """What a run may do.

    :param max_concurrency: how many windows are read at once, at most.
    :param restate_days: how many days before the period are read again.
    :param partial: whether a day that the vendor's data does not cover yet lands as far as it goes.
    :param split_capped: whether a bucket with as many groups as the vendor serves is read again in narrower queries.
    :param accept_shrink: whether a day may lose rows or total beyond the tolerance.
    :param refuse_empty: whether a day without rows, or whose total is zero, is left out.
    :param keep_revisions: whether the content that a restatement replaces is kept.
    """

    max_concurrency: int = 1
    restate_days: int = 0
    partial: bool = False
    split_capped: bool = False
    accept_shrink: bool = False
    refuse_empty: bool = False
    keep_revisions: bool = True


class Ingest:
    """Lands the days of one table.

    :param hook: reads the vendor.
    :param query: what is read.
    :param table: where it lands.
    :param run: the task run, for the manifests.
    :param first_try: the first try of this series of tries: what it or a later one committed is kept.
    :param privacy: which fields are dropped or pseudonymized.
    :param options: what the run may do.
    """

    def __init__(
        self,
        hook: AnalyticsHook,
        query: Query,
        table: LakeTable,
        *,
        run: Run,
        first_try: int = 1,
        privacy: Privacy | None = None,
        options: IngestOptions = IngestOptions(),
    ) -> None:
        self.hook = hook
        self.query = query
        self.dataset = query.dataset
        self.table = table
        self.run = run
        self.first_try = first_try
        self.options = options
        self.privacy = privacy or Privacy(query.dataset)
        self._latest: date | None = None
        self._guard = self._spec_guard()
        self._unfinished = self._unfinished_pages()
        self._progress = Progress(hook, query.dataset)
        self._known: dict[date, Manifest | None] = {}
        self._workers = 1
        # No events: a signal's handler sets these, and must not wait for a lock that the same thread holds.
        self._is_stopping = False
        self._is_killed = False

    def land(self, period: Period) -> IngestResult:
        """Land every day of a period, and read again the days before it that the options ask for.

        The days that are available are committed even where others are not.

        :return: the partitions, ascending, and the days that are not there yet.
        :raises QueryMismatchError: when the table was landed by another query.
        :raises SuspiciousShrinkError: when a day lost more than the tolerance, after the others were committed.
        :raises AIAnalyticsError: the typed error of whatever went wrong.
        """
        with error_location(self, period):
            return self._land(self._with_restated(period))

    def _land(self, period: Period) -> IngestResult:
        self.table.list_days()
        known = self._known = self.table.manifests(period.days())
        self._guard.check(known.values())
        self._unfinished.load()
        landed = IngestResult()
        for day, manifest in known.items():
            if manifest is not None and self._is_kept(manifest):
                landed.partitions.append(Partition(manifest, self._url(day), "kept"))
        kept = {partition.manifest.date for partition in landed.partitions}
        windows: list[Window] = []
        for first, last in runs_of(day for day in known if day not in kept):
            planned = plan(
                self.dataset,
                Period(first, last + DAY),
                now=self.hook.clock.now(),
                bucket_width=self.query.bucket_width,
                partial=self.options.partial,
            )
            windows += planned.windows
            landed.missing += planned.unavailable
        text = plan_text(
            table=self.table.table,
            days=list(known),
            windows=len(windows),
            kept=len(kept),
            unavailable=len(landed.missing),
        )
        log.info("%s: %s", self, text)
        self._progress.start(len(known) - len(kept))
        for outcome in self._land_windows(windows):
            landed.add(outcome)
        landed.seconds = self._progress.seconds
        landed.partitions.sort(key=lambda partition: partition.manifest.date)
        landed.missing.sort()
        if landed.rejected:
            raise landed.rejected[0]
        return landed

    def stop(self) -> None:
        """Stop at the next page. What was read is discarded, what is committed stays."""
        self._is_killed = True
        self._stop_reading()

    def _stop_reading(self) -> None:
        self._is_stopping = True

    def _land_windows(self, windows: list[Window]) -> list[IngestResult]:
        if not windows:
            return []
        self.hook.connect()
        self._workers = min(self.options.max_concurrency, self.hook.vendor.max_concurrency, len(windows))
        try:
            outcomes = run_parallel(
                self._land_unless_stopped,
                windows,
                workers=self._workers,
                name="window",
                on_interrupt=self._stop_reading,
                is_stopped=lambda: self._is_killed,
                grace=GRACE,
            )
        except InterruptedError:
            log.warning("%s: requests under way did not end in %.0f s; leaving them", self, GRACE)
        else:
            if not self._is_stopping:
                return outcomes
        finally:
            self._unfinished.tidy()
        raise AIAnalyticsError("the task was stopped", where=str(self), hint="What is committed stays")

    def _land_unless_stopped(self, window: Window) -> IngestResult:
        if self._is_stopping:
            return IngestResult()
        try:
            with error_location(self, window):
                return self._land_window(window)
        except BaseException:
            self._is_stopping = True  # no other window starts; those under way read on while they cost no request
            raise

    def _land_window(self, window: Window) -> IngestResult:
        landed = IngestResult()
        while self._latest is None or window.start.date() <= self._latest:
            try:
                landed.add(self._land_whole_window(window))
                return landed
            except NotYetAvailableError as error:
                # The vendor named its latest day, so that no request for a later day is worth its cost.
                landed.latest = error.latest
                latest = error.latest or window.start.date() - DAY
                log.info("%s", error)
                self._latest = min(latest, self._latest or latest)
                end = midnight(latest + DAY)
                landed.missing += [day for day in window.days() if day > latest]
                self._unfinished.drop(window)
                if not window.start < end < window.end:
                    return landed
                window = Window(window.start, end)
            except (RateLimitedError, VendorUnavailableError):
                raise
            except AIAnalyticsError:
                self._unfinished.drop(window)  # its pages may be wrong
                raise
        landed.missing += list(window.days())
        return landed

    def _land_whole_window(self, window: Window) -> IngestResult:
        with self.table.spool() as folder, ExitStack() as stack:
            files = DayFiles(folder, list(window.days()), self.table.file_format, self.dataset, stack)
            reading = WindowReader(self.query, window)
            paginator = self.hook.iter_pages(self.query, window, self._pages_of_earlier_tries(window))
            for page in stack.enter_context(closing(prefetch(self._unfinished.checkpoint(paginator)))):
                if page.number == 1:
                    files.reset()
                self._progress.add_page(files.write(map(self.privacy.apply, reading.add_page(page))))
                if self._is_stopping and page.next_cursor:
                    return IngestResult()
            if reading.capped and self.options.split_capped:
                log.info(
                    "%s %s has as many groups as the vendor serves of a bucket; reading it again in narrower queries",
                    self,
                    window,
                )
                files.reset()
                split = ReportSplitter(self.hook, self.query, window)
                files.write(map(self.privacy.apply, split.batches()))
                reading.capped = split.capped
                reading.requests += split.requests
            landed = self._commit(reading, files)
            self._unfinished.drop(window)
            return landed

    def _pages_of_earlier_tries(self, window: Window) -> Iterator[tuple[datetime, bytes]]:
        """The pages that they kept, unless the vendor's data can have changed since."""
        now = self.hook.clock.now()
        availability = self.dataset.availability
        for read_at, body in self._unfinished.pages(window):
            if not availability.is_stable(window.days(), read_at=read_at, now=now):
                self._unfinished.drop(window)
                return
            yield read_at, body

    def _commit(self, reading: WindowReader, files: DayFiles) -> IngestResult:
        if not self.options.partial:
            reading.check_consistency()
        landed = IngestResult(requests=reading.requests)
        finished: list[FinishedDay] = []
        for day in reading.window.days():
            covered = reading.covers(day)
            if not covered and not self.options.partial:
                landed.missing.append(day)
                continue
            if reading.capped[day]:
                log.warning(
                    "%s: %d buckets of %s have %d groups, the most that the vendor serves of a bucket; more may be "
                    'missing, so the day is marked incomplete. Group by less, or set on_cap="split"',
                    self,
                    reading.capped[day],
                    day,
                    self.dataset.groups_per_bucket,
                )
            new = self._manifest(reading, day, files, covered=covered)
            if self.options.refuse_empty and is_empty(new):
                landed.empty.append(day)
            else:
                finished.append((files[day].path, new, covered))
        if finished:
            self._guard.claim(reading.organization_id)
        for outcome in commit_days(self._commit_day, finished, at_once=self.table.store.at_once, windows=self._workers):
            if isinstance(outcome, SuspiciousShrinkError):
                log.error("%s", outcome)
                landed.rejected.append(outcome)
            else:
                landed.partitions.append(outcome)
        self._progress.add_days(len(landed.partitions))
        return landed

    def _commit_day(self, file: Path, new: Manifest, covered: bool) -> Partition | SuspiciousShrinkError:
        try:
            manifest, status = commit(
                self.table,
                file,
                new,
                covered=covered,
                keep_revisions=self.options.keep_revisions,
                accept_shrink=self.options.accept_shrink,
                check=self._guard.check_day,
            )
        except SuspiciousShrinkError as error:
            return error
        return Partition(manifest, self._url(new.date), status, self._known.get(new.date))

    def _manifest(self, reading: WindowReader, day: date, files: DayFiles, *, covered: bool) -> Manifest:
        content = files[day].finish()
        complete = covered and not reading.capped[day]
        return Manifest(
            vendor=self.dataset.vendor,
            dataset=self.dataset.name,
            table=self.table.table,
            date=day,
            query=query_as_sent([(name, hash_emails(value)) for name, value in self.query.parameters(reading.window)]),
            file=self.table.data_file(day),
            format=self.table.file_format.name,
            compression=self.table.file_format.compression,
            rows=content.rows,
            bytes=content.bytes,
            sha256=content.sha256,
            total=content.total,
            figures=figures_of(
                self.dataset,
                total=content.total,
                own_sum=files.figure(day),
                hidden=(*self.privacy.drop, *self.privacy.pseudonymize),
            ),
            pages=reading.pages,
            requests=reading.requests,
            data_refreshed_at=reading.data_refreshed_at,
            fetched_at=format_timestamp(reading.read_at),
            complete=complete,
            capped_buckets=reading.capped[day],
            final=complete and reading.is_final(day),
            organization_id=reading.organization_id,
            provider_version=__version__,
            run=self.run,
            dropped_fields=self.privacy.drop,
            pseudonymized_fields=self.privacy.pseudonymize,
            pseudonym_secret_id=self.privacy.secret_id,
        )

    def _unfinished_pages(self) -> PageCheckpoint:
        series = replace(self.run, try_number=self.first_try), self.dataset.name, tuple(self.query.options())
        return PageCheckpoint(
            self.table,
            hashlib.sha256(msgspec.json.encode(series)).hexdigest()[:32],
            enabled=not (self.privacy.drop or self.privacy.pseudonymize),  # they are kept as they came
        )

    def _with_restated(self, period: Period) -> Period:
        start = period.start - DAY * min(self.options.restate_days, (period.start - date.min).days)
        first = first_day(self.dataset, now=self.hook.clock.now())
        return Period(min(period.start, max(start, first)) if first else start, period.end)

    def _is_kept(self, manifest: Manifest) -> bool:
        return self.run.is_same_task_run(manifest.run) and manifest.run.try_number >= self.first_try

    def _spec_guard(self) -> SpecGuard:
        window = self.dataset.window.start, self.dataset.window.end or "", "limit"
        spec = TableSpec.of(
            vendor=self.dataset.vendor,
            dataset=self.dataset.name,
            query=query_as_sent(self.query.options()),
            window_parameters=window,
            format=self.table.file_format.name,
            compression=self.table.file_format.compression,
            dropped_fields=self.privacy.drop,
            pseudonymized_fields=self.privacy.pseudonymize,
            pseudonym_secret_id=self.privacy.secret_id,
        )
        return SpecGuard(self.table, spec, window)

    def __str__(self) -> str:
        return str(self.dataset)

    def _url(self, day: date) -> str:
        return self.table.url(self.table.data_file(day))
