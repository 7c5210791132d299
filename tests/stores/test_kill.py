# SPDX-License-Identifier: Apache-2.0
"""Killed at any moment and run out of disk: readers see whole days, nothing landed is lost, and a rerun repairs."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.spool import SPOOL, STALE_AFTER
from tests.stores.conftest import BUCKET, StoreOf
from tests.stores.locations import VENDOR, Store, data_file, manifest_file
from tests.stores.worker import FIRST_DAY, Try, records

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(Try.days)]
STEPS_PER_TRY = 10_000


class Worker:
    """The process that forks the children that are killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(Try(**fields))) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the worker itself died"
        result = json.loads(answer)
        assert isinstance(result, dict)
        return result


def _start(folder: Path) -> Iterator[Worker]:
    command = [sys.executable, "-m", "tests.stores.worker"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(os.environ)
        )
    yield Worker(process)
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(60)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    yield from _start(tmp_path_factory.mktemp("worker"))


@pytest.fixture
def worker_on_s3(s3: Any, tmp_path: Path) -> Iterator[Worker]:
    """It takes the connection over from this process."""
    yield from _start(tmp_path)


def content_at(day: date, step: int, rows: int = Try.rows) -> bytes:
    stamp = b'{"_date":"%s",' % str(day).encode()
    return b"".join(stamp + record[1:] + b"\n" for record in records(day, step, rows))


