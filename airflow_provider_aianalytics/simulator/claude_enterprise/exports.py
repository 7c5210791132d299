# SPDX-License-Identifier: Apache-2.0
"""Exports of cost and usage: the one that is served at a time, and until when it has data (sections 6 and 13)."""

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
    """One export.

    :param watermark: the time until which it has data.
    :param read_on: the day of the numbers; they are restated on every day.
    """

    watermark: datetime
    read_on: date

    @staticmethod
    def at(now: datetime, settings: ClaudeSettings) -> Export:
        """The export that is served at ``now``."""
        age = now - settings.export_lag - _EPOCH
        return Export(_EPOCH + age // settings.export_every * settings.export_every, now.date())

    @property
    def id(self) -> str:
        """The export as text, for cursors."""
        return f"{instant(self.watermark)}/{self.read_on}"

    @staticmethod
    def from_id(text: str) -> Export:
        """The export of an :attr:`id`."""
        watermark, _, read_on = text.partition("/")
        return Export(datetime.fromisoformat(watermark), date.fromisoformat(read_on))


def floor(moment: datetime, width: timedelta) -> datetime:
    """The start of the UTC bucket that contains a time."""
    return _EPOCH + (moment - _EPOCH) // width * width
