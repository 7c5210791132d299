# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.storage.local_store import LocalStore
from tests.coverage.lakes import DAY, ManifestLake, manifest
from tests.coverage.watched_store import FIRST, WatchedStore


@pytest.fixture
def lake(tmp_path: Path) -> ManifestLake:
    return ManifestLake(tmp_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The manifests that are read from a folder, and the hints."""
    found: list[str] = []

    def watch(name: str) -> None:
        read = getattr(LocalStore, name)

        def watched(self: LocalStore, file: str, *more: Any) -> Any:
            found.append(file)
            return read(self, file, *more)

        monkeypatch.setattr(LocalStore, name, watched)

    watch("read")
    watch("read_listed")
    return found


@pytest.fixture
def watched() -> Iterator[WatchedStore]:
    """A store of its own for each test: Airflow keeps what is attached once."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    store = WatchedStore()
    conn_id = f"watched-{uuid.uuid4().hex}"
    store.url = f"memory://{conn_id}@lake"
    importlib.import_module(f"{ObjectStoragePath.__module__.rpartition('.')[0]}.store").attach(
        "memory", conn_id=conn_id, fs=store
    )
    for table in ("users", "skills"):
        for place in range(100):
            day = FIRST + place * DAY
            store.pipe_file(f"/lake/claude_enterprise/_manifests/{table}/{day}.json", manifest(day, table=table))
            store.pipe_file(f"/lake/claude_enterprise/{table}/date={day}/{table}.ndjson.gz", b"data")
    yield store
    WatchedStore.store.clear()
