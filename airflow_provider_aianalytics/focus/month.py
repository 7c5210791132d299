# SPDX-License-Identifier: Apache-2.0
"""A billing period: a calendar month, UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_MONTH = re.compile(r"\d{4}-\d\d")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, UTC.

    :param first: its first day.
    """

    first: date

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month written as ``2026-10``.

        :raises ValueError: when it is not one.
        """
        if not _MONTH.fullmatch(text):
            raise ValueError(f"{text!r} is not a month; write it as 2026-10")
        try:
            month = cls(date.fromisoformat(f"{text}-01"))
            _ = month.end
        except (ValueError, OverflowError):  # the calendar ends in the last month
            raise ValueError(f"{text!r} is not a month; write it as 2026-10") from None
        return month

    @classmethod
    def of(cls, moment: datetime) -> Month:
        return cls(moment.date().replace(day=1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(0), tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment of the next month."""
        return datetime.combine((self.first + timedelta(days=31)).replace(day=1), time(0), tzinfo=UTC)

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.end - self.start).days)]
