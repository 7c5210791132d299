# SPDX-License-Identifier: Apache-2.0
"""A run for each day, made when the vendor is expected to have that day: no wait, no sensor, no dates in templates.

``DataAvailabilityTimetable`` makes the run of day D at D+1 10:00 UTC plus three days, with D as its data interval.

Needs the connection ``claude_enterprise_analytics_default`` and the Airflow variable ``ai_lake``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="claude_enterprise_on_time",
    schedule=DataAvailabilityTimetable(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(hours=2)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="users",
        dataset="users",
        path="{{ var.value.ai_lake }}",
        # The vendor corrects a day for two weeks; each day is a request of its own.
        restate_days=14,
    )
