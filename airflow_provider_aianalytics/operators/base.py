# SPDX-License-Identifier: Apache-2.0
"""The part that all operators share: dataset, query, period and hook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aianalytics.extraction.query import FilterValue, Query, build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.run.arguments import Day, check_conn_id, is_literal
from airflow_provider_aianalytics.run.period import check_days, period_of
from airflow_provider_aianalytics.ui.links import vendor_link
from airflow_provider_aianalytics.ui.task_doc import is_documented, map_name, mapped_defaults, task_doc
from airflow_provider_aianalytics.vendors.base import Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class AnalyticsOperator(BaseOperator):
    """Reads one dataset of one vendor for the days of a run.

    :param dataset: the name of a dataset in the vendor's catalogue (templated).
    :param start: the first UTC day, inclusive (templated): a date, or a whole number of days relative to the run's own
        day, so that ``-1`` is the day before it. By default the run's own day or days.
    :param end: the UTC day after the last, in the same forms (templated). By default the day after ``start``.
    :param bucket_width: ``1d``, ``1h`` or ``1m``, for datasets that have buckets.
    :param group_by: the dimensions to group by (templated).
    :param filters: the vendor's filters, by name (templated).
    :param conn_id: the Airflow connection (templated). By default the vendor's own default connection.
    :raises InvalidArgumentError: while the DAG is parsed, for arguments that the catalogue does not allow.
    """

    vendor: ClassVar[Vendor]
    shared_links: ClassVar[tuple[BaseOperatorLink, ...]] = ()
    """The links of this kind of operator, whichever the vendor."""
    template_fields: Sequence[str] = ("dataset", "start", "end", "group_by", "filters", "conn_id")

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Add the link to the vendor's own page to the operators of a vendor."""
        super().__init_subclass__(**arguments)
        if "vendor" in cls.__dict__:
            cls.operator_extra_links = (*cls.shared_links, vendor_link(cls.vendor))

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Start a mapped task; its task instances are named by their dataset, and it has documentation."""
        return super().partial(**mapped_defaults(cls.vendor, kwargs))

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
        if not is_documented(kwargs):
            kwargs["doc_md"] = task_doc(self.vendor, dataset)
        super().__init__(**kwargs)
        self.dataset = dataset
        self.start = start
        self.end = end
        self.bucket_width = bucket_width
        self.group_by = group_by
        self.filters = filters
        if is_literal(conn_id):
            check_conn_id(conn_id)
        self.conn_id = self.vendor.default_conn_id if conn_id is None else conn_id
        if is_literal(dataset, group_by, filters):
            query = self.query()
            if is_literal(start, end):
                check_days(query.dataset, start, end)

    @property
    def map_name(self) -> str:
        """The name of a mapped task instance."""
        return map_name(self.dataset, self.start)

    def query(self) -> Query:
        """The validated query.

        :raises InvalidArgumentError: for arguments that the catalogue does not allow.
        """
        return build_query(
            self.vendor.dataset(self.dataset),
            bucket_width=self.bucket_width,
            group_by=self.group_by or (),
            filters=self.filters,
        )

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """The datasets that the run read and wrote; called by OpenLineage only, so it may import it."""
        from airflow_provider_aianalytics.lineage.collect import operator_lineage

        return operator_lineage(self.vendor, self.query().dataset)

    def period(self, context: Context) -> Period:
        """The days of this run."""
        return period_of(context, start=self.start, end=self.end)

    def hook(self) -> AnalyticsHook:
        """A hook on the task's connection; the caller closes it."""
        from airflow_provider_aianalytics.hooks import get_hook

        check_conn_id(self.conn_id)  # a template is rendered now
        return get_hook(self.vendor, self.conn_id)
