# SPDX-License-Identifier: Apache-2.0
"""What the operators of both vendors share: the dataset, its cut, the period and the hook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aianalytics.extraction.query import FilterValue, Query, build_query
from airflow_provider_aianalytics.extraction.windows import Period, check_period
from airflow_provider_aianalytics.run.arguments import Day, is_literal
from airflow_provider_aianalytics.run.period import period_of
from airflow_provider_aianalytics.ui.links import vendor_link
from airflow_provider_aianalytics.vendors.base import Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class AnalyticsOperator(BaseOperator):
    """One dataset of one vendor, cut and dated.

    :param dataset: a dataset of the vendor (templated).
    :param start: the first UTC day, inclusive (templated); empty for the run's own day or days.
    :param end: the UTC day after the last (templated); empty for the day after ``start``.
    :param bucket_width: ``1d``, ``1h`` or ``1m`` where the dataset has it.
    :param group_by: dimensions of the dataset (templated).
    :param filters: the vendor's filters by name (templated).
    :param conn_id: the connection (templated).
    :raises InvalidArgumentError: when the DAG is parsed, for what the vendor does not have.
    """

    vendor: ClassVar[Vendor]
    shared_links: ClassVar[tuple[BaseOperatorLink, ...]] = ()
    """The links of every vendor's operator of this kind."""
    template_fields: Sequence[str] = ("dataset", "start", "end", "group_by", "filters", "conn_id")

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Give a vendor's operator the link to the vendor's own page."""
        super().__init_subclass__(**arguments)
        if "vendor" in cls.__dict__:
            cls.operator_extra_links = (*cls.shared_links, vendor_link(cls.vendor))

    def __init__(
        self,
        *,
        dataset: str,
        start: Day | None = None,
        end: Day | None = None,
        bucket_width: str | None = None,
        group_by: Sequence[str] = (),
        filters: Mapping[str, FilterValue] | None = None,
        conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.start = start
        self.end = end
        self.bucket_width = bucket_width
        self.group_by = group_by
        self.filters = filters
        self.conn_id = conn_id or self.vendor.default_conn_id
        if is_literal(dataset, group_by, filters):
            checked = self.query()
            if start not in (None, "") and is_literal(start, end):
                check_period(checked.dataset, period_of({}, start=start, end=end))

    def query(self) -> Query:
        """The cut that the arguments stand for.

        :raises InvalidArgumentError: for what the vendor does not have.
        """
        return build_query(
            self.vendor.dataset(self.dataset),
            bucket_width=self.bucket_width,
            group_by=self.group_by or (),
            filters=self.filters,
        )

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """What the run read and wrote; only OpenLineage calls this, where it is installed."""
        from airflow_provider_aianalytics.lineage.collect import operator_lineage

        return operator_lineage(self.vendor, self.query().dataset)

    def period(self, context: Context) -> Period:
        """The days that this run asks for."""
        return period_of(context, start=self.start, end=self.end)

    def hook(self) -> AnalyticsHook:
        """A hook on the task's connection; the caller closes it."""
        from airflow_provider_aianalytics.hooks import get_hook

        return get_hook(self.vendor, self.conn_id)
