# SPDX-License-Identifier: Apache-2.0
"""One listing a table, one small read a day, a few at a time; nothing twice where a cache is given."""

from __future__ import annotations

import os
import threading
import time
from datetime import date

import pytest

from airflow_provider_aianalytics.coverage.reader import LakeReader, ManifestCache
from airflow_provider_aianalytics.coverage.states import count_gaps
from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.storage.store import ObjectStore
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from, signs
from tests.coverage.watched_store import FIRST, WatchedStore


def test_it_lists_once_a_table_and_reads_once_a_day_a_few_at_a_time(watched: WatchedStore) -> None:
    tables = survey(watched.url, days=Range(now=NOW, last=FIRST + 49 * DAY))

    assert [(len(table.days), count_gaps([table])) for table in tables] == [(50, 0), (50, 0)]
    assert len(watched.read) == len(set(watched.read)) == 2 * 50
    assert all("/_manifests/" in path for path in watched.read)
    assert 1 < watched.most_at_once <= ObjectStore.at_once
    assert len(watched.listed) == 4  # the lake, its vendor, two tables


def test_a_cache_saves_the_reads_of_what_did_not_change(lake: ManifestLake, reads: list[str]) -> None:
    cache = ManifestCache()
    for day in days_from(FIRST, 3):
        lake.put(day)
    assert [signs(table) for table in lake.look(last=FIRST + 2 * DAY, cache=cache)] == ["###"]
    assert len(reads) == 3

    lake.put(FIRST, final=False)

    assert [signs(table) for table in lake.look(last=FIRST + 2 * DAY, cache=cache)] == ["+##"]
    assert len(reads) == 4


def test_what_was_written_just_now_is_read_again(lake: ManifestLake, reads: list[str]) -> None:
    cache = ManifestCache()
    os.utime(lake.put(FIRST))

    for _ in range(2):
        lake.look(last=FIRST, cache=cache)

    assert len(reads) == 2


def test_lakes_do_not_share_entries(tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = ManifestCache()
    lakes = [ManifestLake(tmp_path_factory.mktemp(name)) for name in ("one", "two")]
    for place, one in enumerate(lakes):
        one.put(FIRST, final=bool(place))

    assert [signs(one.look(last=FIRST, cache=cache)[0]) for one in lakes] == ["+", "#"]


def test_the_cache_is_bounded_and_drops_what_was_used_least(lake: ManifestLake) -> None:
    cache = ManifestCache(capacity=3)
    for day in days_from(FIRST, 5):
        lake.put(day)

    lake.look(cache=cache)

    assert len(cache) == 3


def test_the_cache_is_shared_by_threads(lake: ManifestLake) -> None:
    cache = ManifestCache(capacity=20)
    for day in days_from(FIRST, 20):
        lake.put(day)
    found: list[str] = []

    def look() -> None:
        found.append(signs(lake.look(last=FIRST + 19 * DAY, cache=cache)[0]))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["#" * 20] * 8


def test_a_lake_without_a_table_is_an_error(lake: ManifestLake) -> None:
    with pytest.raises(InvalidArgumentError, match="no table has landed under"):
        LakeReader(lake.path).read(vendor=None, table=None, choose=list[date])


def test_a_store_that_fails_is_not_read_for_every_day(watched: WatchedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class DriverError(Exception):
        """Of no family that is known here."""

    def refuse(path: str, *_: object, **__: object) -> bytes:
        watched.read.append(path)
        time.sleep(0.001)
        raise DriverError("the key is not valid")

    monkeypatch.setattr(watched, "cat_file", refuse)

    with pytest.raises(DriverError):
        survey(watched.url, days=Range(now=NOW))
    assert len(watched.read) < 100
