# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it talks to a person)
"""``python -m tests.production``: the proof, from nothing to the report, and no process is left behind."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.production.audit import audit
from tests.production.cluster import ROOT, Airflow, Rehearsal
from tests.production.processes import BIN, Processes
from tests.production.report import write
from tests.production.scenario import BACKFILLED_AT, CLOSED_AT, END, LIVE, Scenario
from tests.production.services import BUCKET, Postgres, Store, Vendor, install, start_redis
from tests.production.watch import Watch
from tests.stores.servers import remove_seaweedfs_sockets

LAKE = f"s3://aws_default@{BUCKET}/ai"


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="python -m tests.production", description=__doc__)
    p.add_argument("--members", type=int, default=10_000, help="of the organization")
    p.add_argument("--days", type=int, default=320, help="to backfill")
    p.add_argument("--speed", type=float, default=720, help="simulated seconds per second in the live week")
    p.add_argument("--budget", type=int, default=3000, help="requests a minute of each vendor; theirs are 60")
    p.add_argument("--max-wait", type=float, default=3600, help="seconds for the longest phase")
    p.add_argument("--folder", type=Path, default=ROOT / ".production", help="where the report is written")
    return p.parse_args()


def stop_asked(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(f"signal {number}")


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, stop_asked)
    waiting_since = time.time()
    installed = install()
    # Outside of the checkout: the database's own user has to get there.
    run = Path(tempfile.mkdtemp(prefix="aianalytics-production-"))
    run.chmod(0o711)
    options.folder.mkdir(exist_ok=True)
    processes = Processes(run)
    passed = False
    scenario: Scenario | None = None
    store: Store | None = None
    try:
        if installed:
            print(f"installed {', '.join(installed)}", flush=True)
        postgres = Postgres.start(processes, run / "postgres")
        redis = start_redis(processes, run / "redis")
        store = Store.start(processes, run / "store")
        own = {**os.environ, "PYTHONPATH": str(ROOT)}
        budget: list[object] = [
            "--members",
            options.members,
            "--now",
            BACKFILLED_AT.isoformat(),
            "--budget",
            options.budget,
        ]
        vendor = Vendor.start(processes, own, budget)
        airflow = Airflow(processes, run, postgres, redis)
        watch = Watch(postgres, processes, run / "samples.json")
        scenario = Scenario(
            processes, airflow, vendor, store, run, options.days, options.speed, options.budget, watch, options.max_wait
        )
        truth = [
            *(
                BIN / "python",
                "-m",
                "tests.production.truth",
                "--members",
                options.members,
                "--out",
                run / "truth.json",
            ),
            *(
                "--first",
                scenario.first,
                "--end",
                END,
                "--now",
                CLOSED_AT.isoformat(),
                "--cache",
                options.folder / "truth",
            ),
        ]
        processes.start("truth", truth, own)
        clock = Rehearsal(BACKFILLED_AT, 1.0, time.time())
        airflow.prepare(clock)
        airflow.start(clock, LIVE)
        scenario.report("PostgreSQL, Redis, the store, the vendors and an Airflow with two workers are up")
        airflow.configure(store.url, LAKE)
        for name, key in vendor.keys.items():
            airflow.connect(name, vendor.url, key, budget=options.budget, is_new=True)
        watch.start()
        scenario.backfill()
        scenario.live()
        before = audit(scenario, {}, END)
        scenario.close()
        watch.stop()
        scenario.wait(lambda: (run / "truth.json").exists(), within=options.max_wait, but="the truth was not drawn")
        scenario.report("comparing what landed with the truth")
        found = audit(scenario, scenario.truth(), END)
        scenario.measurements["took"] = time.time() - waiting_since
        scenario.measurements["members"] = options.members
        scenario.save()
        passed = write(scenario, before, found, options.folder)
    except KeyboardInterrupt as interruption:
        print(f"stopped: {interruption}", flush=True)
    except Exception:
        traceback.print_exc()
        for name in processes.managed:
            print(f"--- {name}\n{processes.last_output(name)[-700:]}", flush=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if scenario is not None:
            scenario.watch.stop()
            scenario.save()
        processes.end_all()
        if store is not None:
            remove_seaweedfs_sockets(store.port)
        left = processes.left()
        logs = options.folder / "logs"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        for path in [*run.glob("*.log"), *run.glob("*.json"), *run.glob("*.jsonl")]:
            shutil.copy(path, logs)
        if passed:
            shutil.rmtree(run, ignore_errors=True)
        else:
            print(f"what it left to look at is in {run} and {logs}", flush=True)
        print(f"processes left behind: {len(left)}", flush=True)
    return 0 if passed and not left else 1


if __name__ == "__main__":
    sys.exit(main())
