# SPDX-License-Identifier: Apache-2.0
"""Locks on files that other processes of the machine hold too, waited for a bounded time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_INTERVAL = 0.02
"""Seconds between two tries."""


@contextmanager
def locked(path: Path, *, wait: float) -> Iterator[bool]:
    """Hold the lock of a file or folder.

    :param path: it must exist.
    :param wait: seconds to wait for another holder at most.
    :return: ``False`` when another process has held it all the time.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield lock(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def lock(descriptor: int, *, wait: float) -> bool:
    """Lock an open file for this process alone, and wait a bounded time for it.

    :param wait: seconds at most.
    :return: ``False`` when another process has held it all the time. A file system without locks has no holders.
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_INTERVAL)
        except OSError:
            return True
        else:
            return True
