# SPDX-License-Identifier: Apache-2.0
"""What readers of the lake see, on a file system and on an object store: whole days, and nothing else, ever."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, InvalidArgumentError, SuspiciousShrinkError
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.commit import Status, commit
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.encoders.ndjson import NdjsonFile
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest, Run, format_timestamp

DAY = date(2026, 11, 1)
GZIP = FileFormat("ndjson", "gzip")
DATA = "claude_enterprise/users/date=2026-11-01/users.ndjson.gz"
MANIFEST = "claude_enterprise/_manifests/users/2026-11-01.json"
REVISIONS = "claude_enterprise/_revisions/users/2026-11-01/"
RUN = Run(dag_id="d", run_id="r", task_id="t")


class Lake:
    """A lake somewhere, looked at from the outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def table(self, name: str = "users", file_format: FileFormat = GZIP) -> LakeTable:
        return LakeTable(self.url, vendor="claude_enterprise", table=name, file_format=file_format)

    def files(self) -> dict[str, bytes]:
        if self.url.startswith("memory://"):
            root = "/" + self.url.removeprefix("memory://").strip("/") + "/"
            fs = MemoryFileSystem()
            return {path.removeprefix(root): fs.cat_file(path) for path in fs.find(root)}
        folder = Path(self.url.removeprefix("file://"))
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def names(self) -> set[str]:
        return set(self.files())

    def content(self, file: str = DATA) -> bytes:
        return gzip.decompress(self.files()[file])


