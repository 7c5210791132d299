# SPDX-License-Identifier: Apache-2.0
"""Today's spend, every hour: by minute for today and yesterday, by hour for a week, by day for a month.

Each run lands today up to the vendor's watermark, marked incomplete, until the day is whole. A run takes at most 15
requests: 12 pages of 256 minutes, 2 of 168 hours, 1 of 31 days.

Needs the connection ``claude_enterprise_analytics_default`` and the Airflow variable ``ai_lake``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator

with DAG(
    dag_id="claude_enterprise_spend_by_minute",
    schedule="15 * * * *",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    for table, width, days_before in (
        ("cost_by_minute", "1m", 1),
        ("cost_by_hour", "1h", 7),
        ("cost_by_day", "1d", 30),
    ):
        ClaudeEnterpriseAnalyticsToObjectStorageOperator(
            task_id=table,
            dataset="cost_report",
            bucket_width=width,
            table=table,
            path="{{ var.value.ai_lake }}",
            start=0,
            restate_days=days_before,
            on_unavailable="partial",
            # Each run replaces the day so far, which is no restatement to keep.
            keep_revisions=width == "1d",
        )
