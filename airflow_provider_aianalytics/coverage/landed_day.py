# SPDX-License-Identifier: Apache-2.0
"""What coverage keeps of a manifest: small, and the same whenever it is looked at."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

import msgspec

from airflow_provider_aianalytics.storage.figures import figures_of
from airflow_provider_aianalytics.storage.manifest import Manifest, decode_of
from airflow_provider_aianalytics.storage.table_spec import spec_parts
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?=T)")


# gc=False: a lake has thousands of these and no cycle goes through them, so that no collection has to look at them.
class Content(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a day held from one read to the next.

    :param fetched_at: when it was read, UTC; ``None`` where the manifest's text is no moment.
    :param total: the exact total of the dataset's measure, ``None`` where it is not recorded.
    """

    fetched_at: datetime | None
    rows: int
    total: Decimal | None


class LandedDay(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A day that has landed.

    :param size: the bytes of its file; of the uncompressed content in manifests that do not record it.
    :param requests: the requests of the window that it was read in, which other days share.
    :param contents: what it held, oldest first; the last is what it holds.
    :param figures: what the day of the whole organization came to; empty for a table that shows a part of it.
    :param spec: what the table held when the day landed, in digests: dataset, query, format and hidden fields; the
        organization; the pseudonyms' secret. Empty where it is unknown.
    :param run_date: the date in the name of the run that landed it, ``None`` where there is none.
    """

    dataset: str
    rows: int
    size: int
    requests: int
    complete: bool
    final: bool
    contents: tuple[Content, ...]
    figures: dict[str, Decimal]
    spec: tuple[str, ...]
    dag_id: str
    task_id: str
    run_id: str
    run_date: date | None

    @property
    def fetched_at(self) -> datetime | None:
        return self.contents[-1].fetched_at

    @property
    def first_fetched_at(self) -> datetime | None:
        """When it was first read whole."""
        return self.contents[0].fetched_at


def parse_landed_day(data: bytes, *, vendor: str, table: str, day: date, where: str) -> LandedDay:
    """Read a manifest.

    :param where: its address, for the message.
    :raises AIAnalyticsError: when it is none, or another day's.
    """
    manifest = decode_of(data, vendor=vendor, table=table, day=day, where=where)
    revisions = (Content(_moment(old.fetched_at), old.rows, old.total) for old in manifest.revisions)
    dataset = find_dataset(vendor, manifest.dataset)
    return LandedDay(
        dataset=manifest.dataset,
        rows=manifest.rows,
        size=manifest.bytes if manifest.file_bytes is None else manifest.file_bytes,
        requests=manifest.requests,
        complete=manifest.complete,
        final=manifest.final,
        contents=(*revisions, Content(_moment(manifest.fetched_at), manifest.rows, manifest.total)),
        figures=_figures(dataset, manifest) if dataset else {},
        spec=spec_parts(manifest),
        dag_id=manifest.run.dag_id,
        task_id=manifest.run.task_id,
        run_id=manifest.run.run_id,
        run_date=_date_in(manifest.run.run_id),
    )


def find_dataset(vendor: str, name: str) -> Dataset | None:
    """The catalogue row, ``None`` where this version has none of that name."""
    return VENDORS[vendor].datasets.get(name) if vendor in VENDORS else None


def _figures(dataset: Dataset, manifest: Manifest) -> dict[str, Decimal]:
    if not shows_everything(dataset, manifest.query):
        return {}
    hidden = (*manifest.dropped_fields, *manifest.pseudonymized_fields)
    return manifest.figures or figures_of(dataset, total=manifest.total, hidden=hidden)


def grouped_by(dataset: Dataset, query: dict[str, str | list[str]]) -> tuple[str, ...]:
    """The dimensions that a query in a manifest groups by."""
    found = query.get(dataset.wire.group_by_parameter, ())
    return (found,) if isinstance(found, str) else tuple(found)


def shows_everything(dataset: Dataset, query: dict[str, str | list[str]]) -> bool:
    """Whether the rows of a query add up to the organization: no filter, no groups that overlap or leave any out."""
    filters = {dataset.wire.list_parameter.format(name=name) for name in dataset.filters} | dataset.filters.keys()
    filters |= {dataset.filter_parameter or ""}
    grouped = grouped_by(dataset, query)
    if filters & query.keys() or set(dataset.overlapping_group_by) & set(grouped):
        return False
    if any(name in grouped and other not in grouped for name, other in dataset.partial_group_by.items()):
        return False
    if dataset.figure is None or dataset.figure.is_additive:
        return True
    width = query.get(dataset.bucket_width_parameter, dataset.default_bucket_width)
    return width == dataset.default_bucket_width and not set(grouped) & set(dataset.group_by)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _date_in(run_id: str) -> date | None:
    found = _DATE.search(run_id)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None
