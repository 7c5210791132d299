# SPDX-License-Identifier: Apache-2.0
"""A failed task when too many of a day's Perplexity tasks ran long, for whatever alerts you on failed tasks.

Needs the connection ``perplexity_analytics_default``. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task

from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="perplexity_duration_alert",
    # Six hours after the end of a day its zeros are real.
    schedule=DataAvailabilityTimetable(lag=timedelta(hours=6), at=time(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(hours=1)},
    params={"band": "> 1 h", "limit_percent": 40},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    durations = PerplexityAnalyticsOperator(task_id="durations", dataset="task_durations")

    @task
    def check(records: Any, band: str, limit_percent: str) -> float:
        """Return the percentage of the day's tasks in the band."""
        tasks = sum(record["count"] for record in records)
        in_band = sum(
            entry["count"]
            for record in records
            for entry in record["by_categories"].get("Duration", [])
            if entry["category"] == band
        )
        percent = 100 * in_band / tasks if tasks else 0.0
        if percent > float(limit_percent):
            raise AirflowFailException(
                f"{in_band} of {tasks} tasks ({percent:.0f} %) took {band} on {records[0]['_date']}; "
                f"the limit is {limit_percent} %"
            )
        return percent

    check(durations.output, "{{ params.band }}", "{{ params.limit_percent }}")
