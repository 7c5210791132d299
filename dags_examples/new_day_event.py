# SPDX-License-Identifier: Apache-2.0
"""Needs Airflow 3.0 or newer: a run as soon as the vendor has a new day, instead of a run by the clock.

The triggerer polls the dataset with a few requests a day, and each new day is an event of the asset. Other DAGs can be
scheduled by the same asset. From Airflow 3.3 on the asset stores the last day, so days that appeared while no triggerer
ran get their events too; before, only the latest of them does.

Needs the connection ``claude_enterprise_analytics_default``, the Airflow variable ``ai_lake`` and a triggerer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task
from airflow.sdk import AssetWatcher

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.triggers.new_day import NewDayTrigger

NEW_DAY = Asset(
    name="claude_enterprise_new_day",
    watchers=[
        AssetWatcher(
            name="users",
            trigger=NewDayTrigger(vendor="claude_enterprise", dataset="users"),
        )
    ],
)

with DAG(
    dag_id="new_day_event",
    schedule=[NEW_DAY],
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:

    @task
    def days(triggering_asset_events: Any = None) -> list[str]:
        """Return the days of the events that made this run: several if they came while another run was active."""
        return sorted({event.extra["payload"]["day"] for event in triggering_asset_events[NEW_DAY]})

    # The engagement datasets are aggregated together, so one watcher is enough.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land",
        path="{{ var.value.ai_lake }}",
        # The vendor corrects a day for two weeks.
        restate_days=14,
        on_unavailable="wait",
    ).expand(dataset=["users", "summaries", "skills"], start=days())
