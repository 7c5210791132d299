# SPDX-License-Identifier: Apache-2.0
"""What planning, manifests, coverage and restatement cost as the days of a table grow; run by itself, lines of JSON.

The vendor answers at once with a row a day, and nobody waits for the disk, so that only our own part is left.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import Query, build_query
from airflow_provider_aianalytics.extraction.windows import Period, Window, midnight, plan
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run

LAST = date(2026, 1, 1)
DAY = timedelta(days=1)


class Vendor(PerplexityAnalyticsHook):
    """Answers every window with one page of a bucket a day."""

    def connect(self) -> None:
        """The vendor is local, so there is no connection."""

    def iter_pages(
        self, query: Query, window: Window, saved_pages: Iterable[tuple[datetime, bytes]] = ()
    ) -> Iterator[Page]:
        starts = [int(midnight(day).timestamp()) for day in window.days()]
        items = [b'{"start_time":%d,"end_time":%d,"count":%d}' % (start, start + 86400, start) for start in starts]
        yield Page(window, 1, b"", list(map(msgspec.Raw, items)), None, None, read_at=self.clock.now())


def measure(days: int) -> dict[str, Any]:
    """Seconds of CPU of each step over a table of so many days."""
    hook = Vendor("bench")
    query = build_query(hook.vendor.dataset("query_volume"))
    with tempfile.TemporaryDirectory() as folder:
        spent: dict[str, Any] = {"days": days}

        def land(step: str, start: date, restate_days: int = 0) -> None:
            table = LakeTable(folder, vendor="perplexity", table="t", file_format=FileFormat("ndjson", "gzip"))
            run = Run(dag_id="d", run_id=step, task_id="t")
            started = time.process_time()
            landed = Ingest(hook, query, table, run=run, options=IngestOptions(restate_days=restate_days)).land(
                Period(start, LAST)
            )
            spent[step] = time.process_time() - started
            assert len(landed.partitions) == (LAST - start).days + restate_days

        first = LAST - days * DAY
        started = time.process_time()
        plan(query.dataset, Period(first, LAST), now=hook.clock.now())
        spent["plan"] = time.process_time() - started
        land("first landing", first)
        land("all read again, unchanged", first)
        land("a day, with restate_days=29", LAST - DAY, restate_days=29)
        started = time.process_time()
        (table,) = survey(folder, days=Range(now=hook.clock.now(), last=LAST - DAY))
        spent["coverage"] = time.process_time() - started
        assert len(table.days) == days
        return spent


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    os.fsync = lambda descriptor: None
    os.environ["AIRFLOW_CONN_BENCH"] = '{"conn_type": "perplexity_analytics", "password": "benchmark"}'
    measure(30)  # imports, caches
    for number in map(int, sys.argv[1:]):
        print(json.dumps(measure(number)), flush=True)  # noqa: T201
