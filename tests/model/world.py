# SPDX-License-Identifier: Apache-2.0
"""A table on a small store, the runs that land its days, what befalls it meanwhile, and what must hold after each."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.storage.commit import commit
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest, Run
from airflow_provider_aianalytics.storage.store import ObjectStore
from airflow_provider_aianalytics.storage.table_spec import SpecGuard, TableSpec
from tests.model.small_store import KilledError, Objects, SmallStore

BASE = "bucket/lake"
DAYS = (date(2026, 11, 1), date(2026, 11, 2))
SECRET = b"alice@example.com"
GARBAGE = b"\x00garbage"
WINDOW = ("date", "limit")


@dataclass(frozen=True)
class Kind:
    """What a run would make of the table.

    :param cut: the query, by its group_by.
    :param organization: whose data the answers say it is; empty where they do not.
    :param secret: names the secret of the pseudonyms; empty where there are none.
    """

    format: str = "ndjson"
    compression: str = "none"
    cut: str = ""
    hides: bool = False
    organization: str = ""
    secret: str = ""

    def content(self, version: int, day: date) -> bytes:
        """A whole day: every line says of which version and kind it is."""
        who = f"x{self.secret}" if self.hides or self.secret else SECRET.decode()
        cap = 3 if self.cut else 4
        lines = [f"{day},{version},{row},{self.cut},{who}{self.organization}" for row in range(cap + version % 2)]
        if self.format == "csv":
            return "".join(f"{line}\r\n" for line in ("day,version,row,cut,who", *lines)).encode()
        return "".join(f'{{"of":"{line}"}}\n' for line in lines).encode()

    def pack(self, content: bytes) -> bytes:
        return gzip.compress(content, 1, mtime=0) if self.compression == "gzip" else content


@dataclass(frozen=True)
class Landing:
    """A run: what it lands, and the call at which it dies.

    :param raw_page: whether it saves a page of a window that it does not finish.
    """

    kind: Kind = Kind()
    day: date = DAYS[0]
    version: int = 0
    keep_revisions: bool = True
    kill_at: int = 0
    applied: bool = False
    raw_page: bool = False


class Folder:
    """A lake's root, as much of a path as the package uses."""

    protocol = "s3"

    def __init__(self, fs: SmallStore, path: str = BASE) -> None:
        self.fs = fs
        self.path = path

    def __truediv__(self, name: str) -> Folder:
        return Folder(self.fs, f"{self.path}/{name}")

    def __str__(self) -> str:
        return f"s3://{self.path}"


