# SPDX-License-Identifier: Apache-2.0
"""The world that a DAG of faults runs in: a simulator, a lake for each task, and what the tasks must leave there."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count, groupby
from pathlib import Path
from typing import Any, Self
from unittest import mock

import fsspec
import pyarrow.parquet as pq

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.hooks import connection, rate_limiter
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, Simulator
from tests.faults.fault_cases import CLAUDE, DATASETS, DAY, DAYS, KEY_IN_BODY, NOW, PERPLEXITY, Cell, D, FaultCase
from tests.faults.faulty_fs import breaking, is_remote
from tests.integration.conftest import run_file

MEMBERS, ROWS_A_PAGE = 400, 100
SECRET = "pseudonyms-are-keyed-with-this-and-it-never-leaves"
QUIET = FaultCase("nothing at all")
SUFFIX = {"ndjson": "ndjson.gz", "parquet": "parquet"}
IMPATIENCE = 0.25
Tree = dict[str, bytes]

NAMES = {CLAUDE: "ClaudeEnterpriseAnalytics", PERPLEXITY: "PerplexityAnalytics"}
DAG = '''
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_aianalytics.operators.{vendor} import {name}ToObjectStorageOperator
from tests.faults import harness

class Land({name}ToObjectStorageOperator):
    """The operator as it is; the world goes wrong around it."""

    def execute(self, context):
        return harness.CURRENT.execute(self, context, super().execute)

with DAG(dag_id={dag_id!r}, schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    Land.partial(task_id="land", dataset={dataset!r}, map_index_template="cell").expand_kwargs({cells!r})
'''


@dataclass
class Ended:
    """What became of one cell.

    :param url: its lake.
    :param before: the files of its lake before the task.
    :ivar after: the files of its lake after the task.
    """

    cell: Cell
    url: str
    before: Tree
    state: str = ""
    error: BaseException | None = None
    trace: str = ""
    after: Tree = field(default_factory=dict)
    requests: int = 0
    hits: int = 0
    seconds: float = 0.0
    result: Any = None
    lineage: str = ""


class Elsewhere:
    """Another host, to which a redirect points; it must receive no request."""

    def __init__(self) -> None:
        self.visitors: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._server.getsockname()[1]}/v1/organizations/analytics/users"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._server.accept()
                self.visitors.append(visitor.recv(4096))
                visitor.close()

    def close(self) -> None:
        self._server.close()


class World:
    """Runs faults as tasks of one DAG, one after the other, each in a lake that holds three days already.

    A task is a fault in a format. The places that it meets are tried in one task after each other, each in a lake of
    its own, and what becomes of the last is what becomes of the task: a task costs Airflow more than all the rest.
    """

    def __init__(self, folder: Path, dags: Path) -> None:
        self.folder = folder
        self.dags = dags
        self.elsewhere = Elsewhere()
        self.simulator = Simulator(
            seed=11,
            members=MEMBERS,
            now=NOW,
            requests_per_minute=None,
            claude=ClaudeSettings(page_cap=ROWS_A_PAGE),
        )
        self.recording = Recording(folder / "recorded")
        self.requested: list[str] = []
        self.slept = 0.0
        self._numbers = count()
        self._behind = DAY * 0
        self._tasks: list[list[Ended]] = []
        self.old: dict[tuple[str, str], Tree] = {}
        self.new: dict[tuple[str, str], Tree] = {}
        self._stack = ExitStack()

    # --- a life -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        global CURRENT
        CURRENT = self
        stack = self._stack
        stack.callback(self.elsewhere.close)
        stack.enter_context(self.simulator)
        for vendor in DATASETS:
            # What was landed before is what the vendor had then: a little less of each day.
            days = DAYS if vendor == CLAUDE else (D,)  # of Perplexity the simulator can shrink one day
            self.simulator.fail(*(Fault("shrink", vendor=vendor, date=day, fraction=0.95) for day in days))
        self._land_undisturbed(self.old)
        self.simulator.clear_faults()
        self.simulator.advance(timedelta(hours=1))
        self._land_undisturbed(self.new)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _land_undisturbed(self, trees: dict[tuple[str, str], Tree]) -> None:
        for vendor in DATASETS:
            cells = [Cell(replace(QUIET, vendor=vendor, whole_days=True), name, 0) for name in SUFFIX]
            for ended in self.run(cells):
                assert ended.state == "success", ended.trace
                trees[vendor, ended.cell.file_format] = ended.after

    @contextmanager
    def _in_force(self) -> Iterator[None]:
        """What is another way for these tasks than for other tests."""
        with ExitStack() as stack:
            # Real time passes only on the wire: what the tasks sleep is added to their clocks.
            clock = {"now": self._now, "monotonic": self._monotonic, "sleep": self._sleep}
            for name, replacement in clock.items():
                stack.enter_context(mock.patch.object(SYSTEM_CLOCK, name, replacement))
            stack.enter_context(mock.patch.object(AnalyticsHook, "backoff", Backoff(attempts=3)))
            stack.enter_context(mock.patch.object(connection, "RESPONSE_DEADLINE_FACTOR", 2))
            stack.enter_context(mock.patch.object(rate_limiter, "FOLDER", self.folder))
            stack.enter_context(mock.patch.dict(os.environ, self.connections()))
            stack.enter_context(self.recording)
            yield

    def connections(self) -> dict[str, str]:
        found = {}
        for vendor, key in ((CLAUDE, self.simulator.claude_key), (PERPLEXITY, self.simulator.perplexity_key)):
            for kind, timeout in (("patient", 30), ("impatient", IMPATIENCE)):
                extra = {"requests_per_minute": 100_000, "timeout": timeout, "pseudonym_secret": SECRET}
                connection = {
                    "conn_type": f"{vendor}_analytics",
                    "password": key,
                    "host": self.simulator.url,
                    "extra": extra,
                }
                found[f"AIRFLOW_CONN_{vendor}_{kind}".upper()] = json.dumps(connection)
        return found

    def _now(self) -> datetime:
        return self.simulator.now + self._behind

    def _monotonic(self) -> float:
        return self.simulator.now.timestamp() + self.slept

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds

    # --- runs ---------------------------------------------------------------------------------------------------------

    def run(self, cells: list[Cell], trees: list[Tree] | None = None) -> list[Ended]:
        """Run the tasks of cells of one vendor.

        :param trees: what their lakes hold at first, the old days by default.
        """
        vendor = cells[0].case.vendor
        dag_id = f"troubles_{vendor}_{next(self._numbers)}"
        every = []
        for number, cell in enumerate(cells):
            before = trees[number] if trees else self.old.get((vendor, cell.file_format), {})
            url = (
                f"memory://{dag_id}/{number}"
                if is_remote(cell.case.store)
                else f"file://{self.folder}/{dag_id}/{number}"
            )
            every.append(Ended(cell, url, before))
        together = groupby(every, key=lambda ended: (ended.cell.case.name, ended.cell.file_format))
        self._tasks = [list(group) for _, group in together]
        arguments = [self._arguments(task[0].cell) for task in self._tasks]
        path = self.dags / f"{dag_id}.py"
        path.write_text(
            DAG.format(vendor=vendor, name=NAMES[vendor], dag_id=dag_id, dataset=DATASETS[vendor], cells=arguments)
        )
        with self._in_force():
            outcome = run_file(path)
        for number, task in enumerate(self._tasks):
            task[-1].state = outcome.tasks[f"land[{number}]"]
            task[-1].result = outcome.results[f"land[{number}]"]
        for ended in every:
            if ended.error is not None:
                ended.error.__traceback__ = ended.error.__context__ = None  # they hold every body that was read
        return every

    def run_again(self, broken: list[Ended]) -> dict[str, list[Ended]]:
        """Run tasks in the lakes that faults left, without any fault."""
        by_name: dict[str, list[Ended]] = {}
        self.simulator.advance(timedelta(hours=1))
        quiet = [replace(one.cell, case=replace(one.cell.case, store="", faults=())) for one in broken]
        for one, ended in zip(broken, self.run(quiet, [one.after for one in broken]), strict=True):
            by_name.setdefault(one.cell.case.name, []).append(ended)
        return by_name

    def _arguments(self, cell: Cell) -> dict[str, Any]:
        case = cell.case
        first, last = (DAYS[0], DAYS[-1]) if case.whole_days else (D, D)
        return {
            "path": "file:///nowhere",
            "conn_id": f"{case.vendor}_{'impatient' if case.impatient else 'patient'}",
            "file_format": cell.file_format,
            "start": str(first),
            "end": str(last + DAY),
            "max_concurrency": 1,
        }

    def execute(self, operator: Any, context: Any, execute: Callable[[Any], Any]) -> Any:
        """What the operator does in a task."""
        *earlier, last = self._tasks[context["ti"].map_index]
        for ended in earlier:
            try:
                with self._around(operator, ended):
                    ended.result = execute(context)
                ended.state = "success"
            except Exception:
                ended.state = "failed"
        with self._around(operator, last):
            return execute(context)

    @contextmanager
    def _around(self, operator: Any, ended: Ended) -> Iterator[None]:
        """Everything that goes wrong meanwhile, and what is left then."""
        cell = ended.cell
        operator.path = ended.url
        lake = Lake(ended.url)
        lake.put(ended.before)
        self._arm(cell, ended.url)
        waiting_since = time.perf_counter()
        try:
            with breaking(cell.case.store, cell.place):
                yield
        except BaseException as error:
            ended.error, ended.trace = error, traceback.format_exc()
            raise
        finally:
            with suppress(ImportError):  # where OpenLineage is installed
                ended.lineage = repr(operator.get_openlineage_facets_on_complete(None))
            ended.seconds = time.perf_counter() - waiting_since
            ended.after = lake.tree()
            ended.requests = len(self.simulator.requests)
            ended.hits = sum(bool(request.fault) for request in self.simulator.requests)
            self.requested += [
                f"{request.path}?{request.query} {request.headers}" for request in self.simulator.requests
            ]
            self._behind = DAY * 0

    def _arm(self, cell: Cell, url: str) -> None:
        sim, case = self.simulator, cell.case
        if case.name != QUIET.name:
            sim.clear_faults()
        sim.clear_requests()
        key = sim.perplexity_key if case.vendor == PERPLEXITY else sim.claude_key
        for fault in case.at(cell.place):
            body = fault.body and fault.body.replace(KEY_IN_BODY, key)
            sim.fail(replace(fault, vendor=case.vendor, body=body, location=self.elsewhere.url))
        self._behind = case.clock
        # A refusal that one task met must not slow the next one down.
        rate_limiter.FOLDER = self.folder / "ledgers" / url.replace("/", "-")
        rate_limiter.FOLDER.mkdir(parents=True, exist_ok=True)


CURRENT: World


class Lake:
    """A lake looked at from outside."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def tree(self) -> Tree:
        """What readers and later runs see; pages that wait for a retry are of no reader's."""
        try:
            found = self._fs.find(self._root)
        except FileNotFoundError:
            return {}
        names = {path: path.removeprefix(self._root).strip("/") for path in found}
        return {name: self._fs.cat_file(path) for path, name in names.items() if "/_unfinished/" not in name}

    def put(self, tree: Tree) -> None:
        for name, content in tree.items():
            path = f"{self._root}/{name}"
            if self._fs.protocol != "memory":
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(path, content)


