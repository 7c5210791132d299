# SPDX-License-Identifier: Apache-2.0
"""File locks between the processes of a machine, with a timeout."""

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
    """Lock a file or folder while the context is entered.

    :param path: it must exist.
    :param wait: the timeout in seconds.
    :return: ``False`` when another process had the lock until the timeout.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield lock(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def lock(descriptor: int, *, wait: float) -> bool:
    """Lock an open file exclusively.

    :param wait: the timeout in seconds.
    :return: ``False`` when another process had the lock until the timeout; ``True`` without a lock on a file system
        that has none.
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
