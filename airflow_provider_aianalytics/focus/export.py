# SPDX-License-Identifier: Apache-2.0
"""The export of a month: every vendor's charges, what changed in closed months, and the notes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Inexact, localcontext
from typing import Any

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.coverage.listing import tables_under
from airflow_provider_aianalytics.exceptions import CoverageError, InvalidArgumentError
from airflow_provider_aianalytics.focus.charges import DayCharges, read_charges
from airflow_provider_aianalytics.focus.columns import FOCUS_VERSION, FocusColumn, FocusRow, columns_for
from airflow_provider_aianalytics.focus.corrections import corrections, months_in
from airflow_provider_aianalytics.focus.files import csv_bytes, parquet_bytes, read_export
from airflow_provider_aianalytics.focus.month import Month
from airflow_provider_aianalytics.focus.notes import GENERAL, problem_lines, source_notes
from airflow_provider_aianalytics.focus.rows import RowMaker, period_of
from airflow_provider_aianalytics.focus.settings import Settings
from airflow_provider_aianalytics.focus.tables import Cut, cuts_of, find_sources
from airflow_provider_aianalytics.storage.layout import check_path
from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.charges import Terms
from airflow_provider_aianalytics.vendors.registry import VENDORS, find_vendor

DIGITS = 200
"""Enough for any sum of landed amounts, so that nothing is rounded; a rounding would be an error."""


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of a month, and what their reader must know.

    :param columns: of the file, in order.
    :param notes: one sentence each.
    """

    month: Month
    columns: tuple[FocusColumn, ...]
    rows: list[FocusRow]
    notes: list[str]

    def parquet(self) -> bytes:
        """The file as Parquet, with the notes in its metadata.

        :raises InvalidArgumentError: where pyarrow is not installed.
        """
        about = {"focus_version": FOCUS_VERSION, "month": str(self.month), "version": __version__, "notes": self.notes}
        return parquet_bytes(self.columns, self.rows, about)

    def csv(self) -> bytes:
        """The file as CSV, which has no place for the notes."""
        return csv_bytes(self.columns, self.rows)


def export(
    path: str,
    *,
    month: str,
    settings: Settings | None = None,
    vendor: str | None = None,
    closed: Sequence[str] = (),
    is_provisional: bool = False,
) -> Export:
    """Export a month of a lake. Reads what has landed and sends no vendor a request.

    :param path: the lake: any URL that ``ObjectStoragePath`` takes.
    :param month: the billing period, ``2026-10``, UTC.
    :param settings: what no API tells, see :func:`.settings.parse_settings`.
    :param vendor: only this vendor's charges.
    :param closed: the files of earlier exports. What has changed in their months since is exported as corrections.
    :param is_provisional: whether days may be missing, incomplete or not final; the notes name them.
    :raises InvalidArgumentError: for an argument that is not allowed, or a setting that is missing.
    :raises CoverageError: when days are missing, incomplete or not final.
    """
    try:
        wanted = Month.parse(month)
    except ValueError as error:
        raise InvalidArgumentError(str(error)) from None
    booked = [row for file in closed for row in read_export(file)]
    if wanted in months_in(booked):
        raise InvalidArgumentError(f"{wanted} is in a closed export already; export a later month with its corrections")
    vendors = [find_vendor(vendor)] if vendor else list(VENDORS.values())
    with localcontext(prec=DIGITS) as context:
        context.traps[Inexact] = True
        exports = [
            _VendorExport(path, one, (settings or {}).get(one.name), wanted, is_provisional)
            for one in vendors
            if one.charges is not None
        ]
        tables = _tables(path)
        for one in exports:
            one.run(tables.get(one.vendor.name, []), [row for row in booked if _is_of(row, one.vendor)])
    rows = [row for one in exports for row in one.rows]
    if not any(one.has_charges for one in exports):
        raise InvalidArgumentError(f"no table with costs has landed under {path} for {wanted}")
    columns = columns_for(_details(one.details for one in exports))
    complete = [{column.name: row.get(column.name) for column in columns} for row in rows]
    complete.sort(key=lambda row: [str(row[column.name] or "") for column in columns if column.name in _ORDER])
    return Export(wanted, columns, complete, [*GENERAL, *(note for one in exports for note in one.notes)])


_ORDER = {"ProviderName", "ChargeClass", "ChargePeriodStart", "ServiceName", "SkuPriceId", "x_UserId", "x_IsResidual"}


def _tables(path: str) -> dict[str, list[str]]:
    from airflow.providers.common.compat.sdk import ObjectStoragePath  # slow, and not needed to show the usage

    found: dict[str, list[str]] = {}
    for vendor, table in tables_under(ObjectStoragePath(os.path.expanduser(check_path(path)))):
        found.setdefault(vendor, []).append(table)
    return found


