# SPDX-License-Identifier: Apache-2.0
"""A store that fails in the middle of a commit: the old day stays readable, and the next run repairs it and says so."""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage import drivers
from airflow_provider_aianalytics.storage.lake import LakeTable
from tests.stores.conftest import BUCKET, STORES, ProxiedStoreOf, StoreOf
from tests.stores.locations import VENDOR, Lander, Store, data_file, manifest_file
from tests.stores.proxy import StoreProxy
from tests.support import DAY, truth

D = date(2026, 11, 15)
DATA, MANIFEST = data_file("cost_report", D), manifest_file("cost_report", D)
STEPS = {"data": f"{VENDOR}/cost_report/", "manifest": "/_manifests/", "revision": "/_revisions/"}
MiB = 2**20


class GoneError(OSError):
    """The store has gone away."""


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, lander: Lander, step: str, *, applied: bool) -> Iterator[None]:
    """Let the writes of one step fail, ``applied`` or not: an answer that got lost looks like a write that did."""

    def breaking(write: Any) -> Callable[..., Any]:
        def broken(*args: Any, **kwargs: Any) -> Any:
            paths = [str(arg) for arg in args if isinstance(arg, (str, Path)) and "/" in str(arg)]
            target = kwargs.get("Key") or paths[-1]
            if STEPS[step] not in target:
                return write(*args, **kwargs)
            if applied:
                write(*args, **kwargs)
            raise GoneError("the store went away")

        return broken

    with monkeypatch.context() as patch:
        if lander.store.is_local:
            patch.setattr(os, "replace", breaking(os.replace))
        else:
            fs = lander.table("cost_report").root.fs
            for name in ("put_file", "pipe_file", "call_s3", "call"):
                patch.setattr(fs, name, breaking(getattr(fs, name, None)), raising=False)
            for name in ("replace_gcs", "copy_azure"):
                patch.setattr(drivers, name, breaking(getattr(drivers, name)))
        yield


def content(store: Store) -> bytes:
    data = gzip.decompress(store.read(DATA))
    assert data.endswith(b"\n")
    return data


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
@pytest.mark.parametrize("step", ["data", "manifest"])
def test_a_first_landing_that_fails_shows_a_whole_file_or_none(
    lander: Lander, monkeypatch: pytest.MonkeyPatch, step: str, applied: bool
) -> None:
    store = lander.store
    with failing(monkeypatch, lander, step, applied=applied), pytest.raises(GoneError):
        lander.land("cost_report", D, D + DAY)

    expected = truth(lander.simulator, VENDOR, "cost_report", D, D + DAY)[D]
    assert set(store.objects()) <= {DATA, MANIFEST}
    if DATA in store.objects():
        assert content(store).splitlines() == expected
    (partition,) = lander.land("cost_report", D, D + DAY).partitions
    assert partition.status == ("unchanged" if (step, applied) == ("manifest", True) else "created")
    assert content(store).splitlines() == expected
    assert set(store.objects()) == {DATA, MANIFEST}


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
@pytest.mark.parametrize("step", STEPS)
def test_a_restatement_that_fails_leaves_the_day_readable_and_is_repaired(
    lander: Lander, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str, applied: bool
) -> None:
    store = lander.store
    lander.land("cost_report", D, D + DAY)
    old, manifest = content(store), store.manifest("cost_report", D)
    lander.simulator.advance(DAY)
    new = b"".join(line + b"\n" for line in truth(lander.simulator, VENDOR, "cost_report", D, D + DAY)[D])
    assert new != old

    with failing(monkeypatch, lander, step, applied=applied), pytest.raises(GoneError):
        lander.land("cost_report", D, D + DAY)

    ended = (step, applied) == ("manifest", True)
    assert content(store) == (new if step == "manifest" or (step, applied) == ("data", True) else old)
    if not ended:
        assert store.manifest("cost_report", D) == manifest
    assert _in_tables(store) == {DATA}

    caplog.clear()
    with caplog.at_level(logging.WARNING):
        (partition,) = lander.land("cost_report", D, D + DAY).partitions

    disagrees = (step, applied) in (("data", True), ("manifest", False))
    assert ("after an interrupted commit" in caplog.text) == disagrees
    assert partition.status == ("unchanged" if ended else "revised")
    assert content(store) == new
    assert store.manifest("cost_report", D)["sha256"] == hashlib.sha256(new).hexdigest()
    (revision,) = store.manifest("cost_report", D)["revisions"]
    assert gzip.decompress(store.read(revision["file"])) == old
    assert set(store.objects()) == {DATA, MANIFEST, revision["file"]}


