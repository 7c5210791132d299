# SPDX-License-Identifier: Apache-2.0
"""What a manifest records of a day's spend, tokens, credits and active members."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_aianalytics.storage.figures import figures_of
from airflow_provider_aianalytics.vendors.registry import VENDORS

NAMES = {"spend_usd_cents", "tokens", "credits", "active_members"}
DATASETS = [dataset for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
COST, USAGE, USERS = (VENDORS["claude_enterprise"].datasets[name] for name in ("cost_report", "usage_report", "users"))
TOTAL, SUM = Decimal("41280.000001"), Decimal(7)


def test_vendors_call_the_same_figure_by_the_same_name() -> None:
    assert {dataset.figure.name for dataset in DATASETS if dataset.figure} == NAMES


@pytest.mark.parametrize("dataset", DATASETS, ids=str)
def test_a_figure_is_the_sum_of_columns_that_the_dataset_has(dataset) -> None:  # type: ignore[no-untyped-def]
    paths = {column.path for column in dataset.columns}
    assert dataset.figure is None or set(dataset.figure.columns) <= paths


def test_a_figure_that_is_the_measure_is_its_total() -> None:
    assert figures_of(COST, total=TOTAL) == {"spend_usd_cents": TOTAL}


def test_another_figure_is_its_own_sum() -> None:
    assert figures_of(USAGE, total=TOTAL, own_sum=SUM) == {"tokens": SUM}
    assert figures_of(USAGE, total=TOTAL) == {}


def test_a_dataset_without_a_figure_records_none() -> None:
    assert figures_of(USERS, total=None) == {}


@pytest.mark.parametrize("hidden", ["output_tokens", "cache_creation"])
def test_a_sum_over_hidden_fields_is_not_recorded(hidden: str) -> None:
    assert figures_of(USAGE, total=TOTAL, own_sum=SUM, hidden=(hidden,)) == {}
