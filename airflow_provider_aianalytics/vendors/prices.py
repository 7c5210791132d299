# SPDX-License-Identifier: Apache-2.0
"""Prices that no API serves, as people write them: one for all days, or one from each of some days on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

DECIMALS = 14
"""As many as the views and the exports have in US dollars: a whole number of credits costs an exact amount."""
LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class PriceList:
    """A price that may change from a day on.

    :param prices: the days from which the prices are valid, ascending, and the prices in US dollars.
    """

    prices: tuple[tuple[date, Decimal], ...]

    def at(self, day: date) -> Decimal | None:
        """The price of a day, ``None`` before the first."""
        return next((price for first, price in reversed(self.prices) if first <= day), None)


def parse_price(written: object) -> Decimal:
    """A price in US dollars.

    :param written: a text or a number; never a float, which is not exact.
    :raises ValueError: when it is none, or has more digits than money is computed with.
    """
    try:
        price = Decimal(written) if isinstance(written, str | int | Decimal) and not isinstance(written, bool) else None
    except InvalidOperation:
        price = None
    if price is None or not price.is_finite() or not 0 <= price < LIMIT or price != round(price, DECIMALS):
        raise ValueError(
            f'{written!s:.40} is no price; write US dollars such as "0.01", 0 or more and below {LIMIT}, with '
            f"{DECIMALS} decimals at most"
        )
    return price


def price_list(prices: Iterable[tuple[str | None, object]]) -> PriceList:
    """Prices by the day from which each is valid.

    :param prices: the days, ``None`` for a price of all days before the others, and the prices as they are written.
    :raises ValueError: when one is no day or no price, a day has two, or there is none.
    """
    found: dict[date, Decimal] = {}
    for day, price in prices:
        first = date.min if day is None else _day(day)
        if first in found:
            raise ValueError("there are two prices for a day" if day is None else f"there are two prices for {day}")
        found[first] = parse_price(price)
    if not found:
        raise ValueError("there is no price")
    return PriceList(tuple(sorted(found.items())))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day; write it as 2026-11-01") from None
