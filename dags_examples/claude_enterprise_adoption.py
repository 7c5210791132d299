# SPDX-License-Identifier: Apache-2.0
"""Adoption: each day lands as soon as the vendor has it. One task a dataset waits and lands; no sensor.

A run is made at 10:00 UTC of the next day, the first moment at which the vendor can have the day. Each task lands it,
or defers to the triggerer until it is there, up to a week.

Needs the connection ``claude_enterprise_analytics_default``, the Airflow variable ``ai_lake`` and a triggerer.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="claude_enterprise_adoption",
    schedule=DataAvailabilityTimetable(lag=timedelta(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["ai-analytics"],
) as dag:
    # No start and no end: the run has a day of its own.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        on_unavailable="wait",
        deferrable=True,
    ).expand(dataset=["users", "summaries"])
