# SPDX-License-Identifier: Apache-2.0
"""From a charge to a FOCUS row."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.responses import parse_timestamp
from airflow_provider_aianalytics.focus.charges import DayCharges
from airflow_provider_aianalytics.focus.columns import FocusRow, own_name
from airflow_provider_aianalytics.focus.month import Month
from airflow_provider_aianalytics.focus.vendor_month import VendorMonth
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.vendors.charges import ZERO, Charge

CURRENCY = "USD"
LUMP = Decimal(1), "Units"
"""The quantity of a charge whose vendor gives none: FOCUS wants one on each row of usage."""


def focus_rows(found: VendorMonth, billed_in: Month) -> list[FocusRow]:
    """The rows of a vendor's charges.

    :param billed_in: the billing period, another one than that of the charges for corrections.
    :raises InvalidArgumentError: when nothing names the billing account.
    """
    assert found.vendor.charges is not None
    is_prepaid = found.vendor.charges.is_prepaid if found.terms.is_prepaid is None else found.terms.is_prepaid
    return [
        {**_constant(found, day.manifest, billed_in), **_origin(day), **_costs(charge, is_prepaid), **_what(charge)}
        for day in found.days
        for charge in day.charges
    ]


def _constant(found: VendorMonth, manifest: Manifest, billed_in: Month) -> FocusRow:
    assert found.vendor.charges is not None
    provider = found.vendor.charges.provider
    return {
        "BillingAccountId": _account(found, manifest),
        "BillingAccountName": found.terms.billing_account_name,
        "BillingCurrency": CURRENCY,
        "BillingPeriodStart": billed_in.start,
        "BillingPeriodEnd": billed_in.end,
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeFrequency": "Usage-Based",
        "InvoiceId": None,
        "InvoiceIssuerName": found.terms.invoice_issuer or provider,
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "x_SourceTable": found.cut.rows.label,
    }


def _account(found: VendorMonth, manifest: Manifest) -> str:
    account = found.terms.billing_account_id or manifest.organization_id
    if not account:
        raise InvalidArgumentError(
            "the API does not name the organization, and FOCUS needs a billing account",
            where=found.vendor.name,
            hint=f'Write billing_account_id = "…" below [{found.vendor.name}] in the settings (--config)',
        )
    return account


def _origin(day: DayCharges) -> FocusRow:
    refreshed_at = day.manifest.data_refreshed_at
    return {
        "x_IsFinal": day.is_final,
        "x_FetchedAt": parse_timestamp(day.manifest.fetched_at),
        "x_DataRefreshedAt": None if refreshed_at is None else parse_timestamp(refreshed_at),
    }


def _costs(charge: Charge, is_prepaid: bool) -> FocusRow:
    quantity, unit = (charge.quantity, charge.unit) if charge.quantity is not None else LUMP
    virtual = charge.virtual_currency is not None
    one = Decimal(1) if virtual and charge.list_unit_price is not None else None
    return {
        "BilledCost": ZERO if is_prepaid else charge.effective_cost,
        "ConsumedQuantity": charge.consumed,
        "ConsumedUnit": None if charge.consumed is None else charge.consumed_unit,
        "ContractedCost": charge.contracted_cost,
        "ContractedUnitPrice": charge.contracted_unit_price,
        "EffectiveCost": charge.effective_cost,
        "ListCost": charge.list_cost,
        "ListUnitPrice": charge.list_unit_price,
        "PricingCurrency": charge.virtual_currency or CURRENCY,
        "PricingCurrencyContractedUnitPrice": one,
        "PricingCurrencyEffectiveCost": quantity if virtual else charge.effective_cost,
        "PricingCurrencyListUnitPrice": one,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
    }


def _what(charge: Charge) -> FocusRow:
    region = charge.region or (None, None)
    price_details = {own_name(name): value for name in charge.price_details if (value := charge.details.get(name))}
    return {
        "ChargeDescription": charge.description,
        "ChargePeriodStart": charge.start,
        "ChargePeriodEnd": charge.end,
        "PricingCategory": charge.pricing_category,
        "RegionId": region[0],
        "RegionName": region[1],
        "ServiceName": charge.service,
        "SkuId": charge.sku,
        "SkuMeter": charge.meter,
        "SkuPriceDetails": json.dumps(price_details, ensure_ascii=False) if price_details else None,
        "SkuPriceId": charge.sku_price,
        "x_IsResidual": charge.is_residual,
        **{own_name(name): value or None for name, value in charge.details.items()},
    }


def period_of(row: FocusRow) -> Month:
    """The month in which a row's charge arose."""
    start: datetime = row["ChargePeriodStart"]
    return Month.of(start)