class Watch:
    """Looks at the lake after every kill, and remembers what has been committed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.committed: dict[date, dict[str, None]] = {day: {} for day in DAYS}
        self.interrupted = 0

    def look(self) -> None:
        names = set(self.store.objects())
        strays = {
            name
            for name in names
            if not re.fullmatch(
                rf"{VENDOR}/(users/date=[\d-]+/users\.ndjson\.gz"
                r"|_manifests/users/[\d-]+\.json"
                r"|_revisions/users/[\d-]+/([\dT.-]+Z|of-no-manifest-[\da-f]+)\.ndjson\.gz|_spool/.*)",
                name,
            )
        }
        assert not strays
        for day in DAYS:
            data, manifest = data_file("users", day), manifest_file("users", day)
            assert manifest not in names or data in names
            if data not in names:
                continue
            found = gzip.decompress(self.store.read(data))
            step = re.search(rb'"step":(\d+)', found)
            assert step is not None
            assert found == content_at(day, int(step[1])), "not one whole content"
            if manifest not in names:
                self.interrupted += 1
                continue
            manifest = self.store.manifest("users", day)
            self.committed[day][manifest["sha256"]] = None
            for revision in manifest["revisions"]:
                self.committed[day][revision["sha256"]] = None
            if hashlib.sha256(found).hexdigest() != manifest["sha256"]:
                self.interrupted += 1

    def everything_committed_is_there(self) -> None:
        """And not a file more."""
        names = {name for name in self.store.objects() if f"{VENDOR}/_spool/" not in name}
        expected: set[str] = set()
        for day in DAYS:
            manifest = self.store.manifest("users", day)
            found = gzip.decompress(self.store.read(data_file("users", day)))
            assert hashlib.sha256(found).hexdigest() == manifest["sha256"]
            digests = {manifest["sha256"]}
            for revision in manifest["revisions"]:
                content = gzip.decompress(self.store.read(revision["file"]))
                assert hashlib.sha256(content).hexdigest() == revision["sha256"]
                digests.add(revision["sha256"])
                expected.add(revision["file"])
            assert set(self.committed[day]) <= digests, "a content that was committed is nowhere"
            expected |= {data_file("users", day), manifest_file("users", day)}
        assert names == expected


def run_into(
    watch: Watch, worker: Worker, *, kills: int, between: tuple[float, float], name: str, seed: int
) -> list[int]:
    """Land until killed, again and again, then once to the end.

    :param between: the shortest and the longest life, in seconds.
    :return: the exit statuses.
    """
    moments = random.Random(seed)
    url = watch.store.url
    statuses = []
    for number in range(kills):
        ended = worker.run(url=url, step=number * STEPS_PER_TRY, signal=name, after=moments.uniform(*between))
        statuses.append(ended["status"])
        assert ended["status"] != 0
        watch.look()
    last = kills * STEPS_PER_TRY
    assert worker.run(url=url, step=last, landings=1) == {"status": 0, "error": ""}
    watch.look()
    for day in DAYS:
        assert gzip.decompress(watch.store.read(data_file("users", day))) == content_at(day, last)
    watch.everything_committed_is_there()
    return statuses


def test_fifty_kills_in_a_row(store_of: StoreOf, worker: Worker, tmp_path: Path) -> None:
    watch = Watch(store_of("file"))

    statuses = run_into(watch, worker, kills=50, between=(0.002, 0.25), name="SIGKILL", seed=20261122)

    assert set(statuses) == {-9}
    assert watch.interrupted, "no kill hit the moment between data and manifest, so this has shown little"
    assert sum(map(len, watch.committed.values())) > len(DAYS)  # it got further between the kills
    undisturbed = f"file://{tmp_path}/undisturbed"
    worker.run(url=undisturbed, step=50 * STEPS_PER_TRY, landings=1)
    for day in DAYS:
        one, other = (tmp_path / root / data_file("users", day) for root in ("lake", "undisturbed"))
        assert one.read_bytes() == other.read_bytes()


def test_kills_on_s3(store_of: StoreOf, worker_on_s3: Worker) -> None:
    watch = Watch(store_of("s3"))

    statuses = run_into(watch, worker_on_s3, kills=6, between=(0.01, 0.5), name="SIGKILL", seed=7)

    assert set(statuses) == {-9}
    assert sum(map(len, watch.committed.values())) > len(DAYS)
    assert not watch.store.client.call_s3("list_multipart_uploads", Bucket=BUCKET).get("Uploads")


def test_terminations_tidy_up_what_is_unfinished(store_of: StoreOf, worker: Worker) -> None:
    """Airflow turns SIGTERM into an exception, which may hit a thread while it starts: that one is not waited for."""
    watch = Watch(store_of("file"))

    statuses = run_into(watch, worker, kills=12, between=(0.01, 0.2), name="SIGTERM", seed=3)

    assert set(statuses) == {1}
    left = {name.split("/")[2] for name in watch.store.objects() if "/_spool/" in name}
    assert len(left) <= len(statuses) // 4


@pytest.mark.parametrize(
    ("rows_before", "rows_after", "file_limit", "repairs"),
    [
        pytest.param(40, 400, 2_000, False, id="no room for the data"),
        pytest.param(400, 4, 2_000, False, id="no room for the copy of the old content"),
        pytest.param(2, 3, 500, True, id="no room for the manifest"),
    ],
)
def test_a_full_disk_leaves_the_old_day(
    store_of: StoreOf, worker: Worker, rows_before: int, rows_after: int, file_limit: int, repairs: bool
) -> None:
    store = store_of("file")
    (day,) = DAYS[:1]
    assert worker.run(url=store.url, step=0, landings=1, rows=rows_before, days=1)["status"] == 0
    before = store.objects()

    result = worker.run(url=store.url, step=1, landings=1, rows=rows_after, days=1, file_limit=file_limit)

    assert result == {"status": 1, "error": "OSError 27"}
    found = gzip.decompress(store.read(data_file("users", day)))
    after = store.objects()
    if repairs:
        assert found == content_at(day, 1, rows_after)
        assert after[manifest_file("users", day)] == before[manifest_file("users", day)]
    else:
        assert found == content_at(day, 0, rows_before)
        assert after == before
    assert worker.run(url=store.url, step=1, landings=1, rows=rows_after, days=1)["status"] == 0
    assert gzip.decompress(store.read(data_file("users", day))) == content_at(day, 1, rows_after)
    (revision,) = store.manifest("users", day)["revisions"]
    assert gzip.decompress(store.read(revision["file"])) == content_at(day, 0, rows_before)
    assert set(store.objects()) == {data_file("users", day), manifest_file("users", day), revision["file"]}


def test_what_killed_processes_left_is_removed_once_nobody_can_be_at_it(tmp_path: Path) -> None:
    table = LakeTable(str(tmp_path), vendor=VENDOR, table="users", file_format=FileFormat("ndjson", "gzip"))
    spool = tmp_path / VENDOR / "_spool"
    for name, age in ((f"{SPOOL}old", STALE_AFTER + 60), (f"{SPOOL}recent", STALE_AFTER - 60)):
        (spool / name).mkdir(parents=True)
        (spool / name / "half").write_bytes(b"half")
        moment = time.time() - age
        os.utime(spool / name, (moment, moment))

    with table.spool() as folder:
        assert {path.name for path in spool.iterdir()} == {f"{SPOOL}recent", folder.name}
    assert (spool / f"{SPOOL}recent" / "half").exists()
