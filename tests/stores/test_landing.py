# SPDX-License-Identifier: Apache-2.0
"""Days landed, restated and read again on every kind of store, through the URL a DAG author writes."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import threading
from datetime import date, timedelta

import pytest
from airflow.providers.common.compat.sdk import BaseHook, Connection
from msgspec.structs import replace

from airflow_provider_aianalytics.exceptions import VendorUnavailableError
from airflow_provider_aianalytics.simulator import Fault, Simulator
from airflow_provider_aianalytics.storage.manifest import Run
from tests.stores.conftest import BUCKET, CONNECTIONS, StoreOf
from tests.stores.locations import VENDOR, Lander, data_file, manifest_file
from tests.support import DAY, days_of, truth

START, END = date(2026, 11, 8), date(2026, 11, 16)
DAYS = days_of(START, END)
RUN = Run(dag_id="dag", run_id="run", task_id="land")


def test_what_lands_is_what_the_vendor_has_and_nothing_else_is_there(lander: Lander) -> None:
    store = lander.store
    result = lander.land("cost_report", START, END)
    lander.land("users", START, START + DAY)

    assert [partition.status for partition in result.partitions] == ["created"] * len(DAYS)
    lines = truth(lander.simulator, VENDOR, "cost_report", START, END)
    for day, partition in zip(DAYS, result.partitions, strict=True):
        assert store.lines("cost_report", day) == lines[day]
        assert store.manifest("cost_report", day)["sha256"] == partition.manifest.sha256
        content = gzip.decompress(store.read(data_file("cost_report", day)))
        assert hashlib.sha256(content).hexdigest() == partition.manifest.sha256
        assert partition.url.endswith(data_file("cost_report", day))
        assert partition.url.startswith(f"{store.name}://")
        if store.name in CONNECTIONS:
            assert BUCKET in partition.url
    assert store.lines("users", START) == truth(lander.simulator, VENDOR, "users", START, START + DAY)[START]
    expected = {name("cost_report", day) for day in DAYS for name in (data_file, manifest_file)}
    expected |= {name("users", START) for name in (data_file, manifest_file)}
    assert set(store.objects()) == expected


@pytest.mark.parametrize("name", ["file", "s3"])
def test_airflow_is_asked_for_connections_by_one_thread(
    simulator: Simulator, store_of: StoreOf, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow 3.0 and 3.1 mix up the answers when several threads of a task ask for something at once."""
    read: list[tuple[str, threading.Thread]] = []
    get_connection = BaseHook.get_connection

    def noting(conn_id: str) -> Connection:
        read.append((conn_id, threading.current_thread()))
        return get_connection(conn_id)

    monkeypatch.setattr(BaseHook, "get_connection", staticmethod(noting))
    store = store_of(name)
    if name in CONNECTIONS:  # Airflow keeps the file system of a connection, so it takes one that nobody has read
        monkeypatch.setenv("AIRFLOW_CONN_READ_FIRST", os.environ[f"AIRFLOW_CONN_{CONNECTIONS[name].upper()}"])
        store = dataclasses.replace(store, url=store.url.replace(CONNECTIONS[name], "read_first"))

    Lander(simulator, store).land("users", START, END, max_concurrency=4)

    assert {conn_id for conn_id, _ in read} == {
        "claude_enterprise_analytics_default",
        *({"read_first"} if name in CONNECTIONS else ()),
    }
    assert {thread for _, thread in read} == {threading.current_thread()}


def test_a_restatement_keeps_what_it_replaces_and_leaves_the_rest_alone(lander: Lander) -> None:
    store = lander.store
    lander.land("cost_report", START, END)
    before = store.objects()
    old = {day: store.lines("cost_report", day) for day in DAYS}

    again = lander.land("cost_report", START, END)
    assert {partition.status for partition in again.partitions} == {"unchanged"}
    assert store.objects() == before, "the same content again writes nothing"

    lander.simulator.advance(DAY)
    new = truth(lander.simulator, VENDOR, "cost_report", START, END)
    result = lander.land("cost_report", START, END)

    changed = [day for day in DAYS if new[day] != old[day]]
    assert changed
    revised = [partition for partition in result.partitions if partition.status == "revised"]
    assert [partition.manifest.date for partition in revised] == changed
    day_of_revision = {}
    for partition in revised:
        (revision,) = partition.manifest.revisions
        assert revision.file is not None
        assert revision.file.startswith(f"{VENDOR}/_revisions/cost_report/{partition.manifest.date}/")
        day_of_revision[revision.file] = partition.manifest.date
    after = store.objects()
    assert set(after) == set(before) | set(day_of_revision)
    for file, day in day_of_revision.items():
        assert gzip.decompress(store.read(file)).splitlines() == old[day]
    for day in DAYS:
        assert store.lines("cost_report", day) == new[day]
        for name in (data_file("cost_report", day), manifest_file("cost_report", day)):
            assert (after[name] == before[name]) == (day not in changed)


