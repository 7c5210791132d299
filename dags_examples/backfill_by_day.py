# SPDX-License-Identifier: Apache-2.0
"""A backfill from 2026-01-01 on with one run a day, for the datasets that the vendor serves by single days.

With ``catchup`` the scheduler makes a run for each day since the first, and one for each new day from then on. A day of
six datasets takes six requests or a few more, so 60 a minute are ten days a minute, and 2026 takes about half an hour.
The pool keeps a backfill from taking the whole budget; in it one slot is one task that reads.

Needs the connection ``claude_enterprise_analytics_default``, the Airflow variable ``ai_lake`` and the pool
``ai_analytics``: ``airflow pools set ai_analytics 4 "shares 60 requests a minute"``. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="backfill_by_day",
    schedule=DataAvailabilityTimetable(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=True,
    max_active_runs=4,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=2)},
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        pool="ai_analytics",
        # A wait for the budget of more than a minute frees the worker.
        deferrable=True,
    ).expand(dataset=["users", "chat_projects", "skills", "connectors", "plugins", "artifacts"])
