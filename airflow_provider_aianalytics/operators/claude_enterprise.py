# SPDX-License-Identifier: Apache-2.0
"""Operators for the Claude Enterprise Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.operators.to_object_storage import AnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.to_xcom import AnalyticsToXComOperator
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE


class ClaudeEnterpriseAnalyticsOperator(AnalyticsToXComOperator):
    __doc__ = AnalyticsToXComOperator.__doc__

    vendor = CLAUDE_ENTERPRISE


class ClaudeEnterpriseAnalyticsToObjectStorageOperator(AnalyticsToObjectStorageOperator):
    __doc__ = AnalyticsToObjectStorageOperator.__doc__

    vendor = CLAUDE_ENTERPRISE
