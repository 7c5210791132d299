# SPDX-License-Identifier: Apache-2.0
"""Operators for the Perplexity Computer Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.operators.to_object_storage import AnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.to_xcom import AnalyticsToXComOperator
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY


class PerplexityAnalyticsOperator(AnalyticsToXComOperator):
    __doc__ = AnalyticsToXComOperator.__doc__

    vendor = PERPLEXITY


class PerplexityAnalyticsToObjectStorageOperator(AnalyticsToObjectStorageOperator):
    __doc__ = AnalyticsToObjectStorageOperator.__doc__

    vendor = PERPLEXITY
