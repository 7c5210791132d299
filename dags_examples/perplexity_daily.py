# SPDX-License-Identifier: Apache-2.0
"""What Perplexity Computer was used for: a day of each dataset lands every day, one mapped task for each.

Needs the connection ``perplexity_analytics_default`` (type Perplexity Analytics, the organization's Analytics
API key as its password) and the Airflow variable ``ai_lake`` with the lake's URL, such as ``s3://aws_default@lake/ai``.
Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator

with DAG(
    dag_id="perplexity_daily",
    schedule=CronTriggerTimetable("0 12 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    # One request at a time: the vendor publishes no rate limit.
    max_active_tasks=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    # The vendor syncs periodically and a recent zero can be filled later, so the three days before are read again.
    PerplexityAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        start=-1,
        end=0,
        restate_days=3,
    ).expand(dataset=["credit_usage", "member_credit_usage", "connectors", "task_durations"])
