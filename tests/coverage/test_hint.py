# SPDX-License-Identifier: Apache-2.0
"""A hint saves reads, and whatever lies in its place never makes coverage say a wrong thing."""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aianalytics.coverage import hint, reader
from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.storage.local_store import LocalStore
from airflow_provider_aianalytics.storage.store import ObjectStore
from tests.coverage.lakes import DAY, NOW, RUN, ManifestLake, days_from, manifest, signs

FIRST = date(2026, 10, 1)
DAYS = days_from(FIRST, 12)
LAST = DAYS[-1]
FOLDER = "claude_enterprise/_manifests/users"


def hint_of(lake: ManifestLake, table: str = "users") -> Path:
    return lake.root / "claude_enterprise/_manifests" / table / hint.NAME


def put_days(lake: ManifestLake, **fields: Any) -> None:
    for day in DAYS:
        lake.put(day, **fields)


def test_the_second_reader_reads_the_hint_alone(lake: ManifestLake, reads: list[str]) -> None:
    put_days(lake)
    (before,) = lake.look(last=LAST)
    assert len(reads) == len(DAYS)
    reads.clear()

    (after,) = lake.look(last=LAST)

    assert reads == [f"{FOLDER}/{hint.NAME}"]
    assert after == before


def test_only_what_changed_is_read(lake: ManifestLake, reads: list[str]) -> None:
    put_days(lake)
    lake.look(last=LAST)
    lake.put(FIRST, final=False)
    lake.put(LAST + DAY)
    (lake.root / FOLDER / f"{FIRST + DAY}.json").unlink()
    reads.clear()

    (table,) = lake.look(last=LAST + DAY)

    assert signs(table) == "+x###########"
    assert reads == [f"{FOLDER}/{hint.NAME}", f"{FOLDER}/{FIRST}.json", f"{FOLDER}/{LAST + DAY}.json"]


def test_a_few_new_days_are_not_worth_a_new_hint(lake: ManifestLake) -> None:
    put_days(lake)
    lake.look(last=LAST)
    before = hint_of(lake).read_bytes()

    for day in days_from(LAST + DAY, hint.WORTH - 1):
        lake.put(day)
    lake.look()
    assert hint_of(lake).read_bytes() == before

    lake.put(LAST + hint.WORTH * DAY)
    lake.look()
    assert hint_of(lake).read_bytes() != before


def test_days_that_were_not_looked_at_stay_in_the_hint(lake: ManifestLake, reads: list[str]) -> None:
    put_days(lake)
    lake.look(last=LAST)
    for day in days_from(LAST + DAY, 20):
        lake.put(day)
    lake.look(first=LAST + DAY, last=LAST + 20 * DAY)
    reads.clear()

    lake.look(last=LAST + 20 * DAY)

    assert reads == [f"{FOLDER}/{hint.NAME}"]


def test_a_lake_that_is_read_only_can_be_read(
    lake: ManifestLake, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    put_days(lake)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)

    assert [signs(table) for table in lake.look(last=LAST)] == ["#" * len(DAYS)]
    assert [path.name for path in lake.root.rglob("*") if not path.name.endswith(".json")] == [
        "claude_enterprise",
        "_manifests",
        "users",
    ]


def test_it_says_nothing_that_manifests_keep_to_themselves(lake: ManifestLake) -> None:
    query = {"date": "2026-10-01", "user_ids[]": ["user_secret"]}
    put_days(lake, organization_id="org_secret", query=query, dropped_fields=("secret.field",))
    lake.look(last=LAST)

    unpacked = hint._unpack(hint_of(lake).read_bytes())

    assert b"claude_enterprise" in unpacked
    assert b"secret" not in unpacked


def test_readers_of_tables_and_landing_tasks_do_not_see_it(lake: ManifestLake) -> None:
    put_days(lake)
    lake.look(last=LAST)

    (found,) = [path for path in lake.root.rglob("*") if path.is_file() and not path.name.endswith(".json")]

    assert found == hint_of(lake)
    assert found.parent.parent.name.startswith("_")


# --- hints that are wrong ---------------------------------------------------------------------------------------------


