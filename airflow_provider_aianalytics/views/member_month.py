# SPDX-License-Identifier: Apache-2.0
"""The view of people: one row a person and month over all vendors."""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.registry import VENDORS
from airflow_provider_aianalytics.views.daily_active import activity_tables
from airflow_provider_aianalytics.views.landed import Lake
from airflow_provider_aianalytics.views.spend_sources import spend_tables
from airflow_provider_aianalytics.views.sql import USD, View

NAME = "member_month"
_MONTH = "cast(date_trunc('month', cast(date as date)) as date) as month"
_NO_SPEND = (
    f"cast(null as {USD}) as usd, cast(null as {USD}) as list_usd, cast(null as bigint) as credits,"
    " cast(null as text) as note"
)
_COLUMNS = {
    "month": "The first day of the month, UTC.",
    "member": "The member's address or pseudonym, the same over all vendors; else a vendor's id.",
    "active_days": "Days of the month on which the member was active with any vendor.",
    "usd": "The member's spend in US dollars over all vendors; what note is about is not in it.",
    "list_usd": "The same at list price.",
    "credits": "The member's credits, paid and free ones.",
    **{f"{name}_active_days": f"Active days with {vendor.title}." for name, vendor in VENDORS.items()},
    **{f"{name}_usd": f"Spend in US dollars with {vendor.title}." for name, vendor in VENDORS.items()},
    "note": "Why money is missing.",
    "is_final": "Whether all days that the row is made of are final; days that have not landed yet do not count.",
}


def member_month(lake: Lake) -> View | None:
    """The view; ``None`` where no table names members."""
    parts = []
    if any(one.has_members for tables in spend_tables(lake) for one in tables):
        columns = "cast(null as date) as active_date, vendor, member, usd, list_usd, credits, note, is_final"
        parts.append(f"select {_MONTH}, {columns} from daily_spend where member is not null")
    if any(one.has_members for one in activity_tables(lake)):
        columns = f"date as active_date, vendor, member, {_NO_SPEND}, is_final"
        parts.append(f"select {_MONTH}, {columns} from daily_active where member is not null")
    if not parts:
        return None
    days = ", ".join(
        f"count(distinct case when vendor = '{name}' then active_date end) as {name}_active_days" for name in VENDORS
    )
    money = ", ".join(f"sum(case when vendor = '{name}' then parts.usd end) as {name}_usd" for name in VENDORS)
    query = f"""
        with parts as ({" union all ".join(parts)})
        select month, member, count(distinct active_date) as active_days, sum(parts.usd) as usd,
            sum(parts.list_usd) as list_usd,
            cast(sum(parts.credits) as bigint) as credits, {days}, {money}, max(parts.note) as note,
            min(case when parts.is_final then 1 else 0 end) = 1 as is_final
        from parts group by month, member
    """
    return View(NAME, query, "One row a person and month over all vendors, by address or pseudonym.", _COLUMNS)
