# SPDX-License-Identifier: Apache-2.0
"""What Perplexity Computer was used for: every dataset of one day lands every day, one mapped task for each.

Needs a connection ``perplexity_analytics_default`` (type Perplexity Analytics, the organization's Analytics API key as
its password) and the Airflow variable ``ai_lake`` with the lake's URL, for instance ``s3://aws_default@lake/ai``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator

with DAG(
    dag_id="perplexity_daily",
    schedule="0 12 * * *",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    # The organization's requests go one at a time: the vendor publishes no limit.
    max_active_tasks=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["ai-analytics"],
) as dag:
    # The store is synced now and then, and a recent zero may be filled later: three trailing days are read again.
    PerplexityAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        start="{{ macros.ds_add(ds, -1) }}",
        end="{{ ds }}",
        restate_days=3,
    ).expand(dataset=["credit_usage", "member_credit_usage", "connectors", "task_durations"])
