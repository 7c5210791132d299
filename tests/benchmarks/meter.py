# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (its result is a line)
"""Measures the time and memory of some work and prints them as a line of JSON, with the standard library alone."""

from __future__ import annotations

import json
import resource
import time
from types import TracebackType
from typing import Any, Self

RESULT = "RESULT "
STARTED = time.perf_counter()


class Meter:
    """Measures what happens inside its ``with``: seconds, seconds of CPU, and the process's peak of memory in MB.

    The time of earlier imports is a field of its own, ``import``.
    """

    def __enter__(self) -> Self:
        self._imported = time.perf_counter() - STARTED
        self._cpu = cpu()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self.cpu = cpu() - self._cpu

    def report(self, **more: Any) -> None:
        fields = {"seconds": self.seconds, "cpu": self.cpu, "peak": peak(), "import": self._imported, **more}
        print(RESULT + json.dumps(fields), flush=True)


def cpu() -> float:
    """Seconds of CPU of this process and of those it waited for."""
    spent = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def peak() -> float:
    """The most memory this process held so far, in MB."""
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