@pytest.fixture(params=["local", "file", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    match request.param:
        case "local":
            yield Lake(str(tmp_path / "lake"))
        case "file":
            yield Lake(f"file://{tmp_path}/lake")
        case _:
            name = tmp_path.name
            yield Lake(f"memory://{name}/lake")
            with suppress(FileNotFoundError):
                MemoryFileSystem().rm(f"/{name}", recursive=True)


def land(
    lake: Lake,
    *rows: int,
    at: int,
    total: str | None = None,
    broken: str | None = None,
    monkeypatch: pytest.MonkeyPatch | None = None,
    complete: bool = True,
    **options: Any,
) -> tuple[Manifest, Status]:
    """Land rows at the hour ``at``; ``broken`` is the method at which the process dies."""
    table = lake.table()
    with table.spool() as folder:
        with NdjsonFile(folder / "day", GZIP) as file:
            records = [msgspec.Raw(b'{"n":%d}' % row) for row in rows]
            file.write(Batch(DAY, b'{"_date":"2026-11-01",', records))
            content = file.finish()
        new = Manifest(
            vendor="claude_enterprise",
            dataset="users",
            table="users",
            date=DAY,
            query={"date": "2026-11-01"},
            file=table.data_file(DAY),
            format="ndjson",
            compression="gzip",
            rows=content.rows,
            bytes=content.bytes,
            sha256=content.sha256,
            total=Decimal(total) if total else None,
            pages=1,
            requests=1,
            data_refreshed_at=None,
            fetched_at=format_timestamp(datetime(2026, 11, 5, tzinfo=UTC) + timedelta(hours=at)),
            complete=complete,
            final=False,
            organization_id=None,
            provider_version="0",
            run=RUN,
        )
        if broken:
            assert monkeypatch is not None
            with monkeypatch.context() as patch:
                patch.setattr(LakeTable, broken, _die)
                with pytest.raises(_DiedError):
                    commit(table, folder / "day", new, **options)
            return new, "kept"
        return commit(table, folder / "day", new, **options)


class _DiedError(BaseException):
    """The process is gone."""


def _die(*_: object, **__: object) -> None:
    raise _DiedError


def lines(*rows: int) -> bytes:
    return b"".join(b'{"_date":"2026-11-01","n":%d}\n' % row for row in rows)


class TestLayout:
    def test_a_day_is_one_file_and_one_manifest_and_nothing_else(self, lake: Lake) -> None:
        manifest, status = land(lake, 1, 2, at=0)
        assert status == "created"
        assert lake.names() == {DATA, MANIFEST}
        assert lake.content() == lines(1, 2)
        assert lake.table().manifest(DAY) == manifest
        assert manifest.file == DATA

    def test_the_url_is_the_whole_address(self, lake: Lake) -> None:
        url = lake.table().url(DATA)
        assert url.endswith(f"/lake/{DATA}")
        assert url.startswith("memory://" if lake.url.startswith("memory") else ("file://", "/"))

    @pytest.mark.parametrize(
        ("compression", "ending"), [("gzip", ".ndjson.gz"), ("zstd", ".ndjson.zst"), ("none", ".ndjson")]
    )
    def test_the_endings(self, lake: Lake, compression: str, ending: str) -> None:
        table = lake.table("by_model", FileFormat("ndjson", compression))
        assert table.data_file(DAY) == f"claude_enterprise/by_model/date=2026-11-01/by_model{ending}"
        assert table.manifest_file(DAY) == "claude_enterprise/_manifests/by_model/2026-11-01.json"
        file = table.revision_file(DAY, "2026-11-05T00:00:00.000000Z")
        assert file.startswith("claude_enterprise/_revisions/by_model/2026-11-01/2026-11-05T")
        assert file.endswith(ending)
        assert ":" not in file

    def test_no_folder_of_unfinished_files_stays(self, tmp_path: Path) -> None:
        lake = Lake(str(tmp_path / "lake"))
        land(lake, 1, at=0)
        land(lake, 2, at=1)
        assert not list(tmp_path.rglob("_spool"))

    def test_a_day_that_never_landed_has_no_manifest(self, lake: Lake) -> None:
        assert lake.table().manifest(DAY) is None
        assert lake.table().store.info(DATA) is None

    def test_an_empty_day_is_a_fact(self, lake: Lake) -> None:
        manifest, _ = land(lake, at=0)
        assert manifest.rows == 0
        assert lake.content() == b""
        assert lake.table().manifest(DAY) == manifest

    def test_a_manifest_that_is_none_is_refused_with_its_address(self, tmp_path: Path) -> None:
        lake = Lake(str(tmp_path))
        land(lake, 1, at=0)
        (tmp_path / MANIFEST).write_text('{"half":')
        with pytest.raises(AIAnalyticsError, match=r"_manifests/users/2026-11-01\.json"):
            lake.table().manifest(DAY)

    @pytest.mark.parametrize(
        ("table", "day"), [("people", DAY), ("users", DAY + timedelta(days=1))], ids=["another table", "another day"]
    )
    def test_a_manifest_that_was_copied_is_not_believed(self, tmp_path: Path, table: str, day: date) -> None:
        """It names a file that is there and is as it says: the other's."""
        lake = Lake(str(tmp_path))
        land(lake, 1, at=0)
        copy = tmp_path / lake.table(table).manifest_file(day)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / MANIFEST, copy)
        with pytest.raises(AIAnalyticsError, match=r"of claude_enterprise/users 2026-11-01.* Move it away"):
            lake.table(table).manifest(day)

    def test_the_home_folder_is_where_it_is_for_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
        manifest, _ = land(Lake("~/lake"), 1, at=0)
        assert Lake(str(tmp_path / "home/lake")).names() == {DATA, MANIFEST}
        assert Lake("~/lake").table().manifest(DAY) == manifest


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "../x",
            "..",
            ".",
            ".x",
            "a/b",
            "a\\b",
            "/abs",
            "_manifests",
            "_revisions",
            "_spool",
            "-x",
            "",
            " ",
            "a b",
            "a\n",
            "a\x00",
            "date=2026-11-01",
            "a*",
            "é",
            "x" * 129,
            "{{ ds }}",
        ],
        ids=repr,
    )
    def test_what_leads_out_or_hides_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InvalidArgumentError, match="not a name"):
            Lake(str(tmp_path)).table(name)

    @pytest.mark.parametrize("name", ["users", "cost_by_model", "v2.users", "users-eu", "2026", "X"])
    def test_a_plain_name_is_taken(self, tmp_path: Path, name: str) -> None:
        assert Lake(str(tmp_path)).table(name).table == name


