# SPDX-License-Identifier: Apache-2.0
"""The columns of the export: those of FOCUS 1.2 Cost and Usage that landed costs can fill, then our own (``x_``)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

FocusRow = dict[str, Any]
"""A row by the names of columns: ``str``, ``Decimal``, ``datetime`` in UTC, ``bool``, and ``None`` for null."""

FOCUS_VERSION = "1.2"


class Kind(Enum):
    """The types of columns."""

    TEXT = "text"
    DECIMAL = "decimal"
    TIME = "time"
    FLAG = "flag"


class Role(Enum):
    """What a column is good for when rows are compared.

    A charge has an identity (``KEY``), sums (``SUM``) and an origin that changes from read to read (``ABOUT``).
    """

    KEY = "key"
    SUM = "sum"
    ABOUT = "about"


@dataclass(frozen=True, slots=True)
class FocusColumn:
    """One column.

    :param is_mandatory: whether FOCUS 1.2 wants it in each file.
    :param is_nullable: whether it may be null.
    """

    name: str
    kind: Kind
    role: Role = Role.ABOUT
    is_mandatory: bool = False
    is_nullable: bool = True


def _column(name: str, kind: Kind = Kind.TEXT, role: Role = Role.ABOUT) -> FocusColumn:
    return FocusColumn(name, kind, role, name in MANDATORY, name in NULLABLE)


MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}
NULLABLE = {
    "BillingAccountName",
    "ChargeClass",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "InvoiceId",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "RegionId",
    "RegionName",
    "SkuPriceDetails",
    "x_DataRefreshedAt",
}

COLUMNS = (
    _column("BilledCost", Kind.DECIMAL, Role.SUM),
    _column("BillingAccountId"),
    _column("BillingAccountName"),
    _column("BillingCurrency"),
    _column("BillingPeriodStart", Kind.TIME),
    _column("BillingPeriodEnd", Kind.TIME),
    _column("ChargeCategory", role=Role.KEY),
    _column("ChargeClass"),
    _column("ChargeDescription"),
    _column("ChargeFrequency"),
    _column("ChargePeriodStart", Kind.TIME, Role.KEY),
    _column("ChargePeriodEnd", Kind.TIME, Role.KEY),
    _column("ConsumedQuantity", Kind.DECIMAL, Role.SUM),
    _column("ConsumedUnit"),
    _column("ContractedCost", Kind.DECIMAL, Role.SUM),
    _column("ContractedUnitPrice", Kind.DECIMAL),
    _column("EffectiveCost", Kind.DECIMAL, Role.SUM),
    _column("InvoiceId"),
    _column("InvoiceIssuerName"),
    _column("ListCost", Kind.DECIMAL, Role.SUM),
    _column("ListUnitPrice", Kind.DECIMAL),
    _column("PricingCategory"),
    _column("PricingCurrency"),
    _column("PricingCurrencyContractedUnitPrice", Kind.DECIMAL),
    _column("PricingCurrencyEffectiveCost", Kind.DECIMAL, Role.SUM),
    _column("PricingCurrencyListUnitPrice", Kind.DECIMAL),
    _column("PricingQuantity", Kind.DECIMAL, Role.SUM),
    _column("PricingUnit"),
    _column("ProviderName", role=Role.KEY),
    _column("PublisherName"),
    _column("RegionId"),
    _column("RegionName"),
    _column("ServiceCategory"),
    _column("ServiceName", role=Role.KEY),
    _column("ServiceSubcategory"),
    _column("SkuId", role=Role.KEY),
    _column("SkuMeter"),
    _column("SkuPriceDetails"),
    _column("SkuPriceId", role=Role.KEY),
)
"""In the order of the file; the columns of :data:`OWN` and of the vendors' details come behind."""

OWN = (
    _column("x_IsResidual", Kind.FLAG, Role.KEY),
    _column("x_IsFinal", Kind.FLAG),
    _column("x_SourceTable", role=Role.KEY),
    _column("x_FetchedAt", Kind.TIME),
    _column("x_DataRefreshedAt", Kind.TIME),
)

_KNOWN = {column.name: column for column in (*COLUMNS, *OWN)}


def own_name(detail: str) -> str:
    """The column of a vendor's detail: ``x_ContextWindow`` for ``context_window``."""
    return "x_" + "".join(word.capitalize() for word in detail.split("_"))


def column_of(name: str) -> FocusColumn:
    """The column of that name; one that is not known is a vendor's detail."""
    return _KNOWN.get(name) or FocusColumn(name, Kind.TEXT, Role.KEY)


def columns_for(details: list[str]) -> tuple[FocusColumn, ...]:
    """All columns of a file.

    :param details: the names of the vendors' details in it.
    """
    return (*COLUMNS, *(column_of(own_name(name)) for name in details), *OWN)


SUMS = tuple(column.name for column in COLUMNS if column.role is Role.SUM)


def key_of(row: FocusRow, names: list[str]) -> tuple[object, ...]:
    """The identity of a charge, equal in each export of it.

    :param names: the key columns of all files that are compared.
    """
    return tuple(row.get(name) for name in names)
