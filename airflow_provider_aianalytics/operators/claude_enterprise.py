# SPDX-License-Identifier: Apache-2.0
"""Operators for the Claude Enterprise Analytics API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.operators.to_object_storage import AnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.to_xcom import AnalyticsToXComOperator
from airflow_provider_aianalytics.ui.links import ClaudeEnterpriseAnalyticsLink, LandedLink
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperatorLink

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class _ClaudeEnterprise(AnalyticsOperator):
    vendor = CLAUDE_ENTERPRISE
    default_conn_id = "claude_enterprise_analytics_default"
    operator_extra_links: Sequence[BaseOperatorLink] = (ClaudeEnterpriseAnalyticsLink(),)

    def hook(self) -> AnalyticsHook:
        from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook

        return ClaudeEnterpriseAnalyticsHook(self.conn_id)


class ClaudeEnterpriseAnalyticsOperator(_ClaudeEnterprise, AnalyticsToXComOperator):
    __doc__ = AnalyticsToXComOperator.__doc__


class ClaudeEnterpriseAnalyticsToObjectStorageOperator(_ClaudeEnterprise, AnalyticsToObjectStorageOperator):
    __doc__ = AnalyticsToObjectStorageOperator.__doc__

    operator_extra_links = (LandedLink(), ClaudeEnterpriseAnalyticsLink())
