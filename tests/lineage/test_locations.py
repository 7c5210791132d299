# SPDX-License-Identifier: Apache-2.0
"""Where a lake is, in the terms of those outside of Airflow."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Asset, ObjectStoragePath

from airflow_provider_aianalytics.lineage.locations import StorageLocation, location_of

MANIFEST = "ai/claude_enterprise/_manifests/users/2026-11-01.json"
S3 = StorageLocation("s3", MANIFEST, "lake")
GS = StorageLocation("gs", MANIFEST, "lake")
AZURE = StorageLocation("abfs", MANIFEST, "lake", account="ours")
LOCAL = StorageLocation("file", f"data/{MANIFEST}")


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (S3, f"https://console.aws.amazon.com/s3/object/lake?prefix={MANIFEST}"),
        (GS, f"https://console.cloud.google.com/storage/browser/_details/lake/{MANIFEST}"),
        (AZURE, f"https://ours.blob.core.windows.net/lake/{MANIFEST}"),
        (StorageLocation("abfs", MANIFEST, "lake"), ""),
        (LOCAL, ""),
        (StorageLocation("memory", MANIFEST), ""),
        (
            StorageLocation("s3", MANIFEST, "lake", endpoint="https://minio.example/"),
            f"https://minio.example/lake/{MANIFEST}",
        ),
        (
            StorageLocation("s3", "k", "lake", endpoint="https://s3.eu-central-1.amazonaws.com"),
            "https://console.aws.amazon.com/s3/object/lake?prefix=k",
        ),
        (
            StorageLocation("s3", "k", "lake", endpoint="https://amazonaws.com.evil.example"),
            "https://amazonaws.com.evil.example/lake/k",
        ),
        (
            StorageLocation("s3", "a b/ü&c", "lake"),
            "https://console.aws.amazon.com/s3/object/lake?prefix=a%20b/%C3%BC%26c",
        ),
    ],
)
def test_the_page_of_a_file_is_one_that_a_browser_opens(address: StorageLocation, page: str) -> None:
    assert address.console_url() == page


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (S3, f"https://console.aws.amazon.com/s3/buckets/lake?prefix={MANIFEST}/"),
        (GS, f"https://console.cloud.google.com/storage/browser/lake/{MANIFEST}"),
        (AZURE, ""),
        (LOCAL, ""),
        (StorageLocation("s3", "k", "lake", endpoint="https://minio.example"), ""),
    ],
)
def test_the_page_of_a_folder_is_the_consoles(address: StorageLocation, page: str) -> None:
    assert address.folder_console_url() == page


@pytest.mark.parametrize(
    ("address", "uri", "dataset"),
    [
        (S3, f"s3://lake/{MANIFEST}", ("s3://lake", MANIFEST)),
        (GS, f"gs://lake/{MANIFEST}", ("gs://lake", MANIFEST)),
        (AZURE, f"abfs://lake/{MANIFEST}", ("abfss://lake@ours.dfs.core.windows.net", MANIFEST)),
        (LOCAL, f"file:///data/{MANIFEST}", ("file", f"/data/{MANIFEST}")),
        (StorageLocation("s3", "", "lake"), "s3://lake/", ("s3://lake", "/")),
    ],
)
def test_assets_and_openlineage_have_their_own_names_for_it(
    address: StorageLocation, uri: str, dataset: tuple[str, str]
) -> None:
    assert address.uri == uri
    assert address.dataset == dataset


@pytest.mark.parametrize("address", [S3, GS, AZURE, LOCAL, StorageLocation("file", "tmp/größer als/ein Lake")])
def test_every_airflow_accepts_the_uri_unchanged(address: StorageLocation) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Asset(uri=address.uri).uri == address.uri


@pytest.mark.parametrize(
    ("protocol", "path", "file_system", "address"),
    [
        ("s3", "lake/ai/", {}, StorageLocation("s3", "ai", "lake")),
        ("s3a", "lake", {"endpoint_url": None}, StorageLocation("s3", "", "lake")),
        ("s3", "lake/ai", {"endpoint_url": "http://m:9"}, StorageLocation("s3", "ai", "lake", endpoint="http://m:9")),
        ("gcs", "lake/ai", {}, StorageLocation("gs", "ai", "lake")),
        ("abfss", "lake/ai", {}, StorageLocation("abfs", "ai", "lake")),
        ("hdfs", "/lake/ai", {}, StorageLocation("hdfs", "lake/ai")),
    ],
)
def test_a_path_uses_the_settings_of_its_connection(
    protocol: str, path: str, file_system: dict[str, Any], address: StorageLocation
) -> None:
    assert (
        location_of(SimpleNamespace(protocol=protocol, path=path, fs=SimpleNamespace(storage_options=file_system)))
        == address
    )  # type: ignore[arg-type]


def test_airflows_own_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert location_of(ObjectStoragePath(f"file://{tmp_path}")) == StorageLocation("file", str(tmp_path).strip("/"))
    assert location_of(ObjectStoragePath(str(tmp_path))) == StorageLocation("file", str(tmp_path).strip("/"))
    pytest.importorskip("s3fs")
    for name, extra in (("cloud", {}), ("ours", {"endpoint_url": "http://127.0.0.1:9"})):
        connection = {"conn_type": "aws", "login": "somebody", "password": "their secret", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_ADDRESS_{name.upper()}", json.dumps(connection))
    assert location_of(ObjectStoragePath("s3://address_cloud@lake/ai")) == StorageLocation("s3", "ai", "lake")
    assert location_of(ObjectStoragePath("s3://address_ours@lake/ai")) == StorageLocation(
        "s3", "ai", "lake", endpoint="http://127.0.0.1:9"
    )
