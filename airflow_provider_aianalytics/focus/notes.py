# SPDX-License-Identifier: Apache-2.0
"""What a reader of an export must know: assumptions, totals, and where it leaves FOCUS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from airflow_provider_aianalytics.extraction.windows import days_text
from airflow_provider_aianalytics.focus.columns import FOCUS_VERSION
from airflow_provider_aianalytics.focus.tables import Cut
from airflow_provider_aianalytics.focus.vendor_month import VendorMonth
from airflow_provider_aianalytics.vendors.base import ColumnType, Vendor
from airflow_provider_aianalytics.vendors.charges import ZERO, Charge, Terms

GENERAL = (
    f"FOCUS {FOCUS_VERSION} Cost and Usage rows; the file has the shape of FOCUS and is not certified",
    "billing periods are calendar months, UTC",
    "rows of ChargeCategory Credit, Tax and Purchase are not in the file: no API has them",
    "SkuId and SkuPriceId are composed by this package: the APIs have none",
    "InvoiceId is null: the APIs know no invoices",
    "PricingCurrency can be Credits, which FOCUS allows and the official validator's check of ISO codes does not",
    "a charge of unknown quantity has the PricingQuantity 1 and the PricingUnit Units",
)


def source_notes(found: VendorMonth) -> Iterator[str]:
    """The notes about one vendor's charges."""
    yield from (f"PROVISIONAL: {line}" for line in found.problems)
    vendor, cut, days = found.vendor, found.cut, found.days
    assert vendor.charges is not None
    charges = [charge for day in days for charge in day.charges]
    measure = next(column for column in cut.rows.dataset.columns if column.path == cut.rows.dataset.measure)
    yield f"rows from {cut.rows.label}, grouped by {', '.join(cut.rows.group_by) or 'nothing'}"
    if cut.others:
        yield f"not added up with it: {', '.join(cut.others)}; choose another with table = in the settings"
    total = sum((day.total for day in days), ZERO)
    unit = "US cents" if measure.type is ColumnType.CENTS else measure.unit
    yield f"{measure.path} {total:f} {unit}: the total of the manifests of {_origin_of_totals(cut)}"
    if empty := [day.manifest.date for day in days if not day.charges]:
        yield f"days without a charge: {days_text(empty)}"
    yield from _completeness(cut, charges)
    if cut.quantities is not None:
        yield f"quantities from {cut.quantities.label}"
    yield from _settings(vendor, found.terms)
    yield from vendor.charges.notes


def _origin_of_totals(cut: Cut) -> str:
    if cut.totals is None:
        return cut.rows.label
    is_mixed = cut.rows.days_with_rests < cut.rows.manifests.keys()
    return f"{cut.rows.label}, of capped days {cut.totals.label}" if is_mixed else cut.totals.label


def _completeness(cut: Cut, charges: list[Charge]) -> Iterator[str]:
    residuals = [charge for charge in charges if charge.is_residual]
    if cut.rows.is_capped and cut.totals is not None:
        yield "the vendor left out groups of some buckets: what is left of the total is in rows with x_IsResidual"
    elif cut.rows.is_capped:
        yield "the vendor left out groups of some buckets, and no table has their total: costs are missing"
    if residuals:
        cost: Decimal = sum((charge.contracted_cost for charge in residuals), ZERO)
        yield f"{len(residuals)} rows with x_IsResidual, US$ {cost:f} of ContractedCost"
    if not cut.rows.rule.is_whole and cut.totals is None:
        yield "usage that belongs to no member is not in the file: no table of the whole organization has landed"


def _settings(vendor: Vendor, terms: Terms) -> Iterator[str]:
    assert vendor.charges is not None
    account = "the settings" if terms.billing_account_id else "the organization that the manifests name"
    issuer = terms.invoice_issuer or f"{vendor.charges.provider} (assumed)"
    yield f"BillingAccountId is {account}; InvoiceIssuerName is {issuer}"
    prepaid = vendor.charges.is_prepaid if terms.is_prepaid is None else terms.is_prepaid
    origin = "assumed" if terms.is_prepaid is None else "from the settings"
    yield f"BilledCost is {'0, for usage is prepaid' if prepaid else 'EffectiveCost, billed in arrears'} ({origin})"
    for name, prices in terms.prices.items():
        known = ", ".join(
            f"{price:f}" if first == date.min else f"{price:f} from {first}" for first, price in prices.prices
        )
        yield f"{name} is {known} (from the settings)"
