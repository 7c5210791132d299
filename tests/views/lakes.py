# SPDX-License-Identifier: Apache-2.0
"""Lakes that views are tried on: tables that landed from the simulator, and the simulator's truth beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period, plan
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.vendors.registry import VENDORS
from airflow_provider_aianalytics.views.prices import credit_prices
from airflow_provider_aianalytics.views.script import views_script
from tests.support import NOW, SimulatedClock

HOOKS = {"claude_enterprise": ClaudeEnterpriseAnalyticsHook, "perplexity": PerplexityAnalyticsHook}


class SimulatedLake:
    """Tables in a folder that landed from the simulator.

    :param root: the folder.
    """

    def __init__(self, simulator: Simulator, root: Path) -> None:
        self.simulator = simulator
        self.root = root

    def land(
        self,
        vendor: str,
        dataset: str,
        start: date,
        end: date,
        *,
        table: str | None = None,
        file_format: str = "parquet",
        pseudonymize: Sequence[str] = (),
        drop: Sequence[str] = (),
        secret: str = "a secret",
        **query: Any,
    ) -> None:
        """Land days of a dataset as a task would.

        :param end: exclusive.
        """
        hook = HOOKS[vendor](clock=SimulatedClock(self.simulator))
        asked = build_query(hook.vendor.dataset(dataset), **query)
        privacy = Privacy(asked.dataset, drop=tuple(drop), pseudonymize=tuple(pseudonymize), secret=secret)
        lake = LakeTable(
            str(self.root), vendor=vendor, table=table or dataset, file_format=FileFormat(file_format, "gzip")
        )
        run = Run(dag_id="dag", run_id=uuid4().hex, task_id="land")
        Ingest(hook, asked, lake, run=run, privacy=privacy, options=IngestOptions()).land(Period(start, end))

    def truth(self, vendor: str, dataset: str, start: date, end: date, **query: Any) -> Iterator[dict[str, Any]]:
        """The records as the vendor has them, with the start of a bucket in those of its rows."""
        asked = build_query(VENDORS[vendor].dataset(dataset), **query)
        for window in plan(asked.dataset, Period(start, end), now=NOW).windows:
            for item in self.simulator.truth(asked.dataset.path, asked.parameters(window), version="2026-10-21"):
                record = json.loads(item)
                if asked.dataset.results is None:
                    yield record
                    continue
                bounds = {name: record[name] for name in asked.dataset.bounds or ()}
                yield from (bounds | row for row in record[asked.dataset.results])

    def script(self, dialect: str = "duckdb", price: str | None = None) -> str:
        return views_script(str(self.root), dialect, credit_prices(price) if price else None)

    def database(self, price: str | None = None) -> duckdb.DuckDBPyConnection:
        """A database with the views."""
        database = duckdb.connect()
        database.execute(self.script(price=price))
        return database
