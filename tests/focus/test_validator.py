# SPDX-License-Identifier: Apache-2.0
"""The FinOps Foundation's own validator on exports from the simulator: ``make focus-validator``."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.focus.export import Export
from tests.focus.lakes import DIMENSIONS, SETTINGS, Lake, settings_for, simulated_lake

ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "focus"
VERSION = "1.2.0.1"
CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED",
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
    "REGION_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "VIRTUAL_CURRENCY_SUPPORTED",
)
"""What the exports claim to have beyond the mandatory columns. Of the others two cannot be checked with this version:
USAGE_MEASUREMENT_SUPPORTED reads a column of commitment discounts, and PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED
takes ISO codes alone, although FOCUS 1.2 allows virtual currencies."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ENVIRONMENT / ".ready").exists(), reason="make focus-validator installs it"),
]


def failures(file: Path, workplace: Path) -> set[str]:
    """The rules that a file breaks. A rule that is one of several alternatives counts when all of them fail."""
    (package,) = ENVIRONMENT.glob("lib/python3*/site-packages/focus_validator")
    link = workplace / "focus_validator"
    if not link.exists():
        link.symlink_to(package)  # it reads its currency codes from below the working folder
    report = file.with_suffix(".xml")
    command = [ENVIRONMENT / "bin" / "focus-validator", "--data-file", file, "--validate-version", VERSION]
    command += ["--block-download", "--focus-dataset", "CostAndUsage", "--applicability-criteria", ",".join(CRITERIA)]
    command += ["--output-type", "unittest", "--output-destination", report]
    done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    checks = {str(case.get("name")).split(" ")[0]: case for case in ET.parse(report).iter("testcase")}
    broken = {name for name, case in checks.items() if case.find("failure") is not None}
    passed = {name for name, case in checks.items() if case.find("skipped") is None} - broken
    assert len(passed) > 150, "the validator checked hardly anything"
    alternatives = alternatives_in(json.loads((package / "rules" / f"model-{VERSION}.json").read_text()))
    return {name for name in broken if not any(choice in passed for choice in alternatives.get(name, ()))}


def alternatives_in(model: dict[str, Any]) -> dict[str, set[str]]:
    """For each rule the rules that want it or another."""
    found: dict[str, set[str]] = {}
    for name, rule in model["ModelRules"].items():
        requirement = rule["ValidationCriteria"]["Requirement"]
        if requirement.get("CheckFunction") == "OR":
            for item in requirement["Items"]:
                found.setdefault(item.get("ModelRuleId", ""), set()).add(name)
    return found


def write(export: Export, folder: Path) -> list[Path]:
    files = [folder / "focus.parquet", folder / "focus.csv"]
    for file, data in zip(files, (export.parquet(), export.csv()), strict=True):
        file.write_bytes(data)
    return files


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, *map(settings_for, ("cost_report", "cost_by_model", "cost_by_member"))],
    ids=["by token", "ungrouped", "by model", "by member, with residuals"],
)
def test_a_month_passes(lake: Lake, tmp_path: Path, settings: str) -> None:
    for file in write(lake.export(settings=settings), tmp_path):
        assert failures(file, tmp_path) == set()


@pytest.fixture
def corrected(tmp_path: Path) -> Iterator[Export]:
    """November of both vendors, with the corrections of October."""
    days = date(2026, 11, 1), date(2026, 12, 1)
    claude: tuple[str, str] = ("claude_enterprise", "cost_report")
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    with simulated_lake(str(tmp_path / "lake"), now=now) as lake:
        lake.land(*claude, group_by=list(DIMENSIONS))
        lake.land("perplexity", "credit_usage")
        closed = tmp_path / "october.parquet"
        closed.write_bytes(lake.export(is_provisional=True).parquet())
        lake.simulator.set_now(datetime(2027, 1, 5, 12, tzinfo=UTC))
        for month in ((date(2026, 10, 1), date(2026, 11, 1)), days):
            lake.land(*claude, group_by=list(DIMENSIONS), days=month)
            lake.land("perplexity", "credit_usage", days=month)
        yield lake.export("2026-11", closed=[str(closed)])


def test_a_month_with_corrections_passes(corrected: Export, tmp_path: Path) -> None:
    assert {row["ChargeClass"] for row in corrected.rows} == {None, "Correction"}
    for file in write(corrected, tmp_path):
        assert failures(file, tmp_path) == set()


def test_the_validator_notices_a_value_that_focus_does_not_allow(lake: Lake, tmp_path: Path) -> None:
    for file in write(lake.export(settings=settings_for("cost_report")), tmp_path)[1:]:
        file.write_bytes(file.read_bytes().replace(b"AI and Machine Learning", b"AI / LLM"))
        assert "ServiceCategory-C-003-M" in failures(file, tmp_path)
