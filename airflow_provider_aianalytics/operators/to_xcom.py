# SPDX-License-Identifier: Apache-2.0
"""Hands small results to the next task."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.exceptions import ResultTooLargeError
from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.run.arguments import check_whole_number

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class AnalyticsToXComOperator(AnalyticsOperator):
    """Returns the records of a period as a list of dicts, for results that are small.

    Each is the record as the vendor sent it behind the stamp ``_date`` (its UTC day), rows of a bucket with the
    bucket's bounds. Past a cap, its own or the vendor's on groups, the task fails; it never truncates.

    :param max_records: the most records to return.
    :param max_bytes: the most bytes of JSON to return.
    """

    def __init__(self, *, max_records: int = 10_000, max_bytes: int = 1_000_000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_records = max_records
        self.max_bytes = max_bytes
        check_whole_number("max_records", max_records, at_least=1)
        check_whole_number("max_bytes", max_bytes, at_least=1)

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from airflow_provider_aianalytics.extraction.records import parse_record
        from airflow_provider_aianalytics.extraction.window_reader import WindowReader
        from airflow_provider_aianalytics.lineage.collect import report_input

        period, checked = self.period(context), self.query()
        lines: list[bytes] = []
        with closing(self.hook()) as hook:
            report_input(hook, self.vendor, checked.dataset)
            for window in hook.windows(checked, period):
                before = len(lines)
                reading = WindowReader(checked, window)
                for page in hook.iter_pages(checked, window):
                    if page.number == 1:
                        del lines[before:]
                    for batch in reading.add_page(page):
                        lines += batch.lines().splitlines()
                    self._check_size(lines, where=f"{hook.vendor.name} {checked.dataset.name} {period}")
                hook.require_complete(reading)
        return [parse_record(line) for line in lines]

    def _check_size(self, lines: list[bytes], *, where: str) -> None:
        size = sum(map(len, lines))
        if len(lines) > self.max_records or size > self.max_bytes:
            raise ResultTooLargeError(
                f"{len(lines):,} records of {size:,} bytes by now, more than max_records={self.max_records:,} or "
                f"max_bytes={self.max_bytes:,}; nothing was returned",
                where=where,
                hint="Land them with the …ToObjectStorageOperator, narrow the question, or raise the caps",
            )