def data_name(vendor: str, file_format: str, day: date) -> str:
    table = DATASETS[vendor]
    return f"{vendor}/{table}/date={day}/{table}.{SUFFIX[file_format]}"


def manifest_name(vendor: str, day: date) -> str:
    return f"{vendor}/_manifests/{DATASETS[vendor]}/{day}.json"


def unpacked(name: str, content: bytes) -> bytes:
    """A file's content: what gzip makes of one depends on where a write ends and the next begins."""
    return gzip.decompress(content) if name.endswith(".gz") else content


def rows_of(name: str, content: bytes) -> Counter[str]:
    """The rows of a data file; raises when it is not a whole one."""
    if name.endswith(".parquet"):
        return Counter(map(repr, pq.read_table(io.BytesIO(content)).to_pylist()))
    return Counter(unpacked(name, content).decode().splitlines())


class Recording:
    """All output of the tasks: streams and logs at every level."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._streams = folder / "streams.txt"
        self._logs = folder / "logs.txt"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        out = self._stack.enter_context(self._streams.open("a"))
        handler = logging.StreamHandler(self._stack.enter_context(self._logs.open("a")))
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(args)r"))
        names = ("", "airflow", "airflow.task", "airflow.processor", "urllib3", "airflow_provider_aianalytics")
        for logger in map(logging.getLogger, names):
            self._stack.callback(logger.setLevel, logger.level)
            self._stack.callback(logger.removeHandler, handler)
            logger.setLevel(logging.DEBUG)
            logger.addHandler(handler)
        self._stack.enter_context(mock.patch.object(sys, "stdout", out))
        self._stack.enter_context(mock.patch.object(sys, "stderr", out))
        for descriptor in (1, 2):
            copy = os.dup(descriptor)
            os.dup2(out.fileno(), descriptor)
            self._stack.callback(os.close, copy)
            self._stack.callback(os.dup2, copy, descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def text(self) -> str:
        """Without the secrets that ``dag.test()`` of Airflow 3.0 itself repeats as it asks for them to be masked."""
        output = self._streams.read_text(errors="replace") + self._logs.read_text(errors="replace")
        return "\n".join(line for line in output.splitlines() if "MaskSecret" not in line)
