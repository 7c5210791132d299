# SPDX-License-Identifier: Apache-2.0
"""What changed in months that were exported before: rows with ``ChargeClass`` ``Correction``.

A correction has the difference, the original charge period, and the billing period of the file that it is in. Earlier
exports and their corrections add up to what the lake has now.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from airflow_provider_aianalytics.focus.columns import SUMS, FocusRow, Role, column_of, key_of
from airflow_provider_aianalytics.focus.month import Month

CORRECTION = "Correction"
QUANTITIES = {"PricingQuantity": "PricingUnit", "ConsumedQuantity": "ConsumedUnit"}
"""The unit of each quantity: both are null in a correction of money alone."""


def corrections(present: list[FocusRow], booked: list[FocusRow], month: Month) -> list[FocusRow]:
    """The rows that lead from what was exported to what is true now.

    :param present: the rows of the months as the lake has them.
    :param booked: the rows of earlier exports about the same months.
    :param month: the billing period of the corrections.
    """
    names = sorted({name for row in (*present, *booked) for name in row if column_of(name).role is Role.KEY})
    sums: dict[tuple[object, ...], dict[str, Decimal]] = {}
    rows: dict[tuple[object, ...], FocusRow] = {}
    for found, sign in ((booked, -1), (present, 1)):
        for row in found:
            key = key_of(row, names)
            rows[key] = row
            _add(sums.setdefault(key, {}), row, sign)
    return [_correction(rows[key], of, month) for key, of in sums.items() if any(of.values())]


def _add(sums: dict[str, Decimal], row: FocusRow, sign: int) -> None:
    for name in SUMS:
        if row[name] is not None:
            sums[name] = sums.get(name, Decimal(0)) + sign * row[name]


def _correction(row: FocusRow, sums: dict[str, Decimal], month: Month) -> FocusRow:
    quantities = {name: sums.get(name) or None for name in QUANTITIES}
    units = {unit: None if quantities[name] is None else row[unit] for name, unit in QUANTITIES.items()}
    return {
        **row,
        **sums,
        **quantities,
        **units,
        "BillingPeriodStart": month.start,
        "BillingPeriodEnd": month.end,
        "ChargeClass": CORRECTION,
    }


def months_in(rows: Iterable[FocusRow]) -> list[Month]:
    """The months in which the charges of rows arose, ascending."""
    return sorted({Month.of(row["ChargePeriodStart"]) for row in rows})
