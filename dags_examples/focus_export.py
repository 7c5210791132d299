# SPDX-License-Identifier: Apache-2.0
"""The AI spend of a closed month as a FOCUS file, for the tools that already read the cloud's bills.

A run is made when its month ends. The sensor waits in the triggerer until the last day of the month is final, 30 days
later. Then the month lands, with its tokens, and is written to ``focus/`` in the lake as FOCUS 1.2 Cost and Usage rows.
The notes of the file are in the task's log.

Needs the connections ``claude_enterprise_analytics_default`` and ``perplexity_analytics_default``, the Airflow variable
``ai_lake``, this package's extra ``parquet`` and a triggerer. Airflow 2.11 or newer.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor

log = logging.getLogger(__name__)

SETTINGS = """
[claude_enterprise]
table = "focus_cost"

[perplexity]
table = "focus_credits"
billing_account_id = "your account"
credit_price_usd = "0.01"  # of your contract
"""
"""What no API serves."""

GROUPS = ["product", "model", "context_window", "inference_geo", "speed"]

with DAG(
    dag_id="focus_export",
    schedule=CronDataIntervalTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(hours=1)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    final = ClaudeEnterpriseAnalyticsSensor(
        task_id="is_final",
        dataset="cost_report",
        until="final",
        deferrable=True,
        timeout=timedelta(days=40).total_seconds(),
    )
    cost = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="cost",
        dataset="cost_report",
        group_by=[*GROUPS, "cost_type", "token_type"],
        on_cap="split",
        table="focus_cost",
        path="{{ var.value.ai_lake }}",
    )
    tokens = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="tokens",
        dataset="usage_report",
        group_by=GROUPS,
        on_cap="split",
        table="focus_tokens",
        path="{{ var.value.ai_lake }}",
    )
    used = PerplexityAnalyticsToObjectStorageOperator(
        task_id="credits",
        dataset="credit_usage",
        table="focus_credits",
        path="{{ var.value.ai_lake }}",
    )

    @task
    def export(landed: Any, lake: str) -> str:
        """Return the file of the month."""
        from airflow_provider_aianalytics.focus.export import (
            export,
        )  # not at the top: a DAG file is parsed over and over
        from airflow_provider_aianalytics.focus.settings import parse_settings

        month = landed["start"][:7]
        found = export(lake, month=month, settings=parse_settings(SETTINGS))
        for note in found.notes:
            log.info("%s", note)
        file = ObjectStoragePath(lake) / "focus" / f"{month}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(found.parquet())
        return str(file)

    final >> [cost, tokens, used] >> export(cost.output, "{{ var.value.ai_lake }}")
