# SPDX-License-Identifier: Apache-2.0
"""An Airflow as users run it when one machine is not enough: each part a process, two workers as if on two machines."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.production.processes import BIN, Processes, ProofError, free_ports, until
from tests.production.services import S3_KEY, S3_SECRET, Postgres

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "dags_examples"
WORKERS = ("worker-1", "worker-2")
PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", *WORKERS)
POOL, SLOTS = "ai_analytics", 4


@dataclass(frozen=True)
class Rehearsal:
    """The clock that all processes share.

    :param shown: what it shows at ``since``, UTC.
    :param speed: how many seconds it gains in one.
    :param since: the real moment, Unix seconds.
    """

    shown: datetime
    speed: float
    since: float

    @property
    def variable(self) -> str:
        return f"{self.shown.isoformat()}@{self.speed}@{self.since}"

    def now(self) -> datetime:
        return self.at(time.time())

    def at(self, real: float) -> datetime:
        return self.shown + timedelta(seconds=(real - self.since) * self.speed)

    def real(self, moment: datetime) -> float:
        return self.since + (moment - self.shown).total_seconds() / self.speed


@dataclass
class Airflow:
    """The parts of one Airflow, and its API."""

    processes: Processes
    folder: Path
    postgres: Postgres
    redis_port: int
    slots_of_a_worker: int = 3
    port: int = field(default_factory=lambda: free_ports(1)[0])
    log_ports: list[int] = field(default_factory=lambda: free_ports(3))
    _secrets: dict[str, str] = field(default_factory=dict)
    _token: str = ""

    def environment(self, part: str, clock: Rehearsal, live: dict[str, str]) -> dict[str, str]:
        """What a part is started with.

        :param live: what the schedules of the live days go by.
        """
        machine = part if part in WORKERS else "control"
        home = self.folder / machine
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        keys = {"JWT": base64.b64encode(os.urandom(48)), "FERNET": base64.urlsafe_b64encode(os.urandom(32))}
        self._secrets = self._secrets or {name: value.decode() for name, value in keys.items()}
        url = f"http://127.0.0.1:{self.port}"
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{HERE / 'settings'}{os.pathsep}{ROOT}",
            "TMPDIR": str(home / "tmp"),
            "AIANALYTICS_CLOCK": clock.variable,
            "AIANALYTICS_ALERTS": str(self.folder / "alerts.jsonl"),
            "AIANALYTICS_PRELOAD": "1" if part in WORKERS else "",
            **live,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(HERE / "settings"),
            "AIRFLOW__CORE__FERNET_KEY": self._secrets["FERNET"],
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{self.postgres.url}",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql://{self.postgres.url}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(self.slots_of_a_worker),
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API_AUTH__JWT_SECRET": self._secrets["JWT"],
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self.log_ports[(*WORKERS, "control").index(machine)]),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.log_ports[2]),
            # A watcher is armed when its DAG is read after it was unpaused.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            # How soon a lost machine is noticed: minutes by default, too long for a day of two minutes.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "90",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def prepare(self, clock: Rehearsal) -> None:
        """The database, and the DAG files: each example lands in a folder of its own, since some share a table."""
        dags = self.folder / "dags"
        dags.mkdir()
        (dags / "production.py").write_text((HERE / "dags" / "production.py").read_text())
        for path in EXAMPLES.glob("*.py"):
            text = path.read_text()
            text = text.replace("{{ var.value.ai_lake }}", "{{ var.value.ai_lake }}/examples/" + path.stem)
            (dags / path.name).write_text(text)
        environment = self.environment("control", clock, {})
        self.processes.run([BIN / "airflow", "db", "migrate"], environment, within=240)

    def start(self, clock: Rehearsal, live: dict[str, str]) -> None:
        """Start all parts and wait until they are healthy."""
        for part in PARTS:
            self.start_part(part, clock, live)
        until(self.is_healthy, within=300, every=1, but="Airflow was not healthy")

    def start_part(self, part: str, clock: Rehearsal, live: dict[str, str]) -> None:
        words: list[str] = [part]
        if part in WORKERS:
            words = ["celery", "worker", "--celery-hostname", f"{part}@%h", "--without-gossip", "--without-mingle"]
        environment = self.environment(part, clock, live)
        if part in WORKERS:
            environment |= {"AIRFLOW__CORE__HOSTNAME_CALLABLE": "rehearsal_host.name", "AIANALYTICS_HOST": part}
        self.processes.start(part, [BIN / "airflow", *words], environment, is_watched=True)

    def stop(self) -> None:
        self.processes.stop(*WORKERS, within=60)
        self.processes.stop(*(part for part in PARTS if part not in WORKERS))
        self._token = ""

    # --- the API ------------------------------------------------------------------------------------------------------

    def is_healthy(self) -> bool:
        self.processes.check()
        try:
            health = self.api("GET", "/monitor/health")
        except (OSError, ProofError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor"))

    def connect(self, vendor: str, url: str, key: str, *, budget: int, is_new: bool = False) -> None:
        """What a person does in the connection's form."""
        body = {
            "connection_id": f"{vendor}_analytics_default",
            "conn_type": f"{vendor}_analytics",
            "host": url,
            "password": key,
            "extra": json.dumps({"requests_per_minute": budget, "pseudonym_secret": "the secret of the proof"}),
        }
        if is_new:
            self.api("POST", "/connections", body)
        else:
            self.api("PATCH", f"/connections/{body['connection_id']}", body)

    def configure(self, store_url: str, lake: str) -> None:
        """The store's connection, the lake's address and the documented pool."""
        store = {"endpoint_url": store_url, "region_name": "us-east-1"}
        body = {"connection_id": "aws_default", "conn_type": "aws", "login": S3_KEY, "password": S3_SECRET}
        self.api("POST", "/connections", {**body, "extra": json.dumps(store)})
        self.api("POST", "/variables", {"key": "ai_lake", "value": lake})
        self.api("POST", "/pools", {"name": POOL, "slots": SLOTS, "description": "shares the vendors' requests"})

    def dag_ids(self) -> list[str]:
        return [dag["dag_id"] for dag in self.api("GET", "/dags?limit=100&exclude_stale=false")["dags"]]

    def unpause(self, *dag_ids: str) -> None:
        for dag_id in dag_ids:
            self.api("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def pause(self, *dag_ids: str) -> None:
        for dag_id in dag_ids:
            self.api("PATCH", f"/dags/{dag_id}", {"is_paused": True})

    def trigger(self, dag_id: str, **conf: str) -> str:
        run: str = self.api("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return run

    def api(self, method: str, path: str, body: object = None) -> Any:
        """One call, as an admin.

        :raises ProofError: when it is answered with an error.
        """
        if not self._token:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/auth/token", timeout=20) as answer:
                self._token = json.load(answer)["access_token"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v2{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self._token}", "content-type": "application/json"},
        )
        for attempt in range(4):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer) if answer.status != 204 else None
            except urllib.error.HTTPError as error:
                if error.code == 401 and attempt == 0:
                    self._token = ""
                    return self.api(method, path, body)
                if error.code < 500 or attempt == 3:
                    raise ProofError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from None
                time.sleep(3)
        raise AssertionError

    # --- what the database says ---------------------------------------------------------------------------------------

    def run_states(self, dag_id: str) -> dict[str, str]:
        return dict(self.postgres.rows("select run_id, state from dag_run where dag_id = %s", dag_id))

    def is_parsed_since(self, moment: float) -> bool:
        """Whether every DAG file was read after a real moment, in Unix seconds."""
        query = "select count(*) from dag where not is_stale and last_parsed_time < to_timestamp(%s)"
        return bool(self.postgres.rows(query, moment)[0][0] == 0)

    def running_on(self, part: str) -> list[tuple[Any, ...]]:
        return self.postgres.rows(
            "select dag_id, run_id, task_id, map_index from task_instance where state = 'running' and hostname = %s",
            part,
        )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