def _is_of(row: FocusRow, vendor: Vendor) -> bool:
    return str(row["x_SourceTable"]).startswith(f"{vendor.name}/")


def _details(names: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))


@dataclass(slots=True)
class _VendorExport:
    """The export of one vendor's charges.

    :param given: the vendor's settings, ``None`` where they have no section for it.
    """

    path: str
    vendor: Vendor
    given: Terms | None
    month: Month
    is_provisional: bool
    rows: list[FocusRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    has_charges: bool = False

    @property
    def terms(self) -> Terms:
        return self.given or Terms()

    def run(self, tables: list[str], booked: list[FocusRow]) -> None:
        """Read the month, and what has changed since earlier exports."""
        cut = self._cut(tables, self.month, self.terms.table)
        if cut is None:
            self._add_notes([f"no costs of {self.month} have landed; its charges are not in the file"])
            if self.given is not None:
                raise CoverageError(self.notes[0], hint="Land a table of costs, or leave its section out of --config")
            return
        self.has_charges = True
        days = self._read(cut, self.month)
        self._add_notes(source_notes(self.vendor, cut, self.terms, days))
        self.rows += self._rows(cut, days)
        for month in months_in(booked):
            self._correct(tables, month, [row for row in booked if period_of(row) == month])

    def _correct(self, tables: list[str], month: Month, booked: list[FocusRow]) -> None:
        names = {str(row["x_SourceTable"]).partition("/")[2] for row in booked}
        if len(names) > 1:
            raise InvalidArgumentError(
                f"the closed exports of {month} were made from several tables: {', '.join(sorted(names))}",
                where=self.vendor.name,
            )
        cut = self._cut(tables, month, *names)
        if cut is None:
            raise CoverageError(f"nothing of the closed month {month} is in the lake", where=self.vendor.name)
        found = corrections(self._rows(cut, self._read(cut, month)), booked, self.month)
        self.rows += found
        self._add_notes([f"{len(found)} rows with ChargeClass Correction for {month}"])

    def _cut(self, tables: list[str], month: Month, name: str | None) -> Cut | None:
        """The table to read, with what belongs to it: the best one that covers the month."""
        cuts = cuts_of(self.vendor, find_sources(self.path, self.vendor, tables, month.days))
        if name is not None:
            chosen = [cut for cut in cuts if cut.rows.name == name]
            if not chosen:
                others = ", ".join(cut.rows.name for cut in cuts) or "no table"
                raise InvalidArgumentError(
                    f"table {name!r} has no costs of {month} that can be added up; {others} has",
                    where=self.vendor.name,
                )
            cuts = chosen
        if not cuts:
            return None
        return min(cuts, key=lambda cut: sum(map(len, cut.problems(month.days).values())))

    def _read(self, cut: Cut, month: Month) -> list[DayCharges]:
        self._check_prices()
        self._check_days(cut, month.days)
        days = [day for day in month.days if day in cut.rows.manifests]
        read = [read_charges(cut, day, self.terms) for day in days]
        self.details += _grouped(cut, read)
        return read

    def _rows(self, cut: Cut, days: list[DayCharges]) -> list[FocusRow]:
        maker = RowMaker(self.vendor, self.terms, self.month, cut.rows.label)
        return [row for day in days for row in maker.rows(day)]

    def _check_prices(self) -> None:
        assert self.vendor.charges is not None
        if missing := [name for name in self.vendor.charges.required_prices if name not in self.terms.prices]:
            lines = "\n".join((f"[{self.vendor.name}]", *(f'{name} = "0.01"' for name in missing)))
            raise InvalidArgumentError(
                "the API has no price, and without one there is no cost",
                where=self.vendor.name,
                hint=f"Write it in the settings (--config), in US dollars:\n{lines}",
            )

    def _check_days(self, cut: Cut, days: list[date]) -> None:
        if not (problems := cut.problems(days)):
            return
        lines = problem_lines(problems)
        if self.is_provisional:
            self._add_notes(f"PROVISIONAL: {line}" for line in lines)
            return
        raise CoverageError(
            "the month cannot be closed:\n" + "\n".join(lines),
            where=self.vendor.name,
            hint="Land these days when they are final; a capped day needs a table of the same dataset without groups, "
            "which has its total. To export what there is, marked as provisional: --provisional",
        )

    def _add_notes(self, notes: Iterable[str]) -> None:
        self.notes += [f"{self.vendor.name}: {note}" for note in notes]


def _grouped(cut: Cut, days: list[DayCharges]) -> list[str]:
    """The details that the rows can have: not the dimensions by which the table is not grouped."""
    names: dict[str, Any] = {name: None for day in days for charge in day.charges for name in charge.details}
    return [name for name in names if name not in cut.rows.dataset.group_by or name in cut.rows.group_by]
