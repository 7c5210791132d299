# SPDX-License-Identifier: Apache-2.0
"""Figures as people read them."""

from __future__ import annotations

from decimal import Decimal

FIGURE_TITLES = {
    "spend_usd_cents": "Spend",
    "tokens": "Tokens",
    "credits": "Credits",
    "active_members": "Active members a day",
}


def format_money(cents: Decimal) -> str:
    """US cents as dollars, rounded to the cent."""
    return f"US$ {cents.scaleb(-2):,.2f}"


def format_exact_money(cents: Decimal) -> str:
    """US cents as dollars, with every digit."""
    return f"US$ {cents.scaleb(-2):,f}"


def format_figure(name: str, amount: Decimal) -> str:
    """An amount of a figure of the catalogue, rounded for a glance."""
    return format_money(amount) if name == "spend_usd_cents" else f"{amount:,.0f}"


def format_exact_figure(name: str, amount: Decimal) -> str:
    """An amount of a figure of the catalogue, with every digit; of a mean, one behind the point."""
    if name == "spend_usd_cents":
        return format_exact_money(amount)
    return f"{amount:,f}" if amount == amount.to_integral_value() else f"{amount:,.1f}"


def format_short(amount: Decimal) -> str:
    """A large number in three digits, for an axis."""
    size = float(amount)
    for unit in ("", "k", "M", "G", "T"):
        if size < 1000:
            return f"{size:.3g}{unit}" if unit else f"{size:.0f}"
        size /= 1000
    return f"{size:.0f}P"


def format_bytes(number: int) -> str:
    text = format_short(Decimal(number))
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"


def format_change(before: Decimal, after: Decimal) -> str:
    """A relative change, empty where there is nothing to compare with."""
    if not before:
        return ""
    share = (after - before) / abs(before)
    return f"{share:+.1%}" if abs(share) >= Decimal("0.0005") else "less than 0.1%"
