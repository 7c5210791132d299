# SPDX-License-Identifier: Apache-2.0
"""What a run came to, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.exceptions import SuspiciousShrinkError
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.storage.commit import Status
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.vendors.base import DAY

if TYPE_CHECKING:
    from airflow_provider_aianalytics.storage.lake import LakeTable


@dataclass(frozen=True, slots=True)
class Partition:
    """One day after the run.

    :param status: ``created``; ``revised``, its content changed; ``unchanged``, read again with the same content and
        not written; ``kept``, committed by an earlier try of the same task run and not read again.
    """

    manifest: Manifest
    url: str
    status: Status

    def summary(self) -> dict[str, Any]:
        manifest = self.manifest
        told: dict[str, Any] = {
            "date": manifest.date.isoformat(),
            "path": self.url,
            "rows": manifest.rows,
            "bytes": manifest.bytes,
            "sha256": manifest.sha256,
            "status": self.status,
            "final": manifest.final,
            "data_refreshed_at": manifest.data_refreshed_at,
        }
        if not manifest.complete:
            told["complete"] = False
        if manifest.capped_buckets:
            told["capped_buckets"] = manifest.capped_buckets
        return told


@dataclass(slots=True)
class IngestResult:
    """What a run, or one window of it, came to.

    :param missing: the days that are not there yet.
    :param latest: the vendor's latest day, where it said so.
    :param empty: the days that were answered without a row, or with a total of zero, and were left out for it.
    :param rejected: why days that were answered were not committed.
    """

    partitions: list[Partition] = field(default_factory=list)
    missing: list[date] = field(default_factory=list)
    empty: list[date] = field(default_factory=list)
    rejected: list[SuspiciousShrinkError] = field(default_factory=list)
    latest: date | None = None
    requests: int = 0

    def add(self, other: IngestResult) -> None:
        self.partitions += other.partitions
        self.missing += other.missing
        self.latest = other.latest or self.latest
        self.empty += other.empty
        self.rejected += other.rejected
        self.requests += other.requests


def is_empty(manifest: Manifest) -> bool:
    """Whether a day holds nothing: no row, or a total of zero, which a vendor that was not synced answers too."""
    return manifest.rows == 0 or manifest.total == 0


def summary(table: LakeTable, query: Query, landed: IngestResult) -> dict[str, Any]:
    """What a run landed, as the operator returns it: a few hundred bytes a day, whatever the rows."""
    days = [partition.manifest.date for partition in landed.partitions] + landed.missing + landed.empty
    told = {
        "vendor": query.dataset.vendor,
        "dataset": query.dataset.name,
        "table": table.table,
        "start": min(days).isoformat(),
        "end": (max(days) + DAY).isoformat(),
        "rows": sum(partition.manifest.rows for partition in landed.partitions),
        "bytes": sum(partition.manifest.bytes for partition in landed.partitions),
        "requests": landed.requests,
        "partitions": [partition.summary() for partition in landed.partitions],
    }
    if landed.missing:
        told["missing"] = [day.isoformat() for day in landed.missing]
    return told
