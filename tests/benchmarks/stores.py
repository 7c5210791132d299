# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (its results are lines)
"""What landing and coverage cost at a store: requests by verb and seconds, with responses at once and after 30 ms.

Each store runs on loopback behind a proxy that counts and delays; each case is a process of its own. The vendor answers
at once, so that only the store's part is left. By itself: ``python stores.py [s3 gs abfs file]``, lines of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from meter import RESULT  # noqa: E402

from tests.stores.proxy import StoreProxy  # noqa: E402
from tests.stores.servers import (  # noqa: E402
    S3_KEY,
    S3_SECRET,
    MissingServerError,
    azurite,
    azurite_connection,
    connects,
    fake_gcs,
    seaweedfs,
)

DELAYS = (0.0, 0.03)
STORES = ("s3", "gs", "abfs", "file")
STEPS = ("120 days created", "120 days unchanged", "31 days unchanged", "31 days revised")
COVERAGE = ("coverage", "coverage with hints", "coverage again")
"""Of 8,712 days: cold, cold after somebody else, and a second time in the same process."""
PEER = "120 days by dlt"


@contextmanager
def store_server(name: str, folder: Path) -> Iterator[int]:
    """A store while it is wanted; its port, 0 for a folder."""
    if name == "file":
        yield 0
        return
    servers: dict[str, Callable[[], Any]] = {
        "s3": lambda: seaweedfs(folder, connects),
        "gs": lambda: fake_gcs(folder, connects),
        "abfs": lambda: azurite(folder, ROOT / ".venv" / "azurite", connects),
    }
    with servers[name]() as port:
        yield port


def driver_options(name: str, port: int) -> dict[str, Any]:
    """How fsspec's driver reaches a store on a port."""
    address = f"http://127.0.0.1:{port}"
    return {
        "s3": {"key": S3_KEY, "secret": S3_SECRET, "client_kwargs": {"endpoint_url": address, "region_name": "x"}},
        "gs": {"project": "test", "endpoint_url": address, "token": "anon"},
        "abfs": {"connection_string": azurite_connection(port)},
        "file": {},
    }[name]


def run(step: str, name: str, port: int, folder: Path) -> dict[str, Any]:
    """Do a step in a process of its own.

    :return: what it measured last.
    """
    done = subprocess.run(
        [sys.executable, HERE / "store_cases.py", step, name, json.dumps(driver_options(name, port)), folder],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AIRFLOW_HOME": str(folder),
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        },
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode:
        raise RuntimeError(f"{step} on {name} failed:\n{done.stderr[-2000:]}")
    return json.loads(lines[-1].removeprefix(RESULT)) if lines else {}


def measure(name: str, steps: tuple[str, ...] = (*STEPS, PEER, *COVERAGE)) -> Iterator[dict[str, Any]]:
    """The steps at a store, for each delay.

    :raises MissingServerError: when the store is not installed.
    """
    with tempfile.TemporaryDirectory() as work, store_server(name, Path(work, "server")) as port:
        before = Counter[str]()
        run("prepare", name, port, Path(work, "0"))
        if COVERAGE[0] in steps:
            run("seed", name, port, Path(work, "0"))
        for delay in DELAYS[:1] if name == "file" else DELAYS:
            folder = Path(work, "0" if name == "file" else f"{delay}")
            folder.mkdir(exist_ok=True)
            with StoreProxy(port, delay) as proxy:
                for step in steps:
                    if step == COVERAGE[0]:
                        if delay != DELAYS[0]:  # its hints are there
                            continue
                        run("forget", name, port, folder)
                    proxy.requests.clear()
                    found = run(step, name, proxy.port, folder)
                    requests = Counter(proxy.requests)
                    if step == COVERAGE[2]:  # without the first time
                        requests -= before
                    before = requests
                    yield {"store": name, "delay": delay, "step": step, "requests": requests, **found}


if __name__ == "__main__":
    chosen = [one for one in sys.argv[1:] if one in STORES] or STORES
    asked = tuple(one for one in sys.argv[1:] if one not in STORES)
    for one in chosen:
        try:
            for line in measure(one, *([asked] if asked else [])):
                print(json.dumps(line), flush=True)
        except MissingServerError as error:
            print(error, file=sys.stderr)
