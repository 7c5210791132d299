# SPDX-License-Identifier: Apache-2.0
"""What no API serves: accounts, invoice issuers and prices, from a small TOML file with a section for each vendor."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.charges import Terms
from airflow_provider_aianalytics.vendors.prices import PriceList, price_list
from airflow_provider_aianalytics.vendors.registry import VENDORS

TEXTS = ("billing_account_id", "billing_account_name", "invoice_issuer", "table")
PREPAID = "prepaid"

Settings = Mapping[str, Terms]
"""The terms by vendor."""


def read_settings(file: str | None) -> Settings:
    """The settings of a TOML file; none without one.

    :raises InvalidArgumentError: when it cannot be read, or has what no setting is.
    """
    if file is None:
        return {}
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"the settings {file} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InvalidArgumentError(f"the settings {file} are not UTF-8; save them in that encoding") from None
    return parse_settings(text)


def parse_settings(text: str) -> Settings:
    """The settings of a TOML text.

    :raises InvalidArgumentError: when it is not TOML, or has what no setting is.
    """
    try:
        sections = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgumentError(f"the settings are not TOML ({error})") from None
    return {name: _terms(name, section) for name, section in sections.items()}


def _terms(name: str, section: Any) -> Terms:
    vendor = VENDORS.get(name)
    if vendor is None or vendor.charges is None or not isinstance(section, dict):
        raise InvalidArgumentError(f"the settings have {name!r}; allowed are the sections {', '.join(VENDORS)}")
    _check_names(vendor, section)
    texts = {key: _text(name, key, section[key]) for key in TEXTS if key in section}
    prepaid = section.get(PREPAID)
    if not isinstance(prepaid, bool | None):
        raise InvalidArgumentError(f"[{name}] {PREPAID} is {prepaid!r}; allowed are true and false")
    names = (*vendor.charges.required_prices, *vendor.charges.optional_prices)
    prices = {key: _prices(f"[{name}] {key}", section[key]) for key in names if key in section}
    return Terms(**texts, is_prepaid=prepaid, prices=prices)


def _check_names(vendor: Vendor, section: Mapping[str, Any]) -> None:
    assert vendor.charges is not None
    allowed = (*TEXTS, PREPAID, *vendor.charges.required_prices, *vendor.charges.optional_prices)
    if unknown := sorted(section.keys() - set(allowed)):
        raise InvalidArgumentError(f"[{vendor.name}] has {', '.join(unknown)}; allowed are {', '.join(allowed)}")


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentError(f"[{name}] {key} is {value!r}; write a text")
    return value


def _prices(where: str, value: Any) -> PriceList:
    """A price, or prices by the day from which each is valid."""
    try:
        return price_list(value.items() if isinstance(value, dict) else [(None, value)])
    except ValueError as error:
        raise InvalidArgumentError(f"{where}: {error}") from None
