# SPDX-License-Identifier: Apache-2.0
"""The figures of a day that its manifest records, so that nobody has to open the data for them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from airflow_provider_aianalytics.extraction.privacy import is_inside
from airflow_provider_aianalytics.vendors.base import Dataset


def figures_of(
    dataset: Dataset, *, total: Decimal | None, own_sum: Decimal | None = None, hidden: Iterable[str] = ()
) -> dict[str, Decimal]:
    """The figures of a day.

    :param total: the total of the dataset's measure.
    :param own_sum: the sum of the figure's own columns, where they are others than the measure.
    :param hidden: the fields that were dropped or pseudonymized: a sum over them means nothing.
    """
    figure = dataset.figure
    if figure is None or any(is_inside(column, name) for column in figure.columns for name in hidden):
        return {}
    amount = total if figure.columns == (dataset.measure,) else own_sum
    return {} if amount is None else {figure.name: amount}
