# SPDX-License-Identifier: Apache-2.0
"""A backfill of the last 300 days in one run, for the datasets that the vendor serves by ranges of days.

A request takes up to 31 days of Claude and 90 of Perplexity, so ten months of a dataset are 10 requests and not 304:
that is why these are not backfilled by runs of a day. (Those by member take a request more for every further page.)
Rerun it at will: a day with the same content is not written again, and a retry keeps what its earlier tries landed.
Trigger it by hand, with other days if you like.

Needs the connections ``claude_enterprise_analytics_default`` and ``perplexity_analytics_default`` and the Airflow
variable ``ai_lake``. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator

# A run by hand may have no logical date since Airflow 3.
DAY = "(ds if ds is defined else dag_run.run_after | ds)"
DAYS = {
    "path": "{{ var.value.ai_lake }}",
    "start": "{{ params.start or macros.ds_add(" + DAY + ", -300) }}",
    "end": "{{ params.end or " + DAY + " }}",
}

with DAG(
    dag_id="backfill_in_one_run",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # The first day that lands, such as 2026-01-01, and the day after the last; empty for the 300 days before the run.
    params={"start": "", "end": ""},
    default_args={"retries": 5, "retry_delay": timedelta(minutes=2)},
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(task_id="claude", deferrable=True, **DAYS).expand(
        dataset=["summaries", "cost_report", "usage_report", "user_cost_report", "user_usage_report"]
    )
    PerplexityAnalyticsToObjectStorageOperator.partial(
        task_id="perplexity", deferrable=True, max_active_tis_per_dag=1, **DAYS
    ).expand(dataset=["credit_usage", "query_volume", "member_credit_usage", "member_query_volume"])
