# SPDX-License-Identifier: Apache-2.0
"""The operator that returns small results to the next task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.exceptions import ResultTooLargeError
from airflow_provider_aianalytics.extraction.query import FilterValue
from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.run.arguments import Day, check_whole_number
from airflow_provider_aianalytics.run.errors import without_frames

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aianalytics.extraction.query import Query
    from airflow_provider_aianalytics.extraction.windows import Window
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class AnalyticsToXComOperator(AnalyticsOperator):
    """Returns the records of a period as a list of dicts, for small results.

    Each is the record as the vendor sent it, with its UTC day in ``_date``; rows of a bucket also have the bucket's
    bounds. A result over a limit, this operator's or the vendor's on groups, fails the task; it is never truncated.

    :param dataset: the name of a dataset in the vendor's catalogue (templated).
    :param start: the first UTC day, inclusive (templated): a date, or a whole number of days relative to the run's own
        day, so that ``-1`` is the day before it. By default the run's own day or days.
    :param end: the UTC day after the last, in the same forms (templated). By default the day after ``start``.
    :param bucket_width: ``1d``, ``1h`` or ``1m``, for datasets that have buckets.
    :param group_by: the dimensions to group by (templated).
    :param filters: the vendor's filters, by name (templated).
    :param max_records: the most records to return.
    :param max_bytes: the most bytes of JSON to return.
    :param conn_id: the Airflow connection (templated). By default the vendor's own default connection.
    :raises InvalidArgumentError: while the DAG is parsed, for arguments that the catalogue does not allow.
    """

    def __init__(
        self,
        *,
        dataset: str,
        start: Day | None = None,
        end: Day | None = None,
        bucket_width: str | None = None,
        group_by: Sequence[str] = (),
        filters: Mapping[str, FilterValue] | None = None,
        max_records: int = 10_000,
        max_bytes: int = 1_000_000,
        conn_id: str | None = None,
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
        self.max_records = max_records
        self.max_bytes = max_bytes
        check_whole_number("max_records", max_records, at_least=1)
        check_whole_number("max_bytes", max_bytes, at_least=1)

    @without_frames
    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Read the records of the run's period.

        :raises ResultTooLargeError: when they are over a limit.
        """
        from airflow_provider_aianalytics.extraction.records import parse_record
        from airflow_provider_aianalytics.ingest.progress import count_text
        from airflow_provider_aianalytics.lineage.collect import report_input

        period, query = self.period(context), self.query()
        lines: list[bytes] = []
        requests = 0
        with closing(self.hook()) as hook:
            report_input(hook, self.vendor, query.dataset)
            started = hook.clock.monotonic()
            windows = hook.windows(query, period)
            self.log.info(
                "%s %s: reading %s, at least %s",
                query.dataset,
                period,
                count_text(len(windows), "window"),
                count_text(len(windows), "request"),
            )
            for window in windows:
                requests += self._read(hook, query, window, lines)
            seconds = hook.clock.monotonic() - started
        size = sum(map(len, lines))
        self.log.info(
            "%s %s: %s, %s, %s, %.1f s",
            query.dataset,
            period,
            count_text(len(lines), "record"),
            count_text(size, "byte"),
            count_text(requests, "request"),
            seconds,
        )
        return [parse_record(line) for line in lines]

    def _read(self, hook: AnalyticsHook, query: Query, window: Window, lines: list[bytes]) -> int:
        """Add the records of a window to the lines.

        :return: how many requests it took.
        """
        from airflow_provider_aianalytics.extraction.window_reader import WindowReader

        before = len(lines)
        reader = WindowReader(query, window)
        for page in hook.iter_pages(query, window):
            if page.number == 1:
                del lines[before:]
            for batch in reader.add_page(page):
                for some in batch.lines():
                    lines += some.splitlines()
            self._check_size(lines, where=f"{query.dataset} {window}")
        hook.require_complete(reader)
        return reader.requests

    def _check_size(self, lines: list[bytes], *, where: str) -> None:
        size = sum(map(len, lines))
        if len(lines) > self.max_records or size > self.max_bytes:
            raise ResultTooLargeError(
                f"{len(lines):,} records of {size:,} bytes so far, more than max_records={self.max_records:,} or "
                f"max_bytes={self.max_bytes:,}; nothing was returned",
                where=where,
                hint="Land them with the …ToObjectStorageOperator, narrow the query, or raise the limits",
            )
