# SPDX-License-Identifier: Apache-2.0
"""The sensor for the Perplexity Computer Analytics API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.ui.links import PerplexityAnalyticsLink
from airflow_provider_aianalytics.vendors.perplexity import COMPLETE_BUCKETS, PERPLEXITY

if TYPE_CHECKING:
    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class PerplexityAnalyticsSensor(AnalyticsSensor):
    __doc__ = f"""{AnalyticsSensor.__doc__}
    :param settle: how long after the end of a day its zeros are not believed, since they may mean "not synced yet".
    """

    vendor = PERPLEXITY
    default_conn_id = "perplexity_analytics_default"
    operator_extra_links = (PerplexityAnalyticsLink(),)

    def __init__(self, *, settle: timedelta = COMPLETE_BUCKETS.settle, **kwargs: Any) -> None:
        self.settle = settle
        super().__init__(**kwargs)

    def hook(self) -> AnalyticsHook:
        from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook

        return PerplexityAnalyticsHook(self.conn_id)
