# SPDX-License-Identifier: Apache-2.0
"""The Perplexity Computer Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY


class PerplexityAnalyticsHook(AnalyticsHook):
    """Reads the Perplexity Computer Analytics API.

    :param conn_id: a connection of the type ``perplexity_analytics``: the organization's Analytics API key in its
        password; an empty host is the vendor's own address.
    :param clock: the clock to wait by.
    """

    vendor = PERPLEXITY
    default_conn_name = "perplexity_analytics_default"
    conn_type = "perplexity_analytics"
    hook_name = "Perplexity Analytics"

    def __init__(self, conn_id: str = default_conn_name, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(conn_id, clock=clock)
