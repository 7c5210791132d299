# SPDX-License-Identifier: Apache-2.0
"""Finds the landed table whose rows become charges, and the table that knows the total where rows are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from airflow_provider_aianalytics.coverage.landed_day import grouped_by, shows_everything
from airflow_provider_aianalytics.extraction.privacy import is_inside
from airflow_provider_aianalytics.extraction.responses import parse_timestamp
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.vendors.base import Dataset, Vendor
from airflow_provider_aianalytics.vendors.charges import ChargeRule

ANY_FORMAT = FileFormat("ndjson", "none")
"""Manifests name the files and their format; the reader of a table needs none."""


@dataclass(frozen=True)
class Source:
    """The days of one landed table of costs.

    :param manifests: the manifest of each landed day among those that are exported.
    """

    table: LakeTable
    dataset: Dataset
    rule: ChargeRule
    manifests: Mapping[date, Manifest]

    @property
    def name(self) -> str:
        return self.table.table

    @property
    def label(self) -> str:
        return f"{self.table.vendor}/{self.name}"

    @cached_property
    def query(self) -> dict[str, str | list[str]]:
        return next(iter(self.manifests.values())).query

    @cached_property
    def group_by(self) -> tuple[str, ...]:
        return grouped_by(self.dataset, self.query)

    @property
    def bucket_width(self) -> object:
        return self.query.get(self.dataset.bucket_width_parameter, self.dataset.default_bucket_width)

    @property
    def is_by_day(self) -> bool:
        return self.bucket_width == self.dataset.default_bucket_width

    @property
    def is_capped(self) -> bool:
        """Whether rows of a bucket may be left out."""
        return any(manifest.capped_buckets for manifest in self.manifests.values())

    @property
    def days_with_rests(self) -> set[date]:
        """The days whose rows may not add up to the whole organization."""
        if not self.rule.is_whole:
            return set(self.manifests)
        return {day for day, manifest in self.manifests.items() if manifest.capped_buckets}

    @property
    def pseudonymized(self) -> Collection[str]:
        """The fields with pseudonyms on each day."""
        fields = [set(manifest.pseudonymized_fields) for manifest in self.manifests.values()]
        return set.intersection(*fields)

    def problems(self, days: Iterable[date]) -> dict[date, str]:
        """Why days are not good for a close, by day; whether rows are left out of one is judged elsewhere."""
        found = {}
        for day in days:
            manifest = self.manifests.get(day)
            if manifest is None:
                found[day] = "missing"
            elif not manifest.capped_buckets and not manifest.complete:
                found[day] = "incomplete"
            elif not self.is_final(day):
                found[day] = "not final"
        return found

    def is_final(self, day: date) -> bool:
        """Whether a landed day stays as it is. Manifests call neither empty nor capped days final: here age decides."""
        manifest = self.manifests[day]
        if not manifest.capped_buckets and (manifest.rows or not manifest.complete):
            return manifest.final
        refreshed_at = manifest.data_refreshed_at
        return self.dataset.availability.is_final(
            day,
            read_at=parse_timestamp(manifest.fetched_at),
            refreshed_at=None if refreshed_at is None else parse_timestamp(refreshed_at),
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """What a vendor's charges are read from: rows, and the total that they must come to.

    :param rows: the table whose rows become charges.
    :param totals: the table with the whole organization's total of the days whose rows may be less; ``None`` where
        there is no such day, or no such table.
    :param quantities: the table with the quantities of the same groups.
    :param others: other tables that would have done.
    """

    rows: Source
    totals: Source | None = None
    quantities: Source | None = None
    others: tuple[str, ...] = ()

    def totals_of(self, day: date) -> Source | None:
        """The table with the total of a day, ``None`` where the rows are all there is or all that is known."""
        return self.totals if day in self.rows.days_with_rests else None

    def is_final(self, day: date) -> bool:
        """Whether a landed day stays as it is in each table that its charges are from."""
        return all(one.is_final(day) for one in (self.rows, self.totals_of(day), self.quantities) if one is not None)

    def problems(self, days: Iterable[date]) -> dict[str, dict[date, str]]:
        """Why days are not good for a close, by table and day."""
        wanted = list(days)
        rests = [day for day in wanted if day in self.rows.days_with_rests]
        found = {self.rows.label: self.rows.problems(wanted)}
        if self.totals is not None:
            found[self.totals.label] = self.totals.problems(rests)
        elif self.rows.rule.is_whole:
            found[self.rows.label] |= dict.fromkeys(rests, "capped")
        if self.quantities is not None:
            found[self.quantities.label] = self.quantities.problems(day for day in wanted if day in self.rows.manifests)
        return {label: of for label, of in found.items() if of}


def find_sources(path: str, vendor: Vendor, tables: Iterable[str], days: Iterable[date]) -> list[Source]:
    """The tables of a vendor that have charges, and landed on any of some days.

    :param path: the lake.
    """
    assert vendor.charges is not None
    wanted = set(days)
    found = []
    for name in tables:
        table = LakeTable(path, vendor=vendor.name, table=name, file_format=ANY_FORMAT)
        landed = sorted(wanted.intersection(table.landed_days()))
        if not landed or (first := table.manifest(landed[0])) is None:
            continue
        dataset = vendor.datasets.get(first.dataset)
        needed = {quantities for rule in vendor.charges.rules if (quantities := rule.quantities)}
        rule = vendor.charges.rule(first.dataset)
        if dataset is None or (rule is None and dataset.name not in needed):
            continue
        manifests = {day: one for day, one in table.manifests(landed).items() if one is not None}
        # A table of quantities has no charges of its own: the rule of another dataset reads it.
        rule = rule or next(one for one in vendor.charges.rules if one.quantities == dataset.name)
        source = Source(table, dataset, rule, manifests)
        if _adds_up(source):
            found.append(source)
    return found


def _adds_up(source: Source) -> bool:
    """Whether the rows are a cut of all there is, and their amounts are not hidden."""
    hidden = {name for one in source.manifests.values() for name in (*one.dropped_fields, *one.pseudonymized_fields)}
    is_hidden = any(is_inside(amount, name) for amount in source.rule.amounts for name in hidden)
    return shows_everything(source.dataset, source.query) and not is_hidden


def cuts_of(vendor: Vendor, sources: list[Source]) -> list[Cut]:
    """Every way to read a vendor's charges, the best first: of the organization, by day, by most dimensions."""
    assert vendor.charges is not None
    order = [rule.dataset for rule in vendor.charges.rules]
    priced = [source for source in sources if source.dataset.name in order]
    priced.sort(key=lambda one: (order.index(one.dataset.name), not one.is_by_day, -len(one.group_by), one.name))
    names = [source.name for source in priced]
    return [
        Cut(
            source,
            _totals(source, priced),
            _quantities(source, sources),
            tuple(name for name in names if name != source.name),
        )
        for source in priced
    ]


def _totals(source: Source, sources: list[Source]) -> Source | None:
    """The table that has the total of each day with a rest, of one with as few groups as possible."""
    rests = source.days_with_rests
    able = [
        one
        for one in sources
        if one.dataset.name in source.rule.totals and rests <= one.manifests.keys() - one.days_with_rests
    ]
    return min(able, key=lambda one: len(one.group_by), default=None) if rests else None


def _quantities(source: Source, sources: list[Source]) -> Source | None:
    rule = source.rule
    wanted = set(source.group_by) & set(rule.quantity_dimensions)
    return next(
        (
            one
            for one in sources
            if one.dataset.name == rule.quantities
            and set(one.group_by) == wanted
            and one.bucket_width == source.bucket_width
            and not one.is_capped
            and source.manifests.keys() <= one.manifests.keys()
        ),
        None,
    )
