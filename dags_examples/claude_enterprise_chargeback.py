# SPDX-License-Identifier: Apache-2.0
"""Chargeback: cost by member and product, with pseudonyms instead of people.

Names are left out. Addresses and the vendor's user ids land as their HMAC-SHA-256, the same in every table and on every
day, so they join with a list of cost centres that was hashed with the same secret.

Needs the connection ``claude_enterprise_analytics_default`` with ``pseudonym_secret`` in its extra, the Airflow
variable ``ai_lake`` and this package's extra ``parquet``. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable

with DAG(
    dag_id="claude_enterprise_chargeback",
    schedule=DataAvailabilityTimetable(lag=timedelta(hours=4), at=time(0)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(hours=1)},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        dataset="user_cost_report",
        group_by=["product"],
        table="chargeback",
        path="{{ var.value.ai_lake }}",
        file_format="parquet",
        drop_fields=["actor.name"],
        pseudonymize_fields=["actor.user_id", "actor.email_address"],
        restate_days=30,
    )
