# SPDX-License-Identifier: Apache-2.0
"""A backfill of the last 300 days in one run, for datasets that the vendor serves by ranges of days.

A request takes up to 31 days of Claude and 90 of Perplexity, so 300 days of a dataset are 10 requests instead of 300.
Datasets by member take another request for each further page. Run it as often as you like: a day with the same content
is not written again, and a retry keeps the days that landed before. Trigger it by hand, with other days if you like; by
default it ends with the latest day that the vendor is expected to have of every dataset.

Needs the connections ``claude_enterprise_analytics_default`` and ``perplexity_analytics_default`` and the Airflow
variable ``ai_lake``. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator

DAYS = {
    "path": "{{ var.value.ai_lake }}",
    "start": "{{ params.start }}",
    "end": "{{ params.end }}",
}

with DAG(
    dag_id="backfill_in_one_run",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # The first day and the day after the last: dates, or days relative to the run's own day.
    params={"start": Param(-300, type=["integer", "string"]), "end": Param(-4, type=["integer", "string"])},
    default_args={"retries": 5, "retry_delay": timedelta(minutes=2)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(task_id="claude", deferrable=True, **DAYS).expand(
        dataset=["summaries", "cost_report", "usage_report", "user_cost_report", "user_usage_report"]
    )
    PerplexityAnalyticsToObjectStorageOperator.partial(
        task_id="perplexity", deferrable=True, max_active_tis_per_dag=1, **DAYS
    ).expand(dataset=["credit_usage", "query_volume", "member_credit_usage", "member_query_volume"])
