# SPDX-License-Identifier: Apache-2.0
"""The one clock of the package, so that tests can pass another."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

CLOCK_VARIABLE = "AIANALYTICS_CLOCK"
"""``<shown>@<speed>@<since>`` makes every process of an Airflow show the same accelerated time, to rehearse days of
waiting against the simulator in minutes: ``shown``, RFC 3339, is what the clock shows at the real moment ``since``, in
Unix seconds, and it gains ``speed`` seconds a second from there. ``2026-11-20T12:00:00Z@3600@1795400000``"""


class Clock:
    """The system's clock."""

    speed = 1.0
    """How many seconds it gains in a real one."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def async_sleep(self, seconds: float) -> None:
        """Sleep without holding the thread."""
        await asyncio.sleep(seconds)

    def seconds_until(self, moment: datetime) -> float:
        """The real seconds to sleep until this clock shows a moment; negative when it is past."""
        return (moment - self.now()).total_seconds() / self.speed


class RehearsalClock(Clock):
    """A clock that runs ahead of the system's; sleeping takes real seconds.

    :param shown: what it shows at ``since``, UTC.
    :param speed: how many seconds it gains in one.
    :param since: the real moment, UTC.
    """

    def __init__(self, shown: datetime, speed: float, since: datetime) -> None:
        self.speed = speed
        self._shown = shown
        self._since = since

    def now(self) -> datetime:
        return self._shown + (datetime.now(UTC) - self._since) * self.speed


def clock_of(environment: Mapping[str, str]) -> Clock:
    """The clock that an environment asks for: the system's, but for a rehearsal.

    :raises ValueError: when the variable is there and cannot be read.
    """
    value = environment.get(CLOCK_VARIABLE)
    if not value:
        return Clock()
    try:
        shown, speed, since = value.split("@")
        moment = datetime.fromisoformat(shown)
        if moment.tzinfo is None or not float(speed) > 0:
            raise ValueError
        origin = datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(since))
        return RehearsalClock(moment.astimezone(UTC), float(speed), origin)
    except ValueError:
        raise ValueError(
            f"{CLOCK_VARIABLE}={value!r} is not <shown>@<speed>@<since>, such as "
            "2026-11-20T12:00:00Z@3600@1795400000 (a moment with its zone, a factor above zero, Unix seconds)"
        ) from None


SYSTEM_CLOCK = clock_of(os.environ)
