# SPDX-License-Identifier: Apache-2.0
"""The words in which a vendor says how its rows become charges: money for a period, of one SKU.

Like the catalogue this is data and pure rules over rows: no Airflow, no files, no clock. The FOCUS export reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_provider_aianalytics.vendors.prices import PriceList

Row = Mapping[str, Any]
"""A landed row by the paths of the catalogue's columns: amounts as decimals, moments in UTC."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What no API of a vendor serves about its charges. A person writes it down.

    :param billing_account_id: the account that is billed; ``None``: the organization that the manifests name.
    :param billing_account_name: its name, for people.
    :param invoice_issuer: who sends the invoice; ``None``: the vendor.
    :param is_prepaid: whether usage is paid before, or to a third party such as a marketplace, so that it is on no
        invoice of its own; ``None``: as the vendor usually does.
    :param table: the table whose rows become charges; ``None``: the most detailed one that covers the month.
    :param prices: prices by name.
    """

    billing_account_id: str | None = None
    billing_account_name: str | None = None
    invoice_issuer: str | None = None
    is_prepaid: bool | None = None
    table: str | None = None
    prices: Mapping[str, PriceList] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Money for the use of one SKU in one period. All amounts are exact US dollars.

    :param start: the first moment of the period, UTC.
    :param end: its end, exclusive, UTC.
    :param list_cost: before any discount.
    :param contracted_cost: after the negotiated discount.
    :param effective_cost: after everything, also after what was given for free.
    :param quantity: what was priced, in ``unit``; ``None`` where the vendor does not say.
    :param unit: the unit of the quantity, in the notation of FOCUS.
    :param consumed: what was consumed, in ``consumed_unit``; ``None`` where the vendor does not say.
    :param consumed_unit: the unit of the consumption.
    :param service: the name of the service.
    :param sku: what was used.
    :param sku_price: what was used, with everything that changes its price.
    :param meter: what the SKU counts.
    :param description: the charge in a few words.
    :param pricing_category: how the price came to be, as FOCUS says it.
    :param list_unit_price: the price of one unit before discounts, where it is known.
    :param contracted_unit_price: the price of one unit after the negotiated discount, where it is known.
    :param virtual_currency: the currency of the vendor's own in which the quantity is paid.
    :param region: id and name of the region, where there is one.
    :param price_details: the names of those ``details`` that change the price.
    :param details: what FOCUS has no column for, by name.
    :param is_residual: whether it stands for what no row of the table shows.
    """

    start: datetime
    end: datetime
    list_cost: Decimal = ZERO
    contracted_cost: Decimal = ZERO
    effective_cost: Decimal = ZERO
    quantity: Decimal | None = None
    unit: str | None = None
    consumed: Decimal | None = None
    consumed_unit: str | None = None
    service: str
    sku: str
    sku_price: str
    meter: str
    description: str
    pricing_category: str = "Standard"
    list_unit_price: Decimal | None = None
    contracted_unit_price: Decimal | None = None
    virtual_currency: str | None = None
    region: tuple[str, str] | None = None
    price_details: tuple[str, ...] = ()
    details: Mapping[str, str | None] = field(default_factory=dict)
    is_residual: bool = False


Usage = Callable[[Row], Row | None]
"""The row of the companion dataset for the same bucket and group, ``None`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRule:
    """How the rows of one dataset become charges.

    :param dataset: the dataset's name.
    :param read: the charges of one day's rows.
    :param residual: a charge without money and details, for a period: what no row shows.
    :param measured: which part of the dataset's measure a charge stands for. The sum over a day is the total of its
        manifest.
    :param amounts: the columns with money and counts. A table that hides one of them is not read.
    :param totals: the datasets whose tables can say what the whole organization came to, in the same measure.
    :param is_whole: whether an uncapped table has all of the organization's charges; by member, some belong to nobody.
    :param quantities: the dataset that has the quantities of the same buckets and groups, where it is another.
    :param quantity_dimensions: the dimensions that the two have in common.
    :param person: the columns that name a person. They are in no charge, unless the table has them as pseudonyms.
    """

    dataset: str
    read: Callable[[Iterable[Row], Usage, Terms], Iterator[Charge]]
    residual: Callable[[datetime, datetime], Charge]
    measured: Callable[[Charge], Decimal]
    amounts: tuple[str, ...]
    totals: tuple[str, ...]
    is_whole: bool = True
    quantities: str | None = None
    quantity_dimensions: tuple[str, ...] = ()
    person: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCharges:
    """How a vendor's rows become charges.

    :param provider: who sells the service.
    :param rules: the rules, the preferred dataset first.
    :param is_prepaid: whether usage is usually on no invoice of its own.
    :param required_prices: prices without which there is no cost.
    :param optional_prices: further prices.
    :param notes: what a reader of the charges must know.
    """

    provider: str
    rules: tuple[ChargeRule, ...]
    is_prepaid: bool = False
    required_prices: tuple[str, ...] = ()
    optional_prices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rule(self, dataset: str) -> ChargeRule | None:
        return next((rule for rule in self.rules if rule.dataset == dataset), None)
