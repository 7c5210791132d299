# SPDX-License-Identifier: Apache-2.0
"""The cost of a month, for the books, once the vendor does not restate it any more.

A run is made when its month ends. The sensor waits in the triggerer until the last day of the month is final, 30 days
later, for hardly a request. Then the month lands by member, each day with ``final: true``. Earlier months, as far back
as the vendor's 365 days go, can be backfilled.

Needs the connection ``claude_enterprise_analytics_default``, the Airflow variable ``ai_lake`` and a triggerer.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor

with DAG(
    dag_id="claude_enterprise_monthly_close",
    schedule=CronDataIntervalTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(hours=1)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    # Without a day it waits for the last day of the run's own period.
    final = ClaudeEnterpriseAnalyticsSensor(
        task_id="is_final",
        dataset="user_cost_report",
        until="final",
        deferrable=True,
        timeout=timedelta(days=40).total_seconds(),
    )
    land = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        dataset="user_cost_report",
        table="closed_cost_by_member",
        path="{{ var.value.ai_lake }}",
    )
    final >> land
