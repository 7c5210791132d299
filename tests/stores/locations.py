# SPDX-License-Identifier: Apache-2.0
"""A lake on a store, written as a task writes it and looked at through a client of its own."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.ingest.result import IngestResult
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from tests.support import SimulatedClock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VENDOR = "claude_enterprise"


@dataclass(frozen=True)
class Store:
    """Where lakes can be.

    :param name: ``s3``, ``abfs``, ``gs``, ``file`` or ``memory``.
    :param url: the URL of an empty folder, as ``ObjectStoragePath`` takes it.
    :param folder: the same folder as ``client`` names it.
    :param client: an fsspec file system apart from the one under test, without a cache.
    """

    name: str
    url: str
    folder: str
    client: Any

    @property
    def is_local(self) -> bool:
        return self.name == "file"

    def objects(self) -> dict[str, tuple[str, str]]:
        """Every object but the claims of tables by its path in the lake, with what changes when it is written."""
        self.client.invalidate_cache()
        found = self.client.find(self.folder, detail=True)
        names = {path.split(f"{self.folder.strip('/')}/", 1)[1]: _version(info) for path, info in found.items()}
        return {name: version for name, version in names.items() if "/_tables/" not in name}

    def read(self, name: str) -> bytes:
        self.client.invalidate_cache()
        data = self.client.cat_file(f"{self.folder}/{name}")
        assert isinstance(data, bytes)
        return data

    def manifest(self, table: str, day: date) -> dict[str, Any]:
        loaded = json.loads(self.read(f"{VENDOR}/_manifests/{table}/{day}.json"))
        assert isinstance(loaded, dict)
        return loaded

    def lines(self, table: str, day: date) -> list[bytes]:
        return gzip.decompress(self.read(data_file(table, day))).splitlines()


def _version(info: dict[str, Any]) -> tuple[str, str]:
    tag = info.get("ETag") or info.get("etag") or info.get("ino") or ""
    moment = info.get("LastModified") or info.get("last_modified") or info.get("updated") or info.get("mtime")
    return str(tag), str(moment or info.get("created"))


def data_file(table: str, day: date) -> str:
    return f"{VENDOR}/{table}/date={day}/{table}.ndjson.gz"


def manifest_file(table: str, day: date) -> str:
    return f"{VENDOR}/_manifests/{table}/{day}.json"


class Lander:
    """Lands what a simulator answers in a store, each time as another task run."""

    def __init__(self, simulator: Simulator, store: Store) -> None:
        self.simulator = simulator
        self.store = store

    def table(self, name: str, compression: str = "gzip") -> LakeTable:
        return LakeTable(self.store.url, vendor=VENDOR, table=name, file_format=FileFormat("ndjson", compression))

    def land(
        self,
        dataset: str,
        start: date,
        end: date,
        *,
        compression: str = "gzip",
        bucket_width: str | None = None,
        run: Run | None = None,
        **options: Any,
    ) -> IngestResult:
        hook = ClaudeEnterpriseAnalyticsHook(clock=SimulatedClock(self.simulator))
        run = run or Run(dag_id="dag", run_id=uuid4().hex, task_id="land")
        table = self.table(dataset, compression)
        query = build_query(hook.vendor.dataset(dataset), bucket_width=bucket_width)
        return Ingest(hook, query, table, run=run, options=IngestOptions(**options)).land(Period(start, end))
