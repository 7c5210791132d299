# SPDX-License-Identifier: Apache-2.0
"""All views of a lake as one script."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_aianalytics.vendors.prices import PriceList
from airflow_provider_aianalytics.views.adoption import adoption
from airflow_provider_aianalytics.views.daily_active import daily_active
from airflow_provider_aianalytics.views.daily_spend import daily_spend
from airflow_provider_aianalytics.views.files import STAGE, external_table
from airflow_provider_aianalytics.views.landed import Lake, read_lake
from airflow_provider_aianalytics.views.landed_days import landed_days
from airflow_provider_aianalytics.views.member_month import member_month
from airflow_provider_aianalytics.views.sql import BIGQUERY_DATASET, View, sqlglot
from airflow_provider_aianalytics.views.typed_view import typed_view

READABLE = {"bigquery": "gs", "athena": "s3"}
"""The object store that a database reads."""


def views_script(path: str, dialect: str, prices: PriceList | None = None) -> str:
    """The statements that create the views of what has landed, each ended by a semicolon.

    :param path: the lake: any URL that ``ObjectStoragePath`` takes.
    :param dialect: one of :data:`.sql.DIALECTS`.
    :param prices: what a paid credit costs; ``None`` leaves that money null.
    :raises InvalidArgumentError: when nothing has landed there, or sqlglot is not installed.
    """
    sqlglot()
    lake = read_lake(path)
    statements = [f"CREATE SCHEMA IF NOT EXISTS {BIGQUERY_DATASET}"] if dialect == "bigquery" else []
    statements += [statement for source in lake.sources for statement in external_table(lake, source, dialect)]
    for view in lake_views(lake, dialect, prices).values():
        statements += view.statements(dialect)
    return _notes(lake, dialect) + "".join(f"{statement};\n\n" for statement in statements).rstrip("\n") + "\n"


def lake_views(lake: Lake, dialect: str, prices: PriceList | None) -> Mapping[str, View]:
    """The views by name, each behind those that it reads."""
    found = [
        *(typed_view(lake, source, dialect) for source in lake.sources),
        landed_days(lake, dialect),
        daily_spend(lake, prices),
        daily_active(lake),
        member_month(lake),
        adoption(lake),
    ]
    return {view.name: view for view in found if view is not None}


def _notes(lake: Lake, dialect: str) -> str:
    """What must be there before the statements run, as comments."""
    if dialect == "snowflake":
        return (
            f"-- Needs a stage: CREATE STAGE {STAGE} URL = '{lake.uri('').rstrip('/')}/' STORAGE_INTEGRATION = ...;\n"
            "-- After days have landed: ALTER EXTERNAL TABLE ... REFRESH.\n\n"
        )
    needed = READABLE.get(dialect, lake.location.protocol)
    if lake.location.protocol != needed:
        return f"-- {dialect} reads {needed}:// only; copy the lake there and put its address into the statements.\n\n"
    return ""
