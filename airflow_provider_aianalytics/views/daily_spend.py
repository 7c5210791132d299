# SPDX-License-Identifier: Apache-2.0
"""The view of spend: of each vendor and day one cut whose rows add up, and what it lacks of the total."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_aianalytics.storage.typed.schema import BREAKDOWN, EXTRA
from airflow_provider_aianalytics.vendors.answers import Credits
from airflow_provider_aianalytics.vendors.prices import PriceList
from airflow_provider_aianalytics.views.landed import Lake, Source
from airflow_provider_aianalytics.views.members import member_sql
from airflow_provider_aianalytics.views.prices import price_sql
from airflow_provider_aianalytics.views.spend_sources import SpendTable, spend_tables, totals_of
from airflow_provider_aianalytics.views.sql import USD, View, text
from airflow_provider_aianalytics.views.typed_view import CURRENCY, currency_of, usd_name

NAME = "daily_spend"
NO_PRICE = "no price of a credit is known: make the views with --credit-price-usd"
NO_SOURCE = "the vendor does not say whether these credits are paid"
NOT_EXACT = "an amount has more digits than the view: see the view of its table"
NOT_DOLLARS = "'the amount is in ' || {} || ' and not in US dollars'"
UNATTRIBUTED = "unattributed"
_NULL = "cast(null as text)"
_COLUMNS = {
    "date": "The UTC day.",
    "vendor": "The vendor's name.",
    "product": "The product, null where the landed table is not grouped by it.",
    "model": "The model, null where the landed table is not grouped by it.",
    "member": "The member's address or pseudonym, or the vendor's id; null where it is not known.",
    "credit_source": "Who pays for credits: the vendor's category, or unattributed; null for money.",
    "credits": "The credits of vendors that count these, null for others.",
    "usd": "The spend in US dollars after discounts, exact; null where note says why.",
    "list_usd": "The spend in US dollars at list price, exact.",
    "note": "Why the money is null.",
    "is_rest": "Whether the row is what the organization's total has beyond the other rows of its day.",
    "is_final": "Whether the vendor will not restate the day any more, and it is complete.",
    "is_complete": "Whether the rows of the day add up to all that the organization spent.",
}


def daily_spend(lake: Lake, prices: PriceList | None) -> View | None:
    """The view; ``None`` where no table says what was spent."""
    vendors = spend_tables(lake)
    if not vendors:
        return None
    tables = {
        "amounts": _union(_rows(one, prices) for found in vendors for one in found),
        "cuts": _union(_ranks(found) for found in vendors),
        "landed": _LANDED,
        "details": _first_by("detail_rank"),
        "totals": _first_by("case when is_complete then 0 else 1 end, total_rank", where="total_rank is not null"),
        "rest": _REST,
        "spend": _SPEND,
        "states": _STATES,
    }
    named = ", ".join(f"{name} as ({query})" for name, query in tables.items())
    columns = ", ".join(f"spend.{name}" for name in _COLUMNS if name not in ("is_final", "is_complete"))
    query = f"""
        with {named}
        select {columns}, states.is_final = 1 as is_final, states.is_complete = 1 as is_complete
        from spend join states on states.vendor = spend.vendor and states.date = spend.date
    """
    return View(
        NAME, query, "Spend by day, vendor, product, model and member as far as these landed; rows add up.", _COLUMNS
    )


# --- the tables of each day -------------------------------------------------------------------------------------------


_LANDED = """
    select days.vendor, days.date, cuts.table_name, cuts.detail_rank, cuts.total_rank, landed_days.is_final,
        landed_days.is_complete
    from (select distinct vendor, date from amounts) as days
        join cuts on cuts.vendor = days.vendor
        join landed_days on landed_days.vendor = cuts.vendor and landed_days.table_name = cuts.table_name
            and days.date between landed_days.first_date and landed_days.last_date
