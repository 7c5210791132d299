# SPDX-License-Identifier: Apache-2.0
"""Needs Airflow 3.3 or newer: a month is closed once each of its days has landed and is final, in any order.

A day lands when the vendor does not restate its cost any more, 30 days later. With ``event_per_day`` the landing task
gives an asset event for each new day, with the day as its partition key. ``RollupMapper`` collects the events of a
month, and the last of them makes the month's run. A day that lands again unchanged gives no event. Past months, as far
back as the vendor's 365 days go, close in the same way:
``airflow backfill create --dag-id final_cost --from-date 2026-01-01 --to-date 2026-09-30``.

Needs the connection ``claude_enterprise_analytics_default`` and the Airflow variable ``ai_lake``.
"""

from __future__ import annotations

import gzip
import json
import logging
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from airflow.providers.common.compat.sdk import DAG, Asset, ObjectStoragePath, task
from airflow.sdk import MonthWindow, PartitionedAssetTimetable, RollupMapper, StartOfMonthMapper, WaitForAll

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

log = logging.getLogger(__name__)

FINAL_COST = Asset(name="final_cost", uri="x-ai-lake://claude_enterprise/final_cost")

with DAG(
    dag_id="final_cost",
    schedule=DataAvailabilityTimetable(lag=timedelta(days=30), at=time(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 3, "retry_delay": timedelta(hours=1)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as final_cost:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        dataset="cost_report",
        group_by=["product"],
        table="final_cost",
        path="{{ var.value.ai_lake }}",
        outlets=[FINAL_COST],
        event_per_day=True,
    )

with DAG(
    dag_id="monthly_close",
    schedule=PartitionedAssetTimetable(
        assets=FINAL_COST,
        default_partition_mapper=RollupMapper(
            upstream_mapper=StartOfMonthMapper(input_format="%Y-%m-%d"),
            window=MonthWindow(),
            wait_policy=WaitForAll(),
        ),
    ),
    catchup=False,
    doc_md=__doc__,
    tags=["ai-analytics"],
) as monthly_close:

    @task
    def close(month: str, lake: str) -> dict[str, str]:
        """Return the month's cost in US dollars by product. Amounts are decimal strings of cents, never floats."""
        cents: dict[str, Decimal] = {}
        for day in (ObjectStoragePath(lake) / "claude_enterprise" / "final_cost").glob(f"date={month}-*"):
            for line in gzip.decompress((day / "final_cost.ndjson.gz").read_bytes()).splitlines():
                row = json.loads(line)
                product = row["product"] or "(no product)"
                cents[product] = cents.get(product, Decimal(0)) + Decimal(row["amount"])
        dollars = {product: f"{amount / 100:.2f}" for product, amount in sorted(cents.items())}
        log.info("%s cost %s", month, dollars)  # your books go here
        return dollars

    close("{{ partition_key }}", "{{ var.value.ai_lake }}")
