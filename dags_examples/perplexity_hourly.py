# SPDX-License-Identifier: Apache-2.0
"""What Perplexity Computer was used for by hour, today included: each run lands the hours so far.

The day so far is marked incomplete and replaced by the next run. Yesterday is read again in the same request, since a
recent zero can mean "not synced yet". Distinct users of the hours do not add up to those of the day.

Needs the connection ``perplexity_analytics_default`` and the Airflow variable ``ai_lake``. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator

with DAG(
    dag_id="perplexity_hourly",
    schedule="15 * * * *",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    for dataset in ("credit_usage", "query_volume", "daily_active_users"):
        PerplexityAnalyticsToObjectStorageOperator(
            task_id=f"{dataset}_by_hour",
            dataset=dataset,
            bucket_width="1h",
            table=f"{dataset}_by_hour",
            path="{{ var.value.ai_lake }}",
            start=0,
            restate_days=1,
            on_unavailable="partial",
            keep_revisions=False,
        )
