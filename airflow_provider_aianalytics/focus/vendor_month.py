# SPDX-License-Identifier: Apache-2.0
"""One vendor's month: the table to read, the check of its days, and their charges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from airflow_provider_aianalytics.exceptions import CoverageError, InvalidArgumentError, MalformedResponseError
from airflow_provider_aianalytics.extraction.windows import days_text
from airflow_provider_aianalytics.focus.charges import DayCharges, read_charges
from airflow_provider_aianalytics.focus.month import Month
from airflow_provider_aianalytics.focus.tables import Cut, cuts_of, find_sources
from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.charges import Terms


@dataclass(frozen=True, slots=True)
class VendorMonth:
    """The charges of a month.

    :param problems: what keeps the month from being closed.
    """

    vendor: Vendor
    terms: Terms
    cut: Cut
    days: list[DayCharges]
    problems: list[str]

    @property
    def details(self) -> list[str]:
        """The details that the rows can have: not the dimensions by which the table is not grouped."""
        rows = self.cut.rows
        names = dict.fromkeys(name for day in self.days for charge in day.charges for name in charge.details)
        return [name for name in names if name not in rows.dataset.group_by or name in rows.group_by]


@dataclass(frozen=True, slots=True)
class VendorLake:
    """What has landed of one vendor.

    :param path: the lake.
    :param tables: the names of the vendor's tables.
    :param terms: the vendor's settings.
    :param is_provisional: whether days may be missing, incomplete or not final.
    """

    path: str
    vendor: Vendor
    tables: list[str]
    terms: Terms
    is_provisional: bool

    def read(self, month: Month, table: str | None) -> VendorMonth | None:
        """The charges of a month, ``None`` where none have landed.

        :param table: the table to read; ``None``: the best one.
        :raises InvalidArgumentError: when the table has no costs, or a price is missing.
        :raises CoverageError: when the month cannot be closed.
        """
        cut = self._cut(month, table)
        if cut is None:
            return None
        self._check_prices()
        problems = self._problems(cut, month.days)
        return VendorMonth(self.vendor, self.terms, cut, self._days(cut, month.days), problems)

    def _days(self, cut: Cut, days: Iterable[date]) -> list[DayCharges]:
        """The charges of the landed days.

        :raises MalformedResponseError: when some days have costs that are not in US dollars; it names them.
        """
        found = []
        refused: dict[date, str] = {}
        for day in days:
            if day not in cut.rows.manifests:
                continue
            try:
                found.append(read_charges(cut, day, self.terms))
            except MalformedResponseError as error:
                refused[day] = f"{error.message}:"
        if refused:
            raise MalformedResponseError(
                _days_text(refused),
                where=cut.rows.label,
                hint="Only exact US dollars are exported. Export other vendors with --vendor; book these days by hand",
            )
        return found

    def _cut(self, month: Month, table: str | None) -> Cut | None:
        cuts = cuts_of(self.vendor, find_sources(self.path, self.vendor, self.tables, month.days))
        chosen = [cut for cut in cuts if table in (None, cut.rows.name)]
        if table is not None and not chosen:
            names = ", ".join(cut.rows.name for cut in cuts) or "none"
            raise InvalidArgumentError(
                f"table {table!r} has no costs of {month} that can be added up; tables that have them: {names}",
                where=self.vendor.name,
            )
        return min(chosen, key=lambda cut: sum(map(len, cut.problems(month.days).values())), default=None)

    def _check_prices(self) -> None:
        assert self.vendor.charges is not None
        if missing := [name for name in self.vendor.charges.required_prices if name not in self.terms.prices]:
            lines = "\n".join((f"[{self.vendor.name}]", *(f'{name} = "0.01"' for name in missing)))
            raise InvalidArgumentError(
                "the API has no price, and without one there is no cost",
                where=self.vendor.name,
                hint=f"Write it in the settings (--config), in US dollars:\n{lines}",
            )

    def _problems(self, cut: Cut, days: Iterable[date]) -> list[str]:
        lines = _problem_lines(cut.problems(days))
        if lines and not self.is_provisional:
            raise CoverageError(
                "the month cannot be closed:\n" + "\n".join(lines),
                where=self.vendor.name,
                hint="Land these days when they are final; a capped day needs a table of the same dataset without "
                "groups, which has its total. To export what there is, marked as provisional: --provisional",
            )
        return lines


def _days_text(problems: dict[date, str]) -> str:
    """Days by what is wrong with them: ``missing 2026-10-04 to 2026-10-06``."""
    kinds = dict.fromkeys(problems.values())
    return "; ".join(f"{kind} {days_text(day for day, what in problems.items() if what == kind)}" for kind in kinds)


def _problem_lines(problems: dict[str, dict[date, str]]) -> list[str]:
    return [f"{label}: {_days_text(of)}" for label, of in problems.items()]
