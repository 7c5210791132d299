# SPDX-License-Identifier: Apache-2.0
"""What Airflow shows with a task that says nothing about itself, and what an editor shows of an operator."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics import cli
from airflow_provider_aianalytics.operators import claude_enterprise as claude_operators
from airflow_provider_aianalytics.operators import perplexity as perplexity_operators
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.sensors.perplexity import PerplexityAnalyticsSensor
from airflow_provider_aianalytics.ui.task_doc import dataset_doc, map_name
from airflow_provider_aianalytics.vendors.availability import duration_text
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.registry import VENDORS, find_vendor

DATASETS = [dataset for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
TASKS: list[Any] = [
    claude_operators.ClaudeEnterpriseAnalyticsToObjectStorageOperator,
    claude_operators.ClaudeEnterpriseAnalyticsOperator,
    ClaudeEnterpriseAnalyticsSensor,
    perplexity_operators.PerplexityAnalyticsToObjectStorageOperator,
    perplexity_operators.PerplexityAnalyticsOperator,
    PerplexityAnalyticsSensor,
]
ALL_TASKS = pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.__name__)


def make(kind: Any, tmp_path: Path, **arguments: Any) -> Any:
    where = {"path": str(tmp_path)} if "ToObjectStorage" in kind.__name__ else {}
    dataset = next(iter(kind.vendor.datasets))
    return kind(task_id="task", **{"dataset": dataset, **where, **arguments})


@ALL_TASKS
def test_a_task_describes_its_dataset(kind: Any, tmp_path: Path) -> None:
    task = make(kind, tmp_path)

    assert task.doc_md == dataset_doc(kind.vendor, kind.vendor.datasets[task.dataset])


@ALL_TASKS
def test_a_task_whose_dataset_is_not_known_yet_lists_them_all(kind: Any, tmp_path: Path) -> None:
    task = make(kind, tmp_path, dataset="{{ params.dataset }}")

    assert all(f"| `{name}` |" in task.doc_md for name in kind.vendor.datasets)


@ALL_TASKS
@pytest.mark.parametrize("name", ["doc_md", "doc", "doc_rst", "doc_json", "doc_yaml"])
def test_the_authors_own_text_is_not_changed(kind: Any, tmp_path: Path, name: str) -> None:
    task = make(kind, tmp_path, **{name: "ours"})

    found = {name: getattr(task, name) for name in ("doc_md", "doc", "doc_rst", "doc_json", "doc_yaml")}
    assert {key: text for key, text in found.items() if text} == {name: "ours"}


@pytest.mark.parametrize("dataset", DATASETS, ids=str)
def test_the_text_has_the_row_the_days_and_the_command_for_columns(dataset: Dataset) -> None:
    text = dataset_doc(find_vendor(dataset.vendor), dataset)

    assert f"`{dataset.name}`" in text
    assert f"**One row** for each {dataset.grain}." in text
    assert "**A day is available**: " in text
    assert f"**A day is final**: {duration_text(dataset.availability.final_after)} after its end" in text
    (command,) = re.findall(r"`python -m airflow_provider_aianalytics (.*?)`", text)
    assert cli.main(command.split()) == 0


@ALL_TASKS
def test_the_signature_names_each_documented_parameter(kind: Any) -> None:
    """An editor completes these names, and shows their description."""
    names = set(inspect.signature(kind).parameters) - {"kwargs"}
    documented = set(re.findall(r":param (\w+):", kind.__doc__ or ""))

    assert names == documented
    assert {"dataset", "conn_id"} <= names


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (None, "users"),
        ("", "users"),
        (-3, "users"),
        ("-3", "users"),
        ("2026-11-10", "users 2026-11-10"),
    ],
)
def test_a_mapped_task_instance_is_named_by_dataset_and_date(day: object, name: str) -> None:
    assert map_name("users", day) == name


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=3), "3 days"),
        (timedelta(days=1, hours=1, minutes=30, seconds=1), "1 day 1 hour 30 minutes 1 second"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_durations_in_words(duration: timedelta, text: str) -> None:
    assert duration_text(duration) == text
