# SPDX-License-Identifier: Apache-2.0
"""Two runs of the same days at once and readers meanwhile: the last complete writer wins, and the next run agrees."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tests.stores.conftest import StoreOf
from tests.stores.locations import Store, data_file, manifest_file
from tests.stores.test_kill import DAYS, Worker, _start, content_at

BACKFILL, RESTATEMENT, LAST = 0, 100_000, 200_000
"""The first content of each; a content is never landed twice."""


@pytest.fixture
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Worker]]:
    if request.node.callspec.params["name"] == "s3":
        request.getfixturevalue("s3")  # the workers take the connection over from this process
    starting = [_start(tmp_path_factory.mktemp("worker")) for _ in range(2)]
    yield [next(start) for start in starting]
    for start in starting:
        next(start, None)


class Reader:
    """Reads what a lake's reader reads, again and again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.reads = 0
        self.committed: dict[date, set[str]] = {day: set() for day in DAYS}
        self.problems: list[str] = []
        self.stop = threading.Event()

    def read_on(self) -> None:
        while not self.stop.is_set():
            for day in DAYS:
                try:
                    self._read(day)
                except FileNotFoundError:
                    continue  # not landed yet
                except Exception as error:
                    self.problems.append(repr(error))

    def _read(self, day: date) -> None:
        found = gzip.decompress(self.store.read(data_file("users", day)))
        step = re.search(rb'"step":(\d+)', found)
        if step is None or found != content_at(day, int(step[1])):
            self.problems.append(f"{day}: not one whole content")
        self.reads += 1
        self.committed[day].add(json.loads(self.store.read(manifest_file("users", day)))["sha256"])


@pytest.mark.parametrize(("name", "landings"), [("file", 40), ("s3", 6)])
def test_a_restatement_during_a_backfill(store_of: StoreOf, workers: list[Worker], name: str, landings: int) -> None:
    store = store_of(name)
    reader = Reader(store)
    ended: list[dict[str, Any]] = []
    work = [
        {"step": BACKFILL, "landings": landings, "days": len(DAYS)},
        {"step": RESTATEMENT, "landings": 2 * landings, "days": len(DAYS) // 2},
    ]
    threads = [
        threading.Thread(target=lambda w=worker, f=fields: ended.append(w.run(url=store.url, **f)))  # type: ignore[misc]
        for worker, fields in zip(workers, work, strict=True)
    ]
    reading = threading.Thread(target=reader.read_on)
    for thread in (*threads, reading):
        thread.start()
    for thread in threads:
        thread.join()
    reader.stop.set()
    reading.join()

    assert ended == [{"status": 0, "error": ""}] * 2
    assert reader.problems == []
    assert reader.reads > len(DAYS)
    if name == "file":  # which can lock: nobody overlapped
        for day in DAYS:
            assert disagreement(store, day) is None
            everything_committed_is_there(store, day, reader.committed[day])

    assert workers[0].run(url=store.url, step=LAST, landings=1) == {"status": 0, "error": ""}
    for day in DAYS:
        assert disagreement(store, day) is None
        assert gzip.decompress(store.read(data_file("users", day))) == content_at(day, LAST)


def disagreement(store: Store, day: date) -> str | None:
    """What the manifest says and what the data is, where these are not the same."""
    expected = store.manifest("users", day)["sha256"]
    found = hashlib.sha256(gzip.decompress(store.read(data_file("users", day)))).hexdigest()
    return None if expected == found else f"{day}: {expected} is {found}"


def everything_committed_is_there(store: Store, day: date, committed: set[str]) -> None:
    manifest = store.manifest("users", day)
    digests = {manifest["sha256"]}
    for revision in manifest["revisions"]:
        content = gzip.decompress(store.read(revision["file"]))
        assert hashlib.sha256(content).hexdigest() == revision["sha256"]
        digests.add(revision["sha256"])
    assert committed <= digests
