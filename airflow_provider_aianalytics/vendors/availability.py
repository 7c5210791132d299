# SPDX-License-Identifier: Apache-2.0
"""How the data of a day appears, and from when it is final: one class for each way that vendors publish.

Pure rules over moments that are passed in: nothing here reads a clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Literal

DAY = timedelta(days=1)
LATEST_ARRIVAL = timedelta(hours=24)
"""After the end of a day: data that is filled in during the day has arrived by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability(ABC):
    """When a day of a dataset exists, is complete, and is final.

    :param at: the time of day, UTC, from which the day before can be requested.
    :param lag: how long after that a day is expected.
    :param settle: how long after the end of a bucket a zero may still become a number.
    :param final_after: how long after the end of a day its values may still be restated.
    """

    kind: ClassVar[Literal["aggregated", "watermark", "complete_buckets"]]
    supports_partial: ClassVar[bool] = True
    """Whether the current day can be read up to now."""

    at: time = time(0)
    lag: timedelta = timedelta(0)
    settle: timedelta = timedelta(0)
    final_after: timedelta

    def exists_from(self, day: date) -> datetime:
        """The earliest moment, UTC, at which the whole of a day can be requested."""
        return datetime.combine(day + DAY, self.at, tzinfo=UTC)

    def settled_from(self, day: date) -> datetime:
        """The moment, UTC, from which the zeros of a day are true zeros."""
        return _end(day) + self.settle

    def final_from(self, day: date) -> datetime:
        """The moment, UTC, from which a day is not restated any more."""
        return _end(day) + self.final_after

    def is_final(self, day: date, *, read_at: datetime, refreshed_at: datetime | None) -> bool:
        """Whether a response holds the day as it will stay.

        :param read_at: when the response came, UTC.
        :param refreshed_at: its watermark, UTC, where it has one.
        """
        return read_at >= self.final_from(day)

    def is_stable(self, days: Iterable[date], *, read_at: datetime, now: datetime) -> bool:
        """Whether pages that were read before can be continued, since the data cannot have changed in between.

        :param read_at: when they were read, UTC.
        :param now: UTC.
        """
        return True

    def expected_from(self, day: date) -> datetime:
        """The earliest moment, UTC, at which a request for the day makes sense."""
        return self.exists_from(day) + max(self.lag, self.settle)

    def assumed_from(self, day: date, *, omits_empty_days: bool) -> datetime:
        """The moment, UTC, from which the day is assumed to be there without a request.

        :param omits_empty_days: whether a day without data is left out of a response, so that a request proves nothing.
        """
        return max(self.exists_from(day) + LATEST_ARRIVAL, self.expected_from(day))

    def final_expected_from(self, day: date) -> datetime:
        """The earliest moment, UTC, at which a response can hold the final day."""
        return self.final_from(day)

    def final_assumed_from(self, day: date) -> datetime:
        """The moment, UTC, from which the day is assumed to be final without a request."""
        return self.final_from(day)

    @abstractmethod
    def why_missing(self, data_refreshed_at: str | None) -> str:
        """Why a response does not cover the day, for messages.

        :param data_refreshed_at: the watermark of the response, as the vendor wrote it.
        """


class Aggregated(Availability):
    """Aggregated once a day, at ``at`` of the next day; a request before that is refused."""

    __slots__ = ()
    kind = "aggregated"
    supports_partial = False

    def expected_from(self, day: date) -> datetime:
        return self.exists_from(day)

    def assumed_from(self, day: date, *, omits_empty_days: bool) -> datetime:
        return self.exists_from(day) + self.lag

    def is_stable(self, days: Iterable[date], *, read_at: datetime, now: datetime) -> bool:
        return self.next_aggregation(read_at) > now

    def next_aggregation(self, after: datetime) -> datetime:
        """The first aggregation after a moment, UTC."""
        moment = datetime.combine(after.date(), self.at, tzinfo=UTC)
        return moment if moment > after else moment + DAY

    def why_missing(self, data_refreshed_at: str | None) -> str:
        return "the response leaves that day out"


class Watermark(Availability):
    """Exported several times a day; each response says how far its data goes."""

    __slots__ = ()
    kind = "watermark"

    def is_final(self, day: date, *, read_at: datetime, refreshed_at: datetime | None) -> bool:
        # The export may be older than the response: what it was exported before is still to be restated.
        return refreshed_at is not None and min(read_at, refreshed_at) >= self.final_from(day)

    def final_expected_from(self, day: date) -> datetime:
        return self.final_from(day) + self.lag

    def final_assumed_from(self, day: date) -> datetime:
        return self.final_from(day) + LATEST_ARRIVAL

    def why_missing(self, data_refreshed_at: str | None) -> str:
        return f"the vendor's data goes to {data_refreshed_at or 'no moment of that day'}"


class CompleteBuckets(Availability):
    """Only complete buckets are served, and a recent zero can mean "not synced yet"."""

    __slots__ = ()
    kind = "complete_buckets"

    def is_stable(self, days: Iterable[date], *, read_at: datetime, now: datetime) -> bool:
        # The vendor does not announce a sync, so only settled days count as unchanged, and only for a short time.
        return now - read_at < DAY and all(read_at >= self.settled_from(day) for day in days)

    def assumed_from(self, day: date, *, omits_empty_days: bool) -> datetime:
        if omits_empty_days:
            return self.expected_from(day)
        return Availability.assumed_from(self, day, omits_empty_days=omits_empty_days)

    def why_missing(self, data_refreshed_at: str | None) -> str:
        return "the vendor's series ends before the end of that day"


def _end(day: date) -> datetime:
    return datetime.combine(day + DAY, time(0), tzinfo=UTC)


def duration_text(duration: timedelta) -> str:
    """A duration in words: ``3 days``, ``4 hours 30 minutes``."""
    hours, rest = divmod(duration.seconds, 3600)
    parts = [
        f"{number} {unit if number == 1 else unit + 's'}"
        for number, unit in ((duration.days, "day"), (hours, "hour"), (rest // 60, "minute"), (rest % 60, "second"))
        if number
    ]
    return " ".join(parts) or "0 seconds"
