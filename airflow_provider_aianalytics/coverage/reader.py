# SPDX-License-Identifier: Apache-2.0
"""Reads the manifests of a lake: one listing a table, one small read a day that is not in the cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.coverage.landed_day import LandedDay, parse_landed_day
from airflow_provider_aianalytics.coverage.listing import ManifestFile, manifests_under, tables_under
from airflow_provider_aianalytics.exceptions import AIAnalyticsError, InvalidArgumentError
from airflow_provider_aianalytics.extraction.redaction import foreign_text, printable
from airflow_provider_aianalytics.storage.lake import READERS
from airflow_provider_aianalytics.storage.layout import check_path

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
    :param read: the manifests of those that were asked for.
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
        names = _choose_tables(self.path, tables_under(root), vendor, table)
        with ThreadPoolExecutor(READERS) as pool:
            listed = list(pool.map(lambda name: manifests_under(root, vendor=name[0], table=name[1]), names))
            chosen = [[day for day in choose(files) if day in files] for files in listed]
            read = [
                {
                    day: self._cached(files[day]) or pool.submit(self._read_day, root, *name, day, files[day])
                    for day in days
                }
                for name, files, days in zip(names, listed, chosen, strict=True)
            ]
            try:
                return [
                    _landed_table(name, files, {day: _result(one) for day, one in days.items()})
                    for name, files, days in zip(names, listed, read, strict=True)
                ]
            except BaseException:  # a store that fails once may take its timeout for each day
                pool.shutdown(cancel_futures=True)
                raise

    def _cached(self, file: ManifestFile) -> LandedDay | None:
        return self.cache.get(self._address(file), file.tag) if self.cache is not None and file.tag else None

    def _address(self, file: ManifestFile) -> str:
        return f"{self.path} {file.path}"

    def _read_day(self, root: ObjectStoragePath, vendor: str, table: str, day: date, file: ManifestFile) -> Read:
        try:
            data = root.fs.cat_file(file.path)
            landed = parse_landed_day(data, vendor=vendor, table=table, day=day, where=file.path)
        except FileNotFoundError:
            return None
        except AIAnalyticsError as error:
            return printable(f"{error.where}: {error.message}")
        except OSError as error:  # a folder of that name, or no right to read it
            return f"{printable(file.path)}: {type(error).__name__}: {foreign_text(str(error))}"
        if self.cache is not None and file.tag:
            self.cache.put(self._address(file), file.tag, landed)
        return landed


def _result(read: Future[Read] | LandedDay) -> Read:
    return read.result() if isinstance(read, Future) else read


def _landed_table(name: tuple[str, str], listed: Iterable[date], read: Mapping[date, Read]) -> LandedTable:
    return LandedTable(
        *name,
        landed=tuple(day for day in listed if read.get(day, "not read") is not None),
        read={day: landed for day, landed in read.items() if landed is not None},
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
