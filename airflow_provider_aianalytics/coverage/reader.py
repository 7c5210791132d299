# SPDX-License-Identifier: Apache-2.0
"""Reads the manifests of a lake: one listing a table, one read of its hint, one small read a day that neither it nor
the cache knows.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from operator import call
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.coverage.hint import WORTH, Entries, read_hint, write_hint
from airflow_provider_aianalytics.coverage.landed_day import LandedDay, parse_landed_day
from airflow_provider_aianalytics.coverage.listing import Manifests, manifests_under, tables_under
from airflow_provider_aianalytics.exceptions import AIAnalyticsError, InvalidArgumentError
from airflow_provider_aianalytics.extraction.redaction import foreign_text, printable
from airflow_provider_aianalytics.storage.lake import open_store
from airflow_provider_aianalytics.storage.layout import check_path
from airflow_provider_aianalytics.storage.store import Store
from airflow_provider_aianalytics.threads import run_parallel

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

Read = LandedDay | str | None
"""A manifest: what it says, what is wrong with it, or ``None`` when it was removed after the listing."""
Choice = Callable[[Iterable[date]], Iterable[date]]
"""Which of the landed days are read."""


@dataclass(frozen=True, slots=True)
class LandedTable:
    """A table as it lies in the lake.

    :param landed: every day that has a manifest, ascending.
    :param read: the manifests of the requested tables.
    """

    vendor: str
    name: str
    landed: tuple[date, ...]
    read: Mapping[date, LandedDay | str]


class ManifestCache:
    """Manifests by their address and the store's tag, shared by threads; the least used give way.

    :param capacity: how many, at most: about half a kilobyte each.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._known: OrderedDict[str, tuple[str, LandedDay]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, address: str, tag: str) -> LandedDay | None:
        with self._lock:
            known = self._known.get(address)
            if known is None or known[0] != tag:
                return None
            self._known.move_to_end(address)
            return known[1]

    def put(self, address: str, tag: str, landed: LandedDay) -> None:
        with self._lock:
            self._known[address] = tag, landed
            self._known.move_to_end(address)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(frozen=True, slots=True)
class LakeReader:
    """Reads the manifests of a lake.

    :param path: any URL that ``ObjectStoragePath`` takes.
    :param cache: what was read before, for a process that looks again.
    """

    path: str
    cache: ManifestCache | None = field(default=None, compare=False)

    def read(self, *, vendor: str | None, table: str | None, choose: Choice) -> list[LandedTable]:
        """Read the tables of a lake, sorted.

        :param vendor: only this vendor's tables.
        :param table: only tables of this name.
        :raises InvalidArgumentError: when there is no such table.
        """
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # slow, and not needed to show the usage

        root = ObjectStoragePath(check_path(self.path))
        store = open_store(root, "")
        names = _choose_tables(self.path, tables_under(store), vendor, table)
        side_by_side = partial(run_parallel, workers=store.at_once, name="coverage")
        tables = side_by_side(lambda name: self._list(root, name, choose), names)
        side_by_side(call, [partial(table.read, day) for table in tables for day in table.unknown])
        side_by_side(_ListedTable.save_hint, tables)
        return [table.landed() for table in tables]

    def _list(self, root: ObjectStoragePath, name: tuple[str, str], choose: Choice) -> _ListedTable:
        store = open_store(root, name[0])
        manifests = manifests_under(store, vendor=name[0], table=name[1])
        table = _ListedTable(*name, store, manifests, self.cache, lake=self.path, base=str(root.path).rstrip("/"))
        table.choose([day for day in choose(manifests.files) if day in manifests.files])
        return table


@dataclass
class _ListedTable:
    """A table whose manifests were listed, and what is known of them.

    :param lake: the lake's path, for the cache.
    :param base: the lake's path in its file system, for messages.
    :ivar known: what counts of the cache and of the hint, and what was read that is sure to be of its version.
    :ivar unknown: the chosen days that have to be read.
    """

    vendor: str
    name: str
    store: Store
    manifests: Manifests
    cache: ManifestCache | None
    lake: str
    base: str
    chosen: list[date] = field(default_factory=list)
    known: Entries = field(default_factory=dict)
    unknown: list[date] = field(default_factory=list)
    _read: dict[date, Read] = field(default_factory=dict)

    def choose(self, days: list[date]) -> None:
        """Choose days, and find out which of them have to be read."""
        self.chosen = days
        files = self.manifests.files
        if self.cache is not None:
            found = ((day, self.cache.get(self._address(day), files[day].version)) for day in days)
            self.known = {day: (files[day].version, landed) for day, landed in found if landed is not None}
        self.unknown = [day for day in days if day not in self.known]
        if len(self.unknown) > 1 and self.manifests.has_hint:
            hinted = read_hint(self.store, self.manifests.folder, vendor=self.vendor, table=self.name, listed=files)
            for day in self.unknown:
                if day in hinted:
                    self._remember(day, hinted[day][1])
            self.known |= hinted
            self.unknown = [day for day in self.unknown if day not in hinted]

    def read(self, day: date) -> None:
        """Read the manifest of a day."""
        self._read[day] = self._read_manifest(day)

    def _read_manifest(self, day: date) -> Read:
        seen, where = self.manifests.files[day], f"{self.base}/{self.manifests.file(day)}"
        try:
            data, is_sure = self.store.read_listed(self.manifests.file(day), seen)
            landed = parse_landed_day(data, vendor=self.vendor, table=self.name, day=day, where=where)
        except FileNotFoundError:
            return None
        except AIAnalyticsError as error:
            return printable(f"{error.where}: {error.message}")
        except OSError as error:  # a folder of that name, or no right to read it
            return f"{printable(where)}: {type(error).__name__}: {foreign_text(str(error))}"
        if is_sure and seen.version:
            self.known[day] = seen.version, landed
            self._remember(day, landed)
        return landed

    def _remember(self, day: date, landed: LandedDay) -> None:
        if self.cache is not None:
            self.cache.put(self._address(day), self.manifests.files[day].version, landed)

    def _address(self, day: date) -> str:
        return f"{self.lake} {self.manifests.file(day)}"

    def save_hint(self) -> None:
        """Let the next reader read less, where much had to be read."""
        if sum(day in self.known for day in self.unknown) >= WORTH:
            write_hint(self.store, self.manifests.folder, self.known, vendor=self.vendor, table=self.name)

    def landed(self) -> LandedTable:
        """What is known of the table in the end."""
        found = {day: self._read[day] if day in self._read else self.known[day][1] for day in self.chosen}
        return LandedTable(
            self.vendor,
            self.name,
            landed=tuple(day for day in self.manifests.files if found.get(day, "not read") is not None),
            read={day: landed for day, landed in found.items() if landed is not None},
        )


def _choose_tables(
    path: str, there: list[tuple[str, str]], vendor: str | None, table: str | None
) -> list[tuple[str, str]]:
    if not there:
        raise InvalidArgumentError(f"no table has landed under {path}")
    names = [name for name in there if vendor in (None, name[0]) and table in (None, name[1])]
    if not names:
        wanted = " ".join(f"{what} {name!r}" for what, name in (("vendor", vendor), ("table", table)) if name)
        raise InvalidArgumentError(f"no {wanted} under {path}; there are {', '.join(map('/'.join, there))}")
    return names
