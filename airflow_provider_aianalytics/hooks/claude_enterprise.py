# SPDX-License-Identifier: Apache-2.0
"""The hook for the Claude Enterprise Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE


class ClaudeEnterpriseAnalyticsHook(AnalyticsHook):
    """Reads the Claude Enterprise Analytics API.

    :param conn_id: a connection of the type ``claude_enterprise_analytics``: an Analytics key with the scope
        ``read:analytics`` in its password; an empty host is the vendor's own address.
    :param clock: the clock to wait by.
    """

    vendor = CLAUDE_ENTERPRISE
