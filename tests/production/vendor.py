# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.production.vendor``: the simulator as the proof wants it, until SIGTERM.

Time is accelerated here and the machine is not, so exports of cost and usage appear once a simulated day and not every
four hours: a chain of 160 pages would hardly ever end before the next export else.
"""

from __future__ import annotations

import argparse
import gc
import json
import signal
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta

from airflow_provider_aianalytics.simulator import Settings, Simulator

LAG_DAYS = 2
"""A day of engagement is available two days later, at 10:00 UTC, so that a task on the next day has to wait."""


def settings(members: int, now: datetime, *, speed: float = 0.0, budget: int | None = None) -> Settings:
    """The one organization of the proof; the truth is made from the same."""
    # Millions of small tuples and not one cycle: looking for one would take a third of the time.
    gc.set_threshold(200_000, 50, 1000)
    base = Settings()
    return Settings(
        seed=7,
        members=members,
        now=now,
        speed=speed,
        requests_per_minute=budget,
        log_limit=1_000_000,
        gzip=False,  # over loopback it would only take the processor from what is to be seen
        claude=replace(base.claude, lag_days=LAG_DAYS, export_every=timedelta(days=1)),
    )


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--members", type=int, required=True)
    p.add_argument("--now", type=datetime.fromisoformat, required=True)
    p.add_argument("--budget", type=int, required=True)
    options = p.parse_args()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with Simulator(settings(options.members, options.now, speed=1.0, budget=options.budget)) as simulator:
        ready = {"url": simulator.url, "claude_key": simulator.claude_key, "perplexity_key": simulator.perplexity_key}
        sys.stdout.write(f"ready {json.dumps(ready)}\n")
        sys.stdout.flush()
        done.wait()


if __name__ == "__main__":
    main()
