# SPDX-License-Identifier: Apache-2.0
"""The sensor for the Perplexity Computer Analytics API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.vendors.perplexity import COMPLETE_BUCKETS, PERPLEXITY


class PerplexityAnalyticsSensor(AnalyticsSensor):
    __doc__ = f"""{AnalyticsSensor.__doc__}
    :param settle: how long after the end of a day its zeros are not believed, since they may mean "not synced yet".
    """

    vendor = PERPLEXITY

    def __init__(self, *, settle: timedelta = COMPLETE_BUCKETS.settle, **kwargs: Any) -> None:
        self.settle = settle
        super().__init__(**kwargs)
