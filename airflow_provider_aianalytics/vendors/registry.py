# SPDX-License-Identifier: Apache-2.0
"""Every vendor the package knows: the one place where they are listed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from airflow_provider_aianalytics.vendors.base import Vendor

_FOLDERS = (
    "claude_enterprise",
    "perplexity",
)

VENDORS: Mapping[str, Vendor] = {name: import_module(f"{__package__}.{name}").VENDOR for name in _FOLDERS}


def find_vendor(name: str) -> Vendor:
    """The vendor of that name.

    :raises InvalidArgumentError: for a name that is not registered.
    """
    if not isinstance(name, str) or name not in VENDORS:
        # Imported here because the exceptions need Airflow, and provider discovery reads this module without it.
        from airflow_provider_aianalytics.exceptions import InvalidArgumentError

        raise InvalidArgumentError(f"vendor={name!r} is not known; known: {', '.join(VENDORS)}")
    return VENDORS[name]