def test_a_retry_goes_on_behind_the_pages_that_the_store_kept(lander: Lander) -> None:
    store, simulator = lander.store, lander.simulator
    start, end = START - 10 * DAY, END  # of hours, a week to a page
    simulator.fail(Fault("status", status=503, nth=3, times=None))
    with pytest.raises(VendorUnavailableError):
        lander.land("usage_report", start, end, bucket_width="1h", run=RUN)
    assert len(store.objects()) == 2
    assert all("/_unfinished/usage_report/" in name for name in store.objects())
    simulator.clear_faults()
    simulator.clear_requests()

    lander.land("usage_report", start, end, bucket_width="1h", run=replace(RUN, try_number=2))

    assert len(simulator.requests) == 1
    lines = truth(simulator, VENDOR, "usage_report", start, end, bucket_width="1h")
    assert {day: store.lines("usage_report", day) for day in lines} == lines
    assert set(store.objects()) == {name("usage_report", day) for day in lines for name in (data_file, manifest_file)}


def test_revisions_that_are_not_kept_leave_nothing_behind(lander: Lander) -> None:
    lander.land("cost_report", START, END)
    names = set(lander.store.objects())
    lander.simulator.advance(DAY)

    result = lander.land("cost_report", START, END, keep_revisions=False)

    assert "revised" in {partition.status for partition in result.partitions}
    assert set(lander.store.objects()) == names


def test_threads_share_one_file_system(lander: Lander) -> None:
    lander.land("users", START, END, max_concurrency=4)

    lines = truth(lander.simulator, VENDOR, "users", START, END)
    assert {day: lander.store.lines("users", day) for day in DAYS} == lines
    assert len(lander.store.objects()) == 2 * len(DAYS)


def test_an_empty_day_without_compression_is_an_empty_file(lander: Lander) -> None:
    before_anybody_came = date(2026, 1, 1)

    lander.land("users", before_anybody_came, before_anybody_came + DAY, compression="none")

    name = f"{VENDOR}/users/date={before_anybody_came}/users.ndjson"
    expected = truth(lander.simulator, VENDOR, "users", before_anybody_came, before_anybody_came + DAY)
    assert lander.store.read(name).splitlines() == expected[before_anybody_came]
    assert {
        partition.status
        for partition in lander.land(
            "users", before_anybody_came, before_anybody_came + DAY, compression="none"
        ).partitions
    } == {"unchanged"}


@pytest.mark.parametrize("name", ["s3", "abfs", "gs"])
def test_what_others_wrote_is_seen_although_the_folder_was_listed_before(
    name: str, store_of: StoreOf, simulator: Simulator
) -> None:
    """A listing is cached by the file system that all tasks of a process share; another process may write meanwhile."""
    store = store_of(name)
    table = Lander(simulator, store).table("users")
    file = table.revision_file(START, "2026-11-09T00:00:00.000000Z")
    folder = table.root / file.rsplit("/", 1)[0]
    store.client.pipe_file(f"{store.folder}/{file}.other", b"x")
    assert folder.fs.ls(folder.path)
    assert table.store.info(file) is None

    store.client.pipe_file(f"{store.folder}/{file}", b"x")
    assert table.store.info(file) is not None
    store.client.rm_file(f"{store.folder}/{file}")
    assert table.store.info(file) is None


def test_a_day_that_is_read_after_others_landed_it_is_seen(lander: Lander) -> None:
    store = lander.store
    table = lander.table("cost_report")
    assert table.manifest(START) is None
    lander.land("cost_report", START, START + timedelta(days=1))
    manifest = table.manifest(START)
    assert manifest is not None

    store.client.rm_file(f"{store.folder}/{manifest_file('cost_report', START)}")
    assert table.manifest(START) is None
