# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it talks to a person)
"""What happens: a year is backfilled, a week is lived through, and everything that can break does so once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2

from tests.production.cluster import PARTS, Airflow, Rehearsal
from tests.production.processes import Processes, ProofError, until
from tests.production.services import Store, Vendor
from tests.production.watch import Watch

FIRST_LIVE = date(2026, 11, 17)
"""The day after the last that is backfilled; with 320 days the first is 2026-01-01, the vendor's first."""
LIVE_DAYS = 7
END = FIRST_LIVE + timedelta(days=LIVE_DAYS)
"""The day after the last that must be there."""
BACKFILLED_AT = datetime(2026, 11, 18, 11, tzinfo=UTC)
LIVE_SINCE = datetime(2026, 11, 18, 12, tzinfo=UTC)
LIVE_UNTIL = datetime(2026, 11, 25, 12, tzinfo=UTC)
LIVE = {
    "AIANALYTICS_LIVE_SINCE": LIVE_SINCE.isoformat(),
    "AIANALYTICS_UNTIL": LIVE_UNTIL.isoformat(),
    "AIANALYTICS_LAST_DAY": str(END - timedelta(days=1)),
}
CLOSED_AT = datetime(2026, 11, 25, 20, tzinfo=UTC)
"""When the last look is taken, with the vendors' clock standing still: the moment of the truth."""
PRODUCTION = ("engagement", "reports", "perplexity")
WAITS_ON = {"claude_enterprise_monthly_close"}
"""Its October is final on November 30, after the end of the scenario: it waits in the triggerer until then."""


