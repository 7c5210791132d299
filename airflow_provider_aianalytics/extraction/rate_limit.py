# SPDX-License-Identifier: Apache-2.0
"""When to ask: the budget of an organization, and how long to wait after a failure. Time is passed in."""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

MAX_INLINE_WAIT = 61.0
"""Seconds: a longer wait, one beyond a window of the budget, is not slept in a worker's slot."""
MAX_PROBE_WINDOWS = 3
"""Windows: who has a small share waits no longer than this before it tries for more."""
DECREASE_FACTOR = 0.95
"""What is kept of a share that was refused: the large yield more, so that who comes later gets a share too."""
MIN_ALLOWANCE = 1 / 15
"""Of the budget: who comes last when it is taken begins with this."""


class RateLimiter(msgspec.Struct):
    """A sliding window over the requests of one connection, and the share of it that is ours.

    The whole budget is taken to be ours until the vendor refuses a request. Then others share it, and our share is a
    little less than what we got through in the last window: when everybody does so, the shares add up to the budget,
    and grow alike. A quiet stretch raises it again, by twice as much each time, as when the others have finished. The
    smaller the share, the longer the stretch, so that all who share the budget try for more about once a window
    together.

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
        """Take the next free place.

        :param now: seconds on a monotonic clock.
        :param max_wait: the longest wait in seconds; a place that is further ahead is not taken.
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
            insort(self.sent, at)  # a share that grew may have room before places that are taken already
        return at - now

    def _forget_impossible(self, now: float) -> None:
        """Drop what is over, and times that no request can have led to: the clock starts anew with the machine."""
        self.sent = [at for at in self.sent if now < at + self.window and at <= now + 100 * self.window]
        if self.blocked > now + 2 * self.window:
            self.blocked = 0.0
        if self.changed > now:
            self.changed = now
        self.quiet = min(self.quiet, 1.5 * MAX_PROBE_WINDOWS * self.window)

    def on_rate_limited(self, now: float, wait: float, jitter: Callable[[], float] = random.random) -> None:
        """Learn that the vendor refused a request, which it then did not count.

        :param wait: the seconds it asked to wait.
        :param jitter: a number in [0, 1), so that those who share the budget do not try for more together.
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
        """Whether others were seen to use the budget too."""
        return self.share < self.requests

    def remaining(self, now: float) -> int:
        """How many requests could be sent at once."""
        return max(0, self.share - sum(now < at + self.window for at in self.sent))


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
        return retry_after + own * 0.1 if retry_after <= MAX_INLINE_WAIT else None
