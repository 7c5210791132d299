# SPDX-License-Identifier: Apache-2.0
"""Concurrent runs of a day, late writes and clocks that go back: the lake is consistent, or the next run repairs it."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.ingest.result import Partition
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.storage.spool import SPOOL, STALE_AFTER
from tests.stores.worker import ChangingHook, records

D = date(2026, 11, 1)
FORMAT = FileFormat("ndjson", "gzip")
FILE = f"claude_enterprise/users/date={D}/users.ndjson.gz"


class Lake:
    """A lake in a folder; a run lands a version of a day, and may have something happen in its middle."""

    def __init__(self, root: Path, url: str = "") -> None:
        self.root = root
        self.url = url or f"file://{root}"

    def land(
        self, step: int, *, at: int | None = None, meanwhile: Callable[[], object] = lambda: None, rows: int = 40
    ) -> Partition:
        """:param meanwhile: what others do once the vendor has answered, before this run commits."""
        hook = ChangingHook(rows)
        hook.step = step
        hook.clock.step = step if at is None else at  # type: ignore[attr-defined]
        iter_pages = hook.iter_pages

        def then(*arguments: Any) -> Iterator[Any]:
            yield from iter_pages(*arguments)
            meanwhile()

        hook.iter_pages = then  # type: ignore[method-assign,assignment]
        table = LakeTable(self.url, vendor="claude_enterprise", table="users", file_format=FORMAT)
        run = Run(dag_id="dag", run_id=uuid4().hex, task_id="land")
        options = IngestOptions(accept_shrink=True)
        landed = Ingest(hook, build_query(hook.vendor.dataset("users")), table, run=run, options=options).land(
            Period.of(D)
        )
        (partition,) = landed.partitions
        return partition

    def data(self) -> Path:
        return self.root / FILE

    def content(self, file: str = FILE) -> bytes:
        return gzip.decompress((self.root / file).read_bytes())


def content_of(step: int, rows: int = 40) -> bytes:
    stamp = b'{"_date":"%s",' % str(D).encode()
    return b"".join(stamp + record[1:] + b"\n" for record in records(D, step, rows))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_the_last_of_two_runs_wins_and_knows_of_the_other(lake: Lake) -> None:
    lake.land(1)

    last = lake.land(2, meanwhile=lambda: lake.land(3))

    assert lake.content() == content_of(2)
    assert last.status == "revised"
    assert [lake.content(str(revision.file)) for revision in last.manifest.revisions] == [content_of(1), content_of(3)]


def test_two_first_landings_at_once(lake: Lake) -> None:
    last = lake.land(2, meanwhile=lambda: lake.land(3))

    assert (last.status, lake.content()) == ("revised", content_of(2))
    assert [lake.content(str(revision.file)) for revision in last.manifest.revisions] == [content_of(3)]


def test_the_same_content_twice_at_once_is_written_once(lake: Lake) -> None:
    last = lake.land(2, at=9, meanwhile=lambda: lake.land(2))

    assert last.status == "unchanged"


@pytest.mark.parametrize("size", ["another", "the same"])
@pytest.mark.parametrize("then", ["the same content", "another content"])
def test_a_write_that_is_applied_late_is_seen_and_repaired(
    lake: Lake, caplog: pytest.LogCaptureFixture, size: str, then: str
) -> None:
    """Of a process killed long ago, or of a run at the same moment on a store without locks."""
    lake.land(1)
    late = lake.data().read_bytes()
    lake.land(2)
    late = (late + b"\0" * 9999)[: lake.data().stat().st_size] if size == "the same" else late
    lake.data().write_bytes(late)

    with caplog.at_level(logging.WARNING):
        partition = lake.land(2 if then == "the same content" else 3, at=4)

    assert partition.status == "revised"
    assert lake.content() == content_of(2 if then == "the same content" else 3)
    assert "not what its manifest says" in caplog.text
    assert [file.read_bytes() for file in lake.root.rglob("of-no-manifest-*")] == [late], "nothing is thrown away"
    assert str(lake.data().parent.name) in caplog.text
    for revision in partition.manifest.revisions:
        if revision.file:
            assert lake.content(revision.file) == content_of(1)
    caplog.clear()
    assert lake.land(2 if then == "the same content" else 3, at=5).status == "unchanged"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_contents_of_the_same_time_do_not_look_interrupted(lake: Lake) -> None:
    """The content that a manifest lists is not mistaken for the mark of an interrupted commit."""
    for step in (1, 2, 3, 3, 2):
        lake.land(step, at=0)

    listed = lake.land(2, at=0).manifest.revisions
    assert [lake.content(str(revision.file)) for revision in listed] == [content_of(1), content_of(2), content_of(3)]


def test_manifests_without_a_digest_of_the_file_are_accepted(lake: Lake) -> None:
    lake.land(1)
    manifest = lake.root / f"claude_enterprise/_manifests/users/{D}.json"
    manifest_fields = json.loads(manifest.read_text())
    del manifest_fields["file_md5"], manifest_fields["file_bytes"]
    manifest.write_text(json.dumps(manifest_fields))

    assert lake.land(1, at=2).status == "unchanged"
    revised = lake.land(2)
    assert [lake.content(str(revision.file)) for revision in revised.manifest.revisions] == [content_of(1)]


def test_temporary_files_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lakes on object stores spool there."""
    import os
    import tempfile
    import time

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    long_ago = time.time() - STALE_AFTER - 60
    target = tmp_path / "target"
    for folder in (f"{SPOOL}old", f"{SPOOL}recent", "aianalytics-1000", "somebody-else", "target"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "half").write_bytes(b"half")
        if "recent" not in folder:
            os.utime(tmp_path / folder, (long_ago, long_ago))
    (tmp_path / f"{SPOOL}link").symlink_to(target)
    os.utime(tmp_path / f"{SPOOL}link", (long_ago, long_ago), follow_symlinks=False)
    (tmp_path / f"{SPOOL}file").write_bytes(b"")
    os.utime(tmp_path / f"{SPOOL}file", (long_ago, long_ago))
    table = LakeTable("memory://lake", vendor="claude_enterprise", table="users", file_format=FORMAT)

    with table.spool() as folder:
        left = {path.name for path in tmp_path.iterdir()} - {folder.name}

    assert left == {
        f"{SPOOL}recent",
        f"{SPOOL}link",
        f"{SPOOL}file",
        "aianalytics-1000",
        "somebody-else",
        "target",
    }
    assert (target / "half").exists()