@dataclass
class Scenario:
    """One run of the proof.

    :param speed: simulated seconds per second in the live days.
    :ivar events: what happened, with its real and simulated time.
    :ivar by_hand: what a person had to do.
    """

    processes: Processes
    airflow: Airflow
    vendor: Vendor
    store: Store
    folder: Path
    days: int
    speed: float
    budget: int
    watch: Watch
    max_wait: float
    events: list[tuple[float, datetime | None, str]] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    measurements: dict[str, Any] = field(default_factory=dict)
    clock: Rehearsal | None = None

    @property
    def first(self) -> date:
        return FIRST_LIVE - timedelta(days=self.days)

    def report(self, text: str) -> None:
        shown = self.clock.now() if self.clock else None
        self.events.append((time.time(), shown, text))
        print(
            f"{datetime.now():%H:%M:%S} {shown:%d %b %H:%M} {text}" if shown else f"{datetime.now():%H:%M:%S} {text}",
            flush=True,
        )

    def wait(self, what: Callable[[], Any], *, within: float, but: str, every: float = 1.0) -> Any:
        """Wait, and restart what ends meanwhile, as a supervisor does."""

        def seen() -> Any:
            self.processes.revive()
            try:
                return what()
            except (psycopg2.Error, OSError, ProofError) as error:
                self.measurements.setdefault("hiccups", []).append(str(error)[:200])
                return None

        return until(seen, within=within, every=every, but=but)

    # --- first: the year ----------------------------------------------------------------------------------------------

    def backfill(self) -> None:
        """All 24 datasets in one run, through the pool."""
        waiting_since = time.time()
        self.wait(
            lambda: {"backfill", *PRODUCTION} <= set(self.airflow.dag_ids()), within=120, but="the DAGs were not read"
        )
        self.airflow.unpause("backfill")
        run = self.airflow.trigger("backfill", start=str(self.first), end=str(FIRST_LIVE))
        self.report(f"the backfill of {self.days} days of 24 datasets begins")
        self.wait(
            lambda: self.airflow.run_states("backfill").get(run) in ("success", "failed"),
            within=self.max_wait,
            every=2,
            but="the backfill did not end",
        )
        state = self.airflow.run_states("backfill")[run]
        self.spans["backfill"] = (waiting_since, time.time())
        self.measurements["requests of the backfill"] = self.vendor.control("GET", "stats")["statuses"]
        self.report(f"the backfill ended: {state}, after {time.time() - waiting_since:.0f} s")
        if state != "success":
            raise ProofError("the backfill failed")

    # --- then: the week -----------------------------------------------------------------------------------------------

    def live(self) -> None:
        """A week on the accelerated clock, with what can break in one."""
        self.airflow.stop()
        self.clock = Rehearsal(LIVE_SINCE, self.speed, time.time() + 30)  # it takes them as long to start
        self.vendor.control("POST", "clock", {"now": self.clock.now().isoformat(), "speed": self.speed})
        waiting_since = time.time()
        self.airflow.start(self.clock, LIVE)
        # Until then the schedules are those of the slow clock.
        self.wait(
            lambda: self.airflow.is_parsed_since(waiting_since), within=180, but="the DAG files were not read again"
        )
        waiting_since = time.time()
        self.report(f"live: a day takes {86400 / self.speed:.0f} s from here on")
        paused = set(self.airflow.dag_ids()) - {"backfill"}
        self.airflow.unpause(*sorted(paused))
        self.report(f"{len(paused)} DAGs are on, all examples among them")
        self.airflow.trigger("backfill_in_one_run", start="2026-11-10", end="2026-11-17")

        for at, event in (
            ("2026-11-19T06:00", self.lose_worker),
            ("2026-11-20T09:00", self.lose_triggerer),
            ("2026-11-21T00:00", self.outage),
            ("2026-11-22T09:00", self.lose_key),
            ("2026-11-23T12:00", self.restart_database),
            ("2026-11-24T06:30", self.lose_store),
        ):
            self.sleep_until(datetime.fromisoformat(at).replace(tzinfo=UTC))
            event()
        self.sleep_until(LIVE_UNTIL)
        self.report("no more runs are made; those that are there end")
        self.wait(self.is_drained, within=self.max_wait, every=3, but="the runs of the week did not end")
        self.spans["live"] = (waiting_since, time.time())
        self.report("every run has ended")

    def sleep_until(self, shown: datetime) -> None:
        assert self.clock is not None
        real = self.clock.real(shown)
        while time.time() < real:
            self.processes.revive()
            time.sleep(min(1.0, max(0.05, real - time.time())))

    def open_runs(self) -> list[tuple[str, str]]:
        return self.airflow.postgres.rows("select dag_id, run_id from dag_run where state in ('running', 'queued')")

    def is_drained(self) -> bool:
        return not [run for run in self.open_runs() if run[0] not in WAITS_ON]

    def lose_worker(self) -> None:
        """SIGKILL for all processes of the worker that has the most to do, as when its machine is lost."""

        def busy() -> str | None:
            count = {part: len(self.airflow.running_on(part)) for part in ("worker-1", "worker-2")}
            return max(count, key=lambda part: count[part]) if any(count.values()) else None

        part = self.wait(busy, within=120, every=0.3, but="no worker had a task")
        lost = self.airflow.running_on(part)
        pids = self.processes.kill(part)
        names = sorted({f"{dag}.{task}" for dag, _, task, _ in lost})
        self.report(f"{part} is lost with {len(pids)} processes and {len(lost)} running tasks: {', '.join(names)}")
        self.measurements["lost with the worker"] = [list(task) for task in lost]
        time.sleep(20)
        assert self.clock is not None
        self.airflow.start_part(part, self.clock, LIVE)
        self.report(f"{part} is there again")

    def lose_triggerer(self) -> None:
        deferred = self.airflow.postgres.rows("select count(*) from task_instance where state = 'deferred'")[0][0]
        self.processes.kill("triggerer")
        self.report(f"the triggerer is lost while {deferred} tasks wait in it")
        self.measurements["waiting when the triggerer was lost"] = deferred
        time.sleep(10)
        assert self.clock is not None
        self.airflow.start_part("triggerer", self.clock, LIVE)
        self.report("the triggerer is there again")

    def outage(self) -> None:
        """Both vendors answer 503 for a simulated day."""
        assert self.clock is not None
        self.vendor.control("POST", "fault", {"kind": "status", "status": 503, "times": None})
        self.report("both vendors are out for a day")
        waiting_since = time.time()
        self.sleep_until(self.clock.now() + timedelta(days=1))
        self.vendor.control("DELETE", "fault")
        self.spans["outage"] = (waiting_since, time.time())
        self.report("both vendors are back")

    def lose_key(self) -> None:
        """The Claude key is revoked; most of a day later a person puts a new one into the connection.

        Failed runs are not cleared: the trailing days of the next runs land their days.
        """
        assert self.clock is not None
        waiting_since = time.time()
        key = self.vendor.control("POST", "key", {"vendor": "claude_enterprise"})["key"]
        self.report("the Claude key is revoked and replaced; Airflow still has the old one")
        self.sleep_until(self.clock.now() + timedelta(hours=21))
        self.airflow.connect("claude_enterprise", self.vendor.url, key, budget=self.budget)
        self.by_hand.append("put the regenerated Claude key into the connection")
        self.spans["key"] = (waiting_since, time.time())
        failed = self.airflow.postgres.rows(
            "select count(*) from dag_run where state = 'failed' and end_date >= to_timestamp(%s)", waiting_since
        )[0][0]
        self.report(f"a person puts the new key into the connection; {failed} runs failed without it, and are left so")

    def restart_database(self) -> None:
        waiting_since = time.time()
        self.processes.stop("postgres", number=__import__("signal").SIGINT, within=30)
        self.report("the database is down")
        time.sleep(5)
        self.processes.start_again("postgres")
        self.processes.managed["postgres"].is_watched = False
        until(self.airflow.postgres.is_up, within=60, but="the database did not come back")
        self.spans["database"] = (waiting_since, time.time())
        self.report("the database is up again")

    def lose_store(self) -> None:
        """The store is gone while tasks want to write."""
        self.wait(
            lambda: self.airflow.running_on("worker-1") or self.airflow.running_on("worker-2"),
            within=60,
            every=0.3,
            but="no worker had a task",
        )
        waiting_since = time.time()
        self.processes.stop("store", within=15)
        self.report("the store is gone")
        time.sleep(20)
        self.processes.start_again("store")
        self.processes.managed["store"].is_watched = False
        until(self.store.is_up, within=60, but="the store did not come back")
        self.spans["store"] = (waiting_since, time.time())
        self.report("the store is there again")

    # --- at the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """The vendors' clock stands still; the trailing month is read once more, so that there is one truth for all."""
        waiting_since = time.time()
        self.airflow.pause(*sorted(set(self.airflow.dag_ids()) - {"backfill"}))
        self.vendor.control("POST", "clock", {"now": CLOSED_AT.isoformat(), "speed": 0})
        before = self.vendor.control("GET", "stats")["statuses"]
        run = self.airflow.trigger("backfill", start=str(max(self.first, END - timedelta(days=31))), end=str(END))
        self.report("the last look: the trailing 31 days of all datasets, with the vendors' clock standing still")
        self.wait(
            lambda: self.airflow.run_states("backfill").get(run) in ("success", "failed"),
            within=self.max_wait,
            every=2,
            but="the last look did not end",
        )
        state = self.airflow.run_states("backfill")[run]
        self.spans["close"] = (waiting_since, time.time())
        self.measurements["requests before the last look"] = before
        self.report(f"the last look ended: {state}")
        if state != "success":
            raise ProofError("the last look failed")
        self.measurements["parts"] = {part: self.processes.managed[part].starts for part in PARTS}

    def truth(self) -> dict[str, dict[str, Any]]:
        """The digests that :mod:`tests.production.truth` made."""
        found: dict[str, dict[str, Any]] = json.loads((self.folder / "truth.json").read_text())
        return found

    def save(self) -> None:
        """What happened, for the report."""
        (self.folder / "scenario.json").write_text(
            json.dumps(
                {
                    "events": [(real, shown and shown.isoformat(), text) for real, shown, text in self.events],
                    "by_hand": self.by_hand,
                    "spans": self.spans,
                    "measurements": {name: value for name, value in self.measurements.items() if name != "log"},
                    "revived": self.processes.revived,
                    "clock": self.clock and [self.clock.shown.isoformat(), self.clock.speed, self.clock.since],
                },
                indent=1,
            )
        )
