# SPDX-License-Identifier: Apache-2.0
"""All examples in one Airflow and one lake, as when a user copies the folder and unpauses everything."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow import __version__ as airflow_version

from tests.integration.standalone import IS_AIRFLOW_2, standalone, until
from tests.test_examples import EXAMPLES, supported

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="its processes are found in /proc"),
    pytest.mark.skipif(airflow_version.startswith("3.0."), reason="its API locks SQLite when many tasks run at once"),
]

MADE_BY_EVENTS = {"monthly_close", "new_day_event", "answers"}
DONE = {"success", "skipped", "deferred"}


def test_all_examples_are_green_in_one_lake(tmp_path: Path, system_clock: None) -> None:
    paths = [path for path in EXAMPLES.glob("*.py") if path in supported()]
    dags = {path.stem: path.read_text() for path in paths}
    # The scheduler goes by the real calendar, so the vendor does too, but late enough in the day to have yesterday.
    now = datetime.now(UTC) + timedelta(hours=14)
    if IS_AIRFLOW_2:  # its executor for SQLite runs one task at a time: a year of days would take hours
        first, recent = "datetime(2026, 1, 1, tzinfo=UTC)", now - timedelta(days=17)
        assert first in dags["backfill_by_day"]
        dags["backfill_by_day"] = dags["backfill_by_day"].replace(first, f"datetime({recent:%Y, %-m, %-d}, tzinfo=UTC)")
    names = [*dags, "answers_land", *(["final_cost"] if "monthly_close" in dags else [])]
    with standalone(
        tmp_path,
        dags,
        shown=now,
        speed=1.0,
        lag_days=0,
        # Few members have days with long tasks alone, on which the alert about these fails, as it should.
        simulator=("--members", "300", "--requests-per-minute", "0", "--speed", "1"),
        extra={"pseudonym_secret": "for the tests"},
    ) as airflow:
        for name in names:
            airflow.unpause(name)
        for name in sorted(set(names) - MADE_BY_EVENTS):
            airflow.trigger(name)  # since Airflow 3 a run without a logical date

        def states() -> dict[str, set[str | None]]:
            return {name: {state for _, _, state in airflow.instances(name)} for name in names}

        def all_ran() -> bool:
            found = states()
            failed = {name for name, of in found.items() if of & {"failed", "upstream_failed", "up_for_retry"}}
            assert not failed, "\n".join(f"{name}\n{airflow.task_logs(name)}" for name in failed)
            return all(found[name] & DONE for name in set(names) - MADE_BY_EVENTS)

        until(all_ran, within=1200, every=2, but="the examples did not run")
