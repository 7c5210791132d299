# SPDX-License-Identifier: Apache-2.0
"""One wait for many tables: a sensor waits in the triggerer until a day is there, then all datasets of it land.

Needs the connection ``claude_enterprise_analytics_default``, the Airflow variable ``ai_lake`` and a triggerer.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="claude_enterprise_sensor",
    schedule=DataAvailabilityTimetable(lag=timedelta(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["ai-analytics"],
) as dag:
    # The engagement datasets are aggregated together, so waiting for one of them is enough. A day older than three days
    # costs no request at all.
    there = ClaudeEnterpriseAnalyticsSensor(
        task_id="is_there",
        dataset="users",
        day="{{ data_interval_start | ds }}",
        deferrable=True,
        timeout=timedelta(days=7).total_seconds(),
    )
    land = ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        # One more look, should the sensor's dataset have come first.
        on_unavailable="wait",
    ).expand(dataset=["users", "summaries", "chat_projects", "skills", "connectors", "plugins", "artifacts"])
    there >> land