class OneSpool:
    """A folder for unfinished files that is emptied, not removed: faster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    @contextmanager
    def folder(self) -> Any:
        self._number += 1
        inner = self._folder / str(self._number)
        inner.mkdir()
        try:
            yield inner
        finally:
            for file in inner.iterdir():
                file.unlink()
            inner.rmdir()


@dataclass
class World:
    """
    :param spool: a local folder for the runs' files.
    :ivar committed: for each day the contents that a manifest has described.
    :ivar known: every content that a run has ever read, by its digest: what a reader may see.
    """

    spool: Path
    objects: Objects = field(default_factory=Objects)
    committed: dict[date, set[str]] = field(default_factory=lambda: {day: set() for day in DAYS})
    known: dict[str, Kind] = field(default_factory=dict)
    damaged: bool = False
    log: list[str] = field(default_factory=list)
    _spools: int = 0
    _time: int = 0

    def __post_init__(self) -> None:
        self.objects.after_write = self._look

    # --- runs ---------------------------------------------------------------------------------------------------------

    def land(self, landing: Landing, before: Callable[[], None] = lambda: None) -> str:
        """Do what a task does, in its order, without a vendor.

        :return: the status of the day, ``killed``, or the name of the typed error.
        """
        fs = SmallStore(self.objects, kill_at=landing.kill_at, applied=landing.applied, before=before)
        replaceable = set() if landing.keep_revisions else self._contents(landing.day, "v/t/date=")
        try:
            outcome = self._land(landing, fs)
        except KilledError:
            outcome = "killed"
        except AIAnalyticsError as error:
            outcome = type(error).__name__
        if not landing.keep_revisions:
            # Such a run may lose what it replaces, and nothing that an earlier run kept.
            self.committed[landing.day] -= replaceable - self._contents(landing.day)
        self.log.append(f"{landing} -> {outcome} after {fs.calls} calls")
        return outcome

    def _land(self, landing: Landing, fs: SmallStore) -> str:
        kind, day = landing.kind, landing.day
        table = LakeTable(
            "memory://model/lake", vendor="v", table="t", file_format=FileFormat(kind.format, kind.compression)
        )
        table.root = Folder(fs)  # type: ignore[assignment]
        table.store = ObjectStore(table.root)
        self._spools += 1
        folder = self.spool / f"run-{self._spools}"
        folder.mkdir()
        table._spool = OneSpool(folder)  # type: ignore[assignment]
        hidden = ("who",) if kind.hides else ()
        spec = TableSpec.of(
            vendor="v",
            dataset="d",
            query=_query(kind),
            window_parameters=WINDOW,
            format=kind.format,
            compression=kind.compression,
            dropped_fields=hidden,
            pseudonymized_fields=("who",) if kind.secret else (),
            pseudonym_secret_id=kind.secret or None,
        )
        guard = SpecGuard(table, spec, WINDOW)
        try:
            table.list_days()
            known = table.manifests([day])
            guard.check(known.values())
            self._pages(table, landing, fs)
            content = kind.content(landing.version, day)
            self.known[hashlib.sha256(content).hexdigest()] = kind
            with table.spool() as spooled:
                file = spooled / "day"
                file.write_bytes(kind.pack(content))
                guard.claim(kind.organization or None)
                new = self._manifest(table, kind, day, content)
                _, status = commit(
                    table, file, new, keep_revisions=landing.keep_revisions, accept_shrink=True, check=guard.check_day
                )
            return status
        except AIAnalyticsError:
            self._drop_page(table, fs)
            raise
        finally:
            with suppress(OSError):
                folder.rmdir()

    def _pages(self, table: LakeTable, landing: Landing, fs: SmallStore) -> None:
        folder = f"{BASE}/{table.layout.unfinished}"
        if landing.kind.hides or landing.kind.secret:
            for path in fs.find(folder):
                with suppress(FileNotFoundError):
                    fs.rm_file(path)
        elif landing.raw_page:
            fs.pipe_file(f"{folder}/owner/page", SECRET)

    def _drop_page(self, table: LakeTable, fs: SmallStore) -> None:
        """What a refused run read is not kept for its next try."""
        with suppress(FileNotFoundError):
            fs.rm_file(f"{BASE}/{table.layout.unfinished}/owner/page")

    def _manifest(self, table: LakeTable, kind: Kind, day: date, content: bytes) -> Manifest:
        self._time += 1
        return Manifest(
            vendor="v",
            dataset="d",
            table="t",
            date=day,
            query={**_query(kind), "date": str(day), "limit": "10"},
            file=table.data_file(day),
            format=kind.format,
            compression=kind.compression,
            rows=content.count(b"\n") - (kind.format == "csv"),
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            pages=1,
            requests=1,
            data_refreshed_at=None,
            fetched_at=f"2026-11-20T00:{self._time // 60:02}:{self._time % 60:02}.000000Z",
            complete=True,
            final=False,
            organization_id=kind.organization or None,
            provider_version="0",
            run=RUN,
            dropped_fields=("who",) if kind.hides else (),
            pseudonymized_fields=("who",) if kind.secret else (),
            pseudonym_secret_id=kind.secret or None,
        )

    def land_two(self, first: Landing, second: Landing, turns: Iterable[int]) -> list[str]:
        """Two runs at once, interleaved call by call.

        :param turns: which of them makes the next call; behind the last both go on as they come.
        """
        baton = Baton(turns)
        outcomes = ["", ""]

        def run(number: int, landing: Landing) -> None:
            try:
                outcomes[number] = self.land(landing, before=lambda: baton.wait(number))
            finally:
                baton.leave(number)

        threads = [threading.Thread(target=run, args=(n, each)) for n, each in enumerate((first, second))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a run hangs"
        return outcomes

    # --- what happens from outside ------------------------------------------------------------------------------------

    def files(self, part: str = "") -> list[str]:
        return sorted(path.removeprefix(f"{BASE}/") for path in self.objects.data if part in path)

    def lose(self, file: str) -> None:
        """A file is deleted or moved away."""
        self.log.append(f"lost {file}")
        self._forget_content(file)
        del self.objects.data[f"{BASE}/{file}"]
        self._note_damage()

    def corrupt(self, file: str) -> None:
        """A file is overwritten with something else."""
        self.log.append(f"corrupted {file}")
        self._forget_content(file)
        self.objects.data[f"{BASE}/{file}"] = GARBAGE
        self._note_damage()

    def _forget_content(self, file: str) -> None:
        """Nobody can bring back what was deleted from outside."""
        if "/_manifests/" in file or "/_tables/" in file:
            return
        sha256 = _sha256(self.objects.data[f"{BASE}/{file}"])
        for contents in self.committed.values():
            contents.discard(sha256)

    def _note_damage(self) -> None:
        """Whether nothing tells any more what the table holds."""
        manifests = [self.manifest(day) for day in DAYS]
        self.damaged = self.damaged or (not any(manifests) and not self.files("/_tables/"))

    def _contents(self, day: date, *folders: str) -> set[str]:
        """The digests of the contents of a day: those in its folder, and those that are kept."""
        prefixes = tuple(f"{BASE}/{folder}{day}/" for folder in folders or ("v/t/date=", "v/_revisions/t/"))
        return {_sha256(data) for path, data in self.objects.data.items() if path.startswith(prefixes)}

    def forget_contents(self) -> None:
        """Where writes cannot be conditional, two runs at once may lose what only one of them saw."""
        for contents in self.committed.values():
            contents.clear()

    def heal(self, kind: Kind) -> None:
        """What a person does about errors, then one more run for each day: it makes all agree."""
        for day in DAYS:
            file = f"v/_manifests/t/{day}.json"
            if f"{BASE}/{file}" in self.objects.data and self.manifest(day) is None:
                self.lose(file)
        for day in DAYS:
            one = Landing(kind=kind, day=day, version=3)
            outcome = self.land(one)
            if outcome in ("created", "revised", "unchanged"):
                self.check_landed(one, outcome)
            else:
                assert outcome == "QueryMismatchError", outcome
            self.check()

    # --- what must hold -----------------------------------------------------------------------------------------------

    def manifest(self, day: date) -> Manifest | None:
        data = self.objects.data.get(f"{BASE}/v/_manifests/t/{day}.json")
        try:
            return msgspec.json.decode(data, type=Manifest) if data is not None else None
        except msgspec.DecodeError:
            return None

    def _look(self) -> None:
        """After every write: readers see whole days, and what a manifest describes is committed."""
        for day in DAYS:
            files = [path for path in self.objects.data if path.startswith(f"{BASE}/v/t/date={day}/")]
            assert len(files) <= 1, f"two files: {files}"
            for path in files:
                sha256 = _sha256(self.objects.data[path])
                assert sha256 in self.known or self.objects.data[path] == GARBAGE, "not one whole content"
                manifest = self.manifest(day)
                if manifest is not None and manifest.sha256 == sha256 and f"{BASE}/{manifest.file}" == path:
                    self.committed[day].add(sha256)

    def check(self) -> None:
        """After every step."""
        self._look()
        for day in DAYS:
            assert self.committed[day] <= self._contents(day), f"{day}: a content that was committed is gone"
        manifests = [manifest for day in DAYS if (manifest := self.manifest(day))]
        if not self.damaged:
            specs = {_identity(manifest) for manifest in manifests}
            assert len(specs) <= 1, f"a mixed table: {specs}"

    def check_landed(self, landing: Landing, status: str, *, alone: bool = True) -> None:
        """After a run that succeeded: its day is what its manifest says, and nothing is hidden badly."""
        manifest = self.manifest(landing.day)
        assert manifest is not None
        (path,) = (path for path in self.objects.data if path.startswith(f"{BASE}/v/t/date={landing.day}/"))
        assert path == f"{BASE}/{manifest.file}"
        assert _sha256(self.objects.data[path]) == manifest.sha256, "data and manifest disagree after a run"
        if alone:
            content = landing.kind.content(landing.version, landing.day)
            assert manifest.sha256 == hashlib.sha256(content).hexdigest()
        if status == "revised" and alone:
            found = {manifest.sha256, *(revision.sha256 for revision in manifest.revisions)}
            assert self.committed[landing.day] <= found, "a content is saved and not listed"
        for revision in manifest.revisions:
            if revision.file and f"{BASE}/{revision.file}" in self.objects.data:
                data = self.objects.data[f"{BASE}/{revision.file}"]
                assert _sha256(data) == revision.sha256 or data == GARBAGE
        if status == "revised" and alone:
            saved = self._contents(landing.day, "v/_revisions/t/") - {_sha256(GARBAGE)}
            assert saved <= found, "something is left for ever"
        if landing.kind.hides or landing.kind.secret:
            for path, data in self.objects.data.items():
                assert SECRET not in _unpacked(data), f"{path} has what is hidden"


class Baton:
    """Lets one of two threads go on at a time, in a given order."""

    def __init__(self, turns: Iterable[int]) -> None:
        self._turns = list(turns)
        self._condition = threading.Condition()
        self._left: set[int] = set()
        self._busy: int | None = None

    def wait(self, number: int) -> None:
        """Go on when it is this one's turn; the call before is over then."""
        with self._condition:
            if self._busy == number:
                self._busy = None
                self._condition.notify_all()
            while not self._may_go(number):
                if not self._condition.wait(30):
                    raise TimeoutError
            if self._turns and self._turns[0] == number:
                self._turns.pop(0)
            self._busy = number

    def _may_go(self, number: int) -> bool:
        while self._turns and self._turns[0] in self._left:
            self._turns.pop(0)
        if self._busy is not None and self._busy not in self._left:
            return False
        return not self._turns or self._turns[0] == number

    def leave(self, number: int) -> None:
        with self._condition:
            self._left.add(number)
            self._condition.notify_all()


RUN = Run(dag_id="d", run_id="r", task_id="t")


def _query(kind: Kind) -> dict[str, Any]:
    return {"group_by[]": [kind.cut]} if kind.cut else {}


def _identity(manifest: Manifest) -> str:
    query = manifest.query.get("group_by[]")
    hidden = list(manifest.dropped_fields), list(manifest.pseudonymized_fields), manifest.pseudonym_secret_id
    return json.dumps([manifest.format, manifest.compression, query, hidden, manifest.organization_id])


def _unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(_unpacked(data)).hexdigest()
