# SPDX-License-Identifier: Apache-2.0
"""Which tables of a lake say what was spent: for each vendor one cut whose rows add up, and the total."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_aianalytics.vendors.answers import SpendFields
from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.registry import VENDORS
from airflow_provider_aianalytics.views.landed import Lake, Source


@dataclass(frozen=True, slots=True)
class SpendTable:
    """A table that says what was spent."""

    source: Source
    fields: SpendFields

    @property
    def has_members(self) -> bool:
        return any(map(self.source.has, self.fields.member))

    @property
    def detail(self) -> tuple[bool, bool, int, int]:
        """How much its rows say: the more the greater. Pseudonyms come before names, so that they join others."""
        dimensions = (self.fields.product, self.fields.model)
        named = sum(bool(path) and self.source.has(path) for path in dimensions)
        return self.has_members, self.source.hides(self.fields.member), named, self.source.number_of_days


@dataclass(frozen=True, slots=True)
class VendorSpend:
    """The tables of a vendor.

    :param detail: the table with the most detail.
    :param total: another one with the organization's total, ``None`` where there is none.
    """

    detail: SpendTable
    total: SpendTable | None


def spend_tables(lake: Lake) -> list[VendorSpend]:
    """The tables of each vendor that has any.

    Tables of filtered rows and of overlapping groups are left out: their rows do not add up.
    """
    return [spend for vendor in VENDORS.values() if (spend := _of_vendor(lake, vendor)) is not None]


def _of_vendor(lake: Lake, vendor: Vendor) -> VendorSpend | None:
    found = [
        SpendTable(source, fields)
        for fields in vendor.answers.spend
        for source in lake.sources
        if source.dataset is vendor.datasets[fields.dataset] and source.is_whole
    ]
    if not found:
        return None
    detail = max(found, key=lambda one: one.detail)
    # The vendor can leave out groups of a grouped table, and nothing of one without groups.
    totals = (one for one in found if one.fields.is_whole)
    total = max(totals, key=lambda one: (not one.source.grouped_by, one.source.number_of_days), default=None)
    return VendorSpend(detail, None if total is detail else total)
