# SPDX-License-Identifier: Apache-2.0
"""Lists the tables of a lake and the manifests of a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from airflow_provider_aianalytics.coverage.hint import NAME
from airflow_provider_aianalytics.storage.layout import TABLE_NAME, manifest_day, manifests_folder
from airflow_provider_aianalytics.storage.store import FileInfo, Store

FOLDER = FileInfo(0)
"""A folder in the place of a manifest."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """The manifests of a table in a listing.

    :param folder: relative to the lake's path.
    :param files: by their days, ascending.
    :param has_hint: whether a hint lies beside them.
    """

    folder: str
    files: dict[date, FileInfo]
    has_hint: bool

    def file(self, day: date) -> str:
        return f"{self.folder}/{day}.json"


def tables_under(store: Store) -> list[tuple[str, str]]:
    """The vendor and the name of each table that has a folder of manifests under a lake's path, sorted."""
    return [(vendor, table) for vendor in _folders(store, "") for table in _folders(store, manifests_folder(vendor))]


def manifests_under(store: Store, *, vendor: str, table: str) -> Manifests:
    """Where each landed day of a table has its manifest; one listing."""
    folder = f"{manifests_folder(vendor)}/{table}"
    listed = store.children(folder)
    days = ((manifest_day(name), info or FOLDER) for name, info in listed.items())
    files = sorted(((day, info) for day, info in days if day is not None), key=lambda file: file[0])
    return Manifests(folder, dict(files), NAME in listed)


def _folders(store: Store, folder: str) -> list[str]:
    """The folders directly in a folder that can be a vendor's or a table's, sorted; none where it does not exist."""
    return sorted(name for name, info in store.children(folder).items() if info is None and TABLE_NAME.fullmatch(name))
