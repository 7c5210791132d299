# SPDX-License-Identifier: Apache-2.0
"""What a paid credit costs: the one thing that the vendors' APIs do not say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

Prices = Mapping[date, Decimal]
"""By the first day on which it holds the price of a credit in US dollars, ascending; empty where no price is known."""


def read_credit_prices(text: str) -> Prices:
    """Read prices from an argument, or from the file that it names: lines such as ``2026-01-01,0.01``.

    :raises ValueError: when it is neither a price, prices by day, nor such a file.
    """
    file = Path(text)
    if not file.is_file():
        return credit_prices(text)
    lines = [line.strip() for line in file.read_text().splitlines()]
    days = [line.replace(",", "=", 1) for line in lines if line[:1].isdigit()]  # the first line can be a header
    return credit_prices(",".join(days))


def credit_prices(text: str) -> Prices:
    """Read prices as the command line has them: ``0.01``, or ``2026-01-01=0.01,2026-07-01=0.012``.

    :raises ValueError: when it is neither.
    """
    parts = [part.strip().rpartition("=") for part in text.split(",")]
    prices = {_day(day) if equals else date.min: _price(price) for day, equals, price in parts}
    if len(prices) < len(parts):
        raise ValueError(f"{text!r} has two prices for a day")
    return dict(sorted(prices.items()))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write it as 2026-11-01") from None


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or not 0 <= price < 10_000 or price != round(price, 14):
        raise ValueError(f"{text!r} is not a price in US dollars, such as 0.01, of at most 14 decimals")
    return price


def price_sql(prices: Prices, day: str) -> str:
    """The price of a credit on a day, in DuckDB's dialect; null before the first price.

    :param day: the expression of the day.
    """
    every = prices.get(date.min)
    last = "cast(" + ("null" if every is None else f"'{every:f}'") + " as decimal(18, 14))"
    cases = [
        f"when {day} >= cast('{first}' as date) then cast('{price:f}' as decimal(18, 14))"
        for first, price in sorted(prices.items(), reverse=True)
        if first != date.min
    ]
    return f"case {' '.join(cases)} else {last} end" if cases else last
