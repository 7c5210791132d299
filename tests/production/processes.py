# SPDX-License-Identifier: Apache-2.0
"""Processes with a name, a log and an end: whatever happens here, none of them is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

MARK = "AIANALYTICS_PRODUCTION"
"""In the environment of every process that is started here, so that its children are known too."""
Seen = TypeVar("Seen")


class ProofError(Exception):
    """The proof cannot go on; the message says why."""


def until(what: Callable[[], Seen], *, within: float, every: float = 0.5, but: str) -> Seen:
    """Call ``what`` repeatedly until its result is true, and return the result.

    :raises ProofError: when there is none in time, saying ``but`` and the last answer.
    """
    end = time.monotonic() + within
    while not (seen := what()):
        if time.monotonic() > end:
            raise ProofError(f"{but} within {within:.0f} s; seen last: {seen!r}")
        time.sleep(every)
    return seen


@dataclass
class Managed:
    """One process and how to start it again.

    :param is_watched: whether its end is unexpected, and it is to be started again then.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    user: str | None
    process: subprocess.Popen[bytes]
    is_watched: bool
    starts: int = 1


@dataclass
class Processes:
    """What was started, and the supervisor of it: the part that systemd or Kubernetes have in production.

    :param folder: where the logs are.
    :ivar revived: the names of processes that ended by themselves and were started again.
    """

    folder: Path
    managed: dict[str, Managed] = field(default_factory=dict)
    revived: list[str] = field(default_factory=list)
    _spent: dict[tuple[str, int], float] = field(default_factory=dict)

    def start(
        self,
        name: str,
        command: Sequence[object],
        environment: Mapping[str, str],
        *,
        user: str | None = None,
        is_watched: bool = False,
    ) -> Managed:
        """Start a process in a session of its own."""
        words = [str(word) for word in command]
        marked = {**environment, MARK: str(self.folder)}
        before = self.managed.get(name)
        managed = Managed(name, words, marked, user, self._popen(name, words, marked, user), is_watched)
        managed.starts = before.starts + 1 if before else 1
        self.managed[name] = managed
        return managed

    def start_again(self, name: str) -> None:
        """Start a process that ended, as it was started before."""
        old = self.managed[name]
        self.start(name, old.command, old.environment, user=old.user, is_watched=True)

    def run(
        self, command: Sequence[object], environment: Mapping[str, str], *, user: str | None = None, within: float = 120
    ) -> str:
        """Run a command to its end.

        :raises ProofError: when it fails, with its output.
        """
        done = subprocess.run(
            [str(word) for word in command],
            env={**environment, MARK: str(self.folder)},
            user=user,
            group=user,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        if done.returncode:
            raise ProofError(f"{command[0]} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout

    def revive(self) -> None:
        """Restart processes that ended by themselves."""
        for name, managed in list(self.managed.items()):
            if managed.is_watched and managed.process.poll() is not None:
                self.revived.append(name)
                if self.revived.count(name) > 5:
                    raise ProofError(f"{name} ends again and again:\n{self.last_answer(name)}")
                self.start_again(name)

    def check(self) -> None:
        """Nothing may end while everything starts.

        :raises ProofError: with the output of the process that ended.
        """
        for name, managed in self.managed.items():
            if managed.is_watched and managed.process.poll() is not None:
                raise ProofError(f"{name} ended:\n{self.last_answer(name)}")

    def kill(self, name: str) -> list[int]:
        """SIGKILL for a process and all of its children at once, as when a machine is lost."""
        managed = self.managed[name]
        managed.is_watched = False
        self._count(name)
        pids = [managed.process.pid, *_descendants(managed.process.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        managed.process.wait(10)
        return pids

    def stop(self, *names: str, number: signal.Signals = signal.SIGTERM, within: float = 25) -> None:
        """End processes politely, all at once, and then not."""
        chosen = [self.managed[name] for name in names if name in self.managed]
        for managed in chosen:
            managed.is_watched = False
            self._count(managed.name)
            if managed.process.poll() is None:
                managed.process.send_signal(number)
        end = time.monotonic() + within
        for managed in chosen:
            with suppress(subprocess.TimeoutExpired):
                managed.process.wait(max(0.1, end - time.monotonic()))
        for managed in chosen:
            if managed.process.poll() is None:
                self.kill(managed.name)

    def spent(self) -> dict[str, float]:
        """The seconds of processor time of each name so far, with those of children that ended and were waited for."""
        for name in self.managed:
            self._count(name)
        found = dict.fromkeys(self.managed, 0.0)
        for (name, _), seconds in self._spent.items():
            found[name] += seconds
        return found

    def _count(self, name: str) -> None:
        """Note what the present process has spent; nothing can be seen of one that was waited for."""
        key = (name, self.managed[name].process.pid)
        self._spent[key] = max(self._spent.get(key, 0.0), self._seconds(name))

    def _seconds(self, name: str) -> float:
        """Of the present process and its children; nothing once it was waited for."""
        pid, ticks = self.managed[name].process.pid, 0
        for one in (pid, *_descendants(pid)):
            with suppress(OSError):
                ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def end_all(self) -> list[str]:
        """End everything, children of children too.

        :return: the commands of the processes that did not end after SIGTERM.
        """
        late = [name for name in self.managed if name in ("postgres", "redis", "store")]
        self.stop(*(name for name in self.managed if name not in late))
        self.stop("redis", "store")
        self.stop("postgres", number=signal.SIGINT)  # a fast shutdown; SIGTERM waits for every client to go
        stubborn = []
        for _ in range(20):
            left = self.left()
            if not left:
                break
            stubborn += list(left.values())
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
        return stubborn

    def left(self) -> dict[int, str]:
        """Pid and command of every process that was started here, directly or not, and still runs."""
        mark = f"{MARK}={self.folder}\0".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark not in (entry / "environ").read_bytes() + b"\0":
                    continue
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z" and int(entry.name) != os.getpid():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:120]
        return found

    def last_output(self, name: str) -> str:
        """The end of what a process printed."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def _popen(
        self, name: str, command: list[str], environment: dict[str, str], user: str | None
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user,
                group=user,
                cwd="/",
            )


def _descendants(pid: int) -> list[int]:
    """All children of a process, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def free_ports(number: int) -> list[int]:
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


BIN = Path(sys.executable).parent
