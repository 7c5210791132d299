# SPDX-License-Identifier: Apache-2.0
"""How credits become charges. Section numbers are those of the wire contract.

The API counts whole credits and has no price (section 2.4). The source of a credit decides its money: a promotional one
costs nothing. Model and source are two breakdowns of the same credits, so only one of them can be added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from airflow_provider_aianalytics.vendors.charges import Charge, ChargeRule, Row, Terms, Usage, VendorCharges
from airflow_provider_aianalytics.vendors.perplexity.answers import CREDITS as KINDS

PROVIDER = "Perplexity"
SERVICE = "Perplexity Computer"
SKU = "computer-credits"
CREDITS = "Credits"
PROMO = KINDS.free
PRICE = "credit_price_usd"
CONTRACTED_PRICE = "contracted_credit_price_usd"


def _read(rows: Iterable[Row], usage: Usage, terms: Terms) -> Iterator[Charge]:
    for bucket in _by_bucket(rows):
        (total,) = (row for row in bucket if row["row_type"] == "total")
        count = total["count"] or 0
        sources = _sources(bucket)
        if sum(sources.values()) > count:  # categories that overlap do not say who paid for which credit
            sources = {}
        for source, number in sources.items():
            yield _charge(total, number, source, terms)
        if rest := count - sum(sources.values()):
            yield _charge(total, rest, None, terms)


def _sources(bucket: list[Row]) -> dict[str, int]:
    """The credits by who pays for them, of the first shape that has any: both shapes count the same credits."""
    for axis in KINDS.axes:
        found: dict[str, int] = {}
        for row in bucket:
            if row["row_type"] == "category" and _label(row["axis"]) == axis and row["count"]:
                source = _label(row["category"])
                found[source] = found.get(source, 0) + row["count"]
        if found:
            return found
    return {}


def _label(text: object) -> str:
    """A label as it is compared: they come in any case (section 2.4)."""
    return str(text).strip().casefold()


def _by_bucket(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """The rows of each bucket, and of each member of one: a total and its breakdowns, which follow it.

    Totals separate the members, since their addresses can be dropped.
    """
    buckets: list[list[Row]] = []
    for row in rows:
        if row["row_type"] == "total":
            buckets.append([])
        buckets[-1].append(row)
    return buckets


def _charge(bucket: Row, count: int, source: str | None, terms: Terms) -> Charge:
    """The charge of some credits.

    :param source: ``None`` for credits that the API attributes to no source.
    """
    day = bucket["start_time"].date()
    list_price, price = _price(terms, PRICE, day), _price(terms, CONTRACTED_PRICE, day)
    contracted = count * price
    credits_used = Decimal(count)
    return replace(
        _credits(bucket["start_time"], bucket["end_time"], source),
        list_cost=count * list_price,
        contracted_cost=contracted,
        effective_cost=Decimal(0) if source == PROMO else contracted,
        quantity=credits_used,
        consumed=credits_used,
        list_unit_price=list_price,
        contracted_unit_price=price,
    )


def _credits(start: datetime, end: datetime, source: str | None) -> Charge:
    return Charge(
        start=start,
        end=end,
        unit=CREDITS,
        consumed_unit=CREDITS,
        service=SERVICE,
        sku=SKU,
        sku_price=f"{SKU}/{source or 'unattributed'}",
        meter=CREDITS,
        description=f"Computer credits, {source or 'of no known source'}",
        pricing_category="Other" if source == PROMO else "Standard",
        virtual_currency=CREDITS,
        price_details=("credit_source",),
        details={"credit_source": source},
        is_residual=source is None,
    )


def _price(terms: Terms, name: str, day: date) -> Decimal:
    prices = terms.prices.get(name) or terms.prices[PRICE]
    price = prices.at(day)
    if price is None:
        # Imported here because the exceptions need Airflow, and provider discovery reads this folder without it.
        from airflow_provider_aianalytics.exceptions import InvalidArgumentError

        raise InvalidArgumentError(f"{name} has no price for {day}; its first is of {prices.prices[0][0]}")
    return price


_rule = partial(
    ChargeRule,
    read=_read,
    residual=partial(_credits, source=None),
    measured=lambda charge: charge.quantity or Decimal(0),
    amounts=("count",),
    totals=("credit_usage",),
)

CHARGES = VendorCharges(
    provider=PROVIDER,
    rules=(
        _rule(dataset="credit_usage"),
        _rule(dataset="member_credit_usage", is_whole=False, person=("user_email",)),
    ),
    is_prepaid=True,
    required_prices=(PRICE,),
    optional_prices=(CONTRACTED_PRICE,),
    notes=(
        "the API has no price: all money is credits times the price of the settings, and promotional credits have an "
        "effective cost of 0",
        "credits that the API attributes to no source are priced as paid ones, in rows with x_IsResidual; so are those "
        "of a source that is neither paid nor promotional, in rows of their own",
        "usage is charged by source; the breakdown by model covers the same credits and is not in the file",
    ),
)
