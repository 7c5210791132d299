# SPDX-License-Identifier: Apache-2.0
"""Where a file or folder of a lake is, in the terms of those outside of Airflow: asset URIs, OpenLineage, browsers."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

PROTOCOLS = {"": "file", "local": "file", "s3a": "s3", "gcs": "gs", "abfss": "abfs", "az": "abfs", "adl": "abfs"}
"""The other names of a protocol."""
BUCKETS = ("s3", "gs", "abfs")


@dataclass(frozen=True, slots=True)
class StorageLocation:
    """A file or a folder.

    :param protocol: ``file``, ``s3``, ``gs``, ``abfs`` or any other.
    :param path: without a slash at either end; on an object store behind the bucket.
    :param bucket: the bucket or container, empty where there are none.
    :param endpoint: the connection's URL of a store that is not the cloud's own.
    :param account: Azure's storage account, empty if the connection has none.
    """

    protocol: str
    path: str
    bucket: str = ""
    endpoint: str = ""
    account: str = ""

    def __truediv__(self, file: str) -> StorageLocation:
        return StorageLocation(
            self.protocol, f"{self.path}/{file}".strip("/"), self.bucket, self.endpoint, self.account
        )

    @property
    def uri(self) -> str:
        """As the URI of an asset by AIP-60, without the connection, which is not part of the location."""
        # Only characters that Airflow 2 rejects are escaped, so that the URI is readable.
        return quote(f"{self.protocol}://{self.bucket}/{self.path}", safe=string.punctuation)

    @property
    def dataset(self) -> tuple[str, str]:
        """As a dataset of OpenLineage: namespace and name."""
        match self.protocol:
            case "file":
                return "file", f"/{self.path}"
            case "abfs" if self.account:
                return f"abfss://{self.bucket}@{self.account}.dfs.core.windows.net", self.path or "/"
            case _:
                return f"{self.protocol}://{self.bucket}", self.path or "/"

    def console_url(self) -> str:
        """The URL by which people open a file in a browser, empty where there is none.

        The cloud's console for S3 and Google Cloud Storage. Azure's portal cannot be addressed without a subscription,
        and other stores' consoles are unknown, so there it is the file's own URL.
        """
        path = quote(self.path)
        if self.protocol == "s3" and self._is_amazon:
            return f"https://console.aws.amazon.com/s3/object/{self.bucket}?prefix={path}"
        if self.protocol == "gs" and not self.endpoint:
            return f"https://console.cloud.google.com/storage/browser/_details/{self.bucket}/{path}"
        if self.protocol == "abfs" and self.account:
            return f"https://{self.account}.blob.core.windows.net/{self.bucket}/{path}"
        if self.protocol in ("s3", "gs") and self.endpoint.startswith(("https://", "http://")):
            return f"{self.endpoint.rstrip('/')}/{self.bucket}/{path}"
        return ""

    def folder_console_url(self) -> str:
        """The URL that shows a folder in a browser, empty if there is none."""
        path = quote(self.path)
        if self.protocol == "s3" and self._is_amazon:
            return f"https://console.aws.amazon.com/s3/buckets/{self.bucket}?prefix={path}/"
        if self.protocol == "gs" and not self.endpoint:
            return f"https://console.cloud.google.com/storage/browser/{self.bucket}/{path}"
        return ""

    @property
    def _is_amazon(self) -> bool:
        host = urlsplit(self.endpoint).hostname or ""
        return not self.endpoint or host == "amazonaws.com" or host.endswith(".amazonaws.com")


def location_of(path: ObjectStoragePath) -> StorageLocation:
    """The location of a path of Airflow's object storage; its file system has the settings of the connection."""
    protocol = PROTOCOLS.get(path.protocol, path.protocol)
    if protocol not in BUCKETS:
        return StorageLocation(protocol, str(path.path).strip("/"))
    bucket, _, key = str(path.path).strip("/").partition("/")
    options: dict[str, Any] = path.fs.storage_options
    return StorageLocation(
        protocol,
        key.strip("/"),
        bucket,
        endpoint=str(options.get("endpoint_url") or ""),
        account=str(getattr(path.fs, "account_name", None) or ""),
    )
