# SPDX-License-Identifier: Apache-2.0
"""A backfill from 2026-01-01 on with one run for each day, for datasets that the vendor serves by single days.

With ``catchup`` the scheduler makes a run for each day since the first. The vendor corrects a day for two weeks, so the
run of a day is made after these, when the day is final, and each day is read once. Newer days are those of a daily DAG
with ``restate_days=14``, such as ``claude_enterprise_sensor``.

A day of six datasets takes six requests or a few more. At 60 requests a minute that is ten days a minute, about half an
hour for 2026. ``max_active_tasks`` leaves workers and budget to other DAGs; a pool does the same for several DAGs.

Needs the connection ``claude_enterprise_analytics_default`` and the Airflow variable ``ai_lake``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="backfill_by_day",
    schedule=DataAvailabilityTimetable(lag=timedelta(days=14)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=True,
    max_active_runs=4,
    max_active_tasks=4,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=2)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        # A wait of more than a minute for the budget frees the worker.
        deferrable=True,
    ).expand(dataset=["users", "chat_projects", "skills", "connectors", "plugins", "artifacts"])