"""
"""The landed tables of each day with spend."""


def _ranks(tables: list[SpendTable]) -> str:
    """The places of a vendor's tables: which one gives a day's rows, and which one its total."""
    totals = totals_of(tables)
    return _union(
        f"select '{one.source.dataset.vendor}' as vendor, {text(one.source.table)} as table_name,"
        f" {place} as detail_rank, cast({totals.index(one) if one in totals else 'null'} as integer) as total_rank"
        for place, one in enumerate(tables)
    )


def _first_by(order: str, where: str = "true") -> str:
    """The first landed table of each day in an order."""
    return f"""
        select vendor, date, table_name, is_final, is_complete
        from (
            select *, row_number() over (partition by vendor, date order by {order}) as place
            from landed where {where}
        ) as placed
        where place = 1
    """


_SAME_DAY = "{0}.vendor = {1}.vendor and {0}.date = {1}.date"
_IS_KNOWN = "(max(differences.note) is null or sum(differences.credits) is not null)"
_REST = f"""
    select date, vendor, {_NULL} as product, {_NULL} as model, {_NULL} as member, credit_source,
        cast(sum(differences.credits) as bigint) as credits,
        cast(case when {_IS_KNOWN} then sum(differences.usd) end as {USD}) as usd,
        cast(case when {_IS_KNOWN} then sum(differences.list_usd) end as {USD}) as list_usd,
        max(differences.note) as note
    from (
        select amounts.date, amounts.vendor, amounts.credit_source, signs.sign * amounts.credits as credits,
            signs.sign * amounts.usd as usd, signs.sign * amounts.list_usd as list_usd, amounts.note
        from totals
            join details on {_SAME_DAY.format("details", "totals")} and details.table_name <> totals.table_name
            join amounts on {_SAME_DAY.format("amounts", "totals")}
            join (select 1 as sign union all select -1) as signs
                on (signs.sign = 1 and amounts.table_name = totals.table_name)
                or (signs.sign = -1 and amounts.table_name = details.table_name)
    ) as differences
    group by date, vendor, credit_source
    having sum(differences.credits) <> 0 or not {_IS_KNOWN}
        or sum(differences.usd) <> 0 or sum(differences.list_usd) <> 0
"""
"""What the totals have beyond the detailed rows, on the days of the totals; null where any of these is null."""
_VALUES = "date, vendor, product, model, member, credit_source, credits, usd, list_usd, note"
_SPEND = f"""
    select {", ".join(f"amounts.{name}" for name in _VALUES.split(", "))}, false as is_rest
    from amounts join details
        on {_SAME_DAY.format("details", "amounts")} and details.table_name = amounts.table_name
    union all
    select {_VALUES}, true as is_rest from rest
"""
_NEGATIVE = " or ".join(f"sum(case when is_rest then {name} end) < 0" for name in ("credits", "usd", "list_usd"))
_STATES = f"""
    select days.vendor, days.date,
        case when days.is_exceeded = 0 and coalesce(totals.is_final, details.is_final) then 1 else 0 end as is_final,
        case when days.is_exceeded = 0 and days.is_partial = 0 and totals.is_complete then 1 else 0 end as is_complete
    from (
        select vendor, date, case when {_NEGATIVE} then 1 else 0 end as is_exceeded,
            max(case when credits is null and note is not null then 1 else 0 end) as is_partial
        from spend group by vendor, date
    ) as days
        join details on {_SAME_DAY.format("details", "days")}
        left join totals on {_SAME_DAY.format("totals", "days")}
"""
"""Whether the days are final and complete: as in the table of the total, or else of the rows.

