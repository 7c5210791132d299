# SPDX-License-Identifier: Apache-2.0
"""The operator that lands days of a dataset in object storage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSkipException, conf

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK
from airflow_provider_aianalytics.compat import datetime_trigger, first_try, has_event_partitions, report_asset_events
from airflow_provider_aianalytics.exceptions import (
    EmptyDayError,
    NotYetAvailableError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.privacy import Privacy, check_fields, field_names
from airflow_provider_aianalytics.extraction.query import FilterValue, Query
from airflow_provider_aianalytics.extraction.windows import Period, days_text
from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.run.arguments import Day, check_flag, check_whole_number, is_literal, require
from airflow_provider_aianalytics.run.errors import without_frames
from airflow_provider_aianalytics.run.period import period_of
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.layout import check_path, check_table
from airflow_provider_aianalytics.ui.links import LANDED_URL_KEY, LandedLink, landed_url

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook
    from airflow_provider_aianalytics.ingest.loop import Ingest
    from airflow_provider_aianalytics.ingest.result import IngestResult
    from airflow_provider_aianalytics.storage.manifest import Run

# Methods import what they need to land or to wait: a DAG file is parsed over and over and does neither.

MAX_WAIT = timedelta(days=7)
"""How long ``on_unavailable="wait"`` waits for a day before it fails."""

CHOICES = {
    "on_unavailable": ("fail", "skip", "wait", "partial"),
    "on_empty": ("accept", "fail", "skip"),
    "on_shrink": ("fail", "accept"),
    "on_cap": ("report", "split"),
}


class AnalyticsToObjectStorageOperator(AnalyticsOperator):
    """Lands days of a dataset in object storage, one committed partition for each UTC day.

    Returns a summary of each day; the records never pass through XCom.

    :param dataset: the name of a dataset in the vendor's catalogue (templated).
    :param path: a URL that ``ObjectStoragePath`` takes: ``s3://conn@bucket/prefix``, ``file:///…`` (templated).
    :param start: the first UTC day, inclusive (templated): a date, or a whole number of days relative to the run's own
        day, so that ``-1`` is the day before it. By default the run's own day or days.
    :param end: the UTC day after the last, in the same forms (templated). By default the day after ``start``.
    :param restate_days: how many days before ``start`` are read again; those whose content changed are rewritten.
    :param bucket_width: ``1d``, ``1h`` or ``1m``, for datasets that have buckets.
    :param group_by: the dimensions to group by (templated).
    :param filters: the vendor's filters, by name (templated).
    :param table: the name of the table (templated). By default the name of the dataset; required for a query that
        differs from the dataset's default one, so that two queries never share a table.
    :param file_format: ``ndjson``, which is lossless, or ``parquet`` or ``csv``, which are typed and flat. Parquet
        needs this package's extra ``parquet``.
    :param compression: ``gzip``, ``zstd`` or ``none``; for Parquet the codec of its pages.
    :param max_concurrency: the most windows that are read at the same time.
    :param keep_revisions: whether the content that a restatement replaces is kept under ``_revisions``.
    :param on_unavailable: what happens when the vendor does not have a day yet, after the other days have landed:
        ``fail``; ``skip``; ``wait``, which defers to the triggerer until the vendor has the day, up to a week, and then
        lands it; or ``partial``, which lands the day so far and marks it incomplete, and skips if there is nothing yet.
        ``partial`` is for datasets whose days come in buckets, not for those that come as whole days.
    :param on_empty: what happens to a day without a row or with a total of zero, which can also mean that the vendor
        was not synced yet: ``accept`` lands it; ``fail`` leaves it out and fails after the other days have landed;
        ``skip`` lands it and skips the downstream tasks if every day is empty.
    :param on_shrink: what happens to a day that lost more than a tenth of its rows or of its total: ``fail`` keeps the
        landed content and fails, ``accept`` replaces it.
    :param on_cap: what happens when a grouped bucket has as many groups as the vendor returns at most: ``report``
        lands the day and marks it incomplete, ``split`` sends narrower queries until no group is cut off.
    :param drop_fields: dotted names of fields that do not land, such as ``user.email_address``.
    :param pseudonymize_fields: dotted names of fields that land as the HMAC-SHA-256 of their value, with the
        connection's extra ``pseudonym_secret`` as the key.
    :param event_per_day: whether each changed day gives the outlets an asset event of its own, with the day as its
        partition key, for DAGs that are scheduled by asset partitions. DAGs that are scheduled by the asset itself do
        not run then. By default a task that changed days gives one event, and one that changed none gives none. Needs
        Airflow 3.3.
    :param conn_id: the Airflow connection (templated). By default the vendor's own default connection.
    :param deferrable: whether a wait of more than a minute for the budget or the vendor frees the worker. Otherwise the
        task fails then, to be retried.
    :raises InvalidArgumentError: while the DAG is parsed, for arguments that the catalogue does not allow.
    """

    shared_links = (LandedLink(),)
    template_fields: Sequence[str] = (*AnalyticsOperator.template_fields, "path", "table")

    def __init__(
        self,
        *,
        dataset: str,
        path: str,
        start: Day | None = None,
        end: Day | None = None,
        restate_days: int = 0,
        bucket_width: str | None = None,
        group_by: Sequence[str] = (),
        filters: Mapping[str, FilterValue] | None = None,
        table: str | None = None,
        file_format: str = "ndjson",
        compression: str = "gzip",
        max_concurrency: int = 4,
        keep_revisions: bool = True,
        on_unavailable: str = "fail",
        on_empty: str = "accept",
        on_shrink: str = "fail",
        on_cap: str = "report",
        drop_fields: Iterable[str] = (),
        pseudonymize_fields: Iterable[str] = (),
        event_per_day: bool = False,
        conn_id: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dataset=dataset,
            start=start,
            end=end,
            bucket_width=bucket_width,
            group_by=group_by,
            filters=filters,
            conn_id=conn_id,
            **kwargs,
        )
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
        self.on_cap = on_cap
        self.drop_fields = field_names("drop_fields", drop_fields)
        self.pseudonymize_fields = field_names("pseudonymize_fields", pseudonymize_fields)
        self.event_per_day = event_per_day
        self.deferrable = deferrable
        self.manifest_url = ""
        self._ingest: Ingest | None = None
        self._landed: IngestResult | None = None
        self._wait_deadline: str | None = None
        self._check_arguments()

    def _check_arguments(self) -> None:
        FileFormat(self.file_format, self.compression)
        if is_literal(self.path):
            check_path(self.path)
        check_whole_number("max_concurrency", self.max_concurrency, at_least=1)
        check_whole_number("restate_days", self.restate_days, at_least=0)
        for name in ("keep_revisions", "event_per_day", "deferrable"):
            check_flag(name, getattr(self, name))
        require(not self.event_per_day or has_event_partitions(), "event_per_day=True needs Airflow 3.3 or newer")
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            require(value in allowed, f"{name}={value!r} is not allowed; allowed: {', '.join(allowed)}")
        if is_literal(self.table, self.dataset, self.group_by, self.filters):
            self._table_name()
            dataset = self.query().dataset
            require(
                self.on_unavailable != "partial" or dataset.availability.supports_partial,
                f'on_unavailable="partial" is not for {self.dataset}, which the vendor has for whole days only; '
                "allowed: fail, skip, wait",
            )
            check_fields(dataset, "drop_fields", self.drop_fields)
            check_fields(dataset, "pseudonymize_fields", self.pseudonymize_fields)

    @without_frames
    def execute(self, context: Context) -> dict[str, Any]:
        """Land the days of the run's period.

        :return: the summary.
        """
        return self._land(context)

    @without_frames
    def execute_complete(
        self, context: Context, event: Mapping[str, Any] | None = None, wait_deadline: str | None = None
    ) -> dict[str, Any]:
        """Land the days after the wait for one of them; those that landed before are kept.

        :param wait_deadline: see :meth:`resume`.
        :raises AirflowSensorTimeout: when the vendor did not have the day in time.
        :raises AIAnalyticsError: the error that ended the wait.
        """
        from airflow_provider_aianalytics.triggers.availability import check_event

        check_event(event)
        return self._resume(context, wait_deadline)

    @without_frames
    def resume(self, context: Context, event: object = None, wait_deadline: str | None = None) -> dict[str, Any]:
        """Land the days after a wait for the budget or the vendor; those that landed before are kept.

        :param wait_deadline: the moment, RFC 3339, at which a wait for a day that started before ends.
        """
        return self._resume(context, wait_deadline)

    def _resume(self, context: Context, wait_deadline: str | None) -> dict[str, Any]:
        self._wait_deadline = wait_deadline
        return self._land(context)

    def on_kill(self) -> None:
        """Stop. What was read is discarded, what was committed stays."""
        if self._ingest is not None:
            self._ingest.stop()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        from airflow_provider_aianalytics.lineage.collect import operator_lineage

        table = None if self._ingest is None else self._ingest.table
        return operator_lineage(self.vendor, self.query().dataset, table, self._landed)

    def period(self, context: Context) -> Period:
        return period_of(context, start=self.start, end=self.end, allow_partial=self.on_unavailable == "partial")

    def _land(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aianalytics.ingest.result import summary
        from airflow_provider_aianalytics.lineage.collect import report_input, report_output
        from airflow_provider_aianalytics.run.task_run import task_run

        period, query = self.period(context), self.query()
        table = LakeTable(
            check_path(self.path),
            vendor=self.vendor.name,
            table=self._table_name(),
            file_format=FileFormat(self.file_format, self.compression),
        )
        run = task_run(context)
        with closing(self.hook()) as hook:
            report_input(hook, self.vendor, query.dataset)
            self._ingest = self._new_ingest(hook, query, table, run, first_try(context))
            try:
                landed = self._landed = self._ingest.land(period)
            except (RateLimitedError, VendorUnavailableError) as error:
                self._defer_over(error)
                raise
        report_output(hook, table)
        self._report_link(context, table, landed)
        result = summary(table, query, landed)
        self._log_result(query, table, landed, result)
        self._report_events(context, table, landed, run)
        self._check_days(context, query, period, landed)
        return result

    def _new_ingest(self, hook: AnalyticsHook, query: Query, table: LakeTable, run: Run, first_try: int) -> Ingest:
        from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions

        secret = hook.endpoint.pseudonym_secret if self.pseudonymize_fields else ""
        return Ingest(
            hook,
            query,
            table,
            run=run,
            first_try=first_try,
            privacy=Privacy(query.dataset, self.drop_fields, self.pseudonymize_fields, secret),
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

    def _report_link(self, context: Context, table: LakeTable, landed: IngestResult) -> None:
        self.manifest_url = landed_url(table, [partition.manifest.date for partition in landed.partitions])
        if self.manifest_url:
            context["ti"].xcom_push(key=LANDED_URL_KEY, value=self.manifest_url)
        else:  # Airflow 3 would store the empty link as an XCom
            links = (link for link in self.operator_extra_links if not isinstance(link, LandedLink))
            self.operator_extra_links = tuple(links)

    def _log_result(self, query: Query, table: LakeTable, landed: IngestResult, result: dict[str, Any]) -> None:
        from airflow_provider_aianalytics.ingest.progress import revision_texts, summary_text

        for text in revision_texts(query.dataset, landed.partitions):
            self.log.info("%s", text)
        self.log.info("%s", summary_text(table, landed))
        self.log.debug("Summary: %s", json.dumps(result))

    def _report_events(self, context: Context, table: LakeTable, landed: IngestResult, run: Run) -> None:
        from airflow_provider_aianalytics.ingest.progress import repeated_event_text
        from airflow_provider_aianalytics.lineage.locations import location_of

        changed = [partition for partition in landed.partitions if partition.is_change_of(run)]
        if self.outlets and (text := repeated_event_text(changed)):
            self.log.info("%s", text)
        uri = (location_of(table.root) / table.folder).uri
        report_asset_events(
            context,
            self,
            extra={
                "vendor": self.vendor.name,
                "dataset": self.dataset,
                "table": table.table,
                "uri": uri,
                **({} if self.event_per_day else {"rows": sum(partition.manifest.rows for partition in changed)}),
            },
            days=[partition.manifest.date.isoformat() for partition in changed],
            table_uri=uri,
            by_partition=self.event_per_day,
        )

    def _check_days(self, context: Context, query: Query, period: Period, landed: IngestResult) -> None:
        """Fail, skip or wait for days that did not land, as the author chose."""
        from airflow_provider_aianalytics.ingest.result import is_empty

        where = f"{query.dataset} {period}"
        if landed.missing:
            self._not_yet(context, query, where, landed)
        if landed.empty:
            raise EmptyDayError(
                f"{days_text(landed.empty)} has no row or a total of zero, and did not land",
                where=where,
                hint='Run later, or land the day as it is with on_empty="accept"',
            )
        if self.on_empty == "skip" and all(is_empty(partition.manifest) for partition in landed.partitions):
            raise AirflowSkipException(f"{where}: every day is empty")

    def _not_yet(self, context: Context, query: Query, where: str, landed: IngestResult) -> None:
        error = NotYetAvailableError(
            f"{days_text(landed.missing)} not available yet; the other days of the period have landed",
            latest=landed.latest,
            where=where,
            hint='Run later, read earlier days (such as start=-4, end=-3), or wait: on_unavailable="wait" or a sensor',
        )
        match self.on_unavailable:
            case "partial" if landed.partitions or landed.empty:
                self.log.info("%s", error)
            case "partial" | "skip":
                raise AirflowSkipException(str(error))
            case "wait":
                self._wait_for(landed.missing[-1], context, query, error)
            case _:
                raise error

    def _wait_for(self, day: date, context: Context, query: Query, error: NotYetAvailableError) -> NoReturn:
        from airflow_provider_aianalytics.extraction.polling import DayPoller, task_jitter, wait_target
        from airflow_provider_aianalytics.run.waiting import waiting_text
        from airflow_provider_aianalytics.triggers.availability import DEFERRAL_MARGIN, AvailabilityTrigger

        now = SYSTEM_CLOCK.now()
        self._wait_deadline = self._wait_deadline or (now + MAX_WAIT).isoformat()
        deadline = datetime.fromisoformat(self._wait_deadline)
        target = wait_target(query.dataset, day, jitter=task_jitter(context["ti"]))
        wait = DayPoller.resume(target, now=now, deadline=deadline)
        if now >= target.dataset.availability.exists_from(day):
            wait.record(error, now=now)  # this run has just requested the day
        self.log.info("%s", waiting_text(wait, in_triggerer=True))
        self.defer(
            trigger=AvailabilityTrigger.of(wait, conn_id=self.conn_id),
            method_name="execute_complete",
            kwargs={"wait_deadline": self._wait_deadline},
            timeout=MAX_WAIT + DEFERRAL_MARGIN,
        )

    def _defer_over(self, error: RateLimitedError | VendorUnavailableError) -> None:
        """Free the worker if the wait is too long to sleep in it and the author allows it."""
        from airflow_provider_aianalytics.extraction.polling import format_utc
        from airflow_provider_aianalytics.extraction.rate_limit import MAX_INLINE_WAIT

        seconds = error.retry_after or 0.0
        if not self.deferrable or seconds <= MAX_INLINE_WAIT:
            return
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        self.log.warning("%s. The task defers for %.0f s and resumes at %s", error, seconds, format_utc(moment))
        self.defer(
            trigger=datetime_trigger(moment), method_name="resume", kwargs={"wait_deadline": self._wait_deadline}
        )

    def _table_name(self) -> str:
        query = self.query()
        require(
            bool(self.table) or query.is_default,
            f"{query.dataset}: this query is not the dataset's default one, so it needs a table of its own: "
            f'table="{query.dataset.name}_by_…"',
        )
        return check_table(self.table or query.dataset.name)
