# SPDX-License-Identifier: Apache-2.0
"""Exports of cost and usage: which one is served at a time, and how far its data reaches (contract sections 6, 13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .settings import ClaudeSettings

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Export:
    """One state of the numbers.

    :param watermark: data after it is not in yet.
    :param read_on: the day the numbers are stated on; a new day restates them.
    """

    watermark: datetime
    read_on: date

    @staticmethod
    def at(now: datetime, settings: ClaudeSettings) -> Export:
        """The export served at ``now``."""
        behind = now - settings.export_lag - _EPOCH
        return Export(_EPOCH + behind // settings.export_every * settings.export_every, now.date())

    @property
    def id(self) -> str:
        """What a cursor remembers."""
        return f"{instant(self.watermark)}/{self.read_on}"

    @staticmethod
    def named(text: str) -> Export:
        """The export a cursor remembers."""
        watermark, _, read_on = text.partition("/")
        return Export(datetime.fromisoformat(watermark), date.fromisoformat(read_on))


def floored(moment: datetime, width: timedelta) -> datetime:
    """The start of the UTC bucket a moment lies in."""
    return _EPOCH + (moment - _EPOCH) // width * width
