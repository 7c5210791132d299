# SPDX-License-Identifier: Apache-2.0
"""An alert when a day cost more than a limit, with the most expensive product. Nothing lands.

The few records pass through XCom. The amounts are decimal strings of cents and never become floats.

Needs the connection ``claude_enterprise_analytics_default``. Airflow 2.11 or newer.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

log = logging.getLogger(__name__)


def dollars(records: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(record["amount"]) for record in records), Decimal(0)) / 100


with DAG(
    dag_id="claude_enterprise_spend_alert",
    # Cost is available about four hours after the end of a day.
    schedule=DataAvailabilityTimetable(lag=timedelta(hours=4), at=time(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(hours=1)},
    params={"limit_usd": 500},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    spend = ClaudeEnterpriseAnalyticsOperator(task_id="spend", dataset="cost_report", group_by=["product"])

    @task.short_circuit
    def is_too_much(records: Any, limit_usd: str) -> bool:
        return dollars(records) > Decimal(limit_usd)

    @task
    def alert(records: Any) -> str:
        most = max(records, key=lambda record: Decimal(record["amount"]))
        text = (
            f"{most['_date']} cost US$ {dollars(records):,.2f}, most of it {most['product']} ({dollars([most]):,.2f})"
        )
        log.warning(text)  # your notifier goes here
        return text

    is_too_much(spend.output, "{{ params.limit_usd }}") >> alert(spend.output)
