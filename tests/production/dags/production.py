# SPDX-License-Identifier: Apache-2.0
"""The DAGs of a data platform team: all 24 datasets backfilled once, then landed and restated every day."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

ENGAGEMENT = ["users", "chat_projects", "skills", "connectors", "plugins", "artifacts", "summaries"]
REPORTS = ["user_usage_report", "user_cost_report", "usage_report", "cost_report", "usage", "cost"]
PERPLEXITY = [
    "credit_usage",
    "connectors",
    "artifacts",
    "skills",
    "spaces",
    "workflows",
    "task_durations",
    "query_volume",
    "daily_active_users",
    "member_credit_usage",
    "member_query_volume",
]
LAND = {"task_id": "land", "path": "{{ var.value.ai_lake }}", "deferrable": True}
# The pool keeps the year from crowding out the days.
POOLED = {"path": "{{ var.value.ai_lake }}", "deferrable": True, "pool": "ai_analytics"}
# Before everything else that wants a slot.
RETRIES = {"retries": 8, "retry_delay": timedelta(minutes=10), "priority_weight": 10}

with DAG(dag_id="backfill", schedule=None, start_date=datetime(2026, 1, 1), default_args=RETRIES) as backfill:
    period = {"start": "{{ dag_run.conf['start'] }}", "end": "{{ dag_run.conf['end'] }}"}
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(task_id="claude", **POOLED, **period).expand(
        dataset=[*REPORTS, *ENGAGEMENT]
    )
    PerplexityAnalyticsToObjectStorageOperator.partial(task_id="perplexity", **POOLED, **period).expand(
        dataset=[*reversed(PERPLEXITY)]
    )

# Adoption is not restated, and reports are for 30 days: a week more mends what runs left out that failed meanwhile.
with DAG(
    dag_id="engagement",
    schedule=DataAvailabilityTimetable(lag=timedelta(0)),
    start_date=datetime(2026, 1, 1),
    default_args=RETRIES,
    catchup=True,
) as engagement:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(**LAND, on_unavailable="wait", restate_days=7).expand(
        dataset=ENGAGEMENT
    )

with DAG(
    dag_id="reports",
    schedule=DataAvailabilityTimetable(lag=timedelta(hours=4), at=time(0)),
    start_date=datetime(2026, 1, 1),
    default_args=RETRIES,
    catchup=True,
) as reports:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(**LAND, on_unavailable="wait", restate_days=37).expand(
        dataset=REPORTS
    )

with DAG(
    dag_id="perplexity",
    schedule=DataAvailabilityTimetable(lag=timedelta(hours=6), at=time(0)),
    start_date=datetime(2026, 1, 1),
    default_args=RETRIES,
    catchup=True,
) as perplexity:
    PerplexityAnalyticsToObjectStorageOperator.partial(**LAND, on_unavailable="wait", restate_days=7).expand(
        dataset=PERPLEXITY
    )
