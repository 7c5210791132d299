# SPDX-License-Identifier: Apache-2.0
"""Every dataset of both vendors lands for 40 days from one mapped task: byte for byte, with the fewest requests."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from airflow_provider_aianalytics.simulator import Simulator
from tests.integration.conftest import RunDag
from tests.support import (
    CLAUDE_DATASETS,
    PERPLEXITY_DATASETS,
    days_of,
    fewest_requests,
    landed,
    truth,
)

START, END = date(2026, 10, 8), date(2026, 11, 17)


OPERATORS = {
    "claude_enterprise": ("ClaudeEnterpriseAnalyticsToObjectStorageOperator", CLAUDE_DATASETS),
    "perplexity": ("PerplexityAnalyticsToObjectStorageOperator", PERPLEXITY_DATASETS),
}


def test_every_dataset_lands_for_40_days(run_dag: RunDag, simulator: Simulator, tmp_path: Path) -> None:
    outcome = run_dag(
        "\n".join(
            f'{operator}.partial(task_id="{vendor}", path={str(tmp_path)!r}, start="{START}", end="{END}")'
            f".expand(dataset={datasets!r})"
            for vendor, (operator, datasets) in OPERATORS.items()
        ),
        imports="\n".join(
            f"from airflow_provider_aianalytics.operators.{vendor} import {operator}"
            for vendor, (operator, _) in OPERATORS.items()
        ),
    )

    assert set(outcome.tasks.values()) == {"success"}
    assert len(outcome.tasks) == len(CLAUDE_DATASETS) + len(PERPLEXITY_DATASETS) == 24
    assert {request.status for request in simulator.requests} == {200}
    days = days_of(START, END)
    for vendor, (_, datasets) in OPERATORS.items():
        for number, dataset in enumerate(datasets):
            expected = truth(simulator, vendor, dataset, START, END)
            assert any(expected.values())
            assert landed(tmp_path, vendor, dataset, days) == expected, dataset
            summary = outcome.results[f"{vendor}[{number}]"]
            assert [partition["date"] for partition in summary["partitions"]] == [str(day) for day in days]
            assert summary["rows"] == sum(map(len, expected.values()))
            assert summary["requests"] == fewest_requests(simulator, vendor, dataset, START, END), dataset
    assert len(simulator.requests) == sum(summary["requests"] for summary in outcome.results.values())
    sent = Counter((request.path, tuple(request.query)) for request in simulator.requests)
    assert set(sent.values()) == {1}
