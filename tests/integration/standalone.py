# SPDX-License-Identifier: Apache-2.0
"""A whole Airflow, and the simulator beside it, as processes that share an accelerated clock."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from airflow import __version__ as airflow_version

from airflow_provider_aianalytics.clock import CLOCK_VARIABLE, RehearsalClock
from airflow_provider_aianalytics.simulator import Fault
from tests.support import clock_setting

BIN = Path(sys.executable).parent
IS_AIRFLOW_2 = airflow_version.startswith("2.")
Seen = TypeVar("Seen")


def until(what: Callable[[], Seen], *, within: float, every: float = 0.5, but: str) -> Seen:
    """Call ``what`` repeatedly until its result is true, and return the result.

    :raises AssertionError: when there is none in time, saying ``but`` and the last answer.
    """
    end = time.monotonic() + within
    while not (seen := what()):
        assert time.monotonic() < end, f"{but} within {within:.0f} s; seen last: {seen!r}"
        time.sleep(every)
    return seen


@dataclass
class Standalone:
    """An ``airflow standalone``: scheduler, triggerer, API server and DAG processor, SQLite and LocalExecutor.

    :param home: its ``AIRFLOW_HOME``.
    :param url: of its API server.
    :param clock: what its processes, and the simulator's, take for the time.
    :param environment: what its processes are started with.
    :param simulator_url: of the simulator.
    :param extra: what was started beside the standalone itself.
    :param sessions: the session ids of its processes, which distinguish them from all others.
    """

    home: Path
    url: str
    clock: RehearsalClock
    environment: dict[str, str]
    simulator_url: str = ""
    extra: list[subprocess.Popen[bytes]] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    _token: str = ""

    # --- commands -------------------------------------------------------------------------------------------------

    def trigger(self, dag_id: str, **body: Any) -> str:
        """Start a run now, and give its id."""
        logical_date = {} if IS_AIRFLOW_2 else {"logical_date": None}
        run: str = self._api("POST", f"/dags/{dag_id}/dagRuns", {**logical_date, **body})["dag_run_id"]
        return run

    def unpause(self, *dag_ids: str) -> None:
        """Let these DAGs run; none does by itself, or its tasks would start before there is an API server."""
        for dag_id in dag_ids:
            self._api("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def airflow(self, *arguments: str) -> str:
        done = subprocess.run(
            [BIN / "airflow", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    # --- queries --------------------------------------------------------------------------------------------------

    def tasks(self, dag_id: str, run_id: str = "~") -> list[tuple[str, str, str | None]]:
        """The run, the name and the state of each task instance of a run, or of all."""
        found = self._api("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
        return [(task["dag_run_id"], task["task_id"], task["state"]) for task in found]

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value?deserialize=true"
        value = self._api("GET", path)["value"]
        return json.loads(value) if isinstance(value, str) else value

    def events(self, asset: str) -> list[dict[str, Any]]:
        """The extras of an asset's events by its name, in the order in which they came."""
        return [
            json.loads(extra)
            for (extra,) in self._select(
                "select e.extra from asset_event e join asset a on a.id = e.asset_id where name = ? order by e.id",
                asset,
            )
        ]

    def extras(self, uri: str) -> list[dict[str, Any]]:
        """The extras of an asset's events by its URI, in the order in which they came."""
        asset = "dataset" if IS_AIRFLOW_2 else "asset"
        query = f"select e.extra from {asset}_event e join {asset} a on a.id = e.{asset}_id where uri = ? order by e.id"
        return [json.loads(extra) for (extra,) in self._select(query, uri)]

    def runs(self, dag_id: str) -> list[str]:
        """The states of a DAG's runs, oldest first."""
        return [state for (state,) in self._select("select state from dag_run where dag_id = ? order by id", dag_id)]

    def instances(self, dag_id: str) -> list[tuple[str, str, str | None]]:
        """The run, the name and the state of each task instance of a DAG."""
        return self._select("select run_id, task_id, state from task_instance where dag_id = ?", dag_id)

    def task_logs(self, dag_id: str) -> str:
        """The ends of the logs of a DAG's tasks, for messages."""
        logs = sorted((self.home / "logs" / f"dag_id={dag_id}").rglob("*.log"))
        return "\n".join(f"{path}\n{path.read_text(errors='replace')[-3000:]}" for path in logs[-3:])

    def _select(self, query: str, *arguments: str) -> list[tuple[Any, ...]]:
        # Not by the API: that of events answers 500 until the run that an event made has started.
        with closing(sqlite3.connect(f"file:{self.home}/airflow.db?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query, arguments).fetchall()

    def is_healthy(self) -> bool:
        try:
            health = self._api("GET", "/health" if IS_AIRFLOW_2 else "/monitor/health")
        except OSError:
            return False
        if IS_AIRFLOW_2:  # its scheduler parses the DAGs
            health["dag_processor"] = health["scheduler"]
        return all(health[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor"))

    def requests(self, **query: str) -> list[dict[str, Any]]:
        """The requests that the simulator got, those whose query has such parts."""
        with urllib.request.urlopen(f"{self.simulator_url}/_simulator/requests", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return [request for request in found if query.items() <= dict(request["query"]).items()]

    def fail(self, fault: Fault) -> None:
        """Let the simulator misbehave."""
        body = json.dumps(asdict(fault)).encode()
        urllib.request.urlopen(f"{self.simulator_url}/_simulator/fault", data=body, timeout=10).close()

    def output(self) -> str:
        """The end of what its processes printed, for messages."""
        return "".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.home.glob("*.out")))

    # --- its processes --------------------------------------------------------------------------------------------

    def processes(self, word: str = "") -> dict[int, str]:
        """Pid and command of each process of this very Airflow whose command has the word."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                state, _, _, session = (process / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            # Not by their environment, which those that gave themselves a title have overwritten.
            if int(session) in self.sessions and word in command and state != "Z":
                found[int(process.name)] = command
        return found

    def kill(self, word: str) -> None:
        """SIGKILL, as from the kernel when memory is short: nothing is logged and nothing is cleaned up."""
        pids = self.processes(word)
        assert pids, f"no process has {word!r} in its command"
        for pid in pids:
            with suppress(ProcessLookupError):  # it ended with one of the others
                os.kill(pid, signal.SIGKILL)
        until(lambda: not pids.keys() & self.processes(word).keys(), within=10, but=f"{word!r} did not end")

    def kill_one_task(self) -> None:
        """SIGKILL a worker of the executor, and the task that it runs."""
        commands = self.processes("LocalExecutor: ").values()
        running = {command.split()[-1] for command in commands} - {"<idle>"}
        assert running, "no task is running"
        self.kill(min(running))

    def start(self, part: str) -> None:
        """Start a triggerer or a scheduler in the place of the one that was killed."""
        self.extra.append(_start([str(BIN / "airflow"), part], self.environment, self.home / f"{part}.out"))
        self.sessions.add(self.extra[-1].pid)

    def _api(self, method: str, path: str, body: object = None, *, busy_tries: int = 10) -> Any:
        """:param busy_tries: how often it is tried: SQLite can be locked for long while a busy scheduler writes."""
        if not self._token and not IS_AIRFLOW_2:
            with urllib.request.urlopen(f"{self.url}/auth/token", timeout=10) as answer:
                self._token = json.load(answer)["access_token"]
        request = urllib.request.Request(
            f"{self.url}/api/{'v1' if IS_AIRFLOW_2 else 'v2'}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self._token}", "content-type": "application/json"},
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=70) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                busy_tries -= 1
                if error.code != 500 or not busy_tries:
                    raise AssertionError(f"{method} {path}: {error.code} {error.read()[:1000]!r}") from None
                time.sleep(2)


@contextmanager
def standalone(
    home: Path,
    dags: dict[str, str],
    *,
    shown: datetime,
    speed: float,
    lag_days: int = 3,
    backfills: Sequence[Sequence[str]] = (),
    simulator: Sequence[str] = (),
    requests_per_minute: int = 100_000,
    settings: Mapping[str, str] = MappingProxyType({}),
    extra: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Standalone]:
    """An Airflow with those DAG files and its simulator, until the block ends; no process is left then.

    :param shown: the time of the shared clock at the start, UTC.
    :param speed: how many seconds it gains in one.
    :param lag_days: the vendor's.
    :param backfills: arguments of ``airflow backfill create``. They are made before the scheduler starts: in SQLite the
        command and the scheduler write over each other, and one of them ends.
    :param simulator: more of its arguments; without any it has 20 members, no budget and the shared clock.
    :param requests_per_minute: what the connections say of the budget.
    :param settings: more of the Airflow's environment.
    :param extra: more of the extra of both connections.
    """
    clock = RehearsalClock(shown, speed, datetime.now(UTC))
    folder = home / "dags"
    folder.mkdir(parents=True)
    for name, text in dags.items():
        (folder / f"{name}.py").write_text(text)
    (home / "webserver_config.py").write_text("AUTH_ROLE_PUBLIC = 'Admin'\n")  # of Airflow 2
    port, worker_logs, trigger_logs = _free_ports(3)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(home),
        CLOCK_VARIABLE: clock_setting(shown, speed),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_VAR_AI_LAKE": f"file://{home}/lake",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor" if IS_AIRFLOW_2 else "LocalExecutor",  # of SQLite
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # SQLite can be locked for long while a scheduler writes
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default",  # Airflow 2: no password
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-the-tests-alone-" * 4,
        "AIRFLOW__API_AUTH__JWT_ISSUER": "the tests",  # without one Airflow 3.0 fails with a PyJWT of today
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_logs),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        **settings,
    }
    with ExitStack() as ends:
        airflow = Standalone(home, f"http://127.0.0.1:{port}", clock, environment)
        ends.callback(_end_all, airflow)
        in_step = ("--members", "20", "--requests-per-minute", "0", "--speed", str(speed))
        moment = ("--now", clock.now().isoformat(), "--lag-days", str(lag_days))
        ready = _simulator(ends, home, environment, (*moment, *(simulator or in_step)))
        airflow.simulator_url = ready["url"]
        for vendor, key in (("claude_enterprise", "claude_key"), ("perplexity", "perplexity_key")):
            environment[f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT"] = json.dumps(
                {
                    "conn_type": f"{vendor}_analytics",
                    "password": ready[key],
                    "host": ready["url"],
                    "extra": {"requests_per_minute": requests_per_minute, **extra},
                }
            )
        for arguments in (("db", "migrate"), ("dags", "reserialize"), *(("backfill", "create", *b) for b in backfills)):
            airflow.airflow(*arguments)
        process = _start([str(BIN / "airflow"), "standalone"], environment, home / "standalone.out")
        airflow.sessions.add(process.pid)
        ends.callback(_end, process, within=20)
        try:
            until(airflow.is_healthy, within=400, but="Airflow was not healthy")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{airflow.output()}") from None
        yield airflow


def _simulator(ends: ExitStack, home: Path, environment: dict[str, str], arguments: Sequence[str]) -> dict[str, str]:
    command = [sys.executable, "-m", "airflow_provider_aianalytics.simulator", *arguments]
    log = home / "simulator.out"
    ends.callback(_end, _start(command, environment, log), within=10)
    line = until(
        lambda: next((line for line in log.read_text().splitlines() if line.startswith("ready ")), ""),
        within=30,
        but="the simulator did not start",
    )
    ready: dict[str, str] = json.loads(line.removeprefix("ready "))
    return ready


def _start(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )


def _end(process: subprocess.Popen[bytes], *, within: float) -> None:
    """SIGINT, which Airflow ends well by; SIGTERM would leave its children behind."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(process.pid, number)
            time.sleep(1)
        process.wait(5)


def _end_all(airflow: Standalone) -> None:
    for process in airflow.extra:
        _end(process, within=15)
    manager = "DagFileProcessorManager"
    if airflow.processes(manager):  # the scheduler of Airflow 2 does not wait for it
        airflow.kill(manager)
    end = time.monotonic() + 20
    while (left := airflow.processes()) and time.monotonic() < end:
        time.sleep(0.2)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"these were left behind, and ended now: {left}"


def _free_ports(number: int) -> list[int]:
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
