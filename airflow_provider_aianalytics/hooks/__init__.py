# SPDX-License-Identifier: Apache-2.0
"""Hooks: a thin module for each vendor over the shared session, rate limit, retries and pages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.vendors.base import Vendor

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


def get_hook(vendor: Vendor, conn_id: str, **kwargs: Any) -> AnalyticsHook:
    """The vendor's hook, imported only now: a DAG file that is parsed needs none.

    :param conn_id: the connection.
    """
    module = import_module(f"{__name__}.{vendor.name}")
    hook: AnalyticsHook = getattr(module, vendor.hook_class)(conn_id, **kwargs)
    return hook
