# SPDX-License-Identifier: Apache-2.0
"""What is known of a vendor lies in its folder: everything else names none, and the catalogue needs no Airflow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from airflow_provider_aianalytics.vendors.registry import VENDORS

PACKAGE = Path(__file__).parents[2] / "airflow_provider_aianalytics"
THIN = {PACKAGE / room / f"{name}.py" for room in ("hooks", "operators", "sensors") for name in VENDORS}


def test_the_generic_rooms_name_no_vendor() -> None:
    words = {word for name in VENDORS for word in (name, name.partition("_")[0])}
    named = re.compile("|".join(words), re.IGNORECASE)
    generic = [
        path
        for path in PACKAGE.rglob("*.py")
        if path not in THIN and not {"vendors", "simulator"} & set(path.relative_to(PACKAGE).parts)
    ]

    assert [str(path.relative_to(PACKAGE)) for path in generic if named.search(path.read_text())] == []


def test_the_thin_modules_stay_thin() -> None:
    # A sensor with an argument of its own repeats the others, so that an editor completes them: 50 lines at most.
    assert {path.name: lines for path in THIN if (lines := len(path.read_text().splitlines())) > 50} == {}


def test_the_catalogue_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import airflow_provider_aianalytics.vendors.registry;"
        "print({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "{'airflow_provider_aianalytics'}"