A day whose rows exceed its total is neither, since one of the two tables is out of date. A day with money that is null
is not complete.
"""


# --- the rows of a table ----------------------------------------------------------------------------------------------


def _union(queries: Iterable[str]) -> str:
    return " union all ".join(queries)


def _rows(spend: SpendTable, prices: PriceList | None) -> str:
    """The rows of a table, one for each day, product, model, member and source of credits."""
    if spend.fields.credits:
        return _priced(spend, spend.fields.credits, prices)
    source, fields = spend.source, spend.fields
    paths = (fields.amount, fields.list_amount)
    amount, list_amount = (usd_name(source.dataset.column(path)) for path in paths)
    return f"""
        select date, '{source.dataset.vendor}' as vendor, product, model, member, {_NULL} as credit_source,
            cast(null as bigint) as credits, cast(case when note is null then sum({amount}) end as {USD}) as usd,
            cast(case when note is null then sum({list_amount}) end as {USD}) as list_usd, note,
            {text(source.table)} as table_name
        from (
            select date, {_dimension(source, fields.product)} as product, {_dimension(source, fields.model)} as model,
                {member_sql(source, fields.member)} as member, {amount}, {list_amount},
                {_why_null(source, paths)} as note
            from {source.name}
        ) as money
        group by date, product, model, member, note
    """


def _why_null(source: Source, paths: Iterable[str]) -> str:
    """Why the money of a row is null; null where it is not, or where the vendor has none."""
    amounts = [source.dataset.column(path) for path in paths]
    currency = currency_of(source.dataset, amounts[0])
    found = [f"when {currency.name} <> '{CURRENCY}' then {NOT_DOLLARS.format(currency.name)}"] if currency else []
    # What has no column is left in the last one, and of NDJSON it is the whole record.
    found += [
        f"when {usd_name(column)} is null and"
        f" ({column.name} is not null or ({EXTRA.name} ->> '$.{column.path}') is not null) then '{NOT_EXACT}'"
        for column in amounts
    ]
    return f"case {' '.join(found)} end"


def _priced(spend: SpendTable, kinds: Credits, prices: PriceList | None) -> str:
    """Credits as money: those that are paid for by their price, free ones 0, and null for those of unknown source."""
    price = price_sql(prices, "date")
    usd = (
        f"case credit_source when '{kinds.paid}' then cast(cast(credits as decimal(18, 0)) * ({price}) as {USD})"
        f" when '{kinds.free}' then cast(0 as {USD}) end"
    )
    note = (
        f"case when credit_source = '{kinds.free}' then null when credit_source <> '{kinds.paid}' then '{NO_SOURCE}'"
        f" when ({price}) is null then '{NO_PRICE}' end"
    )
    return f"""
        select date, '{spend.source.dataset.vendor}' as vendor, product, model, member, credit_source, credits,
            {usd} as usd, {usd} as list_usd, {note} as note, {text(spend.source.table)} as table_name
        from (
            select date, product, model, member, credit_source, cast(sum(counted.credits) as bigint) as credits
            from ({_credits(spend, kinds)}) as counted
            group by date, product, model, member, credit_source
            having sum(counted.credits) <> 0
        ) as sources
    """


def _credits(spend: SpendTable, kinds: Credits) -> str:
    """Credits by who pays for them, and those of the totals that no category has.

    Where the categories of a bucket come to more than its total, they do not say who paid for which credit.
    """
    source, fields = spend.source, spend.fields
    counted = source.dataset.column(source.dataset.measure or "")
    row_type, axis, category = (column.name for column in BREAKDOWN)
    keys = (column.name for column in source.dataset.columns if column != counted)
    bucket = f"over (partition by {', '.join(('date', *keys))})"
    shapes = " ".join(f"when lower(trim({axis})) = '{label}' then {at}" for at, label in enumerate(kinds.axes))
    label = f"case when {category} is null then '{UNATTRIBUTED}' else lower(trim({category})) end"
    # A category takes its credits out of those that belong to no source.
    signs = "select 1 as sign union all select -1"
    return f"""
        select date, '{fields.product_name}' as product, {_NULL} as model, member,
            signs.sign * {counted.name} as credits,
            case when {row_type} = 'category' and signs.sign = 1 then {label} else '{UNATTRIBUTED}' end as credit_source
        from (
            select *, sum(case when {row_type} = 'total' then {counted.name} end) {bucket} as whole,
                sum(case when shape = first_shape then {counted.name} end) {bucket} as attributed
            from (
                select *, min(shape) {bucket} as first_shape
                from (
                    select *, {member_sql(source, fields.member)} as member,
                        case when {row_type} = 'category' and {counted.name} <> 0 then case {shapes} end end as shape
                    from {source.name}
                ) as shaped
            ) as chosen
        ) as buckets cross join ({signs}) as signs
        where ({row_type} = 'total' and signs.sign = 1) or (shape = first_shape and attributed <= whole)
    """


def _dimension(source: Source, path: str) -> str:
    return source.dataset.column(path).name if path and source.has(path) else _NULL
