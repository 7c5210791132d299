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
    listing = {"registry.py", "__init__.py"}  # the list of vendors, and the public names of their settings

    found = [
        path.name for path in SIMULATOR.glob("*.py") if named.search(path.read_text()) and path.name not in listing
    ]

    assert found == []


def test_every_vendor_has_the_same_files() -> None:
    for vendor in VENDORS:
        folder = SIMULATOR / vendor.name
        assert {"vendor.py", "api.py", "settings.py", "errors.py", "encoder.py"} <= {
            path.name for path in folder.iterdir()
        }


def test_it_imports_nothing_of_the_client_nor_the_other_way() -> None:
    of_client = re.compile(r"airflow_provider_aianalytics(?!\.simulator)|from \.\.\.")
    of_simulator = re.compile(r"import.*simulator|from.*simulator")

    assert [path for path in SIMULATOR.rglob("*.py") if of_client.search(_imports(path))] == []
    client = [path for path in PACKAGE.rglob("*.py") if SIMULATOR not in path.parents]
    assert [path for path in client if of_simulator.search(_imports(path))] == []


def _imports(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if re.match(r"\s*(from|import) ", line))
