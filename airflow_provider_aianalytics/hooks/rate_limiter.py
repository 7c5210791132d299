# SPDX-License-Identifier: Apache-2.0
"""The rate limiter of a connection, shared by all task processes of a machine through a small locked file.

Machines do not see each other's files. Each finds its share of the rate limit from the vendor's 429 responses.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from airflow_provider_aianalytics.extraction.rate_limit import RateLimiter
from airflow_provider_aianalytics.file_lock import lock
from airflow_provider_aianalytics.hooks.connection import Endpoint

log = logging.getLogger(__name__)

Result = TypeVar("Result")

FOLDER = Path(tempfile.gettempdir()) / f"aianalytics-{os.getuid()}"
"""The folder of this user's files."""
HOME_FOLDER = Path("~/.cache/airflow-provider-aianalytics")
"""The folder when another user owns the first one."""
LOCK_WAIT = 5.0
"""Seconds to wait for another process, which locks a file for less than a millisecond."""
MAX_FILE = 1 << 20
"""Bytes; a file of a full budget has a few kilobytes."""
WINDOW = 60.6
"""Seconds: requests that are sent a minute apart may arrive a little less than a minute apart."""


class SharedRateLimiter:
    """Reads, changes and writes a rate limiter under a lock.

    If the file cannot be used, the process has a rate limiter of its own.

    :param endpoint: its address and key identify the rate limit.
    :ivar is_shared: whether clients on other machines use the rate limit too.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._requests = endpoint.requests_per_minute
        self._local = self._new()
        self.is_shared = False
        self._lock = threading.Lock()
        digest = hashlib.sha256(f"{endpoint.base_url} {endpoint.key}".encode()).hexdigest()[:32]
        self._name = f"{digest}.budget"
        self._shares_file = True

    def reserve(self, now: float, max_wait: float) -> float:
        """See :meth:`RateLimiter.reserve`."""
        return self._change(lambda limiter: limiter.reserve(now, max_wait))

    def on_rate_limited(self, now: float, wait: float) -> None:
        """See :meth:`RateLimiter.on_rate_limited`."""
        self._change(lambda limiter: limiter.on_rate_limited(now, wait))

    def remaining(self, now: float) -> int:
        """See :meth:`RateLimiter.remaining`."""
        return self._change(lambda limiter: limiter.remaining(now))

    def _change(self, change: Callable[[RateLimiter], Result]) -> Result:
        with self._lock:
            if self._shares_file:
                try:
                    return self._in_file(change)
                except OSError as error:
                    self._shares_file = False
                    log.warning("the request budget is not shared with other tasks of this machine: %s", error)
            return change(self._local)

    def _in_file(self, change: Callable[[RateLimiter], Result]) -> Result:
        descriptor = os.open(_own_folder() / self._name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if not lock(descriptor, wait=LOCK_WAIT):
                raise TimeoutError(f"another process has locked {self._name} for {LOCK_WAIT:g} s")
            limiter = self._read(descriptor)
            result = change(limiter)
            self.is_shared = limiter.is_shared
            # Write, then truncate: in the other order some file systems wait for the disk.
            os.ftruncate(descriptor, os.pwrite(descriptor, msgspec.json.encode(limiter), 0))
            return result
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> RateLimiter:
        try:
            limiter = msgspec.json.decode(os.pread(descriptor, MAX_FILE, 0), type=RateLimiter)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._new()  # a writer was killed while it wrote, or another program wrote the file
        if not (1 <= limiter.share <= limiter.requests and limiter.step >= 1 and limiter.window == WINDOW):
            return self._new()
        if limiter.requests != self._requests:
            return self._new(limiter.sent)
        return limiter

    def _new(self, sent: Sequence[float] = ()) -> RateLimiter:
        return RateLimiter(self._requests, WINDOW, sent=list(sent))


def _own_folder() -> Path:
    """A folder that belongs to this user and that no other user can write to.

    :raises OSError: when there is none.
    """
    for folder in (FOLDER, HOME_FOLDER.expanduser()):
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
                if status.st_mode & 0o077:
                    folder.chmod(0o700)
                return folder
    raise OSError(f"{FOLDER} belongs to another user, and {HOME_FOLDER} cannot be created")
