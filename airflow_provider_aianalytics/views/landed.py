# SPDX-License-Identifier: Apache-2.0
"""What has landed in a lake as views need it: the tables, how their files are read, and the state of their days."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.coverage.landed_day import LandedDay, find_dataset, grouped_by, shows_everything
from airflow_provider_aianalytics.coverage.reader import LakeReader, LandedTable
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.privacy import is_inside
from airflow_provider_aianalytics.lineage.locations import BUCKETS, StorageLocation, location_of
from airflow_provider_aianalytics.storage.layout import Layout, check_path
from airflow_provider_aianalytics.storage.manifest import Manifest, decode_of
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath


@dataclass(frozen=True, slots=True)
class DayRange:
    """Consecutive landed days in the same state.

    :param last: inclusive.
    """

    first: date
    last: date
    is_final: bool
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A table with landed days.

    :param name: the name of its view.
    :param format: ``ndjson``, ``parquet`` or ``csv``.
    :param suffix: the ending of its data files, with the first dot.
    :param is_whole: whether its rows, of all that the dataset has, leave out none and count none twice.
    :param grouped_by: the dimensions that its rows are grouped by.
    :param dropped: the paths of the fields that do not land.
    :param pseudonymized: the paths of the fields that land as pseudonyms.
    :param days: ascending.
    """

    name: str
    dataset: Dataset
    table: str
    format: str
    suffix: str
    is_whole: bool
    grouped_by: frozenset[str]
    dropped: tuple[str, ...]
    pseudonymized: tuple[str, ...]
    days: tuple[DayRange, ...]

    def has(self, path: str) -> bool:
        """Whether a field lands, filled where it is a dimension."""
        if _is_among(path, self.dropped):
            return False
        dimension = path.removeprefix("group.").partition(".")[0]
        return dimension not in self.dataset.group_by or dimension in self.grouped_by

    def hides(self, paths: tuple[str, ...]) -> bool:
        """Whether one of the fields lands as a pseudonym."""
        return any(_is_among(path, self.pseudonymized) for path in paths)

    @property
    def number_of_days(self) -> int:
        return sum((days.last - days.first).days + 1 for days in self.days)


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake with its tables.

    :param path: as the command line has it.
    """

    path: str
    location: StorageLocation
    sources: tuple[Source, ...]

    def uri(self, file: str) -> str:
        """The address of a file or folder for databases: a path on a disk, else a URL without the connection.

        :param file: relative to the lake's path; may hold wildcards.
        """
        location = self.location / file
        if location.protocol in BUCKETS:
            return f"{location.protocol}://{location.bucket}/{location.path}"
        return f"/{location.path}"


def read_lake(path: str) -> Lake:
    """Read the manifests of a lake.

    :param path: any URL that ``ObjectStoragePath`` takes.
    :raises InvalidArgumentError: when no table has landed there, or two tables would have one view.
    :raises AIAnalyticsError: when the manifest that describes a table cannot be read.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    root = ObjectStoragePath(check_path(path))
    tables = LakeReader(path).read(vendor=None, table=None, choose=lambda days: days)
    sources = tuple(source for table in tables if (source := _source(root, table)) is not None)
    names = Counter(source.name for source in sources)
    if twice := [f"{one.dataset.vendor}/{one.table}" for one in sources if names[one.name] > 1]:
        raise InvalidArgumentError(f"these tables would have a view of the same name: {', '.join(twice)}")
    return Lake(path, location_of(root), sources)


def _source(root: ObjectStoragePath, table: LandedTable) -> Source | None:
    """The table; ``None`` where no manifest of it can be read, or this version does not know its dataset."""
    days = {day: landed for day, landed in sorted(table.read.items()) if isinstance(landed, LandedDay)}
    if not days or table.vendor not in VENDORS:
        return None
    manifest = _manifest(root, table, max(days))
    dataset = find_dataset(table.vendor, manifest.dataset)
    if dataset is None:
        return None
    return Source(
        name=re.sub(r"\W", "_", f"{table.vendor}_{table.name}").lower(),
        dataset=dataset,
        table=table.name,
        format=manifest.format,
        suffix=manifest.file.rpartition("/")[2].removeprefix(table.name),
        is_whole=shows_everything(dataset, manifest.query),
        grouped_by=frozenset(grouped_by(dataset, manifest.query)),
        dropped=manifest.dropped_fields,
        pseudonymized=manifest.pseudonymized_fields,
        days=tuple(_ranges(days.items())),
    )


def _is_among(path: str, names: tuple[str, ...]) -> bool:
    """Whether a field, or an object that it is in, is named."""
    return any(is_inside(path, name) for name in names)


def _manifest(root: ObjectStoragePath, table: LandedTable, day: date) -> Manifest:
    file = root / Layout(table.vendor, table.name, "").manifest_file(day)
    return decode_of(file.read_bytes(), vendor=table.vendor, table=table.name, day=day, where=str(file))


def _ranges(days: Iterable[tuple[date, LandedDay]]) -> Iterable[DayRange]:
    def run(pair: tuple[int, tuple[date, LandedDay]]) -> tuple[int, bool, bool]:
        number, (day, landed) = pair
        return day.toordinal() - number, landed.final and landed.complete, landed.complete

    for (_, is_final, is_complete), group in groupby(enumerate(days), run):
        found = [day for _, (day, _) in group]
        yield DayRange(found[0], found[-1], is_final, is_complete)
