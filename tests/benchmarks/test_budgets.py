# SPDX-License-Identifier: Apache-2.0
"""The promises of the benchmark that need no stop watch: memory stays flat, and reading goes on beside writing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import cycle, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.query import Query, build_query
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.extraction.windows import Period, Window
from airflow_provider_aianalytics.ingest.loop import Ingest
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from tests.benchmarks.meter import RESULT, peak

DAY = date(2026, 11, 4)
FEW, MANY = 20, 120  # a row group of Parquet, which is in memory, is full with 17
ALLOWED = 10.0
"""MB that many pages may cost more than few."""
MAX_INLINE_WAIT = 10.0


class Noon(Clock):
    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC)


class Vendor(SimpleNamespace):
    """Responds to a day with some pages, and records which of them were requested."""

    def __init__(self, bodies: Iterable[list[msgspec.Raw]]) -> None:
        super().__init__(vendor=CLAUDE_ENTERPRISE, clock=Noon(), budget_left=lambda: 0, connect=lambda: None)
        self._bodies = bodies
        self._requested = 0
        self._new = threading.Condition()

    def iter_pages(
        self, query: Query, window: Window, saved_pages: Iterable[tuple[datetime, bytes]] = ()
    ) -> Iterator[Page]:
        for number, items in enumerate(self._bodies, 1):
            with self._new:
                self._requested = number
                self._new.notify_all()
            yield Page(window, number, b"", items, None, None, read_at=self.clock.now())

    def is_requested(self, number: int) -> bool:
        with self._new:
            return self._new.wait_for(lambda: self._requested >= number, MAX_INLINE_WAIT)


def land(vendor: Any, folder: str, file_format: FileFormat, privacy: Privacy | None = None) -> int:
    query = build_query(CLAUDE_ENTERPRISE.datasets["users"])
    table = LakeTable(folder, vendor="claude_enterprise", table="users", file_format=file_format)
    run = Run(dag_id="d", run_id="r", task_id="t")
    landed = Ingest(vendor, query, table, run=run, privacy=privacy).land(Period.of(DAY))
    return sum(partition.manifest.rows for partition in landed.partitions)


def test_the_next_page_is_fetched_while_a_page_is_written(tmp_path: Path) -> None:
    pages = 4
    vendor = Vendor([msgspec.Raw(b'{"user":{"id":"%d"}}' % number)] for number in range(pages))
    written = []

    class Slow(Privacy):
        """A dataset whose every record waits until the next page has been requested."""

        def apply(self, batch: Batch) -> Batch:
            written.append(batch)
            assert len(written) == pages or vendor.is_requested(len(written) + 1)
            return batch

    query = CLAUDE_ENTERPRISE.datasets["users"]
    assert land(vendor, str(tmp_path), FileFormat("ndjson", "gzip"), Slow(query)) == pages


def test_memory_stays_flat(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("no peak of memory to read")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.test_budgets"],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    results = [json.loads(line[len(RESULT) :]) for line in done.stdout.splitlines() if line.startswith(RESULT)]
    assert [name for name, _, _ in results] == ["ndjson", "parquet"]
    for name, few, many in results:
        assert many - few <= ALLOWED, name


def peaks(file_format: FileFormat) -> Iterator[float]:
    """The peak of this process's memory in MB, after few pages and after many more."""
    from tests.benchmarks.server import blobs

    decoder = msgspec.json.Decoder(list[msgspec.Raw])
    rendered = [blob.partition(b":")[2] for blob in blobs()]
    for pages in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            rows = land(Vendor(map(decoder.decode, islice(cycle(rendered), pages))), folder, file_format)
            assert rows == pages * 1000
        yield peak()


if __name__ == "__main__":
    for name in ("ndjson", "parquet"):  # the one that takes more at last: a peak does not go down again
        print(RESULT + json.dumps([name, *peaks(FileFormat(name, "zstd"))]))  # noqa: T201
