# SPDX-License-Identifier: Apache-2.0
"""The view of activity: who was active where, or how many were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airflow_provider_aianalytics.storage.typed.schema import BREAKDOWN
from airflow_provider_aianalytics.vendors.answers import ActivityFields
from airflow_provider_aianalytics.vendors.registry import VENDORS
from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.landed_days import is_one_of
from airflow_provider_aianalytics.views.members import member_sql
from airflow_provider_aianalytics.views.sql import View

NAME = "daily_active"
_COLUMNS = {
    "date": "The UTC day.",
    "vendor": "The vendor's name.",
    "surface": "The product in which somebody was active.",
    "member": "The member's address or pseudonym, or the vendor's id; null in rows that only count.",
    "active_members": "1 for a member; else how many were active, which must not be added over days or surfaces.",
    "is_final": "Whether the vendor will not restate the day any more, and it is complete.",
    "is_complete": "Whether the vendor's data covered the whole day.",
}


@dataclass(frozen=True, slots=True)
class ActivityTable:
    """A table that says who was active, or how many were."""

    source: Source
    fields: ActivityFields

    @property
    def has_members(self) -> bool:
        return any(map(self.source.has, self.fields.member))

    @property
    def is_pseudonymous(self) -> bool:
        return self.source.hides(self.fields.member)


def activity_tables(lake: Lake) -> list[ActivityTable]:
    """For each vendor the table with members and the one with counts, as far as they have landed."""
    chosen = []
    for vendor in VENDORS.values():
        found = [
            ActivityTable(source, fields)
            for fields in vendor.answers.activity
            for source in lake.sources
            if source.dataset is vendor.datasets[fields.dataset] and source.is_whole and not source.grouped_by
        ]
        # Pseudonyms come before names, so that they join those of spend.
        members = sorted((one for one in found if one.has_members), key=lambda one: not one.is_pseudonymous)
        counts = [one for one in found if not one.fields.member]
        chosen += [*members[:1], *counts[:1]]
    return chosen


def daily_active(lake: Lake) -> View | None:
    """The view; ``None`` where no table says who was active. On a day with members the counts are left out."""
    tables = activity_tables(lake)
    if not tables:
        return None
    members = [one.source for one in tables if one.has_members]
    rows = " union all ".join(_members(one) if one.has_members else _counts(one, members) for one in tables)
    query = f"""
        with active as ({rows})
        select active.date, active.vendor, active.surface, active.member, active.active_members, landed.is_final,
            landed.is_complete
        from active join landed_days as landed
            on landed.vendor = active.vendor and landed.table_name = active.table_name
            and active.date between landed.first_date and landed.last_date
    """
    return View(NAME, query, "Active members by day, vendor and surface; a count where members did not land.", _COLUMNS)


def _members(table: ActivityTable) -> str:
    source, fields = table.source, table.fields
    surfaces = " union all ".join(f"select '{surface}' as surface" for surface in fields.surfaces)
    conditions = " or ".join(
        f"(surfaces.surface = '{surface}' and ({' or '.join(f'{name} > 0' for name in _names(source, paths))}))"
        for surface, paths in fields.surfaces.items()
    )
    return f"""
        select distinct activity.date, '{source.dataset.vendor}' as vendor, surfaces.surface,
            {member_sql(source, fields.member)} as member, 1 as active_members, '{source.table}' as table_name
        from {source.name} as activity cross join ({surfaces}) as surfaces
        where ({conditions}){_totals_only(source)}
    """


def _counts(table: ActivityTable, members: list[Source]) -> str:
    source, fields = table.source, table.fields
    counts = " union all ".join(
        f"""
        select date, '{source.dataset.vendor}' as vendor, '{surface}' as surface, cast(null as text) as member,
            {name} as active_members, '{source.table}' as table_name
        from {source.name} where {name} > 0{_totals_only(source)}
        """
        for surface, paths in fields.surfaces.items()
        for name in _names(source, paths)
    )
    mine = [one for one in members if one.dataset.vendor == source.dataset.vendor]
    if not mine:
        return f"select * from ({counts}) as counts"
    return f"""
        select counts.* from ({counts}) as counts left join landed_days as landed
            on {is_one_of(mine)} and landed.vendor = counts.vendor
            and counts.date between landed.first_date and landed.last_date
        where landed.vendor is null
    """


def _names(source: Source, paths: tuple[str, ...]) -> Iterator[str]:
    return (source.dataset.column(path).name for path in paths)


def _totals_only(source: Source) -> str:
    return f" and {BREAKDOWN[0].name} = 'total'" if source.dataset.breakdown else ""
