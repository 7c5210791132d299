# SPDX-License-Identifier: Apache-2.0
"""Needs Airflow 3.0 or newer: a run as soon as the vendor has a new day, made by the day and not by a clock.

The triggerer watches the dataset for a few requests a day, and each new day is an event of the asset. Other DAGs may be
scheduled by the same asset. From Airflow 3.3 on the asset remembers which day it told last, so that days which appeared
while no triggerer ran are told of too; before, only the latest of them is.

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
    tags=["ai-analytics"],
) as dag:

    @task
    def days(triggering_asset_events: Any = None) -> list[str]:
        """The days of the events that made this run; several, when they came while no run could be made."""
        return sorted({event.extra["payload"]["day"] for event in triggering_asset_events[NEW_DAY]})

    # The engagement datasets are aggregated together, so one watcher is enough.
    ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
        task_id="land", path="{{ var.value.ai_lake }}", on_unavailable="wait"
    ).expand(dataset=["users", "summaries", "skills"], start=days())
