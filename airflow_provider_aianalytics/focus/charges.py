# SPDX-License-Identifier: Apache-2.0
"""Reads the charges of landed days, adds up those of one identity, and adds what no row shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.focus.tables import Cut, Source
from airflow_provider_aianalytics.storage.day_rows import Rows, read_day
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.vendors.charges import ZERO, Charge, Row, Terms, Usage

PERSON = "user_id"
"""The detail with a person's pseudonym."""


@dataclass(frozen=True, slots=True)
class DayCharges:
    """The charges of one day.

    :param charges: one for each identity.
    :param total: what the manifest says they come to, in the dataset's measure.
    :param manifest: the manifest of the rows.
    :param is_final: whether the day is final.
    """

    charges: list[Charge]
    total: Decimal
    manifest: Manifest
    is_final: bool


def read_charges(cut: Cut, day: date, terms: Terms) -> DayCharges:
    """The charges of a landed day.

    :raises AIAnalyticsError: when rows and manifest disagree about the total.
    """
    rows = read_day(cut.rows.table, cut.rows.manifests[day], cut.rows.dataset)
    charges = _merged(_charges(cut.rows, rows, terms, _usage(cut, day, rows)))
    source = cut.rows
    if (totals := cut.totals_of(day)) is not None:
        all_rows = read_day(totals.table, totals.manifests[day], totals.dataset)
        charges += _residuals(charges, list(_charges(totals, all_rows, terms, _no_usage)), cut.rows, day)
        source = totals
    total = _total(source.manifests[day])
    found = sum(map(cut.rows.rule.measured, charges), ZERO)
    if total is not None and found != total:
        raise AIAnalyticsError(
            f"the charges of {day} come to {found} and the manifest's total is {total}",
            where=source.label,
            hint="Land the day again; if they still differ, report it",
        )
    return DayCharges(charges, found if total is None else total, cut.rows.manifests[day], cut.is_final(day))


def _total(manifest: Manifest) -> Decimal | None:
    """The total of the measure; older manifests have none, and neither has a day without rows."""
    return Decimal(0) if manifest.total is None and manifest.rows == 0 else manifest.total


def _charges(source: Source, rows: Rows, terms: Terms, usage: Usage) -> Iterable[Charge]:
    person = next((path for path in source.rule.person if path in source.pseudonymized), None)
    if person is None:
        yield from source.rule.read(rows, usage, terms)
        return
    by_person: dict[Any, Rows] = {}
    for row in rows:
        by_person.setdefault(row.get(person), []).append(row)
    for pseudonym, own in by_person.items():
        for charge in source.rule.read(own, usage, terms):
            yield replace(charge, details={**charge.details, PERSON: pseudonym})


# --- quantities -------------------------------------------------------------------------------------------------------


def _no_usage(row: Row) -> Row | None:
    return None


def _usage(cut: Cut, day: date, costs: Rows) -> Usage:
    """The companion row for a row of costs, by bucket and group.

    Where fields are hidden, rows of several members can look alike. Which of them used how much is not known then, so
    they have no companion.
    """
    source = cut.quantities
    if source is None:
        return _no_usage
    names = (*(source.dataset.bounds or ()), *cut.rows.rule.quantity_dimensions)
    found = read_day(source.table, source.manifests[day], source.dataset)
    used = Counter(_key(row, names) for row in found)
    rows = {key: row for row in found if used[key := _key(row, names)] == 1}
    priced_by = (*names, *cut.rows.dataset.group_by)
    priced = Counter(_key(row, priced_by) for row in costs)
    return lambda row: rows.get(_key(row, names)) if priced[_key(row, priced_by)] == 1 else None


def _key(row: Row, names: Iterable[str]) -> tuple[object, ...]:
    return tuple(row.get(name) for name in names)


# --- sums -------------------------------------------------------------------------------------------------------------

_IDENTITY = (
    "start",
    "end",
    "service",
    "sku",
    "sku_price",
    "unit",
    "consumed_unit",
    "list_unit_price",
    "contracted_unit_price",
    "is_residual",
)


def _merged(charges: Iterable[Charge]) -> list[Charge]:
    """The charges with those of one identity added up: of members who are not in the file, for one."""
    found: dict[tuple[object, ...], Charge] = {}
    for charge in charges:
        identity = (*(getattr(charge, name) for name in _IDENTITY), *sorted(charge.details.items(), key=_by_name))
        known = found.get(identity)
        found[identity] = charge if known is None else _sum(known, charge)
    return list(found.values())


def _by_name(item: tuple[str, str | None]) -> str:
    return item[0]


def _sum(one: Charge, other: Charge) -> Charge:
    return replace(
        one,
        list_cost=one.list_cost + other.list_cost,
        contracted_cost=one.contracted_cost + other.contracted_cost,
        effective_cost=one.effective_cost + other.effective_cost,
        quantity=_plus(one.quantity, other.quantity),
        consumed=_plus(one.consumed, other.consumed),
    )


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def _residuals(shown: list[Charge], all_of_it: list[Charge], source: Source, day: date) -> list[Charge]:
    """What the whole organization came to less what rows show, for each period; nothing where that is nothing.

    Where the two tables have buckets of different widths, the period is the day.
    """
    known = {(charge.start, charge.end) for charge in all_of_it}
    by_bucket = all((charge.start, charge.end) in known for charge in shown)
    start = datetime.combine(day, time(0), tzinfo=UTC)
    whole_day = start, start + timedelta(days=1)

    def period(charge: Charge) -> tuple[datetime, datetime]:
        return (charge.start, charge.end) if by_bucket else whole_day

    less: dict[tuple[datetime, datetime], list[Charge]] = {}
    for charge in all_of_it:
        less.setdefault(period(charge), []).append(charge)
    for charge in shown:
        less.setdefault(period(charge), []).append(_negative(charge))
    rests = (_rest(source.rule.residual(*bounds), charges) for bounds, charges in sorted(less.items(), key=_by_period))
    return [rest for rest in rests if rest.list_cost or rest.contracted_cost or rest.effective_cost or rest.quantity]


def _by_period(item: tuple[tuple[datetime, datetime], list[Charge]]) -> tuple[datetime, datetime]:
    return item[0]


def _rest(residual: Charge, charges: list[Charge]) -> Charge:
    units: Mapping[str | None, None] = dict.fromkeys(charge.unit for charge in charges)
    prices = {(charge.list_unit_price, charge.contracted_unit_price) for charge in charges}
    quantity = sum((charge.quantity or ZERO for charge in charges), ZERO)
    (list_price, price) = next(iter(prices)) if len(prices) == 1 else (None, None)
    unit = next(iter(units)) if len(units) == 1 else None
    return replace(
        residual,
        list_cost=sum((charge.list_cost for charge in charges), ZERO),
        contracted_cost=sum((charge.contracted_cost for charge in charges), ZERO),
        effective_cost=sum((charge.effective_cost for charge in charges), ZERO),
        quantity=None if unit is None else quantity,
        unit=unit,
        consumed=None if unit is None else quantity,
        consumed_unit=unit,
        list_unit_price=list_price,
        contracted_unit_price=price,
    )


def _negative(charge: Charge) -> Charge:
    return replace(
        charge,
        list_cost=-charge.list_cost,
        contracted_cost=-charge.contracted_cost,
        effective_cost=-charge.effective_cost,
        quantity=None if charge.quantity is None else -charge.quantity,
    )
