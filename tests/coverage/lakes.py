# SPDX-License-Identifier: Apache-2.0
"""Lakes that hold manifests and no data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_provider_aianalytics.coverage.states import State, Table
from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.storage.manifest import Manifest, Run, encode, format_timestamp

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run(dag_id="d", run_id="r", task_id="t")


def manifest(day: date, *, vendor: str = "claude_enterprise", table: str = "users", **fields: Any) -> bytes:
    known: dict[str, Any] = {
        "dataset": table,
        "query": {"date": day.isoformat()},
        "file": f"{vendor}/{table}/date={day}/{table}.ndjson.gz",
        "format": "ndjson",
        "compression": "gzip",
        "rows": 812,
        "bytes": 1000,
        "sha256": "0" * 64,
        "pages": 1,
        "requests": 1,
        "data_refreshed_at": None,
        "fetched_at": "2026-11-20T12:00:00.000000Z",
        "complete": True,
        "final": True,
        "organization_id": None,
        "provider_version": "0.1.0",
        "run": RUN,
    }
    return encode(Manifest(vendor=vendor, table=table, date=day, **(known | fields)))


@dataclass(frozen=True)
class ManifestLake:
    """A folder in which days "land" as manifests alone."""

    root: Path

    @property
    def path(self) -> str:
        return str(self.root)

    def put(
        self,
        day: date,
        data: bytes | None = None,
        *,
        vendor: str = "claude_enterprise",
        table: str = "users",
        **fields: Any,
    ) -> Path:
        """Put the manifest of a day where the lake keeps it, or other bytes in its place."""
        folder = self.root / vendor / "_manifests" / table
        folder.mkdir(parents=True, exist_ok=True)
        unfinished, file = folder / "unfinished", folder / f"{day}.json"
        unfinished.write_bytes(manifest(day, vendor=vendor, table=table, **fields) if data is None else data)
        os.utime(unfinished, (1, 1))  # long ago: what was written just now may be replaced unnoticed
        return unfinished.replace(file)

    def put_daily(self, days: Iterable[date], *, after: timedelta = 12 * HOUR, **fields: Any) -> None:
        """Land days as a daily run does: each some time after its end, by the run of the day after it."""
        for day in days:
            read = datetime.combine(day + DAY, datetime.min.time(), tzinfo=UTC) + after
            run = Run(dag_id="daily", run_id=f"scheduled__{day + DAY}T05:00:00+00:00", task_id="land.it")
            self.put(day, **{"fetched_at": format_timestamp(read), "run": run, **fields})

    def look(
        self, *, now: datetime = NOW, first: date | None = None, last: date | None = None, **more: Any
    ) -> list[Table]:
        return survey(self.path, days=Range(now=now, first=first, last=last), **more)


def days_from(first: date, number: int) -> list[date]:
    return [first + place * DAY for place in range(number)]


def states(table: Table) -> dict[str, str]:
    return {str(day.date): day.state.label for day in table.days}


def signs(table: Table) -> str:
    return "".join(day.state.plain for day in table.days)


def late_days(table: Table) -> list[str]:
    return [str(day.date) for day in table.days if day.state is State.LATE]
