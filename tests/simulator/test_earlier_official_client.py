# SPDX-License-Identifier: Apache-2.0
"""The official client of before the version 2026-10-21, which asks for the same shapes by ``?beta=true``.

It cannot be installed beside its successor, so it reads the simulator from a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import Simulator

ENVIRONMENTS = Path(__file__).parent.parent.parent / ".venv"
OWN = ENVIRONMENTS / f"anthropic-1.17-py{sys.version_info.major}.{sys.version_info.minor}"
CLIENT = OWN if OWN.exists() else ENVIRONMENTS / "anthropic-1.17"
SPAN = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-08T00:00:00Z"}
DAY = {"date": "2026-11-05"}
CASES: dict[str, dict[str, str]] = {
    "users": DAY,
    "summaries": {"starting_date": "2026-11-01", "ending_date": "2026-11-10"},
    "apps.chat.projects": DAY,
    "skills": DAY,
    "connectors": DAY,
    "plugins": DAY,
    "artifacts": DAY,
    "user_usage_report": {**SPAN, "bucket_width": "1d"},
    "user_cost_report": {**SPAN, "bucket_width": "1d"},
    "usage_report": {**SPAN, "bucket_width": "1d"},
    "cost_report": {**SPAN, "bucket_width": "1d"},
}
READ = """
import json, sys
from functools import reduce
import anthropic
url, key, cases = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
assert anthropic.__version__.startswith("1."), anthropic.__version__
client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, _strict_response_validation=True)
read = {
    name: [item.to_dict(mode="json", exclude_unset=True) for item in
           reduce(getattr, name.split("."), client.beta.organization.analytics).list(**query, limit=19)]
    for name, query in cases.items()
}
json.dump(read, sys.stdout)
"""


@pytest.fixture(scope="module")
def read(sim: Simulator) -> dict[str, list[dict[str, Any]]]:
    if not (CLIENT / "anthropic").exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CLIENT.name} is missing: `make test` installs it")
        pytest.skip(f"{CLIENT.name} is not installed: `make test` installs it")
    done = subprocess.run(
        [sys.executable, "-c", READ, sim.url, sim.claude_key, json.dumps(CASES)],
        env={**os.environ, "PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CASES)
def test_it_reads_every_endpoint_it_has_to_the_last_page(
    sim: Simulator, read: dict[str, list[dict[str, Any]]], name: str
) -> None:
    truth = [json.loads(item) for item in sim.truth(name.replace(".", "/"), CASES[name])]

    assert truth
    assert [sorted(row) for row in read[name]] == [sorted(row) for row in truth]
    assert len(read[name]) == len(truth)
