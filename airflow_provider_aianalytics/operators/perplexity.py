# SPDX-License-Identifier: Apache-2.0
"""Operators for the Perplexity Computer Analytics API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.operators.to_object_storage import AnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.to_xcom import AnalyticsToXComOperator
from airflow_provider_aianalytics.ui.links import LandedLink, PerplexityAnalyticsLink
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperatorLink

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class _Perplexity(AnalyticsOperator):
    vendor = PERPLEXITY
    default_conn_id = "perplexity_analytics_default"
    operator_extra_links: Sequence[BaseOperatorLink] = (PerplexityAnalyticsLink(),)

    def hook(self) -> AnalyticsHook:
        from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook

        return PerplexityAnalyticsHook(self.conn_id)


class PerplexityAnalyticsOperator(_Perplexity, AnalyticsToXComOperator):
    __doc__ = AnalyticsToXComOperator.__doc__


class PerplexityAnalyticsToObjectStorageOperator(_Perplexity, AnalyticsToObjectStorageOperator):
    __doc__ = AnalyticsToObjectStorageOperator.__doc__

    operator_extra_links = (LandedLink(), PerplexityAnalyticsLink())
