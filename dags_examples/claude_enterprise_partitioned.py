# SPDX-License-Identifier: Apache-2.0
"""Needs Airflow 3.2 or newer: a run for each day, with the day that the vendor is expected to have as partition key.

``run_offset=-4`` makes the run of 12:00 UTC that of the day four days back: a day is aggregated at 10:00 UTC of the
next day and expected three days later. The task takes its day from the partition key.

Needs the connection ``claude_enterprise_analytics_default`` and the Airflow variable ``ai_lake``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.sdk import CronPartitionTimetable

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator

with DAG(
    dag_id="claude_enterprise_partitioned",
    schedule=CronPartitionTimetable("0 12 * * *", timezone="UTC", run_offset=-4, key_format="%Y-%m-%d"),
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(hours=1)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="users",
        dataset="users",
        path="{{ var.value.ai_lake }}",
        # The vendor corrects a day for two weeks; each day is a request of its own.
        restate_days=14,
        on_unavailable="wait",
    )
