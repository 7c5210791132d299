# SPDX-License-Identifier: Apache-2.0
"""What is measured at a store: landing and coverage, and a peer that lands the same rows.

``python store_cases.py STEP STORE OPTIONS FOLDER``: OPTIONS are those of the store's fsspec driver, as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import msgspec
from meter import Meter

LAST = date(2026, 10, 1)
DAY = timedelta(days=1)
NOW = datetime(2026, 10, 3, tzinfo=UTC)
MODELS = 20
TABLES, TABLE_DAYS = 24, 363
BUCKET = "lake"
REPORT = "cost_report"


def rows_of(day: date, version: int) -> list[dict[str, Any]]:
    empty = ("product", "context_window", "inference_geo", "speed", "rbac_group_id", "cost_type", "token_type")
    return [
        {
            "model": f"model-{number}",
            "currency": "USD",
            "amount": f"{day.toordinal() % 97 + number + version}.25",
            "list_amount": f"{day.toordinal() % 97 + number + version + 1}.5",
            "requests": number,
            **dict.fromkeys(empty),
        }
        for number in range(MODELS)
    ]


def days_before(number: int) -> list[date]:
    return [LAST - DAY * place for place in range(number, 0, -1)]


class Case:
    """A store as the package reaches it."""

    def __init__(self, store: str, options: dict[str, Any], folder: Path) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        if store == "s3":  # as Airflow makes it
            from aiobotocore.session import AioSession

            options = {**options, "session": AioSession()}
        self.fs = fsspec.filesystem(store, **options, skip_instance_cache=True)
        self.store = store
        self.options = options
        self.folder = folder
        self.base = f"{folder}/lake" if store == "file" else f"{BUCKET}/{folder.name}"
        if store == "file":
            self.root = f"file://{self.base}"
        else:
            module = __import__(f"{ObjectStoragePath.__module__.rpartition('.')[0]}.store", fromlist=["attach"])
            module.attach(store, "bench", fs=self.fs)
            self.root = f"{store}://bench@{self.base}"

    def url(self, name: str) -> str:
        return f"{self.root}/{name}"

    # --- landing ------------------------------------------------------------------------------------------------------

    def land(self, days: int, restate: int, version: int) -> None:
        from airflow_provider_aianalytics.extraction.paginator import Page
        from airflow_provider_aianalytics.extraction.query import Query, build_query
        from airflow_provider_aianalytics.extraction.windows import Period, Window
        from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
        from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
        from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
        from airflow_provider_aianalytics.storage.lake import LakeTable
        from airflow_provider_aianalytics.storage.manifest import Run

        class Vendor(ClaudeEnterpriseAnalyticsHook):
            """Answers every window at once, with one page of a bucket a day."""

            def connect(self) -> None:
                """There is nobody to connect to."""

            def iter_pages(
                self, query: Query, window: Window, kept: Iterable[tuple[datetime, bytes]] = ()
            ) -> Iterator[Page]:
                buckets = [
                    {
                        "starting_at": f"{day}T00:00:00Z",
                        "ending_at": f"{day + DAY}T00:00:00Z",
                        "results": rows_of(day, version),
                    }
                    for day in window.days()
                ]
                items = [msgspec.Raw(msgspec.json.encode(bucket)) for bucket in buckets]
                yield Page(window, 1, b"", items, None, None, "2026-10-03T00:00:00Z", read_at=NOW)

        hook = Vendor("bench")
        query = build_query(hook.vendor.dataset(REPORT), group_by=["model"])
        run = Run(dag_id="d", run_id=f"{os.getpid()}", task_id="t")
        with Meter() as meter:
            table = LakeTable(
                self.url("a"), vendor=hook.vendor.name, table=REPORT, file_format=FileFormat("ndjson", "gzip")
            )
            options = IngestOptions(max_concurrency=4, restate_days=restate)
            landed = Ingest(hook, query, table, run=run, options=options).land(Period(LAST - DAY * days, LAST))
        statuses = sorted({one.status for one in landed.partitions})
        meter.report(days=len(landed.partitions), statuses=statuses, vendor=landed.requests)

    # --- coverage -----------------------------------------------------------------------------------------------------

    def seed(self) -> None:
        from tests.coverage.lakes import manifest

        folder = f"{self.folder}/lake" if self.store == "file" else f"{BUCKET}"

        def put(place: tuple[int, date]) -> None:
            table = f"t{place[0]:02}"
            path = f"{folder}/covered/claude_enterprise/_manifests/{table}/{place[1]}.json"
            if self.store == "file":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.fs.pipe_file(path, manifest(place[1], table=table, dataset="users"))

        with ThreadPoolExecutor(10) as pool:
            list(pool.map(put, [(table, day) for table in range(TABLES) for day in days_before(TABLE_DAYS)]))
        if self.store == "file":
            for file in Path(folder).rglob("*.json"):
                os.utime(file, (1, 1))

    @property
    def covered(self) -> str:
        return self.url("covered") if self.store == "file" else f"{self.store}://bench@{BUCKET}/covered"

    def forget(self) -> None:
        base = f"{self.base}/covered" if self.store == "file" else f"{BUCKET}/covered"
        for path in self.fs.find(base):
            if not path.endswith(".json"):
                self.fs.rm_file(path)

    def cover(self, warm: bool) -> None:
        from airflow_provider_aianalytics.coverage.reader import ManifestCache
        from airflow_provider_aianalytics.coverage.survey import Range, survey

        cache = ManifestCache()
        for _ in range(1 + warm):
            with Meter() as meter:
                tables = survey(self.covered, days=Range(now=NOW, last=LAST - DAY), cache=cache)
            assert sum(len(table.days) for table in tables) == TABLES * TABLE_DAYS
            meter.report(days=TABLES * TABLE_DAYS)

    # --- the peer -----------------------------------------------------------------------------------------------------

    def dlt(self, days: int) -> None:
        """``dlt``'s filesystem destination: the same rows in one load, which is one file, not one a day."""
        os.environ.update(
            DLT_DATA_DIR=str(self.folder / "dlt"),
            RUNTIME__DLTHUB_TELEMETRY="false",
            RUNTIME__LOG_LEVEL="ERROR",
        )
        import dlt

        rows = [{"_date": str(day), **row} for day in days_before(days) for row in rows_of(day, 0)]
        bucket_url = f"{self.root}/dlt" if self.store == "file" else f"{self.store}://{self.base}/dlt"
        with Meter() as meter:
            pipeline = dlt.pipeline(
                "bench",
                destination=dlt.destinations.filesystem(bucket_url, **self._dlt_credentials()),
                dataset_name="lake",
                pipelines_dir=str(self.folder / "pipelines"),
            )
            pipeline.run(dlt.resource(rows, name=REPORT), loader_file_format="jsonl")
        meter.report(days=days)

    def _dlt_credentials(self) -> dict[str, Any]:
        options = self.options
        match self.store:
            case "s3":
                return {
                    "credentials": {
                        "aws_access_key_id": options["key"],
                        "aws_secret_access_key": options["secret"],
                        "endpoint_url": options["client_kwargs"]["endpoint_url"],
                        "region_name": "x",
                    }
                }
            case "abfs":  # the connection string counts
                account = {"azure_storage_account_name": "devstoreaccount1", "azure_storage_account_key": "eA=="}
                return {"credentials": account, "kwargs": options}
            case "gs":  # the token of the options counts
                from google.oauth2.credentials import Credentials

                unused = Credentials("x", refresh_token="x", client_id="x", client_secret="x", quota_project_id="x")
                return {"credentials": unused, "kwargs": options}
        return {}


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    step, store, options, folder = sys.argv[1:]
    os.environ["AIRFLOW_CONN_BENCH"] = '{"conn_type": "claude_enterprise_analytics", "password": "benchmark"}'
    case = Case(store, json.loads(options), Path(folder))
    match step.split():
        case ["prepare"]:
            if store != "file":
                case.fs.mkdir(BUCKET)
        case ["seed"]:
            case.seed()
        case ["forget"]:
            case.forget()
        case [number, "days", "by", "dlt"]:
            case.dlt(int(number))
        case [number, "days", status]:
            count = int(number)
            case.land(1 if count == 31 else count, 30 if count == 31 else 0, int(status == "revised"))
        case ["coverage", *more]:
            case.cover(warm=more == ["again"])
