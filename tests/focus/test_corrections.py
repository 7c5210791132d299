# SPDX-License-Identifier: Apache-2.0
"""What was exported and what is exported now come to what the lake has, whatever landed in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_aianalytics.exceptions import CoverageError, InvalidArgumentError
from airflow_provider_aianalytics.focus.export import Export
from tests.focus.lakes import OCTOBER, SETTINGS, Lake, simulated_lake, total

CLAUDE, OTHER = "claude_enterprise", "perplexity"
PROVIDERS = {CLAUDE: "Anthropic", OTHER: "Perplexity"}
TABLES = {CLAUDE: "cost_report", OTHER: "credit_usage"}
FIRST = date(2026, 10, 30), date(2026, 11, 1)
SECOND = date(2026, 11, 1), date(2026, 11, 3)
THIRD = date(2026, 12, 1), date(2026, 12, 3)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with simulated_lake(str(tmp_path / "lake"), members=8) as lake:
        yield lake


def close(folder: Path, month: str, found: Export, form: str = "csv") -> str:
    """Save an export as a closed one."""
    file = folder / f"{month}.{form}"
    file.write_bytes(getattr(found, form)())
    return str(file)


def money(found: Export, vendor: str) -> Decimal:
    return total(found, "ContractedCost", PROVIDERS[vendor])


def worth(lake: Lake, vendor: str, *months: str) -> Decimal:
    """What the charges of a vendor come to when each month is exported anew."""
    return sum((money(lake.export(month, vendor=vendor, is_provisional=True), vendor) for month in months), Decimal(0))


@pytest.mark.parametrize("late", [CLAUDE, OTHER])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_vendor_that_lands_after_the_close_is_corrected(lake: Lake, tmp_path: Path, late: str, form: str) -> None:
    early = next(vendor for vendor in PROVIDERS if vendor != late)
    lake.land(early, TABLES[early], days=FIRST)
    first = lake.export(vendor=early, is_provisional=True)
    october = close(tmp_path, "2026-10", first, form)
    lake.land(late, TABLES[late], days=FIRST)
    for vendor, table in TABLES.items():
        lake.land(vendor, table, days=SECOND)

    second = lake.export("2026-11", closed=[october], is_provisional=True)
    for vendor in PROVIDERS:
        expected = worth(lake, vendor, "2026-10", "2026-11")
        assert money(first, vendor) + money(second, vendor) == expected > 0
    changed = [row for row in second.rows if row["ChargeClass"]]
    assert {row["ProviderName"] for row in changed} == {PROVIDERS[late]}
    assert {str(row["ChargePeriodStart"])[:7] for row in changed} == {"2026-10"}
    assert f"{late}: {len(changed)} rows with ChargeClass Correction for 2026-10" in "\n".join(second.notes)

    # With both exports closed nothing is left to correct.
    november = close(tmp_path, "2026-11", second, form)
    for vendor, table in TABLES.items():
        lake.land(vendor, table, days=THIRD)
    third = lake.export("2026-12", closed=[october, november], is_provisional=True)
    assert {row["ChargeClass"] for row in third.rows} == {None}


def test_what_is_wanted_and_missing_is_refused_before_anything_is_corrected(lake: Lake, tmp_path: Path) -> None:
    lake.land(CLAUDE, "cost_report", days=FIRST)
    lake.land(OTHER, "credit_usage", days=(FIRST[0], date(2026, 10, 31)))
    first = lake.export(is_provisional=True)
    october = close(tmp_path, "2026-10", first)
    lake.land(OTHER, "credit_usage", days=FIRST)
    lake.land(CLAUDE, "cost_report", days=SECOND)

    with pytest.raises(CoverageError, match="no costs of 2026-11 have landed"):
        lake.export("2026-11", closed=[october], is_provisional=True)
    accounts = '[claude_enterprise]\ntable = "cost_report"'
    with pytest.raises(InvalidArgumentError, match="the API has no price"):
        lake.export("2026-11", accounts, closed=[october], is_provisional=True)


def test_a_vendor_that_the_settings_leave_out_is_corrected(lake: Lake, tmp_path: Path) -> None:
    days = FIRST[0], date(2026, 10, 31)
    lake.land(OTHER, "credit_usage", days=FIRST)
    lake.land(CLAUDE, "cost_report", days=days)
    first = lake.export(is_provisional=True)
    october = close(tmp_path, "2026-10", first)
    lake.land(CLAUDE, "cost_report", days=FIRST)
    lake.land(OTHER, "credit_usage", days=SECOND)

    settings = SETTINGS.partition("[perplexity]")
    second = lake.export("2026-11", "".join(settings[1:]), closed=[october], is_provisional=True)
    assert money(first, CLAUDE) + money(second, CLAUDE) == worth(lake, CLAUDE, "2026-10") > money(first, CLAUDE)
    assert "claude_enterprise: no costs of 2026-11 have landed" in "\n".join(second.notes)


def test_a_late_vendor_needs_its_whole_month(lake: Lake, tmp_path: Path) -> None:
    lake.land(CLAUDE, "cost_report", days=FIRST)
    october = close(tmp_path, "2026-10", lake.export(is_provisional=True, vendor=CLAUDE))
    november = date(2026, 11, 1), date(2026, 12, 1)
    lake.land(OTHER, "credit_usage", days=FIRST)
    lake.land(OTHER, "credit_usage", days=november)

    with pytest.raises(CoverageError, match="credit_usage: missing 2026-10-01 to 2026-10-29"):
        lake.export("2026-11", closed=[october], vendor=OTHER)
    lake.land(OTHER, "credit_usage", days=OCTOBER)
    found = lake.export("2026-11", closed=[october], vendor=OTHER)
    assert money(found, OTHER) == worth(lake, OTHER, "2026-10", "2026-11")


def test_corrections_without_the_export_that_they_correct_are_refused(lake: Lake, tmp_path: Path) -> None:
    lake.land(CLAUDE, "cost_report", days=FIRST)
    october = close(tmp_path, "2026-10", lake.export(is_provisional=True, vendor=CLAUDE))
    lake.land(OTHER, "credit_usage", days=FIRST)
    lake.land(OTHER, "credit_usage", days=SECOND)
    lake.land(CLAUDE, "cost_report", days=SECOND)
    november = close(tmp_path, "2026-11", lake.export("2026-11", closed=[october], is_provisional=True))
    lake.land(CLAUDE, "cost_report", days=THIRD)

    with pytest.raises(InvalidArgumentError, match="corrects 2026-10, and no export of that month is given"):
        lake.export("2026-12", closed=[november], is_provisional=True)
