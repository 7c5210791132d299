# SPDX-License-Identifier: Apache-2.0
"""The exact total of a dataset's measure, by which a day that shrank is noticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import cache
from operator import attrgetter

import msgspec

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.vendors.base import Dataset

MAX_DIGITS = 40
"""Before or behind the point: more is no amount of money, tokens or credits."""

Total = Callable[[Sequence[msgspec.Raw]], Decimal]


def measure_sum(dataset: Dataset) -> Total | None:
    """How to add up a dataset's measure over records; ``None`` where it has none.

    Decimal strings and integers are added exactly; a null counts as nothing.
    """
    return None if dataset.measure is None else _total_at(dataset.measure)


@cache
def _total_at(measure: str) -> Total:
    *parents, name = measure.split(".")
    # Only the measure is decoded, whatever else the record holds.
    shape = msgspec.defstruct("Measure", [(name, Decimal | None, None)])
    for parent in reversed(parents):
        shape = msgspec.defstruct("Measure", [(parent, shape)])
    decoder = msgspec.json.Decoder(shape)
    amount_in = attrgetter(measure)

    def total(records: Sequence[msgspec.Raw]) -> Decimal:
        try:
            amounts = [amount_in(decoder.decode(record)) or Decimal(0) for record in records]
        except (msgspec.DecodeError, ArithmeticError) as error:
            raise MalformedResponseError(f"a record's {measure} is no amount ({error})") from None
        for amount in amounts:
            if not amount.is_finite() or abs(amount.adjusted()) > MAX_DIGITS:
                raise MalformedResponseError(f"a record's {measure} is no amount ({amount:.40})")
        with localcontext(prec=4 * MAX_DIGITS):
            return sum(amounts, Decimal(0))

    return total
