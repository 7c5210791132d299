# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of tasks, for OpenLineage and Airflow's collector of hook lineage.

All of it is known once a task has landed its days, so it needs no request and no key.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow_provider_aianalytics.lineage.locations import location_of
from airflow_provider_aianalytics.storage.typed.descriptions import description_of, unit_of
from airflow_provider_aianalytics.storage.typed.schema import PRECISION, SCALE, typed_columns
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset, Vendor

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aianalytics.ingest.result import IngestResult
    from airflow_provider_aianalytics.storage.lake import LakeTable

log = logging.getLogger(__name__)

TYPES = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "int64",
    ColumnType.NUMBER: "float64",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.CENTS: f"decimal({PRECISION}, {SCALE})",
}
"""The types of columns in OpenLineage."""


def source_dataset(vendor: Vendor, dataset: Dataset) -> tuple[str, str]:
    """The name of a dataset in lineage: the vendor's own address and the path.

    It is the same for every connection, also for one with another host. Datasets with the same path differ in their
    fixed parameters.
    """
    alike = [other for other in vendor.datasets.values() if other.path == dataset.path]
    return vendor.base_url, dataset.path + (f"?{urlencode(dataset.parameters)}" if len(alike) > 1 else "")


def report_input(hook: Any, vendor: Vendor, dataset: Dataset) -> None:
    """Report to Airflow's collector that a hook reads a dataset."""
    _collect("add_input_asset", hook, "".join(source_dataset(vendor, dataset)))


def report_output(hook: Any, table: LakeTable) -> None:
    """Report to Airflow's collector that a hook's data lands in a table."""
    _collect("add_output_asset", hook, (location_of(table.root) / table.folder).uri)


def _collect(how: str, hook: Any, uri: str) -> None:
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    try:
        collector: Any = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
        getattr(collector, how)(context=hook, uri=uri)
    except Exception as error:  # for example another provider's rules for the URI; the task itself succeeded
        log.warning("Lineage of %s is not collected: %s", uri, error)


def operator_lineage(
    vendor: Vendor, dataset: Dataset, table: LakeTable | None = None, landed: IngestResult | None = None
) -> OperatorLineage[Any, Any]:
    """The lineage of a run for OpenLineage: the API's dataset is the input, the table's folder the output.

    The folder carries the documented columns where its format is typed, and what this task run wrote: files, their
    bytes, their rows. Days that were read again and had not changed are not written.

    :param table: ``None`` where nothing is landed.
    :param landed: ``None`` where the run did not get as far.
    """
    from airflow.providers.common.compat.openlineage.facet import (
        InputDataset,
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
        SchemaDatasetFacet,
        SchemaDatasetFacetFields,
    )
    from airflow.providers.openlineage.extractors import OperatorLineage

    namespace, name = source_dataset(vendor, dataset)
    lineage: OperatorLineage[Any, Any] = OperatorLineage(inputs=[InputDataset(namespace=namespace, name=name)])
    if table is None or landed is None:
        return lineage
    written = [partition.manifest for partition in landed.partitions if partition.status != "unchanged"]
    namespace, name = (location_of(table.root) / table.folder).dataset
    output = OutputDataset(
        namespace=namespace,
        name=name,
        outputFacets={
            "outputStatistics": OutputStatisticsOutputDatasetFacet(
                rowCount=sum(manifest.rows for manifest in written),
                size=sum(manifest.file_bytes or manifest.bytes for manifest in written),
                fileCount=len(written),
            )
        },
    )
    if table.file_format.name != "ndjson":
        fields = [
            SchemaDatasetFacetFields(name=column.name, type=TYPES[column.type], description=_described(dataset, column))
            for column in typed_columns(dataset)
        ]
        output.facets = {"schema": SchemaDatasetFacet(fields=fields)}
    lineage.outputs = [output]
    return lineage


def _described(dataset: Dataset, column: Column) -> str:
    unit = unit_of(column)
    return description_of(dataset, column) + (f" Unit: {unit}." if unit else "")
