# SPDX-License-Identifier: Apache-2.0
"""Calls to the drivers of object stores that cost fewer requests, or less time, than those of fsspec."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from airflow_provider_aianalytics import USER_AGENT

AT_ONCE = 32
"""How many requests are sent to a store at once: with more, the processor is the bound and not the latency."""
LARGEST_POST = 16 << 20
"""Bytes of a file that are held in memory to be sent to GCS in one request; gcsfs itself holds up to 50 MiB."""


class _ServiceFiles:
    """Parses the files in which botocore describes its services, which costs a tenth of a second without this.

    :param files: botocore's own reader.
    """

    def __init__(self, files: Any) -> None:
        self.exists = files.exists

    def load_file(self, path: str) -> Any:
        """The content of a file without its ending, ``None`` where there is none."""
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            with suppress(FileNotFoundError), opened(path + ending, "rb") as file:
                return msgspec.json.decode(file.read())
        return None


def tune_s3(fs: Any) -> None:
    """Let botocore start faster, parse timestamps faster, and open as many connections as are used.

    It opens ten where nobody chose a number, makes a ``User-Agent`` of twenty parts for each request, and parses ISO
    timestamps by dateutil, which is most of what a listing costs.

    :param fs: of s3fs, before its first request; without effect afterwards.
    """
    session = getattr(fs, "session", None)
    if session is None:
        return
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
    from botocore.utils import parse_timestamp  # type: ignore[import-untyped]

    def parse(value: Any) -> datetime:
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):  # RFC 822 or seconds
            return parse_timestamp(value)  # type: ignore[no-any-return]

    loader = session.get_component("data_loader")
    loader.file_loader = _ServiceFiles(loader.file_loader)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse)
    if session.get_default_client_config() is None:
        session.set_default_client_config(AioConfig(max_pool_connections=AT_ONCE, user_agent=USER_AGENT))


def read_s3(fs: Any, path: str) -> tuple[bytes, str]:
    """The content of an object and the ETag that was served with it."""
    from fsspec.asyn import sync  # type: ignore[import-untyped]

    bucket, key, _ = fs.split_path(path)
    response = fs.call_s3("get_object", Bucket=bucket, Key=key)
    return sync(fs.loop, response["Body"].read), response["ETag"]


def list_azure(fs: Any, path: str) -> dict[str, dict[str, Any]]:
    """All blobs below a folder; ``find`` of adlfs first requests whether it is a blob."""
    from azure.core.exceptions import ResourceNotFoundError
    from fsspec.asyn import sync

    container, folder, _ = fs.split_path(path)

    async def find() -> dict[str, dict[str, Any]]:
        async with fs.service_client.get_container_client(container) as client:
            blobs = client.list_blobs(name_starts_with=f"{folder}/", include=["metadata"])
            return {f"{container}/{blob.name}": _azure_info(blob) async for blob in blobs}

    try:
        return sync(fs.loop, find)  # type: ignore[no-any-return]
    except ResourceNotFoundError:  # no such container
        return {}


def _azure_info(blob: Any) -> dict[str, Any]:
    is_folder = "true" in {(blob.metadata or {}).get(name) for name in ("hdi_isfolder", "Hdi_isfolder", "is_directory")}
    kind = "directory" if is_folder else "file"
    return {"size": blob.size, "etag": blob.etag, "content_settings": blob.content_settings, "type": kind}


def copy_s3(fs: Any, path: str, target: str, version: str) -> bool:
    """Copy the version of an object that has an ETag.

    :return: whether it was copied.
    :raises OSError: when the object has another one, as for a conditional write.
    """
    (bucket, key, _), (to, name, _) = fs.split_path(path), fs.split_path(target)
    source = {"Bucket": bucket, "Key": key}
    fs.call_s3("copy_object", CopySource=source, CopySourceIfMatch=version, Bucket=to, Key=name)
    return True


def copy_gcs(fs: Any, path: str, target: str, version: str) -> bool:
    """Copy a generation of an object.

    :return: whether it was copied by one request.
    :raises FileNotFoundError: when that generation is gone.
    """
    (bucket, key, _), (to, name, _) = fs.split_path(path), fs.split_path(target)
    call = "b/{}/o/{}/rewriteTo/b/{}/o/{}"
    copied = fs.call("POST", call, bucket, key, to, name, sourceGeneration=version, json_out=True)
    return bool(copied["done"])


def replace_gcs(fs: Any, path: str, data: bytes, generation: str) -> None:
    """Replace a generation of an object by one request; the writes of gcsfs compare with no object at most.

    :raises OSError: when the object has another generation or is gone.
    """
    bucket, key, _ = fs.split_path(path)
    boundary = uuid4().hex
    parts = (
        (b"application/json; charset=UTF-8", json.dumps({"name": key}).encode()),
        (b"application/octet-stream", data),
    )
    mark = b"--" + boundary.encode()
    body = b"".join(b"%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (mark, *part) for part in parts) + mark + b"--"
    fs.call(
        "POST",
        fs.base.replace("/storage/", "/upload/storage/") + "b/{}/o",
        bucket,
        uploadType="multipart",
        ifGenerationMatch=generation,
        headers={"Content-Type": f"multipart/related; boundary={boundary}"},
        data=body,
    )


def azure_condition(version: str) -> dict[str, Any]:
    """The arguments of a write to Azure that replaces the blob of an ETag.

    :param version: quoted, as in a response's header, or not, as in a listing.
    """
    from azure.core import MatchConditions

    return {"etag": _quoted(version), "match_condition": MatchConditions.IfNotModified}


def copy_azure(fs: Any, path: str, target: str, version: str) -> bool:
    """Copy the version of a blob that has an ETag.

    :return: whether it was copied by one request; not where the account wants another proof of the right to read it,
        or copies after its response.
    """
    from azure.core import MatchConditions
    from azure.core.exceptions import HttpResponseError
    from fsspec.asyn import sync

    (container, name, _), (to, copy, _) = fs.split_path(path), fs.split_path(target)
    condition = {"source_etag": _quoted(version), "source_match_condition": MatchConditions.IfNotModified}

    async def start() -> bool:
        async with fs.service_client.get_blob_client(to, copy) as blob:
            source = fs.service_client.get_blob_client(container, name).url
            started = await blob.start_copy_from_url(source, **condition)
            if started["copy_status"] != "success":
                await blob.abort_copy(started["copy_id"])
                await blob.delete_blob()
        return bool(started["copy_status"] == "success")

    try:
        return bool(sync(fs.loop, start))
    except HttpResponseError:
        return False


def _quoted(etag: str) -> str:
    return '"' + etag.strip('"') + '"'
