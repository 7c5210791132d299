# SPDX-License-Identifier: Apache-2.0
"""Every catalogue row is consistent with itself."""

from __future__ import annotations

import re
from datetime import date
from itertools import chain

import pytest

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, ColumnType, Dataset, TimestampFormat, Vendor
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

VENDORS = (CLAUDE_ENTERPRISE, PERPLEXITY)
CATALOGUE = tuple(chain.from_iterable(vendor.datasets.values() for vendor in VENDORS))

every_dataset = pytest.mark.parametrize("dataset", CATALOGUE, ids=lambda row: f"{row.vendor}-{row.name}")


def test_the_public_dataset_names_of_claude_enterprise() -> None:
    assert set(CLAUDE_ENTERPRISE.datasets) == {
        "users",
        "summaries",
        "chat_projects",
        "skills",
        "connectors",
        "user_usage_report",
        "user_cost_report",
        "usage_report",
        "cost_report",
        "plugins",
        "artifacts",
        "usage",
        "cost",
    }


def test_the_public_dataset_names_of_perplexity() -> None:
    assert set(PERPLEXITY.datasets) == {
        "credit_usage",
        "connectors",
        "artifacts",
        "skills",
        "spaces",
        "workflows",
        "task_durations",
        "query_volume",
        "daily_active_users",
        "member_credit_usage",
        "member_query_volume",
    }


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_an_unknown_dataset_is_refused_with_the_known_ones(vendor: Vendor) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        vendor.dataset("userz")
    assert "'userz'" in str(refusal.value)
    for name in vendor.datasets:
        assert name in str(refusal.value)


@every_dataset
def test_a_row_belongs_to_its_vendor_under_its_own_name(dataset: Dataset) -> None:
    (vendor,) = (vendor for vendor in VENDORS if vendor.name == dataset.vendor)
    assert vendor.dataset(dataset.name) is dataset
    assert dataset.path.startswith("/v")
    assert not dataset.path.endswith("/")
    assert dataset.title
    assert dataset.grain


@every_dataset
def test_the_page_limit_has_a_key_for_each_width(dataset: Dataset) -> None:
    assert set(dataset.page_limit) == set(dataset.bucket_widths or (None,))
    assert all(limit > 0 for limit in dataset.page_limit.values())
    assert set(dataset.bucket_widths) <= set(BUCKET_WIDTHS)
    assert set(dataset.window.max_days_by_width) <= set(dataset.bucket_widths)
    assert len(set(dataset.bucket_widths)) == len(dataset.bucket_widths)


@every_dataset
def test_a_window_without_an_end_is_one_day(dataset: Dataset) -> None:
    if dataset.window.end is None:
        assert dataset.window.max_days == 1
        assert dataset.bounds is None, "a record without a day can only be requested for one day"
    else:
        assert dataset.bounds is not None, "a window of many days needs records with their day"
    assert all(1 <= days <= dataset.window.max_days for days in dataset.window.max_days_by_width.values())


@every_dataset
def test_options_named_by_rules_exist(dataset: Dataset) -> None:
    options = {"group_by", *(f"group_by={name}" for name in dataset.group_by)}
    options |= {f"filters.{name}" for name in dataset.filters}
    for one, other in (*dataset.conflicts, *dataset.requirements):
        assert one in options
        assert other in options
        assert one != other
    assert set(dataset.split_filters) <= set(dataset.group_by)
    assert set(dataset.split_filters.values()) <= set(dataset.filters)
    assert set(dataset.free_group_by) <= set(dataset.group_by)
    assert len(set(dataset.group_by)) == len(dataset.group_by)
    if dataset.groups_per_bucket is not None:
        assert dataset.results, "only a bucket can be capped"
        assert dataset.split_filters, "a capped bucket must be splittable"


@every_dataset
def test_fixed_parameters_cannot_collide_with_options(dataset: Dataset) -> None:
    fixed = [name for name, _ in dataset.parameters]
    assert len(set(fixed)) == len(fixed)
    spoken_for = {dataset.window.start, dataset.window.end, dataset.bucket_width_parameter, "limit", "page"}
    assert not set(fixed) & spoken_for
    assert not set(fixed) & set(dataset.filters)


@every_dataset
def test_column_names_are_unique_dotted_snake_case(dataset: Dataset) -> None:
    names = [column.name for column in dataset.columns]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", name), name
    # A column cannot be a value and an object at once.
    assert not [one for one in names for other in names if other.startswith(f"{one}.")]


@every_dataset
def test_money_is_documented_as_cents(dataset: Dataset) -> None:
    for column in dataset.columns:
        leaf = column.path.rpartition(".")[2]
        is_money = leaf in {"amount", "list_amount", "estimated_overage_spend", "attributed_list_price"}
        assert (column.type is ColumnType.CENTS) == is_money, column
        assert column.name.endswith("_cents") == is_money, column


@every_dataset
def test_rows_with_an_amount_have_a_currency(dataset: Dataset) -> None:
    has_money = any(column.type is ColumnType.CENTS for column in dataset.columns)
    has_currency = any(column.path.rpartition(".")[2] == "currency" for column in dataset.columns)
    assert has_money == has_currency


@every_dataset
def test_the_measure_and_the_bounds_are_columns(dataset: Dataset) -> None:
    types = {column.path: column.type for column in dataset.columns}
    if dataset.measure is not None:
        assert types[dataset.measure] in (ColumnType.INTEGER, ColumnType.CENTS)
    for bound in dataset.bounds or ():
        assert types[bound] is ColumnType.TIMESTAMP


@every_dataset
def test_every_dimension_has_a_column(dataset: Dataset) -> None:
    paths = {column.path for column in dataset.columns}
    parents = {path.rpartition(".")[0] for path in paths}
    for dimension in dataset.group_by:
        assert {dimension, f"group.{dimension}"} & (paths | parents), dimension


@every_dataset
def test_days_become_final_after_they_exist(dataset: Dataset) -> None:
    day = date(2026, 6, 1)
    availability = dataset.availability
    assert availability.exists_from(day) > availability.exists_from(date(2026, 5, 31))
    assert availability.final_from(day) >= availability.exists_from(day) + availability.settle


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_vendor_is_reached_over_https_with_the_key_in_one_header(vendor: Vendor) -> None:
    assert vendor.base_url.startswith("https://")
    assert not vendor.base_url.endswith("/")
    assert vendor.key_format.format(key="K").endswith("K")
    assert vendor.key_header not in vendor.headers


@every_dataset
def test_the_time_format_is_the_vendors(dataset: Dataset) -> None:
    if dataset.vendor == "perplexity":
        assert dataset.window.time_format is TimestampFormat.EPOCH
    elif dataset.window.start == "starting_at":
        assert dataset.window.time_format is TimestampFormat.RFC3339
    else:
        assert dataset.window.time_format is TimestampFormat.DATE
