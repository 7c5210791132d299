# SPDX-License-Identifier: Apache-2.0
"""Adoption: each day lands as soon as the vendor has it. One task for each dataset waits and lands; no sensor.

A run is made at 10:00 UTC of the next day, the first moment at which the vendor can have the day. Each task lands the
day, or defers to the triggerer until it is available, up to a week.

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
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    # Without start and end each run lands its own day. The vendor corrects a day for two weeks, so the 14 days before
    # are read again, and those that changed are written again.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        restate_days=14,
        on_unavailable="wait",
        deferrable=True,
    ).expand(dataset=["users", "summaries"])
