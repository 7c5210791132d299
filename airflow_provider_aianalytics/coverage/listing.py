# SPDX-License-Identifier: Apache-2.0
"""Lists the tables of a lake and the manifests of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.storage.layout import TABLE_NAME, manifest_day, manifests_folder

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest in a listing.

    :param path: in the lake's file system.
    :param tag: another for another content, empty where the store's listing has nothing of the kind.
    """

    path: str
    tag: str


def tables_under(root: ObjectStoragePath) -> list[tuple[str, str]]:
    """The vendor and the name of each table that has a folder of manifests under a lake's path, sorted."""
    return [(vendor, table) for vendor in _folders(root) for table in _folders(root / manifests_folder(vendor))]


def manifests_under(root: ObjectStoragePath, *, vendor: str, table: str) -> dict[date, ManifestFile]:
    """Where each landed day of a table has its manifest, ascending; one listing."""
    entries = _entries(root / manifests_folder(vendor) / table)
    days = ((manifest_day(entry["name"]), ManifestFile(entry["name"], _tag(entry))) for entry in entries)
    return dict(sorted(((day, file) for day, file in days if day is not None), key=lambda pair: pair[0]))


def _tag(entry: Mapping[str, Any]) -> str:
    found = [entry.get(name) for name in ("ETag", "etag", "generation")]
    if entry.get("mtime"):  # on a disk, where each manifest is a new file
        found += [entry.get(name) for name in ("mtime", "ino", "size")]
    return " ".join(str(part) for part in found if part)


def _folders(path: ObjectStoragePath) -> list[str]:
    """The folders directly in a folder that can be a vendor's or a table's, sorted; none where it does not exist."""
    found = (entry["name"].rstrip("/").rpartition("/")[2] for entry in _entries(path) if entry["type"] == "directory")
    return sorted(name for name in found if TABLE_NAME.fullmatch(name))


def _entries(path: ObjectStoragePath) -> list[Any]:
    path.fs.invalidate_cache(path.path)
    try:
        return list(path.fs.ls(path.path, detail=True))
    except (FileNotFoundError, NotADirectoryError):
        return []
