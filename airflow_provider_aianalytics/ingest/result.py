# SPDX-License-Identifier: Apache-2.0
"""The result of a run: what became of each day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.exceptions import SuspiciousShrinkError
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.storage.commit import Status
from airflow_provider_aianalytics.storage.manifest import Manifest, Run
from airflow_provider_aianalytics.vendors.base import DAY

if TYPE_CHECKING:
    from airflow_provider_aianalytics.storage.lake import LakeTable


@dataclass(frozen=True, slots=True)
class Partition:
    """One day after the run.

    :param manifest: the manifest in the lake.
    :param url: the URL of the data file.
    :param status: ``created``; ``revised``, its content changed; ``unchanged``, read again with the same content and
        not written; ``kept``, committed by an earlier try of the same task run and not read again.
    :param previous: the manifest before the run, ``None`` where the day had none.
    """

    manifest: Manifest
    url: str
    status: Status
    previous: Manifest | None = None

    def is_change_of(self, run: Run) -> bool:
        """Whether the run changed the day, now or in an earlier try.

        Days that landed before the run deferred, or before it failed and was retried or cleared, had no event yet.
        """
        return self.status != "unchanged" or run.has_name_of(self.manifest.run)

    def summary(self) -> dict[str, Any]:
        """The day in the summary of the run."""
        manifest = self.manifest
        summary: dict[str, Any] = {
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
            summary["complete"] = False
        if manifest.capped_buckets:
            summary["capped_buckets"] = manifest.capped_buckets
        return summary


@dataclass(slots=True)
class IngestResult:
    """The result of a run, or of one window of it.

    :param partitions: the landed days.
    :param missing: the days that are not available yet.
    :param empty: the days without a row, or with a total of zero, that were left out for that.
    :param rejected: the errors of days that were read and not committed.
    :param latest: the latest day that the vendor has, if a response named it.
    :param requests: the requests that were sent.
    :param seconds: how long the run read and committed.
    """

    partitions: list[Partition] = field(default_factory=list)
    missing: list[date] = field(default_factory=list)
    empty: list[date] = field(default_factory=list)
    rejected: list[SuspiciousShrinkError] = field(default_factory=list)
    latest: date | None = None
    requests: int = 0
    seconds: float = 0.0

    def add(self, other: IngestResult) -> None:
        self.partitions += other.partitions
        self.missing += other.missing
        self.latest = other.latest or self.latest
        self.empty += other.empty
        self.rejected += other.rejected
        self.requests += other.requests


def is_empty(manifest: Manifest) -> bool:
    """Whether a day has no row or a total of zero, which can also mean that the vendor was not synced yet."""
    return manifest.rows == 0 or manifest.total == 0


def summary(table: LakeTable, query: Query, landed: IngestResult) -> dict[str, Any]:
    """The summary that the operator returns: a few hundred bytes a day, however many rows."""
    days = [partition.manifest.date for partition in landed.partitions] + landed.missing + landed.empty
    summary = {
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
        summary["missing"] = [day.isoformat() for day in landed.missing]
    return summary
