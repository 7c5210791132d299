# SPDX-License-Identifier: Apache-2.0
"""Answers: what both vendors cost, who was active where, and each person's month, made anew when a table has changed.

The first DAG lands six tables every day, with pseudonyms instead of people. Each of its tasks gives an asset event when
days have changed, and any event makes a run of the second DAG. That run makes the SQL views of the lake in DuckDB and
stores the four that answer questions as tables of a database: ``daily_spend``, ``daily_active``, ``member_month`` and
``adoption``. The database is a DuckDB file here. To read a lake on S3, give DuckDB a secret before the views are made.

Needs the connections ``claude_enterprise_analytics_default`` and ``perplexity_analytics_default`` with the same
``pseudonym_secret`` in their extras, the Airflow variable ``ai_lake``, this package's extras ``parquet`` and ``views``,
and ``duckdb`` on the worker. Airflow 2.11 or newer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from tempfile import gettempdir
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_aianalytics.operators.claude_enterprise import ClaudeEnterpriseAnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.perplexity import PerplexityAnalyticsToObjectStorageOperator

MODELS = ("daily_spend", "daily_active", "member_month", "adoption")
SPEND = Asset(uri="x-ai-lake://answers/spend")
ACTIVITY = Asset(uri="x-ai-lake://answers/activity")
DEFAULTS: dict[str, Any] = {"path": "{{ var.value.ai_lake }}", "file_format": "parquet"}

with DAG(
    dag_id="answers_land",
    schedule=CronTriggerTimetable("0 13 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    doc_md=__doc__,
    tags=["ai-analytics"],
) as land:
    # The vendor restates spend for 30 days; these tasks read them again in one request.
    spend = {**DEFAULTS, "start": -1, "end": 0, "restate_days": 30, "outlets": [SPEND]}
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="spend", dataset="cost_report", table="answers_spend", **spend
    )
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="spend_by_member",
        dataset="user_cost_report",
        group_by=["product"],
        table="answers_spend_by_member",
        drop_fields=["actor.name"],
        pseudonymize_fields=["actor.email_address", "actor.user_id"],
        **spend,
    )
    # A request reads up to 90 days, so four weeks take no more of them than the three days that can change.
    credits_ = {**spend, "restate_days": 27}
    PerplexityAnalyticsToObjectStorageOperator(
        task_id="credits", dataset="credit_usage", table="answers_credits", **credits_
    )
    PerplexityAnalyticsToObjectStorageOperator(
        task_id="credits_by_member",
        dataset="member_credit_usage",
        table="answers_credits_by_member",
        pseudonymize_fields=["user_email"],
        **credits_,
    )
    # A day of activity is expected three days late. It is corrected for two weeks, and is a request of its own.
    activity = {**DEFAULTS, "start": -4, "end": -3, "restate_days": 14, "outlets": [ACTIVITY]}
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="activity",
        dataset="users",
        table="answers_activity",
        pseudonymize_fields=["user.email_address", "user.id"],
        **activity,
    )
    ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="seats", dataset="summaries", table="answers_seats", **activity
    )

with DAG(
    dag_id="answers",
    schedule=(SPEND | ACTIVITY),
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "warehouse": f"{gettempdir()}/ai_answers.duckdb",  # to try it; keep a database elsewhere
        "credit_price_usd": "0.01",  # the API names no price: write the one of your contract
    },
    doc_md=__doc__,
    tags=["ai-analytics"],
) as dag:

    @task
    def build(lake: str, warehouse: str, price: str) -> dict[str, int]:
        """Return the number of rows of each table."""
        # Not at the top: a DAG file is parsed over and over.
        from duckdb import connect

        from airflow_provider_aianalytics.views.prices import credit_prices
        from airflow_provider_aianalytics.views.script import views_script

        with connect() as database:
            database.execute(views_script(lake, "duckdb", credit_prices(price)))
            database.execute(f"attach '{warehouse}' as warehouse")
            for name in MODELS:
                database.execute(f"create or replace table warehouse.{name} as from {name}")
            return {name: len(database.table(f"warehouse.{name}")) for name in MODELS}

    build("{{ var.value.ai_lake }}", "{{ params.warehouse }}", "{{ params.credit_price_usd }}")
