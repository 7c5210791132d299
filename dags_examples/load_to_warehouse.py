# SPDX-License-Identifier: Apache-2.0
"""Landed days into a warehouse: each run loads the days that are new or were restated, and no others.

The summary in XCom has the file and the digest of each day. The warehouse stores the digest of each day that it loaded.
It replaces a day as a whole, together with its digest, in one transaction, so a rerun loads nothing twice and misses
nothing. The warehouse is a DuckDB file here; any database that reads Parquet works the same way.

Needs the connection ``claude_enterprise_analytics_default``, the Airflow variable ``ai_lake``, this package's extra
``parquet``, and ``duckdb`` on the worker. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, task

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="load_to_warehouse",
    schedule=DataAvailabilityTimetable(lag=timedelta(hours=4), at=time(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(hours=1)},
    params={"warehouse": f"{gettempdir()}/ai_analytics.duckdb"},  # to try it; keep a warehouse elsewhere
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    land = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        dataset="cost_report",
        group_by=["product", "model"],
        table="cost_by_product",
        path="{{ var.value.ai_lake }}",
        file_format="parquet",
        restate_days=30,
    )

    @task
    def load(summary: Any, warehouse: str) -> list[str]:
        """Return the days that were loaded."""
        from duckdb import connect  # not at the top: a DAG file is parsed over and over

        loaded = []
        with connect(warehouse) as database, TemporaryDirectory() as folder:
            database.execute("create table if not exists loaded (day varchar primary key, sha256 varchar)")
            known = dict(database.execute("select day, sha256 from loaded").fetchall())
            for day in summary["partitions"]:
                if known.get(day["date"]) == day["sha256"]:
                    continue
                file = Path(folder) / "day.parquet"
                file.write_bytes(ObjectStoragePath(day["path"]).read_bytes())
                database.begin()
                database.execute(
                    "create table if not exists cost_by_product as from read_parquet(?) limit 0", [str(file)]
                )
                columns = database.execute("describe from read_parquet(?)", [str(file)]).fetchall()
                for name, kind, *_ in columns:  # an upgrade of the provider can add a column
                    database.execute(f'alter table cost_by_product add column if not exists "{name}" {kind}')
                database.execute("delete from cost_by_product where _date = ?", [day["date"]])
                database.execute("insert into cost_by_product by name from read_parquet(?)", [str(file)])
                database.execute("insert or replace into loaded values (?, ?)", [day["date"], day["sha256"]])
                database.commit()
                loaded.append(day["date"])
        return loaded

    load(land.output, "{{ params.warehouse }}")
