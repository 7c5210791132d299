# SPDX-License-Identifier: Apache-2.0
"""The export of a month: every vendor's charges, what changed in closed months, and the notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Inexact, localcontext

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.coverage.listing import tables_under
from airflow_provider_aianalytics.exceptions import CoverageError, InvalidArgumentError
from airflow_provider_aianalytics.focus.columns import FOCUS_VERSION, FocusColumn, FocusRow, columns_for
from airflow_provider_aianalytics.focus.corrections import corrections, months_in
from airflow_provider_aianalytics.focus.files import csv_bytes, parquet_bytes, read_export
from airflow_provider_aianalytics.focus.month import Month
from airflow_provider_aianalytics.focus.notes import GENERAL, source_notes
from airflow_provider_aianalytics.focus.rows import focus_rows, period_of
from airflow_provider_aianalytics.focus.settings import Settings
from airflow_provider_aianalytics.focus.vendor_month import VendorLake
from airflow_provider_aianalytics.storage.lake import open_store
from airflow_provider_aianalytics.storage.layout import check_path
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
    :param settings: what no API serves, see :func:`.settings.parse_settings`.
    :param vendor: only this vendor's charges.
    :param closed: the files of earlier exports. What has changed in their months since is exported as corrections.
    :param is_provisional: whether days may be missing, incomplete or not final; the notes name them.
    :raises InvalidArgumentError: for an argument that is not allowed, or a setting that is missing.
    :raises CoverageError: when days are missing, incomplete or not final.
    :raises StorageError: when the data of a day is missing, or is not what its manifest describes.
    """
    try:
        wanted = Month.parse(month)
    except ValueError as error:
        raise InvalidArgumentError(str(error)) from None
    booked = _booked(closed, wanted)
    vendors = [find_vendor(vendor)] if vendor else [one for one in VENDORS.values() if one.charges is not None]
    tables = _tables(path)
    parts = []
    with localcontext(prec=DIGITS) as context:
        context.traps[Inexact] = True
        for one in vendors:
            terms = (settings or {}).get(one.name)
            lake = VendorLake(path, one, tables.get(one.name, []), terms or Terms(), is_provisional)
            parts.append(_part(lake, wanted, booked, is_wanted=terms is not None))
    if not any(part.details is not None for part in parts):
        raise InvalidArgumentError(f"no table with costs has landed under {path} for {wanted}")
    return _file(wanted, parts)


def _booked(closed: Sequence[str], wanted: Month) -> list[FocusRow]:
    """The rows of the closed exports.

    :raises InvalidArgumentError: when two of them close one month of a provider, or one is not of an earlier month.
    """
    booked: list[FocusRow] = []
    closed_by: dict[tuple[Month, str], str] = {}
    corrected_by: dict[Month, str] = {}
    for file in closed:
        rows = read_export(file)
        regular = (row for row in rows if row["ChargeClass"] is None)
        for month, provider in sorted({(period_of(row), row["ProviderName"]) for row in regular}):
            if (month, provider) in closed_by:
                raise InvalidArgumentError(
                    f"{month} of {provider} is closed by {closed_by[month, provider]} and by {file}; give one of them"
                )
            closed_by[month, provider] = file
        corrected_by |= dict.fromkeys(months_in(row for row in rows if row["ChargeClass"] is not None), file)
        booked += rows
    if alone := sorted(corrected_by.keys() - {month for month, _ in closed_by}):
        raise InvalidArgumentError(
            f"{corrected_by[alone[0]]} corrects {alone[0]}, and no export of that month is given; give it too"
        )
    months = months_in(booked)
    if wanted in months:
        raise InvalidArgumentError(f"{wanted} is in a closed export already; export a later month with its corrections")
    if later := [str(month) for month in months if month > wanted]:
        raise InvalidArgumentError(
            f"the closed exports have {', '.join(later)}, which is later than {wanted}; give exports of earlier months"
        )
    return booked


def _tables(path: str) -> dict[str, list[str]]:
    from airflow.providers.common.compat.sdk import ObjectStoragePath  # slow, and not needed to show the usage

    found: dict[str, list[str]] = {}
    for vendor, table in tables_under(open_store(ObjectStoragePath(check_path(path)), "")):
        found.setdefault(vendor, []).append(table)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """One vendor's part of the file.

    :param details: the details that its rows can have; ``None`` where nothing has landed.
    """

    rows: list[FocusRow]
    notes: list[str]
    details: list[str] | None = None


def _part(lake: VendorLake, month: Month, booked: list[FocusRow], *, is_wanted: bool) -> _Part:
    """A vendor's rows of the month, and what has changed in the months of earlier exports.

    :param booked: the rows of the earlier exports, of all vendors: what one of them has landed since its month was
        closed is in none of them.
    :param is_wanted: whether the settings have the vendor, so that it must be in the file.
    """
    name = lake.vendor.name
    parts = [_regular(lake, month, is_wanted=is_wanted)]
    for earlier in months_in(booked):
        own = (row for row in booked if str(row["x_SourceTable"]).startswith(f"{name}/"))
        parts.append(_corrections(lake, earlier, month, [row for row in own if period_of(row) == earlier]))
    details = [found for part in parts if (found := part.details) is not None]
    return _Part(
        [row for part in parts for row in part.rows],
        [f"{name}: {note}" for part in parts for note in part.notes],
        [detail for found in details for detail in found] if details else None,
    )


def _regular(lake: VendorLake, month: Month, *, is_wanted: bool) -> _Part:
    """The rows of the month itself."""
    found = lake.read(month, lake.terms.table)
    if found is not None:
        return _Part(focus_rows(found, month), list(source_notes(found)), found.details)
    note = f"no costs of {month} have landed"
    if is_wanted:
        raise CoverageError(
            note, where=lake.vendor.name, hint="Land a table of costs, or leave the section out of the settings"
        )
    return _Part([], [f"{note}; its charges are not in the file"])


def _corrections(lake: VendorLake, earlier: Month, month: Month, booked: list[FocusRow]) -> _Part:
    """What has changed in a closed month; all of it where the vendor landed after the close.

    :param booked: the vendor's rows about that month in earlier exports.
    """
    tables = sorted({str(row["x_SourceTable"]).partition("/")[2] for row in booked})
    if len(tables) > 1:
        raise InvalidArgumentError(
            f"the closed exports of {earlier} were made from several tables: {', '.join(tables)}",
            where=lake.vendor.name,
        )
    found = lake.read(earlier, tables[0] if tables else lake.terms.table)
    if found is None:
        return _Part([], [])
    changed = corrections(focus_rows(found, month), booked, month)
    notes = [
        f"{len(changed)} rows with ChargeClass Correction for {earlier}"
        + ("" if booked else f", from {found.cut.rows.label}: the closed exports have none of its charges"),
        *(f"PROVISIONAL: {line}" for line in found.problems),
    ]
    return _Part(changed, notes, found.details)


_ORDER = {"ProviderName", "ChargeClass", "ChargePeriodStart", "ServiceName", "SkuPriceId", "x_UserId", "x_IsResidual"}
"""The columns by which a file is sorted, in its own order."""


def _file(month: Month, parts: list[_Part]) -> Export:
    columns = columns_for(list(dict.fromkeys(name for part in parts for name in part.details or ())))
    rows = [{column.name: row.get(column.name) for column in columns} for part in parts for row in part.rows]
    rows.sort(key=lambda row: [str(row[column.name] or "") for column in columns if column.name in _ORDER])
    return Export(month, columns, rows, [*GENERAL, *(note for part in parts for note in part.notes)])
