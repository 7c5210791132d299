# SPDX-License-Identifier: Apache-2.0
"""What an Airflow leans on, as processes of our own: PostgreSQL, Redis, an S3 store and the vendors."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.production.processes import BIN, Processes, ProofError, free_ports, until
from tests.stores.servers import seaweedfs_command, seaweedfs_port

PACKAGES = {"postgresql": "/usr/lib/postgresql/*/bin/postgres", "redis-server": "/usr/bin/redis-server"}
"""Packages of Debian, and by which file to see that they are there."""
S3_KEY, S3_SECRET, BUCKET = "proofkey", "proofsecret", "lake"


def install() -> list[str]:
    """Install the packages that are missing, without starting their services.

    :return: what was installed.
    :raises ProofError: when it cannot be.
    """
    missing = [name for name, pattern in PACKAGES.items() if not list(Path("/").glob(pattern.lstrip("/")))]
    if not missing:
        return []
    if shutil.which("apt-get") is None:
        raise ProofError(f"install {', '.join(missing)}: this can do it on Debian alone")
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    # A package's own service is not wanted: ours run on other ports, with data of their own.
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run([*sudo, *quiet, *command], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise ProofError(f"{' '.join(command)} failed:\n{done.stdout[-800:]}{done.stderr[-800:]}")
    return missing


@dataclass
class Postgres:
    """A cluster of our own. As root it runs as the user ``postgres``, since it refuses to run as root."""

    processes: Processes
    data: Path
    port: int
    user: str | None
    bin: Path

    @classmethod
    def start(cls, processes: Processes, folder: Path) -> Postgres:
        user = "postgres" if os.getuid() == 0 else None
        folder.mkdir(parents=True)
        if user:
            shutil.chown(folder, user, user)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
        (port,) = free_ports(1)
        postgres = cls(processes, folder / "data", port, user, found[-1].parent)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        processes.run(
            [postgres.bin / "initdb", "-D", postgres.data, "-U", "airflow", "-A", "trust", "--no-sync"],
            environment,
            user=user,
        )
        processes.start(
            "postgres",
            [
                postgres.bin / "postgres",
                *("-D", postgres.data),
                *("-p", port),
                *("-c", "listen_addresses=127.0.0.1"),
                *("-c", f"unix_socket_directories={folder}"),
                *("-c", "max_connections=200"),
                *("-c", "shared_buffers=256MB"),
                *("-c", "synchronous_commit=off"),
            ],
            environment,
            user=user,
        )
        until(postgres.is_up, within=30, but="PostgreSQL did not answer")
        processes.run([postgres.bin / "createdb", *postgres.to, "airflow"], environment)
        return postgres

    @property
    def to(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "airflow"]

    @property
    def url(self) -> str:
        return f"airflow@127.0.0.1:{self.port}/airflow"

    def is_up(self) -> bool:
        result = subprocess.run([self.bin / "pg_isready", *self.to], capture_output=True, timeout=10, check=False)
        return result.returncode == 0

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        import psycopg2

        # A connection's own ``with`` would end the transaction alone.
        with closing(psycopg2.connect(f"postgresql://{self.url}", connect_timeout=5)) as to, to.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())


def start_redis(processes: Processes, folder: Path) -> int:
    """Redis, for Celery's messages alone; nothing is written to disk.

    :return: its port.
    """
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    command = [
        "redis-server",
        "--port",
        port,
        "--bind",
        "127.0.0.1",
        "--dir",
        folder,
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    processes.start("redis", command, {"PATH": os.environ["PATH"]})
    until(lambda: connects(port), within=15, but="Redis did not answer")
    return port


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass
class Store:
    """SeaweedFS, an S3 store that checks credentials and checksums as AWS does."""

    processes: Processes
    port: int

    @classmethod
    def start(cls, processes: Processes, folder: Path) -> Store:
        port = seaweedfs_port()
        command = seaweedfs_command(folder, port, S3_KEY, S3_SECRET)
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOMEMLIMIT": "1GiB", "GOMAXPROCS": "2"}
        processes.start("store", command, environment)
        store = cls(processes, port)
        until(store.is_up, within=60, but="the store did not answer")
        return store

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=S3_KEY,
            aws_secret_access_key=S3_SECRET,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 3}, connect_timeout=2, read_timeout=30, max_pool_connections=8),
        )

    def is_up(self) -> bool:
        """Whether it takes a write; the first one waits for the server to make room."""
        try:
            client = self.client()
            if not client.list_buckets()["Buckets"]:
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"x")
            client.delete_object(Bucket=BUCKET, Key="ready")
        except Exception:
            return False
        return True


@dataclass
class Vendor:
    """The simulator of both vendors, in a process of its own."""

    url: str
    keys: dict[str, str]

    @classmethod
    def start(cls, processes: Processes, environment: dict[str, str], arguments: list[object]) -> Vendor:
        processes.start("vendor", [BIN / "python", "-m", "tests.production.vendor", *arguments], environment)

        def ready() -> str:
            lines = (processes.folder / "vendor.log").read_text().splitlines()
            return next((line for line in lines if line.startswith("ready ")), "")

        fields = json.loads(until(ready, within=60, but="the simulator did not start").removeprefix("ready "))
        return cls(fields["url"], {"claude_enterprise": fields["claude_key"], "perplexity": fields["perplexity_key"]})

    def control(self, method: str, name: str, body: object = None, *, within: float = 120) -> Any:
        """A control request, repeated while the simulator is busy."""
        end = time.monotonic() + within
        while True:
            try:
                data = None if body is None else json.dumps(body).encode()
                request = urllib.request.Request(f"{self.url}/_simulator/{name}", method=method, data=data)
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except OSError as error:
                if time.monotonic() > end:
                    raise ProofError(f"the simulator does not answer {method} {name}: {error}") from error
                time.sleep(1)
