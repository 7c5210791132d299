# SPDX-License-Identifier: Apache-2.0
"""Writes, copies and reads of the version that a listing showed, while others write: each store tells another one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_provider_aianalytics.storage import drivers
from airflow_provider_aianalytics.storage.lake import open_store
from airflow_provider_aianalytics.storage.store import Store, StoreConflictError
from tests.stores.conftest import StoreOf

FILE, COPY = "folder/file", "copies/file"
Write = Callable[..., None]


@pytest.fixture(params=["memory", "s3", "abfs", "gs"])
def store(request: pytest.FixtureRequest, store_of: StoreOf) -> Store:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return open_store(ObjectStoragePath(store_of(request.param).url), "")


@pytest.fixture(params=["bytes", "file", "large file"])
def write(request: pytest.FixtureRequest, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    if request.param == "bytes":
        return store.write
    if request.param == "large file":
        monkeypatch.setattr(drivers, "LARGEST_POST", 0)

    def publish(file: str, data: bytes, **condition: object) -> None:
        (tmp_path / "finished").write_bytes(data)
        store.publish(tmp_path / "finished", file, **condition)  # type: ignore[arg-type]

    return publish


def test_the_version_of_a_listing_is_replaced(store: Store, write: Write) -> None:
    store.write(FILE, b"one")

    content = bytes(range(256)) + b"\n--\r\n"
    write(FILE, content, expected=store.list("folder")[FILE])

    assert store.read(FILE) == content


def test_another_version_is_not_replaced(store: Store, write: Write) -> None:
    store.write(FILE, b"one")
    seen = store.list("folder")[FILE]
    store.write(FILE, b"two")

    with pytest.raises(StoreConflictError):
        write(FILE, b"three", expected=seen)

    assert store.read(FILE) == b"two"


def test_a_file_that_is_gone_is_not_written_again(store: Store, write: Write) -> None:
    store.write(FILE, b"one")
    seen = store.list("folder")[FILE]
    store.remove([FILE])

    with pytest.raises(StoreConflictError):
        write(FILE, b"two", expected=seen)

    assert store.list("folder") == {}


def test_a_file_that_must_not_be_there_is_not_replaced(store: Store, write: Write) -> None:
    write(FILE, b"one", expected=None)

    with pytest.raises(StoreConflictError):
        write(FILE, b"two", expected=None)

    assert store.read(FILE) == b"one"


def test_a_copy_inside_the_store_is_of_the_version_in_the_listing(store: Store) -> None:
    store.write(FILE, b"one")
    seen = store.list("folder")[FILE]

    if store.copy(FILE, COPY, seen):
        assert store.read(COPY) == b"one"
    store.remove([COPY])
    store.write(FILE, b"two")

    with suppress(StoreConflictError):
        assert not store.copy(FILE, COPY, seen)
    assert store.list("copies") == {}


def test_a_read_is_sure_only_of_the_version_in_the_listing(store: Store) -> None:
    store.write(FILE, b"one")
    seen = store.list("folder")[FILE]
    assert store.read_listed(FILE, seen) == (b"one", seen.md5 is not None)

    store.write(FILE, b"two")

    assert store.read_listed(FILE, seen) == (b"two", False)
