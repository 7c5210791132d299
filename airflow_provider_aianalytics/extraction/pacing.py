# SPDX-License-Identifier: Apache-2.0
"""When to ask: the budget of an organization, and how long to wait after a failure. Time is passed in."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

PATIENCE = 60.0
"""Seconds: a longer wait is not slept in a worker's slot."""


@dataclass(slots=True)
class Budget:
    """A sliding window over the requests of one connection in this process; safe to share between threads.

    :param requests: how many requests fit into the window.
    :param window: its length in seconds.
    """

    requests: int
    window: float = 60.0
    _sent: deque[float] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def reserve(self, now: float) -> float:
        """Take the next free place.

        :param now: seconds on a monotonic clock.
        :return: the seconds to wait before the request may be sent.
        """
        with self._lock:
            while self._sent and self._sent[0] <= now - self.window:
                self._sent.popleft()
            at = now if len(self._sent) < self.requests else max(now, self._sent[-self.requests] + self.window)
            self._sent.append(at)
        return at - now

    def left(self, now: float) -> int:
        """How many requests could be sent at once."""
        with self._lock:
            return max(0, self.requests - sum(at > now - self.window for at in self._sent))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a failed request is tried again.

    :param attempts: how many times a request is sent at most.
    :param base: seconds before the first retry; doubled each time.
    :param cap: the longest own wait in seconds; a longer ``Retry-After`` is the caller's business.
    """

    attempts: int = 6
    base: float = 1.0
    cap: float = 30.0

    def delay(
        self, attempt: int, retry_after: float | None, jitter: Callable[[], float] = random.random
    ) -> float | None:
        """The seconds to wait after a failed attempt, ``None`` to give up.

        :param attempt: how many times the request was sent.
        :param retry_after: what the vendor asked for, in seconds.
        :param jitter: a number in [0, 1), so that parallel tasks do not come back together.
        """
        if attempt >= self.attempts:
            return None
        own = min(self.cap, self.base * 2.0 ** (attempt - 1)) * (0.5 + jitter() / 2)
        if retry_after is None:
            return own
        return retry_after + own * 0.1 if retry_after <= PATIENCE else None
