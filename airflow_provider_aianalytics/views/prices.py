# SPDX-License-Identifier: Apache-2.0
"""What a paid credit costs: the one thing that the vendors' APIs do not say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from airflow_provider_aianalytics.vendors.prices import DECIMALS, PriceList, price_list


def read_credit_prices(text: str) -> PriceList:
    """Read prices from an argument, or from the file that it names: lines such as ``2026-01-01,0.01``.

    :raises ValueError: when it is neither a price, prices by day, nor such a file.
    """
    file = Path(text)
    if not file.is_file():
        return credit_prices(text)
    lines = [line.strip() for line in file.read_text().splitlines()]
    days = [line.replace(",", "=", 1) for line in lines if line[:1].isdigit()]  # the first line can be a header
    return credit_prices(",".join(days))


def credit_prices(text: str) -> PriceList:
    """Read prices as the command line has them: ``0.01``, or ``2026-01-01=0.01,2026-07-01=0.012``.

    :raises ValueError: when it is neither.
    """
    parts = (part.strip().rpartition("=") for part in text.split(","))
    return price_list((day if equals else None, price) for day, equals, price in parts)


def price_sql(prices: PriceList | None, day: str) -> str:
    """The price of a credit on a day, in DuckDB's dialect; null before the first price, and where none is known.

    :param day: the expression of the day.
    """
    known = dict(prices.prices) if prices else {}
    every = known.pop(date.min, None)
    kind = f"decimal(18, {DECIMALS})"
    last = "cast(" + ("null" if every is None else f"'{every:f}'") + f" as {kind})"
    cases = [
        f"when {day} >= cast('{first}' as date) then cast('{price:f}' as {kind})"
        for first, price in reversed(known.items())
    ]
    return f"case {' '.join(cases)} else {last} end" if cases else last
