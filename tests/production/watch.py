# SPDX-License-Identifier: Apache-2.0
"""Counts running and waiting tasks every two seconds."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from tests.production.processes import Processes
from tests.production.services import Postgres

STATES = ("scheduled", "queued", "running", "deferred", "up_for_retry")


@dataclass
class Watch:
    """Samples, in a thread.

    :ivar samples: real time, task instances by state, and used slots of the pool.
    """

    postgres: Postgres
    processes: Processes
    file: Path
    samples: list[dict[str, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join(10)
        self.file.write_text(json.dumps(self.samples))

    def _run(self) -> None:
        while not self._over.wait(2):
            with suppress(psycopg2.Error):
                found = self.postgres.rows(
                    "select state, count(*), count(*) filter (where pool = 'ai_analytics') from task_instance "
                    "where state in ('scheduled', 'queued', 'running', 'deferred', 'up_for_retry') group by state"
                )
                sample = {"at": time.time(), **dict.fromkeys(STATES, 0)}
                for state, count, in_pool in found:
                    sample[state] = count
                    sample[f"{state} in the pool"] = in_pool
                self.samples.append(sample)
