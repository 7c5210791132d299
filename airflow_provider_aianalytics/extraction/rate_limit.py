# SPDX-License-Identifier: Apache-2.0
"""When to send a request: the rate limiter, and the delay after a failure. Time is passed in."""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

MAX_INLINE_WAIT = 61.0
"""Seconds: the longest wait inside a worker slot, one window of the budget."""
MAX_PROBE_WINDOWS = 3
"""Windows: the longest time before a client with a small share tries for more."""
DECREASE_FACTOR = 0.95
"""The part of a share that remains after a refusal: large shares lose more, which leaves room for newcomers."""
MIN_ALLOWANCE = 1 / 15
"""The part of the budget that a newcomer starts with when the budget is used up."""


class RateLimiter(msgspec.Struct):
    """A sliding window over the requests of one connection, and this client's share of it.

    The share is the whole budget until the vendor refuses a request: then other clients use the budget too. The share
    drops to a little less than what passed in the last window; when every client does so, the shares add up to the
    budget. A window without a refusal raises the share, by twice as much each time. The smaller the share, the longer
    it waits before it grows, so that all clients together try for more about once a window.

    :param requests: how many requests fit into the window.
    :param window: its length in seconds.
    """

    requests: int
    window: float = 60.0
    share: int = 0
    step: int = 1
    changed: float = 0.0
    quiet: float = 0.0
    blocked: float = 0.0
    sent: list[float] = []

    def __post_init__(self) -> None:
        self.share = self.share or self.requests

    def reserve(self, now: float, max_wait: float = math.inf) -> float:
        """Reserve the next free slot.

        :param now: seconds on a monotonic clock.
        :param max_wait: the longest wait in seconds; a slot that is further ahead is not reserved.
        :return: the seconds to wait before the request may be sent.
        """
        self._forget_impossible(now)
        if self.is_shared and now - self.changed >= self.quiet:
            self.share = min(self.requests, self.share + self.step)
            self.step *= 2
            self.changed, self.quiet = now, self.window
        at = max(now, min(self.blocked, now + self.window))
        if len(self.sent) >= self.share:
            at = max(at, self.sent[-self.share] + self.window)
        if at - now <= max_wait:
            insort(self.sent, at)  # a share that grew may have room before slots that are reserved already
        return at - now

    def _forget_impossible(self, now: float) -> None:
        """Drop times that are over, and times in the far future: the clock starts anew when the machine does."""
        self.sent = [at for at in self.sent if now < at + self.window and at <= now + 100 * self.window]
        if self.blocked > now + 2 * self.window:
            self.blocked = 0.0
        if self.changed > now:
            self.changed = now
        self.quiet = min(self.quiet, 1.5 * MAX_PROBE_WINDOWS * self.window)

    def on_rate_limited(self, now: float, wait: float, jitter: Callable[[], float] = random.random) -> None:
        """Record that the vendor refused a request, which it then did not count.

        :param wait: the vendor's ``Retry-After``, in seconds.
        :param jitter: a number in [0, 1), so that clients do not try for more at the same time.
        """
        past = [at for at in self.sent if at <= now < at + self.window][:-1]
        self.sent = past + [at for at in self.sent if at > now]
        smallest = max(1, int(self.requests * MIN_ALLOWANCE))
        self.share = max(smallest, min(self.requests, int(len(past) * DECREASE_FACTOR)))
        self.step = 1
        self.changed = now
        self.quiet = self.window * min(MAX_PROBE_WINDOWS, self.requests / self.share) * (0.5 + jitter())
        self.blocked = max(self.blocked, now + wait)

    @property
    def is_shared(self) -> bool:
        """Whether other clients were seen to use the budget too."""
        return self.share < self.requests

    def remaining(self, now: float) -> int:
        """How many requests could be sent at once."""
        return max(0, self.share - sum(now < at + self.window for at in self.sent))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a failed request is tried again.

    :param attempts: how many times a request is sent at most.
    :param base: seconds before the first retry; doubled each time.
    :param cap: the longest own wait in seconds; a longer ``Retry-After`` is left to the caller.
    """

    attempts: int = 6
    base: float = 1.0
    cap: float = 30.0

    def delay(
        self, attempt: int, retry_after: float | None, jitter: Callable[[], float] = random.random
    ) -> float | None:
        """The seconds to wait after a failed attempt, ``None`` to give up.

        :param attempt: how many times the request was sent.
        :param retry_after: the vendor's ``Retry-After``, in seconds.
        :param jitter: a number in [0, 1), so that parallel tasks do not retry at the same time.
        """
        if attempt >= self.attempts:
            return None
        own = min(self.cap, self.base * 2.0 ** (attempt - 1)) * (0.5 + jitter() / 2)
        if retry_after is None:
            return own
        return retry_after + own * 0.1 if retry_after <= MAX_INLINE_WAIT else None
