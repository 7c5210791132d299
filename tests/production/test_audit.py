# SPDX-License-Identifier: Apache-2.0
"""The audit of the production proof finds what it is there to find."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.production.audit import Found, audit
from tests.production.truth import VENDORS

FIRST, END = date(2026, 11, 1), date(2026, 11, 4)
DAYS = [FIRST + timedelta(days=number) for number in range((END - FIRST).days)]
USERS = "ai/claude_enterprise/users/date=2026-11-02/users.ndjson.gz"


class Bucket(dict[str, bytes]):
    """As much of a store's client as the audit asks for."""

    def get_paginator(self, name: str) -> Any:
        assert name == "list_objects_v2"
        return SimpleNamespace(
            paginate=lambda Bucket, Prefix: [  # noqa: N803 - as the store names them
                {"Contents": [{"Key": key, "Size": len(data)} for key, data in self.items() if key.startswith(Prefix)]}
            ]
        )

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self[Key])}


@pytest.fixture
def truth() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def bucket(truth: dict[str, dict[str, Any]]) -> Bucket:
    """A whole lake, and its truth."""
    found = Bucket()
    for vendor, datasets in VENDORS.items():
        for dataset in datasets:
            for day in DAYS:
                content = f'{{"_date":"{day}","of":"{dataset}"}}\n'.encode()
                digest = {"sha256": hashlib.sha256(content).hexdigest(), "rows": 1}
                truth[f"{vendor}/{dataset}/{day}"] = {**digest, "bytes": len(content)}
                name = f"ai/{vendor}/{dataset}/date={day}/{dataset}.ndjson.gz"
                found[name] = gzip.compress(content)
                manifest = {
                    **digest,
                    "complete": True,
                    "final": True,
                    "revisions": [],
                    "fetched_at": f"{day}T00:00:00Z",
                }
                found[f"ai/{vendor}/_manifests/{dataset}/{day}.json"] = json.dumps(manifest).encode()
    return found


def audited(bucket: Bucket, truth: dict[str, dict[str, Any]]) -> Found:
    scenario: Any = SimpleNamespace(store=SimpleNamespace(client=lambda: bucket), first=FIRST)
    return audit(scenario, truth, END)


def test_a_complete_lake_passes(bucket: Bucket, truth: dict[str, dict[str, Any]]) -> None:
    found = audited(bucket, truth)
    assert found.is_whole
    assert sum(len(table.days) for table in found.tables.values()) == 24 * 3


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        (USERS, None, "missing"),
        ("ai/claude_enterprise/_manifests/users/2026-11-02.json", None, "missing"),
        (USERS.replace(".gz", ".zst"), b"x", "doubled"),
        (USERS.replace("11-02", "11-09"), b"x", "doubled"),
        (USERS, gzip.compress(b'{"_date":"2026-11-02","of":"Users"}\n', mtime=0), "differing"),
        (USERS, gzip.compress(b'{"_date":"2026-11-02","of":"users"}\n' * 2, mtime=0), "differing"),
        (USERS, b"no gzip", "differing"),
        (USERS.rpartition("/")[0] + "/.users.tmp", b"", "doubled"),
    ],
)
def test_errors_in_the_lake_are_found(
    bucket: Bucket, truth: dict[str, dict[str, Any]], name: str, data: bytes | None, kind: str
) -> None:
    if data is None:
        del bucket[name]
    else:
        bucket[name] = data

    found = audited(bucket, truth)

    assert not found.is_whole
    assert getattr(found.tables["claude_enterprise/users"], kind)
    assert all(table.is_whole for table in found.tables.values() if table.name != "claude_enterprise/users")


def test_a_file_of_an_example_that_is_not_its_manifests_is_found(
    bucket: Bucket, truth: dict[str, dict[str, Any]]
) -> None:
    file = "claude_enterprise/users/date=2026-11-02/users.parquet"
    bucket[f"ai/examples/on_time/{file}"] = b"landed"
    manifest = {"file": file, "rows": 1, "revisions": [], "file_bytes": 6}
    manifest["file_md5"] = hashlib.md5(b"landed", usedforsecurity=False).hexdigest()
    bucket["ai/examples/on_time/claude_enterprise/_manifests/users/2026-11-02.json"] = json.dumps(manifest).encode()
    assert audited(bucket, truth).is_whole

    bucket[f"ai/examples/on_time/{file}"] = b"broken"

    found = audited(bucket, truth)
    assert not found.is_whole
    assert found.examples["on_time: users"]["broken"] == 1
