# SPDX-License-Identifier: Apache-2.0
"""``python -m airflow_provider_aianalytics.simulator``: serves all vendors until it is stopped."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from .registry import VENDORS
from .settings import Settings
from .simulator import Simulator


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m airflow_provider_aianalytics.simulator", description=__doc__)
    d = Settings()
    p.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    p.add_argument("--seed", type=int, default=d.seed, help="generates the made-up organization")
    p.add_argument("--members", type=int, default=d.members, help="people who ever had a seat")
    p.add_argument("--now", type=_moment, default=None, help="simulated start, ISO 8601; the clock is then stopped")
    p.add_argument("--speed", type=float, default=None, help="simulated seconds per real second")
    p.add_argument("--requests-per-minute", type=int, default=60, help="budget per vendor; 0 is unlimited")
    p.add_argument("--budget-window", type=float, default=60.0, help="the budget's window in real seconds")
    p.add_argument("--retry-after", choices=("seconds", "decimal", "http-date", "none"), default="seconds")
    p.add_argument("--latency", type=float, default=0.0, help="seconds per response")
    p.add_argument("--no-gzip", action="store_true", help="never compress")
    p.add_argument("--pretty", action="store_true", help="indent all bodies")
    for vendor in VENDORS:
        vendor.add_arguments(p)
    return p


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    options = parser().parse_args(arguments)
    settings = Settings(
        seed=options.seed,
        members=options.members,
        now=options.now,
        speed=options.speed,
        port=options.port,
        requests_per_minute=options.requests_per_minute or None,
        budget_window=options.budget_window,
        latency=options.latency,
        gzip=not options.no_gzip,
        vendors={vendor.alias: vendor.settings_from(options) for vendor in VENDORS},
    )
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with Simulator(settings) as simulator:
        sys.stdout.write(f"ready {json.dumps({'url': simulator.url, **simulator.keys})}\n")
        sys.stdout.flush()
        done.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
