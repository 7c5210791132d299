# SPDX-License-Identifier: Apache-2.0
"""Simulated time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that is stopped, follows real time, or is faster.

    :param start: the first time; the real time when ``None``.
    :param speed: simulated seconds per real second. ``None``: 0 (stopped) with a ``start``, 1 without one.
    """

    def __init__(self, start: datetime | None = None, speed: float | None = None) -> None:
        self.speed = (1.0 if start is None else 0.0) if speed is None else speed
        self._base = (start or datetime.now(UTC)).astimezone(UTC)
        self._since = time.monotonic()

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self._base + timedelta(seconds=(time.monotonic() - self._since) * self.speed)

    def set(self, moment: datetime) -> None:
        """Set the time."""
        if moment.tzinfo is None:
            raise ValueError("the simulated time needs a time zone")
        self._base, self._since = moment.astimezone(UTC), time.monotonic()

    def run(self, speed: float) -> None:
        """Change the speed from now on; 0 stops the clock."""
        self.set(self.now)
        self.speed = speed

    def advance(self, step: timedelta) -> None:
        """Move the time forward."""
        self.set(self.now + step)
