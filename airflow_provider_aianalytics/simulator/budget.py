# SPDX-License-Identifier: Apache-2.0
"""The rate limit: a number of requests in a sliding window of real time."""

from __future__ import annotations

import time
from collections import deque


class Budget:
    """One organization's rate limit with one vendor (contract section 4: 60 a minute for all keys and endpoints).

    Rejected requests do not count.

    :param requests: how many requests a window admits; ``None`` is unlimited.
    :param window: its length in real seconds; tests use less than a minute.
    """

    def __init__(self, requests: int | None, window: float) -> None:
        self.requests = requests
        self.window = window
        self._admitted: deque[float] = deque()

    def admit(self) -> float:
        """Admit a request.

        :return: 0 when it is admitted, otherwise the seconds until a request is admitted again.
        """
        if self.requests is None:
            return 0.0
        now = time.monotonic()
        while self._admitted and self._admitted[0] <= now - self.window:
            self._admitted.popleft()
        if len(self._admitted) < self.requests:
            self._admitted.append(now)
            return 0.0
        if not self._admitted:
            return self.window
        return max(0.001, self._admitted[0] + self.window - now)

    def reset(self) -> None:
        """Forget the admitted requests."""
        self._admitted.clear()
