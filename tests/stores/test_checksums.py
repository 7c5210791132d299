# SPDX-License-Identifier: Apache-2.0
"""The same 40 days as NDJSON, Parquet and CSV, on the disk and on object stores: identical to the last micro-cent."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from tests.stores.conftest import StoreOf
from tests.stores.locations import Store
from tests.support import SimulatedClock, days_of

START, END = date(2026, 10, 8), date(2026, 11, 17)
Sums = dict[tuple[str, str], Decimal]


def sums_of(rows: Iterator[dict[str, Any]], money: str) -> Sums:
    """The total of each day and model."""
    sums: Sums = defaultdict(Decimal)
    for row in rows:
        sums[str(row["_date"]), row["model"] or ""] += Decimal(row[money])
    return dict(sums)


def ndjson(data: bytes) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in gzip.decompress(data).splitlines())


def parquet(data: bytes) -> Iterator[dict[str, Any]]:
    return iter(pq.read_table(io.BytesIO(data)).to_pylist())


def comma_separated(data: bytes) -> Iterator[dict[str, Any]]:
    return iter(csv.DictReader(io.StringIO(gzip.decompress(data).decode(), newline="")))


FORMATS = {
    "ndjson": (ndjson, "amount", "ndjson.gz"),
    "parquet": (parquet, "amount_cents", "parquet"),
    "csv": (comma_separated, "amount_cents", "csv.gz"),
}


def land(simulator: Simulator, store: Store, file_format: str) -> Sums:
    hook = ClaudeEnterpriseAnalyticsHook(clock=SimulatedClock(simulator))
    table = LakeTable(
        f"{store.url}/{file_format}",
        vendor="claude_enterprise",
        table="cost_by_model",
        file_format=FileFormat(file_format, "gzip"),
    )
    query = build_query(hook.vendor.dataset("user_cost_report"), group_by=["model"])
    run = Run(dag_id="dag", run_id="run", task_id="land")
    landed = Ingest(hook, query, table, run=run, options=IngestOptions(max_concurrency=2)).land(Period(START, END))
    assert not landed.missing
    read, money, suffix = FORMATS[file_format]
    sums: Sums = {}
    for day in days_of(START, END):
        file = f"{store.folder}/{file_format}/claude_enterprise/cost_by_model/date={day}/cost_by_model.{suffix}"
        sums |= sums_of(read(store.client.cat_file(file)), money)
    return sums


@pytest.mark.parametrize("name", ["file", "s3", "abfs", "gs"])
def test_every_format_and_store_has_the_same_sums(simulator: Simulator, store_of: StoreOf, name: str) -> None:
    truth: Sums = defaultdict(Decimal)
    for start, end in (("2026-10-08", "2026-11-08"), ("2026-11-08", "2026-11-17")):
        query = {
            "starting_at": f"{start}T00:00:00Z",
            "ending_at": f"{end}T00:00:00Z",
            "bucket_width": "1d",
            "group_by[]": ["model"],
        }
        for item in simulator.truth("user_cost_report", query):
            row = json.loads(item)
            truth[row["starting_at"][:10], row["model"] or ""] += Decimal(row["amount"])
    assert len({day for day, _ in truth}) == 40
    assert any(amount % 1 for amount in truth.values())  # fractional cents are at stake

    for file_format in FORMATS:
        assert land(simulator, store_of(name), file_format) == truth, file_format