class TaggedStore(MemoryFileSystem):  # type: ignore[misc]
    """An object store whose tags are digests of the content, as on S3: an old content has its old tag again."""

    protocol = "memory"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def ls(self, path: str, detail: bool = True, **more: Any) -> Any:
        entries = super().ls(path, detail=True, **more)
        return [entry | self._tag(entry) for entry in entries]

    def _tag(self, entry: dict[str, Any]) -> dict[str, str]:
        if entry["type"] == "directory":
            return {}
        data = self.store[entry["name"]].getvalue()
        return {"ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'}


Race = Callable[[date], AbstractContextManager[None]]
"""What others write before and after the manifest of a day is read."""


class AnyLake:
    """A lake on a folder or on an object store, in which anything can happen at any read."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.fs = TaggedStore()
        self.path = str(folder)
        self._time = 0
        if folder is None:
            from airflow.providers.common.compat.sdk import ObjectStoragePath

            TaggedStore.store.clear()
            conn_id = f"tagged-{uuid.uuid4().hex}"
            self.path = f"memory://{conn_id}@lake"
            module = importlib.import_module(f"{ObjectStoragePath.__module__.rpartition('.')[0]}.store")
            module.attach("memory", conn_id=conn_id, fs=self.fs)

    def write(self, name: str, data: bytes) -> None:
        if self.folder is None:
            self.fs.pipe_file(f"/lake/{FOLDER}/{name}", data)
            return
        self._time += 1
        path = self.folder / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name("unfinished")
        unfinished.write_bytes(data)
        os.utime(unfinished, (self._time, self._time))
        unfinished.replace(path)

    def read(self, name: str) -> bytes | None:
        try:
            if self.folder is None:
                return bytes(self.fs.cat_file(f"/lake/{FOLDER}/{name}"))
            return (self.folder / FOLDER / name).read_bytes()
        except FileNotFoundError:
            return None

    def look(self, around_read: Race = nullcontext) -> dict[date, int]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader, "WORTH", 1)
            for store in (LocalStore, ObjectStore):
                patch.setattr(store, "at_once", 1)
                patch.setattr(store, "read_listed", _raced(store.read_listed, around_read))
            (table,) = survey(self.path, days=Range(now=NOW, first=FIRST, last=LAST), table="users")
        return {day.date: day.landed.rows for day in table.days if day.landed is not None}


def _raced(read: Callable[..., Any], around_read: Race) -> Callable[..., Any]:
    def raced(store: Any, file: str, seen: Any) -> Any:
        with around_read(date.fromisoformat(Path(file).stem)):
            return read(store, file, seen)

    return raced


FEW_DAYS = DAYS[:3]
ROWS = st.integers(1, 3)
WRITES = st.lists(st.tuples(st.sampled_from(FEW_DAYS), ROWS), max_size=4)
RACES = st.dictionaries(st.sampled_from(FEW_DAYS), st.tuples(ROWS, st.booleans()))
"""What is written before a day is read, and whether what was there before is written again after that."""
DAMAGE = st.one_of(
    st.just("keep"),
    st.just("old"),
    st.just("other table"),
    st.just("other lake"),
    st.just("half"),
    st.binary(max_size=40),
    st.tuples(st.integers(0, 5000), st.integers(1, 255)),
)


def content(day: date, rows: int, table: str = "users") -> bytes:
    return manifest(day, table=table, rows=rows, dataset="users", run=RUN)


@pytest.mark.parametrize("on_disk", [True, False])
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(WRITES, RACES, DAMAGE), min_size=1, max_size=6))
def test_no_hint_makes_coverage_wrong(
    steps: list[tuple[list[Any], dict[date, Any], Any]], on_disk: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = AnyLake(tmp_path_factory.mktemp("lake") if on_disk else None)
    other = _hint_of_another_lake(tmp_path_factory.mktemp("other"))
    truth: dict[date, int] = {}
    hints: list[bytes] = []

    def write(day: date, rows: int) -> None:
        lake.write(f"{day}.json", content(day, rows))
        truth[day] = rows

    for day in FEW_DAYS:
        write(day, 1)
    for writes, races, damage in steps:
        for day, rows in writes:
            write(day, rows)
        seen = {day: {rows} for day, rows in truth.items()}

        @contextmanager
        def race(day: date, races: dict[date, Any] = races, seen: dict[date, set[int]] = seen) -> Iterator[None]:
            before = truth[day]
            rows, comes_back = races.get(day, (before, False))
            write(day, rows)
            seen[day].add(rows)
            yield
            if comes_back:
                write(day, before)

        found = lake.look(race)
        assert all(rows in seen[day] for day, rows in found.items())
        assert lake.look() == truth
        hints.append(lake.read(hint.NAME) or b"")
        _damage(lake, damage, hints, other)
        assert lake.look() == truth


def test_days_of_a_store_that_gives_digests_and_no_versions_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_version(fs: TaggedStore, path: str, **_: Any) -> Any:
        entries = MemoryFileSystem.ls(fs, path, detail=True)
        for entry in entries:
            entry.pop("created", None)
            if entry["type"] == "file":
                digest = hashlib.md5(fs.store[entry["name"]].getvalue(), usedforsecurity=False).digest()
                entry["md5Hash"] = base64.b64encode(digest)
        return entries

    monkeypatch.setattr(TaggedStore, "ls", without_version)
    lake = AnyLake(None)
    for rows in (1, 2):
        for day in FEW_DAYS:
            lake.write(f"{day}.json", content(day, rows))

        assert lake.look() == dict.fromkeys(FEW_DAYS, rows)


def _hint_of_another_lake(folder: Path) -> dict[str, bytes]:
    """Of the same table and of another, with the same days and other contents."""
    lake = AnyLake(folder)
    for day in FEW_DAYS:
        lake.write(f"{day}.json", content(day, 9))
    lake.look()
    same = lake.read(hint.NAME)
    assert same is not None
    decoded = hint._DECODER.decode(hint._unpack(same))
    entries = {day: ("", entry[1]) for day, entry in decoded.entries.items()}
    return {"other lake": same, "other table": hint._pack(hint._Hint(hint.FORMAT, "claude_enterprise", "x", entries))}


def _damage(lake: AnyLake, damage: Any, hints: list[bytes], other: dict[str, bytes]) -> None:
    data = bytearray(hints[-1])
    match damage:
        case "keep":
            return
        case "old":
            data = bytearray(hints[0])
        case "other table" | "other lake":
            data = bytearray(other[damage])
        case "half":
            data = data[: len(data) // 2]
        case (place, flip) if data:
            data[place % len(data)] ^= flip
        case bytes():
            data = bytearray(damage)
    lake.write(hint.NAME, bytes(data))