class TestRestatements:
    def test_the_same_content_writes_nothing(self, lake: Lake) -> None:
        first, _ = land(lake, 1, 2, at=0)
        before = lake.files()
        again, status = land(lake, 1, 2, at=1)
        assert status == "unchanged"
        assert again == first
        assert lake.files() == before

    def test_the_same_content_may_become_complete(self, lake: Lake) -> None:
        first, _ = land(lake, 1, 2, at=0, complete=False)
        data = lake.files()[DATA]
        again, status = land(lake, 1, 2, at=1)
        assert status == "unchanged"
        assert again.complete
        assert again.fetched_at == first.fetched_at
        assert lake.table().manifest(DAY) == again
        assert lake.files()[DATA] == data

    def test_new_content_keeps_what_it_replaces(self, lake: Lake) -> None:
        first, _ = land(lake, 1, at=0)
        second, _ = land(lake, 1, 2, at=1)
        third, status = land(lake, 1, 2, 3, at=2)
        assert status == "revised"
        assert lake.content() == lines(1, 2, 3)
        assert [(revision.fetched_at, revision.rows, revision.sha256) for revision in third.revisions] == [
            (old.fetched_at, old.rows, old.sha256) for old in (first, second)
        ]
        files = [revision.file for revision in third.revisions]
        assert all(file is not None and file.startswith(REVISIONS) for file in files)
        assert [lake.content(file) for file in files if file] == [lines(1), lines(1, 2)]
        assert lake.names() == {DATA, MANIFEST, *files}
        assert lake.table().manifest(DAY) == third

    def test_without_revisions_their_files_are_gone_and_their_facts_are_not(self, lake: Lake) -> None:
        first, _ = land(lake, 1, at=0)
        second, status = land(lake, 1, 2, at=1, keep_revisions=False)
        assert status == "revised"
        assert [(revision.sha256, revision.file) for revision in second.revisions] == [(first.sha256, None)]
        assert lake.names() == {DATA, MANIFEST}

    def test_data_that_somebody_removed_is_landed_again(self, lake: Lake) -> None:
        first, _ = land(lake, 1, at=0)
        table = lake.table()
        (table.root / DATA).unlink()
        again, _ = land(lake, 1, at=1)
        assert lake.content() == lines(1)
        assert again.sha256 == first.sha256

    @pytest.mark.parametrize(
        ("before", "after", "suspicious"),
        [(10, 0, True), (10, 8, True), (10, 9, False), (10, 11, False), (0, 0, False)],
    )
    def test_a_day_that_shrinks_is_left_alone(self, lake: Lake, before: int, after: int, suspicious: bool) -> None:
        land(lake, *range(before), at=0)
        files_before = lake.files()
        if not suspicious:
            land(lake, *range(after), at=1)
            return
        with pytest.raises(SuspiciousShrinkError) as refused:
            land(lake, *range(after), at=1)
        assert f"{before}" in str(refused.value)
        assert f"{after}" in str(refused.value)
        assert lake.files() == files_before
        _, status = land(lake, *range(after), at=2, accept_shrink=True)
        assert status == "revised"
        assert lake.content() == lines(*range(after))

    def test_a_total_that_shrinks_is_left_alone_too(self, lake: Lake) -> None:
        land(lake, 1, 2, at=0, total="100.000000")
        with pytest.raises(SuspiciousShrinkError, match=r"100\.000000.*89\.999"):
            land(lake, 3, 4, at=1, total="89.999")
        _, status = land(lake, 3, 4, at=1, total="90.0")
        assert status == "revised"

    @pytest.mark.parametrize(
        ("before", "after", "suspicious"),
        [
            ("-100", "-89", True),
            ("-100", "-90", False),
            ("-100", "100", True),
            ("100", "-100", True),
            ("0", "-5", False),
        ],
    )
    def test_credits_shrink_like_costs(self, lake: Lake, before: str, after: str, suspicious: bool) -> None:
        land(lake, 1, at=0, total=before)
        if suspicious:
            with pytest.raises(SuspiciousShrinkError, match="total"):
                land(lake, 2, at=1, total=after)
        else:
            assert land(lake, 2, at=1, total=after)[1] == "revised"

    def test_many_small_decreases_are_one_large_one(self, lake: Lake) -> None:
        land(lake, *range(100), at=0, total="100")
        land(lake, *range(95), at=24, total="95")
        with pytest.raises(SuspiciousShrinkError, match="had 100 rows and was answered with 88"):
            land(lake, *range(88), at=48, total="88")
        with pytest.raises(SuspiciousShrinkError, match="had 100 total and was answered with 89"):
            land(lake, *range(94), at=48, total="89")
        land(lake, *range(88), at=24 * 32, total="88")  # the largest was replaced 31 days before

    def test_an_accepted_decrease_is_the_new_measure(self, lake: Lake) -> None:
        land(lake, *range(100), at=0)
        land(lake, *range(50), at=24, accept_shrink=True)
        land(lake, *range(49), at=48)
        with pytest.raises(SuspiciousShrinkError, match="had 50 rows and was answered with 44"):
            land(lake, *range(44), at=72)


