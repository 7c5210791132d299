# SPDX-License-Identifier: Apache-2.0
"""The sensor for the Claude Enterprise Analytics API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.ui.links import ClaudeEnterpriseAnalyticsLink
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class ClaudeEnterpriseAnalyticsSensor(AnalyticsSensor):
    __doc__ = AnalyticsSensor.__doc__

    vendor = CLAUDE_ENTERPRISE
    default_conn_id = "claude_enterprise_analytics_default"
    operator_extra_links = (ClaudeEnterpriseAnalyticsLink(),)

    def hook(self) -> AnalyticsHook:
        from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook

        return ClaudeEnterpriseAnalyticsHook(self.conn_id)
