# SPDX-License-Identifier: Apache-2.0
"""The simulator's generic part names no vendor, and it shares nothing with the client."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_aianalytics.simulator.registry import VENDORS

PACKAGE = Path(__file__).parents[2] / "airflow_provider_aianalytics"
SIMULATOR = PACKAGE / "simulator"


def test_the_generic_part_names_no_vendor() -> None:
    named = re.compile("|".join(alias for vendor in VENDORS for alias in (vendor.name, vendor.alias)), re.IGNORECASE)
    exceptions = {"registry.py", "__init__.py"}  # the list of vendors, and the public names of their settings

    found = [
        path.name for path in SIMULATOR.glob("*.py") if named.search(path.read_text()) and path.name not in exceptions
    ]

    assert found == []


def test_every_vendor_has_the_same_files() -> None:
    common = {"vendor", "api", "parameters", "cursors", "encoder", "errors", "settings", "organization", "usage"}

    for vendor in VENDORS:
        assert common <= {path.stem for path in (SIMULATOR / vendor.name).glob("*.py")}


def test_it_imports_nothing_of_the_client_nor_the_other_way() -> None:
    of_client = re.compile(r"airflow_provider_aianalytics(?!\.simulator)|from \.\.\.")
    of_simulator = re.compile(r"import.*simulator|from.*simulator")

    assert [path for path in SIMULATOR.rglob("*.py") if of_client.search(_imports(path))] == []
    client = [path for path in PACKAGE.rglob("*.py") if SIMULATOR not in path.parents]
    assert [path for path in client if of_simulator.search(_imports(path))] == []


def _imports(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if re.match(r"\s*(from|import) ", line))
