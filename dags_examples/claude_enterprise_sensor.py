# SPDX-License-Identifier: Apache-2.0
"""One wait for many tables: a sensor waits in the triggerer until a day is available, then all its datasets land.

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
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    # The engagement datasets are aggregated together, so it is enough to wait for one of them. A day that is older than
    # three days takes no request.
    available = ClaudeEnterpriseAnalyticsSensor(
        task_id="is_available",
        dataset="users",
        deferrable=True,
        timeout=timedelta(days=7).total_seconds(),
    )
    land = ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        # The vendor corrects a day for two weeks. That makes 91 requests a run, a minute and a half of the budget.
        restate_days=14,
        # A wait of more than a minute for the budget frees the worker.
        deferrable=True,
        # In case the sensor's dataset came first.
        on_unavailable="wait",
    ).expand(dataset=["users", "summaries", "chat_projects", "skills", "connectors", "plugins", "artifacts"])
    available >> land
