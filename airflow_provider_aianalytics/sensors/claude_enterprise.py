# SPDX-License-Identifier: Apache-2.0
"""The sensor for the Claude Enterprise Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE


class ClaudeEnterpriseAnalyticsSensor(AnalyticsSensor):
    __doc__ = AnalyticsSensor.__doc__

    vendor = CLAUDE_ENTERPRISE
