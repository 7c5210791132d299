# SPDX-License-Identifier: Apache-2.0
"""A process that lands again and again and is killed at it: imports everything once, then forks a child for each try.

Takes one JSON object a line on its standard input, :class:`Try` by its fields, and answers each with one on its
standard output: ``status``, the child's exit status, negative for a signal; ``error``, the type and errno it failed
with, if it did.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import FrameType
from typing import Any, NoReturn

import msgspec

from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import Query, build_query
from airflow_provider_aianalytics.extraction.windows import Period, Window
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run

FIRST_DAY = date(2026, 11, 1)
GIVE_UP = 300
LANDS_AT = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Try:
    """What a child does.

    :param url: the lake.
    :param step: the content of the first landing; every landing has another one.
    :param landings: how many; endless when ``None``.
    :param rows: the rows of a day.
    :param days: how many days.
    :param signal: the signal that ends it, by name.
    :param after: the seconds from its first landing's beginning to the signal.
    :param file_limit: how many bytes a file may have, ``None`` for any number.
    """

    url: str
    step: int
    landings: int | None = None
    rows: int = 40
    days: int = 6
    signal: str | None = None
    after: float = 0.0
    file_limit: int | None = None


class SteppingClock(Clock):
    """Shows the step of the landing as time, so that no two landings are read at the same moment."""

    step = 0

    def now(self) -> datetime:
        return LANDS_AT + timedelta(seconds=self.step)


class ChangingHook(ClaudeEnterpriseAnalyticsHook):
    """A vendor that restates every day all the time."""

    def __init__(self, rows: int) -> None:
        super().__init__(clock=SteppingClock())
        self.rows = rows
        self.step = 0

    def iter_pages(
        self, query: Query, window: Window, saved_pages: Iterable[tuple[datetime, bytes]] = ()
    ) -> Iterator[Page]:
        items = [msgspec.Raw(line) for line in records(window.start.date(), self.step, self.rows)]
        yield Page(window, 1, b"", items, None, None, read_at=self.clock.now())

    def connect(self) -> None:
        """There is nobody to connect to."""

    def budget_left(self) -> int:
        return 60


def records(day: date, step: int, rows: int) -> list[bytes]:
    """What the vendor has of a day at a step; hard to compress, so that files have a size."""
    return [b'{"id":"%d","step":%d,"noise":"%x"}' % (row, step, abs(hash((day.day, step, row)))) for row in range(rows)]


def open_table(attempt: Try) -> LakeTable:
    table = LakeTable(attempt.url, vendor="claude_enterprise", table="users", file_format=FileFormat("ndjson", "gzip"))
    table.store.info("nothing")  # connects to the store
    return table


def land(attempt: Try, table: LakeTable) -> None:
    hook = ChangingHook(attempt.rows)
    period = Period(FIRST_DAY, FIRST_DAY + timedelta(days=attempt.days))
    step = attempt.step
    while attempt.landings is None or step < attempt.step + attempt.landings:
        assert isinstance(hook.clock, SteppingClock)
        hook.step = hook.clock.step = step
        run = Run(dag_id="dag", run_id=str(step), task_id="land")
        options = IngestOptions(max_concurrency=2, accept_shrink=True)
        Ingest(hook, build_query(hook.vendor.dataset("users")), table, run=run, options=options).land(period)
        step += 1


class TerminatedError(BaseException):
    """What Airflow's task runner makes of SIGTERM."""


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise TerminatedError


def child(attempt: Try, write_end: int) -> NoReturn:
    status = 0
    faulthandler.register(signal.SIGALRM, chain=True)  # where it hangs; then the default action ends the process
    signal.alarm(GIVE_UP)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        table = open_table(attempt)
        os.write(write_end, b"\n")
        if attempt.file_limit is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (attempt.file_limit, hard))
        land(attempt, table)
    except BaseException as error:
        status = 1
        os.write(write_end, f"{type(error).__name__} {getattr(error, 'errno', None)}".encode())
    finally:
        os._exit(status)


def run(attempt: Try) -> dict[str, Any]:
    read_end, write_end = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(read_end)
        child(attempt, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        stream.readline()
        if attempt.signal:
            time.sleep(attempt.after)
            os.kill(process, signal.Signals[attempt.signal])
        _, status = os.waitpid(process, 0)
        return {"status": os.waitstatus_to_exitcode(status), "error": stream.read().decode()}


def warm_up() -> None:
    """Import what the first use of a store imports, without beginning a thread, which would not survive a fork."""
    try:
        from airflow.sdk.io.fs import _register_filesystems
    except ImportError:
        from airflow.io import _register_filesystems
    _register_filesystems()
    import aiobotocore.session  # noqa: F401
    import s3fs  # noqa: F401


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Airflow logs to the standard output
    warm_up()
    for line in sys.stdin:
        answers.write(json.dumps(run(Try(**json.loads(line)))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
