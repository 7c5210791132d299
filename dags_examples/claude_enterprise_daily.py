# SPDX-License-Identifier: Apache-2.0
"""Who used Claude, and what it cost: one day of both lands every day.

Needs a connection ``claude_enterprise_analytics_default`` (type Claude Enterprise Analytics, the Analytics key as its
password) and the Airflow variable ``ai_lake`` with the lake's URL, for instance ``s3://aws_default@lake/ai``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator

LAKE = "{{ var.value.ai_lake }}"

with DAG(
    dag_id="claude_enterprise_daily",
    schedule="0 12 * * *",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["ai-analytics"],
) as dag:
    # A day is aggregated at 10:00 UTC of the next and expected three days later: at noon, four days back is safe.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="users",
        dataset="users",
        path=LAKE,
        start="{{ macros.ds_add(ds, -4) }}",
        end="{{ macros.ds_add(ds, -3) }}",
        # A day can be corrected for two weeks; each is a request of its own.
        restate_days=14,
    )
    # Cost by model; the vendor restates it for 30 days, so the trailing days are read again in the same request.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="cost_by_model",
        dataset="cost_report",
        group_by=["model"],
        table="cost_by_model",
        path=LAKE,
        start="{{ macros.ds_add(ds, -1) }}",
        end="{{ ds }}",
        restate_days=30,
    )
