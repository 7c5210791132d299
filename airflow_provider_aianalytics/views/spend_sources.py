# SPDX-License-Identifier: Apache-2.0
"""Which tables of a lake have what was spent: cuts whose rows add up, and those that have the total."""

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


def spend_tables(lake: Lake) -> list[list[SpendTable]]:
    """The tables of each vendor that has any, those with the most detail first.

    Tables of filtered rows and of overlapping groups are left out: their rows do not add up.
    """
    return [found for vendor in VENDORS.values() if (found := _of_vendor(lake, vendor))]


def totals_of(tables: list[SpendTable]) -> list[SpendTable]:
    """Those of a vendor's tables that can have the organization's total, the preferred one first.

    The vendor can leave out groups of a grouped table, and nothing of one without groups.
    """
    totals = (one for one in tables if one.fields.is_whole)
    return sorted(totals, key=lambda one: (not one.source.grouped_by, one.source.number_of_days), reverse=True)


def _of_vendor(lake: Lake, vendor: Vendor) -> list[SpendTable]:
    found = [
        SpendTable(source, fields)
        for fields in vendor.answers.spend
        for source in lake.sources
        if source.dataset is vendor.datasets[fields.dataset] and source.is_whole
    ]
    return sorted(found, key=lambda one: one.detail, reverse=True)
