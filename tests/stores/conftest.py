# SPDX-License-Identifier: Apache-2.0
"""The stores that lakes are tried on, each started once; a missing one is skipped, except in CI."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from airflow_provider_aianalytics.simulator import Simulator
from tests.stores.locations import NOW, Lander, Store
from tests.stores.proxy import StoreProxy
from tests.stores.servers import (
    S3_KEY,
    S3_SECRET,
    MissingServerError,
    azurite,
    azurite_connection,
    connects,
    fake_gcs,
    seaweedfs,
)

STORES = ["file", "memory", "s3", "abfs", "gs"]
BUCKET = "lake"
CONNECTIONS = {"s3": "lake_s3", "abfs": "lake_azure", "gs": "lake_gcs"}
AZURITE_ROOT = Path(__file__).parents[2] / ".venv" / "azurite"


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; in CI every store must be there")
    pytest.skip(reason)


def _require(*modules: str) -> None:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        _missing(f"not installed: {', '.join(missing)}")


def _connect(store: str, **fields: Any) -> None:
    # For the whole session: Airflow keeps the file system of a connection, so its connection must not change.
    os.environ[f"AIRFLOW_CONN_{CONNECTIONS[store].upper()}"] = json.dumps(fields)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of an S3 server that has one bucket."""
    _require("s3fs", "boto3", "airflow.providers.amazon")
    import boto3
    from botocore.config import Config

    def bucket(port: int) -> None:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=S3_KEY,
            aws_secret_access_key=S3_SECRET,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 0}, connect_timeout=1, read_timeout=10),
        )
        if not client.list_buckets()["Buckets"]:
            client.create_bucket(Bucket=BUCKET)
        # The first write waits for the server to make room, even beyond the life of a client that is killed.
        client.put_object(Bucket=BUCKET, Key="ready", Body=b"x")
        client.delete_object(Bucket=BUCKET, Key="ready")

    try:
        with seaweedfs(tmp_path_factory.mktemp("s3"), bucket) as port:
            endpoint = f"http://127.0.0.1:{port}"
            extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
            _connect("s3", conn_type="aws", login=S3_KEY, password=S3_SECRET, extra=extra)
            yield fsspec.filesystem(
                "s3",
                key=S3_KEY,
                secret=S3_SECRET,
                client_kwargs=extra,
                use_listings_cache=False,
                skip_instance_cache=True,
            )
    except MissingServerError as error:
        _missing(str(error))


@pytest.fixture(scope="session")
def abfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of an Azure Blob server that has one container."""
    _require("adlfs", "airflow.providers.microsoft.azure")
    try:
        with azurite(tmp_path_factory.mktemp("azure"), AZURITE_ROOT, connects) as port:
            address = azurite_connection(port)
            _connect("abfs", conn_type="wasb", extra={"connection_string": address})
            client = fsspec.filesystem("abfs", connection_string=address, skip_instance_cache=True)
            client.mkdir(BUCKET)
            yield client
    except MissingServerError as error:
        _missing(str(error))


@pytest.fixture(scope="session")
def gs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a Google Cloud Storage server that has one bucket.

    The Google provider takes a gigabyte. Where it is not installed, the file system that it would make of the
    connection is attached by hand.
    """
    _require("gcsfs")
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # or it talks gRPC over TLS to the emulator
    from gcsfs import GCSFileSystem

    try:
        with fake_gcs(tmp_path_factory.mktemp("gcs"), connects) as port:
            options = {"project": "test", "endpoint_url": f"http://127.0.0.1:{port}", "token": "anon"}
            if importlib.util.find_spec("airflow.providers.google") is None:
                _attach("gs", CONNECTIONS["gs"], GCSFileSystem(**options, skip_instance_cache=True))
            else:
                extra = {"is_anonymous": True, "project": "test", "gcs.endpoint": options["endpoint_url"]}
                _connect("gs", conn_type="google_cloud_platform", extra=extra)
            client = GCSFileSystem(**options, skip_instance_cache=True, use_listings_cache=False)
            client.mkdir(BUCKET)
            yield client
    except MissingServerError as error:
        _missing(str(error))


def _attach(protocol: str, conn_id: str, fs: Any) -> None:
    try:
        from airflow.sdk.io import attach
    except ImportError:
        from airflow.io.store import attach
    attach(protocol, conn_id, fs=fs)


StoreOf = Callable[[str], Store]


@pytest.fixture
def store_of(request: pytest.FixtureRequest, tmp_path: Path) -> StoreOf:
    """An empty folder of a store, by the store's name."""

    def make(name: str) -> Store:
        if name == "file":
            return Store(name, f"file://{tmp_path}/lake", f"{tmp_path}/lake", fsspec.filesystem("file"))
        folder = uuid4().hex
        if name == "memory":
            return Store(name, f"memory://{folder}/lake", f"/{folder}/lake", fsspec.filesystem("memory"))
        client = request.getfixturevalue(name)
        return Store(name, f"{name}://{CONNECTIONS[name]}@{BUCKET}/{folder}", f"{BUCKET}/{folder}", client)

    return make


ProxiedStoreOf = Callable[[str], tuple[Store, StoreProxy]]


@pytest.fixture
def proxied_store_of(store_of: StoreOf, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxiedStoreOf]:
    """The same, reached through a proxy; its client still goes straight to the store."""
    with ExitStack() as stack:

        def make(name: str) -> tuple[Store, StoreProxy]:
            store = store_of(name)
            (port,) = set(re.findall(r"http://127\.0\.0\.1:(\d+)", str(store.client.storage_options)))
            proxy = stack.enter_context(StoreProxy(int(port)))
            conn_id = f"proxied_{proxy.port}"
            if connection := os.environ.get(f"AIRFLOW_CONN_{CONNECTIONS[name].upper()}"):
                fields = json.loads(connection.replace(port, str(proxy.port)))
                if name == "s3":
                    fields["extra"]["config_kwargs"] = {"retries": {"max_attempts": 0}}
                monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
            else:
                options = store.client.storage_options | {"endpoint_url": f"http://127.0.0.1:{proxy.port}"}
                _attach(name, conn_id, type(store.client)(**options, skip_instance_cache=True))
            return replace(store, url=f"{name}://{conn_id}@{store.folder}"), proxy

        yield make


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, store_of: StoreOf) -> Store:
    return store_of(request.param)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(seed=7, members=40, now=NOW, requests_per_minute=None) as simulator:
        monkeypatch.setenv(
            "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT",
            json.dumps(
                {
                    "conn_type": "claude_enterprise_analytics",
                    "password": simulator.claude_key,
                    "host": simulator.url,
                    "extra": {"requests_per_minute": 100_000},
                }
            ),
        )
        yield simulator


@pytest.fixture
def lander(simulator: Simulator, store: Store) -> Lander:
    return Lander(simulator, store)