class TestInterruptions:
    def test_a_first_landing_that_died_before_its_manifest(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        land(lake, 1, at=0, broken="publish_manifest", monkeypatch=monkeypatch)
        assert lake.table().manifest(DAY) is None
        manifest, status = land(lake, 1, 2, at=1)
        assert status == "revised"
        assert lake.content() == lines(1, 2)
        (found,) = manifest.revisions
        assert found.file is not None
        assert (lake.content(found.file), found.rows) == (lines(1), 1)
        assert lake.names() == {DATA, MANIFEST, found.file}

    def test_a_first_landing_that_died_before_its_manifest_is_finished(
        self, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        land(lake, 1, at=0, broken="publish_manifest", monkeypatch=monkeypatch)
        _, status = land(lake, 1, at=1)
        assert status == "created"
        assert lake.names() == {DATA, MANIFEST}

    @pytest.mark.parametrize(
        ("broken", "keep"),
        [
            ("save_revision", True),
            ("publish", True),
            ("publish_manifest", True),
            ("publish", False),
            ("publish_manifest", False),
        ],
    )
    @pytest.mark.parametrize("next_rows", [(1,), (1, 2), (1, 2, 3)], ids=["as it was", "as it died", "new"])
    def test_a_restatement_that_died_is_repaired_and_the_oldest_content_is_not_lost(
        self, lake: Lake, monkeypatch: pytest.MonkeyPatch, broken: str, keep: bool, next_rows: tuple[int, ...]
    ) -> None:
        first, _ = land(lake, 1, at=0)
        land(lake, 1, 2, at=1, broken=broken, monkeypatch=monkeypatch, keep_revisions=keep)
        assert lake.table().manifest(DAY) == first, "the manifest is the last to change"

        repaired, _ = land(lake, *next_rows, at=2, keep_revisions=keep)
        current = lake.table().manifest(DAY)
        assert current == repaired
        assert lake.content() == lines(*next_rows)
        assert repaired.rows == len(next_rows)
        files = [revision.file for revision in repaired.revisions if revision.file]
        if keep and next_rows != (1,):
            assert lines(1) in [lake.content(file) for file in files]
        assert lake.names() == {DATA, MANIFEST, *files}

    def test_dying_twice_still_keeps_the_oldest(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        first, _ = land(lake, 1, at=0)
        land(lake, 1, 2, at=1, broken="publish_manifest", monkeypatch=monkeypatch)
        land(lake, 1, 2, 3, at=2, broken="publish_manifest", monkeypatch=monkeypatch)
        last, _ = land(lake, 1, 2, 3, 4, at=3)
        assert last.revisions[0].sha256 == first.sha256
        contents = [lake.content(str(revision.file)) for revision in last.revisions]
        assert contents == [lines(1), lines(1, 2, 3), lines(1, 2)], "readers saw what the dead runs published"

    def test_what_was_repaired_is_quiet_afterwards(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        land(lake, 1, at=0)
        land(lake, 1, 2, at=1, broken="publish_manifest", monkeypatch=monkeypatch)
        land(lake, 1, 2, at=2)
        before = lake.files()
        _, status = land(lake, 1, 2, at=3)
        assert status == "unchanged"
        assert lake.files() == before

    def test_a_copy_that_died_half_way_is_not_taken_for_the_content(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lake = Lake(str(tmp_path / "lake"))
        land(lake, 1, at=0)

        def half(source: str, target: Path) -> None:
            Path(target).write_bytes(Path(source).read_bytes()[:5])
            raise _DiedError

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copyfile", half)
            with pytest.raises(_DiedError):
                land(lake, 1, 2, at=1)
        assert lake.content() == lines(1)
        last, _ = land(lake, 1, 2, at=2)
        (revision,) = last.revisions
        assert revision.file is not None
        assert lake.content(revision.file) == lines(1)

    def test_an_empty_copy_is_no_revision(self, lake: Lake) -> None:
        """A copy inside of Azure that is given up leaves one."""
        land(lake, 1, at=0)
        lake.table().store.write(f"{REVISIONS}2026-11-05T000000Z.ndjson.gz", b"")

        last, _ = land(lake, 1, 2, at=1)

        assert [lake.content(str(revision.file)) for revision in last.revisions] == [lines(1)]

    def test_nothing_unfinished_is_ever_in_a_table(self, tmp_path: Path) -> None:
        lake = Lake(str(tmp_path / "lake"))
        land(lake, 1, at=0)
        table = lake.table()
        with suppress(_DiedError), table.spool() as folder:
            (folder / "half").write_bytes(b"half")
            assert tmp_path / "lake" / "claude_enterprise" / "users" not in folder.parents
            raise _DiedError
        assert lake.names() == {DATA, MANIFEST}


class TestAListingThatIsOld:
    """A task lists the table once; meanwhile another task lands the day."""

    @pytest.fixture
    def raced(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Lake, Manifest]]:
        """A lake that is landed from an old listing, and the day that another task has landed since."""
        lake = Lake(f"memory://{tmp_path.name}/lake")
        land(lake, 1, at=0, complete=False)
        table = lake.table()
        table.list_days()
        whole, _ = land(lake, 1, 2, 3, at=2)
        monkeypatch.setattr(lake, "table", lambda: table)
        yield lake, whole
        MemoryFileSystem().rm(f"/{tmp_path.name}", recursive=True)

    def test_an_older_read_does_not_replace_a_better_day(self, raced: tuple[Lake, Manifest]) -> None:
        lake, whole = raced

        found, status = land(lake, 1, 2, at=1, complete=False)

        assert (found, status) == (whole, "unchanged")
        assert lake.content() == lines(1, 2, 3)

    def test_what_another_task_landed_becomes_a_revision(self, raced: tuple[Lake, Manifest]) -> None:
        lake, whole = raced

        found, status = land(lake, 1, 2, 3, 4, at=3)

        assert status == "revised"
        assert [revision.sha256 for revision in found.revisions] == [whole.sha256]
        assert lake.content(str(found.revisions[0].file)) == lines(1, 2, 3)

    def test_the_state_of_an_unchanged_content_is_not_written_over_another(self, raced: tuple[Lake, Manifest]) -> None:
        lake, whole = raced

        land(lake, 1, at=1, accept_shrink=True)

        manifest = lake.table().manifest(DAY)
        assert manifest is not None
        assert lake.content() == lines(1)
        assert manifest.rows == 1
        assert [revision.sha256 for revision in manifest.revisions] == [whole.sha256]


class TestSpool:
    def test_another_who_tidies_up_is_no_obstacle(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two tasks share the folder of unfinished files; the one that ends removes it while the other begins."""
        table = Lake(str(tmp_path / "lake")).table()
        parent = tmp_path / "lake" / "claude_enterprise" / "_spool"
        real = tempfile.TemporaryDirectory
        removed: list[Path] = []

        def after_the_other_left(*args: Any, **kwargs: Any) -> tempfile.TemporaryDirectory[str]:
            if not removed:
                parent.rmdir()
                removed.append(parent)
            return real(*args, **kwargs)

        monkeypatch.setattr(tempfile, "TemporaryDirectory", after_the_other_left)
        with table.spool() as folder:
            (folder / "file").write_bytes(b"whole")
        assert removed

    def test_many_at_once(self, tmp_path: Path) -> None:
        lake = Lake(str(tmp_path / "lake"))
        failures: list[BaseException] = []

        def spool() -> None:
            table = lake.table()
            try:
                for _ in range(500):
                    with table.spool() as folder:
                        (folder / "file").write_bytes(b"x")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=spool) for _ in range(6)]
        usual = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)  # as on a busy machine
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(usual)
        assert failures == []
        assert not list(tmp_path.rglob("_spool"))
