# SPDX-License-Identifier: Apache-2.0
"""The sensor for the Perplexity Computer Analytics API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_aianalytics.run.arguments import Day
from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.vendors.perplexity import COMPLETE_BUCKETS, PERPLEXITY


class PerplexityAnalyticsSensor(AnalyticsSensor):
    __doc__ = f"""{AnalyticsSensor.__doc__}
    :param settle: how long after the end of a day its zeros do not count yet, since they may mean "not synced yet".
    """

    vendor = PERPLEXITY

    def __init__(
        self,
        *,
        dataset: str,
        day: Day | None = None,
        until: str = "available",
        lag: timedelta | None = None,
        settle: timedelta = COMPLETE_BUCKETS.settle,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        start_from_trigger: bool = False,
        conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.settle = settle
        super().__init__(
            dataset=dataset,
            day=day,
            until=until,
            lag=lag,
            deferrable=deferrable,
            start_from_trigger=start_from_trigger,
            conn_id=conn_id,
            **kwargs,
        )
