# SPDX-License-Identifier: Apache-2.0
"""Exact sums over records: a dataset's measure, by which a day that shrank is noticed, and its figure for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext
from functools import cache
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.vendors.base import Dataset

MAX_DIGITS = 40
"""Before or behind the point: more is no amount of money, tokens or credits."""

Total = Callable[[Sequence[msgspec.Raw]], Decimal]


def is_amount(number: Decimal) -> bool:
    """Whether a number, or a sum of such numbers, can be an amount of money, tokens or credits."""
    return number.is_finite() and abs(number.adjusted()) <= MAX_DIGITS


def measure_sum(dataset: Dataset) -> Total | None:
    """How to add up a dataset's measure over records; ``None`` where it has none.

    Decimal strings and integers are added exactly; a null counts as nothing.
    """
    return None if dataset.measure is None else column_sum(dataset.measure)


def column_sum(path: str) -> Total:
    """How to add up one column over records."""
    return _sum_over((path,))


def figure_sum(dataset: Dataset) -> Total | None:
    """How to add up a dataset's figure over records; ``None`` where it has none, or where the measure is the same."""
    if dataset.figure is None or dataset.figure.columns == (dataset.measure,):
        return None
    return _sum_over(dataset.figure.columns)


@cache
def _sum_over(columns: tuple[str, ...]) -> Total:
    # Only these columns are decoded; other fields of the record are ignored.
    decoder = msgspec.json.Decoder(_struct_with([column.split(".") for column in columns]))
    what = " + ".join(columns)

    def total(records: Sequence[msgspec.Raw]) -> Decimal:
        try:
            amounts = [amount for record in records for amount in _amounts(decoder.decode(record))]
        except (msgspec.DecodeError, ArithmeticError) as error:
            raise MalformedResponseError(f"a record's {what} is no amount ({error})") from None
        for amount in amounts:
            if not is_amount(amount):
                raise MalformedResponseError(f"a record's {what} is no amount ({amount:.40})")
        with localcontext(prec=4 * MAX_DIGITS):
            return sum(amounts, Decimal(0))

    return total


def _struct_with(paths: list[list[str]]) -> type[msgspec.Struct]:
    """A struct that has these columns alone; an object that is left out or null has no amounts."""
    fields: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys(path[0] for path in paths):
        inner = [path[1:] for path in paths if path[0] == name and path[1:]]
        fields.append((name, (_struct_with(inner) if inner else Decimal) | None, None))
    return msgspec.defstruct("Amounts", fields)


def _amounts(found: Any) -> Iterator[Decimal]:
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, msgspec.Struct):
            yield from _amounts(value)
        elif value is not None:
            yield value
