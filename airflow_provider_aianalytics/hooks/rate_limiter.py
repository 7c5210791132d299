# SPDX-License-Identifier: Apache-2.0
"""The budget of a connection, shared by all task processes of a machine through one small locked file.

Machines do not see each other's ledgers; between them each learns its share from the vendor's refusals.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from airflow_provider_aianalytics.extraction.rate_limit import RateLimiter
from airflow_provider_aianalytics.hooks.connection import Endpoint

log = logging.getLogger(__name__)

Result = TypeVar("Result")

FOLDER = Path(tempfile.gettempdir()) / f"aianalytics-{os.getuid()}"
"""Where the ledgers of this machine's user are."""
WINDOW = 60.6
"""Seconds: requests that are sent a minute apart may arrive a little less than a minute apart."""


class SharedRateLimiter:
    """Reads, changes and writes a budget under a lock.

    Where no file can be shared, the budget is this process' own.

    :param endpoint: whose budget it is; those of one key at one address are one.
    :ivar is_shared: whether others beyond this machine were seen to use the budget too.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._requests = endpoint.requests_per_minute
        self._own = self._new()
        self.is_shared = False
        self._lock = threading.Lock()
        digest = hashlib.sha256(f"{endpoint.base_url} {endpoint.key}".encode()).hexdigest()[:32]
        self._path = FOLDER / f"{digest}.budget"

    def reserve(self, now: float, max_wait: float) -> float:
        """See :meth:`RateLimiter.reserve`."""
        return self._with(lambda budget: budget.reserve(now, max_wait))

    def on_rate_limited(self, now: float, wait: float) -> None:
        """See :meth:`RateLimiter.on_rate_limited`."""
        self._with(lambda budget: budget.on_rate_limited(now, wait))

    def remaining(self, now: float) -> int:
        """See :meth:`RateLimiter.remaining`."""
        return self._with(lambda budget: budget.remaining(now))

    def _with(self, change: Callable[[RateLimiter], Result]) -> Result:
        with self._lock:
            try:
                return self._in_file(change)
            except OSError as error:
                log.warning("The budget is not shared with other tasks of this machine: %s", error)
                return change(self._own)

    def _in_file(self, change: Callable[[RateLimiter], Result]) -> Result:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            budget = self._read(descriptor)
            result = change(budget)
            self.is_shared = budget.is_shared
            # Cut off behind it: some file systems take the other order for a file replaced, and wait for the disk.
            os.ftruncate(descriptor, os.pwrite(descriptor, msgspec.json.encode(budget), 0))
            return result
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> RateLimiter:
        try:
            budget = msgspec.json.decode(os.pread(descriptor, 1 << 20, 0), type=RateLimiter)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._new()  # or a writer was killed in the middle
        if budget.requests != self._requests:
            return self._new(budget.sent)
        return budget

    def _new(self, sent: Sequence[float] = ()) -> RateLimiter:
        return RateLimiter(self._requests, WINDOW, sent=list(sent))
