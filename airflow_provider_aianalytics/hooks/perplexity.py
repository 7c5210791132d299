# SPDX-License-Identifier: Apache-2.0
"""The hook for the Perplexity Computer Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY


class PerplexityAnalyticsHook(AnalyticsHook):
    """Reads the Perplexity Computer Analytics API.

    :param conn_id: a connection of the type ``perplexity_analytics``: the organization's Analytics API key in its
        password; an empty host is the vendor's own address.
    :param clock: the clock to wait by.
    """

    vendor = PERPLEXITY
