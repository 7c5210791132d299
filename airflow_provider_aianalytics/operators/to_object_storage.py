# SPDX-License-Identifier: Apache-2.0
"""Lands days of a dataset in object storage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSkipException, conf

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK
from airflow_provider_aianalytics.compat import datetime_trigger, emit_asset_events, first_try
from airflow_provider_aianalytics.exceptions import (
    EmptyDayError,
    NotYetAvailableError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.privacy import Privacy, check_fields, field_names
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.run.arguments import is_literal, require
from airflow_provider_aianalytics.run.period import period_of
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.layout import check_path, check_table
from airflow_provider_aianalytics.ui.links import LANDED_URL_KEY, LandedLink, landed_url

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aianalytics.ingest.loop import Ingest
    from airflow_provider_aianalytics.ingest.result import IngestResult

# What lands and what waits is imported by the methods that do so: a DAG file, parsed again and again, does neither.

MAX_WAIT = timedelta(days=7)
"""How long a day is waited for before its absence is an error."""

CHOICES = {
    "on_unavailable": ("fail", "skip", "wait", "partial"),
    "on_empty": ("accept", "fail", "skip"),
    "on_shrink": ("fail", "accept"),
    "on_cap": ("report", "split"),
}


class AnalyticsToObjectStorageOperator(AnalyticsOperator):
    """Lands days of a dataset in object storage, one committed partition a UTC day.

    Returns a summary of what became of each day; the records themselves never pass through XCom.

    :param path: any URL that ``ObjectStoragePath`` takes: ``s3://conn@bucket/prefix``, ``file:///…`` (templated).
    :param table: the table (templated); the dataset's name by default. Required as soon as the cut differs from the
        default one, so that two cuts never share a table.
    :param file_format: ``ndjson``, which is lossless, or ``parquet`` or ``csv``, which are typed and flat. Parquet
        needs the extra ``parquet``.
    :param compression: ``gzip``, ``zstd`` or ``none``; in Parquet the codec of its pages.
    :param restate_days: also read this many days before ``start`` again, and rewrite those whose content changed.
    :param max_concurrency: how many windows are read at once, at most.
    :param keep_revisions: whether the content that a restatement replaces is kept under ``_revisions``.
    :param on_unavailable: what a day does that is not there yet, once the others are landed: ``fail``; ``skip``;
        ``wait``, which defers to the triggerer until the vendor has the day, up to a week, and then lands it; or
        ``partial``, which lands it as far as the vendor's data goes and marks it incomplete, and skips where that is
        nothing at all; for datasets whose days come bucket by bucket, and not for those that come as whole days.
    :param on_empty: what a day does that was answered without a row, or with a total of zero, which a vendor that was
        not synced answers too: ``accept`` lands it, ``fail`` leaves it out and fails once the others are landed,
        ``skip`` lands it and skips the tasks behind when every day is empty.
    :param on_shrink: what a day does that lost more than a tenth of its rows or of its total: ``fail`` leaves what is
        landed as it is, ``accept`` replaces it.
    :param on_cap: what a grouped bucket does that came with as many groups as the vendor serves of one: ``report``
        lands the day and marks it incomplete, ``split`` asks again in narrower questions until nothing is cut off.
    :param drop_fields: dotted names of fields that do not land, such as ``user.email_address``.
    :param pseudonymize_fields: dotted names of fields that land as the HMAC-SHA-256 of their value, keyed by the
        connection's extra ``pseudonym_secret``.
    :param deferrable: whether a wait of more than a minute for the organization's budget or the vendor frees the
        worker; otherwise the task fails then, to be retried.
    """

    shared_links = (LandedLink(),)
    template_fields: Sequence[str] = (*AnalyticsOperator.template_fields, "path", "table")

    def __init__(
        self,
        *,
        path: str,
        table: str | None = None,
        file_format: str = "ndjson",
        compression: str = "gzip",
        restate_days: int = 0,
        max_concurrency: int = 4,
        keep_revisions: bool = True,
        on_unavailable: str = "fail",
        on_empty: str = "accept",
        on_shrink: str = "fail",
        on_cap: str = "report",
        drop_fields: Iterable[str] = (),
        pseudonymize_fields: Iterable[str] = (),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.table = table
        self.file_format = file_format
        self.compression = compression
        self.restate_days = restate_days
        self.max_concurrency = max_concurrency
        self.keep_revisions = keep_revisions
        self.on_unavailable = on_unavailable
        self.on_empty = on_empty
        self.on_shrink = on_shrink
        self.drop_fields = field_names("drop_fields", drop_fields)
        self.pseudonymize_fields = field_names("pseudonymize_fields", pseudonymize_fields)
        self.on_cap = on_cap
        self.deferrable = deferrable
        self.manifest_url = ""
        self._ingest: Ingest | None = None
        self._landed: IngestResult | None = None
        self._wait_deadline: str | None = None
        FileFormat(file_format, compression)
        if is_literal(path):
            check_path(path)
        require(max_concurrency >= 1, f"max_concurrency={max_concurrency} is not at least 1")
        require(restate_days >= 0, f"restate_days={restate_days} is negative")
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            require(value in allowed, f"{name}={value!r} is not allowed; allowed: {', '.join(allowed)}")
        if is_literal(table) and is_literal(self.dataset, self.group_by, self.filters):
            self._table_name()
            require(
                on_unavailable != "partial" or self.query().dataset.availability.supports_partial,
                f'on_unavailable="partial" is not for {self.dataset}, which the vendor has for whole days only; '
                "allowed: fail, skip, wait",
            )
            check_fields(self.query().dataset, "drop_fields", self.drop_fields)
            check_fields(self.query().dataset, "pseudonymize_fields", self.pseudonymize_fields)

    def execute(self, context: Context) -> dict[str, Any]:
        """Land the days of the run's period.

        :return: the summary.
        """
        return self._land(context)

    def execute_complete(
        self, context: Context, event: Mapping[str, Any] | None = None, wait_deadline: str | None = None
    ) -> dict[str, Any]:
        """Land the days that were waited for; those that landed before are kept.

        :param wait_deadline: see :meth:`resume`.
        :raises AirflowSensorTimeout: when the vendor did not have the day in time.
        :raises AIAnalyticsError: the error that ended the waiting.
        """
        from airflow_provider_aianalytics.triggers.availability import check_event

        check_event(event)
        return self.resume(context, event, wait_deadline)

    def resume(self, context: Context, event: object = None, wait_deadline: str | None = None) -> dict[str, Any]:
        """Go on after a wait for the budget or the vendor; the days that landed before are kept.

        :param wait_deadline: the moment, RFC 3339, up to which days are waited for, where that wait has begun already.
        """
        self._wait_deadline = wait_deadline
        return self._land(context)

    def on_kill(self) -> None:
        """Leave off: what is spooled is given up, what is committed stays."""
        if self._ingest is not None:
            self._ingest.stop()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        from airflow_provider_aianalytics.lineage.collect import operator_lineage

        table = None if self._ingest is None else self._ingest.table
        return operator_lineage(self.vendor, self.query().dataset, table, self._landed)

    def period(self, context: Context) -> Period:
        return period_of(context, start=self.start, end=self.end, allow_partial=self.on_unavailable == "partial")

    def _land(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
        from airflow_provider_aianalytics.ingest.result import is_empty, summary
        from airflow_provider_aianalytics.lineage.collect import report_input, report_output
        from airflow_provider_aianalytics.storage.manifest import Run, format_timestamp

        period, checked = self.period(context), self.query()
        table = LakeTable(
            check_path(self.path),
            vendor=self.vendor.name,
            table=self._table_name(),
            file_format=FileFormat(self.file_format, self.compression),
        )
        instance, started = context["ti"], getattr(context.get("dag_run"), "start_date", None)
        run = Run(
            dag_id=instance.dag_id,
            run_id=instance.run_id,
            task_id=instance.task_id,
            map_index=-1 if instance.map_index is None else instance.map_index,
            try_number=instance.try_number,
            started_at=format_timestamp(started) if started else None,
        )
        with closing(self.hook()) as hook:
            report_input(hook, self.vendor, checked.dataset)
            self._ingest = Ingest(
                hook,
                checked,
                table,
                run=run,
                first_try=first_try(context),
                privacy=Privacy(
                    checked.dataset,
                    self.drop_fields,
                    self.pseudonymize_fields,
                    hook.endpoint.pseudonym_secret if self.pseudonymize_fields else "",
                ),
                options=IngestOptions(
                    max_concurrency=self.max_concurrency,
                    restate_days=self.restate_days,
                    partial=self.on_unavailable == "partial",
                    split_capped=self.on_cap == "split",
                    refuse_empty=self.on_empty == "fail",
                    accept_shrink=self.on_shrink == "accept",
                    keep_revisions=self.keep_revisions,
                ),
            )
            try:
                landed = self._ingest.land(period)
            except (RateLimitedError, VendorUnavailableError) as error:
                self._defer_over(error)
                raise
        self._landed = landed
        report_output(hook, table)
        self.manifest_url = landed_url(table, [partition.manifest.date for partition in landed.partitions])
        if self.manifest_url:
            instance.xcom_push(key=LANDED_URL_KEY, value=self.manifest_url)
        told = summary(table, checked, landed)
        self.log.info("Landed %s", json.dumps(told))
        # What this run landed before it deferred, was retried, or failed and was cleared, nobody has been told of yet.
        changed = [
            partition.manifest.date.isoformat()
            for partition in landed.partitions
            if partition.status != "unchanged" or run.has_name_of(partition.manifest.run)
        ]
        emit_asset_events(
            context, self.outlets, {**told, "partitions": len(told["partitions"]), "changed": changed}, changed
        )
        if landed.missing:
            self._not_yet(context, checked, period, landed)
        if landed.empty:
            raise EmptyDayError(
                f"{', '.join(map(str, landed.empty))} answered with nothing and not landed",
                where=f"{self.vendor.name} {checked.dataset.name} {period}",
                hint='Run later, or take it as it is with on_empty="accept"',
            )
        if self.on_empty == "skip" and all(is_empty(partition.manifest) for partition in landed.partitions):
            raise AirflowSkipException(f"{self.vendor.name} {checked.dataset.name} {period}: every day is empty")
        return told

    def _not_yet(self, context: Context, checked: Query, period: Period, landed: IngestResult) -> None:
        error = NotYetAvailableError(
            f"{', '.join(map(str, landed.missing))} not there yet; the other days of the period are landed",
            latest=landed.latest,
            where=f"{self.vendor.name} {checked.dataset.name} {period}",
            hint='Run later, end the period earlier, or wait with a sensor or on_unavailable="wait"',
        )
        match self.on_unavailable:
            case "partial" if landed.partitions or landed.empty:
                self.log.info("%s", error)
            case "partial" | "skip":
                raise AirflowSkipException(str(error))
            case "wait":
                self._wait_for(landed.missing[-1], context, checked, error)
            case _:
                raise error

    def _wait_for(self, day: date, context: Context, checked: Query, said: NotYetAvailableError) -> NoReturn:
        from airflow_provider_aianalytics.extraction.polling import DayPoller, format_utc, task_jitter, wait_target
        from airflow_provider_aianalytics.triggers.availability import DEFERRAL_MARGIN, AvailabilityTrigger

        instance = context["ti"]
        jitter = task_jitter(instance)
        now = SYSTEM_CLOCK.now()
        self._wait_deadline = self._wait_deadline or (now + MAX_WAIT).isoformat()
        deadline = datetime.fromisoformat(self._wait_deadline)
        wait = DayPoller.resume(wait_target(checked.dataset, day, jitter=jitter), now=now, deadline=deadline)
        if now >= wait.target.dataset.availability.exists_from(day):
            wait.record(said, now=now)  # the vendor has just been asked, and said no
        self.log.info("%s: looking again at %s", wait.target.where, format_utc(wait.next_poll_at))
        self.defer(
            trigger=AvailabilityTrigger.of(wait, conn_id=self.conn_id),
            method_name="execute_complete",
            kwargs={"wait_deadline": self._wait_deadline},
            timeout=MAX_WAIT + DEFERRAL_MARGIN,
        )

    def _defer_over(self, error: RateLimitedError | VendorUnavailableError) -> None:
        """Free the worker for a wait that is too long to be slept, where the author allows it."""
        from airflow_provider_aianalytics.extraction.polling import format_utc
        from airflow_provider_aianalytics.extraction.rate_limit import MAX_INLINE_WAIT

        seconds = error.retry_after or 0.0
        if not self.deferrable or seconds <= MAX_INLINE_WAIT:
            return
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        self.log.warning("%s; going on at %s", error, format_utc(moment))
        self.defer(
            trigger=datetime_trigger(moment), method_name="resume", kwargs={"wait_deadline": self._wait_deadline}
        )

    def _table_name(self) -> str:
        checked = self.query()
        require(
            bool(self.table) or checked.is_default,
            f"{checked.dataset}: this cut is not the dataset's default one, so it needs "
            f'a table of its own: table="{checked.dataset.name}_by_…"',
        )
        return check_table(self.table or checked.dataset.name)
