# SPDX-License-Identifier: Apache-2.0
"""The view of adoption: seats, and the members active in trailing days."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_aianalytics.vendors.answers import AdoptionFields
from airflow_provider_aianalytics.vendors.registry import VENDORS
from airflow_provider_aianalytics.views.daily_active import activity_tables
from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.landed_days import is_one_of
from airflow_provider_aianalytics.views.sql import View

NAME = "adoption"
SPANS = (1, 7, 28)
"""The trailing days, the day itself among them, in which members are counted."""
_RATE = "decimal(9, 4)"
_COLUMNS = {
    "date": "The UTC day.",
    "vendor": "The vendor's name.",
    "seats": "The assigned seats, null where the vendor does not say.",
    **{
        f"active_{days}d": f"Different members active in the {days} days that end with the day; null where not all of "
        "them have landed and the vendor gives no figure."
        for days in SPANS
    },
    **{f"rate_{days}d": f"active_{days}d in percent of the seats, rounded to 4 decimals." for days in SPANS},
    "is_final": "Whether the vendor will not restate the day any more; the days before it are final earlier.",
}


@dataclass(frozen=True, slots=True)
class AdoptionTable:
    """A table that says how many seats there are."""

    source: Source
    fields: AdoptionFields


def adoption(lake: Lake) -> View | None:
    """The view; ``None`` where nothing says how many were active."""
    seats = _tables(lake)
    members = [one.source for one in activity_tables(lake) if one.has_members]
    if not seats and not members:
        return None
    given = " union all ".join(map(_given, seats)) or _NOTHING
    query = f"""
        with given as ({given}),
        days as (
            select date, vendor from given union select date, vendor from daily_active where member is not null
        ),
        counted as (
            select days.date, days.vendor, {_distinct_members()}
            from days join daily_active as active
                on active.vendor = days.vendor and date_diff('day', active.date, days.date) between 0 and 27
            where active.member is not null
            group by days.date, days.vendor
        ),
        ages as (
            select days.date, days.vendor, date_diff('day', landed.first_date, days.date) as oldest,
                date_diff('day', landed.last_date, days.date) as newest, landed.is_final
            from days join landed_days as landed on landed.vendor = days.vendor
            where {is_one_of(members)}
        ),
        landed_spans as (select date, vendor, {_landed_spans()} from ages group by date, vendor),
        states as (
            select days.date, days.vendor, min(case when landed.is_final then 1 else 0 end) as is_final
            from days join landed_days as landed on landed.vendor = days.vendor
                and days.date between landed.first_date and landed.last_date
            where {is_one_of([*members, *(one.source for one in seats)])}
            group by days.date, days.vendor
        ),
        figures as (
            select days.date, days.vendor, given.seats, {_figures()}, states.is_final = 1 as is_final
            from days join states on states.vendor = days.vendor and states.date = days.date
                left join given on given.vendor = days.vendor and given.date = days.date
                left join counted on counted.vendor = days.vendor and counted.date = days.date
                left join landed_spans as landed on landed.vendor = days.vendor and landed.date = days.date
        )
        select date, vendor, seats, {", ".join(f"active_{days}d" for days in SPANS)}, {_rates()}, is_final from figures
    """
    return View(NAME, query, "Seats and members active in trailing days, by day and vendor.", _COLUMNS)


_NOTHING = (
    "select cast(null as date) as date, cast(null as text) as vendor, cast(null as bigint) as seats, "
    + ", ".join(f"cast(null as bigint) as given_{days}d" for days in SPANS)
    + " where false"
)


def _tables(lake: Lake) -> list[AdoptionTable]:
    """One table for each vendor that has any."""
    found = [
        AdoptionTable(source, fields)
        for vendor in VENDORS.values()
        for fields in vendor.answers.adoption
        for source in lake.sources
        if source.dataset is vendor.datasets[fields.dataset] and source.is_whole
    ]
    return list({table.source.dataset.vendor: table for table in reversed(found)}.values())


def _given(table: AdoptionTable) -> str:
    """The vendor's own figures; none for a span that it does not count."""
    dataset, active = table.source.dataset, table.fields.active
    spans = ", ".join(
        f"{dataset.column(active[days]).name if days in active else 'cast(null as bigint)'} as given_{days}d"
        for days in SPANS
    )
    seats = dataset.column(table.fields.seats).name
    return f"select date, '{dataset.vendor}' as vendor, {seats} as seats, {spans} from {table.source.name}"


def _distinct_members() -> str:
    return ", ".join(
        f"count(distinct case when date_diff('day', active.date, days.date) < {days} then active.member end)"
        f" as counted_{days}d"
        for days in SPANS
    )


def _landed_spans() -> str:
    """How many of the trailing days have landed: of each run of days those that are neither too old nor too new."""
    return ", ".join(
        f"sum(case when oldest >= 0 and newest < {days} then"
        f" (case when oldest < {days - 1} then oldest else {days - 1} end)"
        f" - (case when newest > 0 then newest else 0 end) + 1 else 0 end) as landed_{days}d"
        for days in SPANS
    )


def _figures() -> str:
    return ", ".join(
        f"coalesce(given.given_{days}d, case when landed.landed_{days}d = {days} then"
        f" coalesce(counted.counted_{days}d, 0) end) as active_{days}d"
        for days in SPANS
    )


def _rates() -> str:
    return ", ".join(
        f"cast(cast(active_{days}d * 100 as decimal(18, 4)) / nullif(seats, 0) as {_RATE}) as rate_{days}d"
        for days in SPANS
    )
