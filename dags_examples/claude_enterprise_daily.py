# SPDX-License-Identifier: Apache-2.0
"""Who used Claude, and what it cost: both land every day.

Needs the connection ``claude_enterprise_analytics_default`` (type Claude Enterprise Analytics, the Analytics key as its
password) and the Airflow variable ``ai_lake`` with the lake's URL, such as ``s3://aws_default@lake/ai``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator

LAKE = "{{ var.value.ai_lake }}"

with DAG(
    dag_id="claude_enterprise_daily",
    schedule=CronTriggerTimetable("0 12 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    # A day is aggregated at 10:00 UTC of the next day and expected three days later, so at noon it is four days back.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="users",
        dataset="users",
        path=LAKE,
        start=-4,
        end=-3,
        # The vendor corrects a day for two weeks; each day is a request of its own.
        restate_days=14,
    )
    # The vendor restates cost for 30 days, so the 30 days before are read again, in the same request.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="cost_by_model",
        dataset="cost_report",
        group_by=["model"],
        table="cost_by_model",
        path=LAKE,
        start=-1,
        end=0,
        restate_days=30,
    )
