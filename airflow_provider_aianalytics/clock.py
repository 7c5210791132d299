# SPDX-License-Identifier: Apache-2.0
"""The one clock of the package, so that tests can pass another."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

CLOCK_VARIABLE = "AIANALYTICS_CLOCK"
"""``<start>@<speed>@<origin>`` gives every process of an Airflow the same accelerated time, to rehearse days of waiting
against the simulator in minutes. ``start``, RFC 3339, is the simulated time at the real time ``origin``, in Unix
seconds; ``speed`` is the number of simulated seconds in a real one. ``2026-11-20T12:00:00Z@3600@1795400000``"""


class Clock:
    """The system's clock."""

    speed = 1.0
    """Seconds of this clock in a real second."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def async_sleep(self, seconds: float) -> None:
        """Sleep without blocking the thread."""
        await asyncio.sleep(seconds)

    def seconds_until(self, moment: datetime) -> float:
        """The real seconds until a time of this clock; negative when it is past."""
        return (moment - self.now()).total_seconds() / self.speed


class RehearsalClock(Clock):
    """A clock that is faster than the system's; sleeping takes real seconds.

    :param start: its time at ``origin``, UTC.
    :param speed: its seconds in a real second.
    :param origin: the real time, UTC.
    """

    def __init__(self, start: datetime, speed: float, origin: datetime) -> None:
        self.speed = speed
        self._start = start
        self._origin = origin

    def now(self) -> datetime:
        return self._start + (datetime.now(UTC) - self._origin) * self.speed


def clock_from_env(environment: Mapping[str, str]) -> Clock:
    """The clock for :data:`CLOCK_VARIABLE`: the system's if it is not set.

    :raises ValueError: when the variable cannot be parsed.
    """
    value = environment.get(CLOCK_VARIABLE)
    if not value:
        return Clock()
    try:
        start_text, speed, origin_text = value.split("@")
        start = datetime.fromisoformat(start_text)
        if start.tzinfo is None or not float(speed) > 0:
            raise ValueError
        origin = datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(origin_text))
        return RehearsalClock(start.astimezone(UTC), float(speed), origin)
    except ValueError:
        raise ValueError(
            f"{CLOCK_VARIABLE}={value!r} is not <start>@<speed>@<origin>, such as "
            "2026-11-20T12:00:00Z@3600@1795400000 (a time with its zone, a factor above zero, Unix seconds)"
        ) from None


SYSTEM_CLOCK = clock_from_env(os.environ)