def test_what_is_kept_is_whole_before_its_source_is_replaced(
    store_of: StoreOf, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure answers that a copy within it has started; one that is not done yet is empty."""
    lander = Lander(simulator, store_of("abfs"))
    lander.land("cost_report", D, D + DAY)
    old = content(lander.store)
    lander.simulator.advance(DAY)
    fs = lander.table("cost_report").root.fs
    monkeypatch.setattr(fs, "cp_file", lambda source, target, **_: fs.pipe_file(target, b""))

    (partition,) = lander.land("cost_report", D, D + DAY).partitions

    (revision,) = partition.manifest.revisions
    assert revision.file is not None
    assert gzip.decompress(lander.store.read(revision.file)) == old


def _in_tables(store: Store) -> set[str]:
    return {name for name in store.objects() if not re.match(rf"{VENDOR}/_(manifests|revisions|spool)/", name)}


# --- big files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in STORES if name != "memory"])  # a memory is of one process alone
def test_a_reader_sees_the_old_file_or_the_new_one(
    name: str, store_of: StoreOf, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(name)
    table = Lander(simulator, store).table("users")
    _upload_in_parts(monkeypatch, table)
    contents = [random.Random(number).randbytes(20 * MiB + number) for number in range(3)]
    known = {hashlib.sha256(data).hexdigest() for data in contents}
    file = table.data_file(D)

    def publish(data: bytes) -> None:
        spooled = tmp_path / "spooled"
        spooled.write_bytes(data)
        table.publish(spooled, file)

    publish(contents[0])
    seen: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(hashlib.sha256(store.read(file)).hexdigest())
            except Exception as error:
                seen.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for data in contents[1:]:
            publish(data)
    finally:
        stop.set()
        reader.join()

    assert set(seen) <= known
    assert seen
    assert store.read(file) == contents[-1]


def _upload_in_parts(monkeypatch: pytest.MonkeyPatch, table: LakeTable) -> None:
    """Let s3fs send 20 MiB in parts, as it does by itself from 100 MiB on."""
    if table.root.protocol == "s3":
        fs = table.root.fs
        monkeypatch.setattr(fs, "put_file", partial(fs.put_file, chunksize=5 * MiB))


# --- the wire ---------------------------------------------------------------------------------------------------------


Proxied = tuple[Lander, StoreProxy]


@pytest.fixture
def proxied(proxied_store_of: ProxiedStoreOf, simulator: Simulator) -> Proxied:
    """A lake on S3 whose connection goes through a proxy that can cut it."""
    store, proxy = proxied_store_of("s3")
    return Lander(simulator, store), proxy


@pytest.mark.parametrize("step", STEPS)
def test_a_connection_cut_inside_an_upload_leaves_the_old_day(
    proxied: Proxied, step: str, caplog: pytest.LogCaptureFixture
) -> None:
    lander, proxy = proxied
    store = lander.store
    lander.land("cost_report", D, D + DAY)
    before, old = store.objects(), content(store)
    lander.simulator.advance(DAY)

    proxy.cut = re.compile(rf"PUT \S*{STEPS[step]}".encode())
    with pytest.raises(Exception, match=r"(?i)connection|closed|disconnect|endpoint|reset"):
        lander.land("cost_report", D, D + DAY)
    assert proxy.cuts
    proxy.cut = None

    assert store.objects()[MANIFEST] == before[MANIFEST]
    if step != "manifest":
        assert store.objects()[DATA] == before[DATA]
        assert content(store) == old
    assert _in_tables(store) == {DATA}
    (partition,) = lander.land("cost_report", D, D + DAY).partitions
    assert partition.status == "revised"
    assert content(store).splitlines() == truth(lander.simulator, VENDOR, "cost_report", D, D + DAY)[D]
    (revision,) = store.manifest("cost_report", D)["revisions"]
    assert gzip.decompress(store.read(revision["file"])) == old
    assert not _unfinished_uploads(store)


def test_an_upload_in_parts_that_is_cut_leaves_the_old_file_and_no_parts(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lander, proxy = proxied
    store = lander.store
    table = lander.table("users")
    _upload_in_parts(monkeypatch, table)
    file = table.data_file(D)
    store.client.pipe_file(f"{store.folder}/{file}", b"old")
    spooled = tmp_path / "spooled"
    spooled.write_bytes(random.Random(1).randbytes(20 * MiB))

    proxy.cut = re.compile(rb"PUT \S*partNumber=2")
    with pytest.raises(Exception, match=r"(?i)connection|closed|disconnect|endpoint|reset"):
        table.publish(spooled, file)
    assert proxy.cuts
    proxy.cut = None

    assert store.read(file) == b"old"
    assert not _unfinished_uploads(store)
    table.publish(spooled, file)
    assert store.read(file) == spooled.read_bytes()
    assert not _unfinished_uploads(store)


def _unfinished_uploads(store: Store) -> list[str]:
    listed = store.client.call_s3("list_multipart_uploads", Bucket=BUCKET)
    return [upload["Key"] for upload in listed.get("Uploads", [])]
