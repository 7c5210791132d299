# SPDX-License-Identifier: Apache-2.0
"""Totals are exact, however the amounts are written."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.measure import figure_sum, measure_sum
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

CLAUDE = CLAUDE_ENTERPRISE.datasets


def total(dataset: str, *records: str) -> Decimal:
    adds = measure_sum(CLAUDE[dataset])
    assert adds is not None
    return adds([msgspec.Raw(record.encode()) for record in records])


@given(st.lists(st.decimals(-(10**9), 10**9, places=6), max_size=20))
def test_fractional_cents_are_added_exactly(amounts: list[Decimal]) -> None:
    records = [f'{{"x":[1],"amount":"{amount:f}","currency":"USD"}}' for amount in amounts]
    assert total("cost_report", *records) == sum(amounts, Decimal(0))


def test_a_measure_inside_an_object() -> None:
    assert total("cost", '{"group":{},"cost":{"amount":"0.1"}}', '{"cost":{"amount":"0.2"}}') == Decimal("0.3")


def test_counts_and_nulls() -> None:
    assert total("user_usage_report", '{"total_tokens":3}', '{"total_tokens":null}', "{}") == 3


def test_perplexitys_counts() -> None:
    adds = measure_sum(PERPLEXITY.dataset("credit_usage"))
    assert adds is not None
    assert adds([msgspec.Raw(b'{"count":350,"by_categories":{"Model":[{"count":1}]}}')]) == 350


def test_a_dataset_without_a_measure_has_no_total() -> None:
    assert measure_sum(CLAUDE["users"]) is None


@pytest.mark.parametrize("record", ['{"amount":"much"}', '{"amount":[]}', '{"amount":{"cents":1}}', '{"amount":true}'])
def test_what_is_no_amount_is_malformed(record: str) -> None:
    with pytest.raises(MalformedResponseError, match="amount"):
        total("cost_report", record)


@pytest.mark.parametrize("record", ['{"amount":"NaN"}', '{"amount":"Infinity"}'])
def test_no_number_is_no_amount(record: str) -> None:
    """Neither can be compared with what a day had before."""
    with pytest.raises(MalformedResponseError, match="amount"):
        total("cost_report", record)


def test_a_figure_adds_up_several_columns_also_inside_objects() -> None:
    adds = figure_sum(CLAUDE["usage_report"])
    assert adds is not None
    records = (
        '{"uncached_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":1},'
        '"cache_read_input_tokens":300,"output_tokens":4000}',
        '{"output_tokens":70000,"cache_creation":null}',
    )
    assert adds([msgspec.Raw(record.encode()) for record in records]) == 74326


def test_a_figure_that_is_the_measure_is_added_up_once() -> None:
    assert CLAUDE["cost_report"].figure is not None
    assert figure_sum(CLAUDE["cost_report"]) is None
    assert figure_sum(CLAUDE["skills"]) is None
