# SPDX-License-Identifier: Apache-2.0
"""Cut a period into windows: as few as the vendor's limits allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, DAY, Dataset

LAST_DAY = date.max - 366 * DAY


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a run: whole UTC days, half-open.

    :param start: the first day.
    :param end: the day after the last.
    :raises InvalidArgumentError: when it is empty or inverted.
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidArgumentError(
                f"the period [{self.start}, {self.end}) is empty: end is exclusive and must be after start"
            )

    @classmethod
    def of(cls, day: date) -> Period:
        """One day."""
        return cls(day, day + DAY)

    def days(self) -> Iterator[date]:
        return _days(self.start, self.end)

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"


@dataclass(frozen=True, slots=True)
class Window:
    """One slice of a period that the API serves as one chain of pages.

    :param start: UTC midnight.
    :param end: exclusive; UTC midnight, or earlier on the last day if the day so far is requested.
    """

    start: datetime
    end: datetime

    def days(self) -> Iterator[date]:
        """The days that it overlaps, ascending."""
        last = self.end.date() if self.end.time() == time(0) else self.end.date() + DAY
        return _days(self.start.date(), last)

    def __str__(self) -> str:
        form = "%Y-%m-%d" if self.end.time() == time(0) else "%Y-%m-%dT%H:%M"
        return f"[{self.start:%Y-%m-%d}, {self.end.strftime(form)})"


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows to request now, and the days that cannot exist yet."""

    windows: tuple[Window, ...]
    unavailable: tuple[date, ...]


def plan(
    dataset: Dataset,
    period: Period,
    *,
    now: datetime,
    bucket_width: str | None = None,
    partial: bool = False,
) -> Plan:
    """Cut a period into windows, never before the first day and never past what can exist.

    :param now: the current time, UTC.
    :param bucket_width: the requested width; some widths have shorter windows.
    :param partial: whether to include the day so far, up to the last complete bucket.
    :raises InvalidArgumentError: for a period the vendor does not have.
    """
    check_period(dataset, period, now=now)
    availability = dataset.availability
    days = [day for day in period.days() if availability.exists_from(day) <= now]
    end = midnight(days[-1] + DAY if days else period.start)
    if partial and availability.supports_partial:
        end = max(end, min(midnight(period.end), _floor(now, BUCKET_WIDTHS[bucket_width or "1d"])))
    step = timedelta(days=dataset.window.limit(bucket_width))
    windows = []
    start = midnight(period.start)
    while start < end:
        windows.append(Window(start, min(start + step, end)))
        start += step
    planned = {day for window in windows for day in window.days()}
    return Plan(tuple(windows), tuple(day for day in period.days() if day not in planned))


def check_period(dataset: Dataset, period: Period, *, now: datetime | None = None) -> None:
    """Reject a period that starts before the first day that the vendor has.

    :param now: the current time, UTC; ``None`` skips the check of the retention.
    :raises InvalidArgumentError: naming the first day there is.
    """
    first = first_day(dataset, now=now)
    if first is not None and period.start < first:
        raise InvalidArgumentError(
            f"{dataset}: the period {period} starts before {first}, the first day the vendor has"
        )


def first_day(dataset: Dataset, *, now: datetime | None = None) -> date | None:
    """The first day that can be requested, ``None`` if there is no limit."""
    first = dataset.first_day
    if dataset.retention is not None and now is not None:
        # a window must start within the retention to the second, so the first complete day is the next one
        oldest = (now - dataset.retention).date() + DAY
        first = max(first, oldest) if first is not None else oldest
    return first


def parse_day(value: object, *, name: str) -> date:
    """A UTC day from what a DAG author may write: ``2026-11-01``, a date, or an aware moment at UTC midnight.

    :param value: a string, a ``date`` or a ``datetime``.
    :param name: the argument's name, for the message.
    :raises InvalidArgumentError: for anything else, also for a naive datetime, for a time of day, and for a day that
        leaves no room in the calendar for when it is available and final.
    """
    if isinstance(value, str):
        value = _parsed(value.strip(), name)
    day = _utc_day(value, name)
    if day > LAST_DAY:
        raise InvalidArgumentError(f"{name}={day.isoformat()!r} is beyond the calendar")
    return day


def _utc_day(value: object, name: str) -> date:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgumentError(
                f"{name}={value.isoformat()!r} is a naive datetime; give a date (2026-11-01) or a UTC midnight "
                "(2026-11-01T00:00:00Z)"
            )
        try:
            moment = value.astimezone(UTC)
        except OverflowError:
            raise InvalidArgumentError(f"{name}={value.isoformat()!r} is beyond the calendar") from None
        if moment.time() != time(0):
            raise InvalidArgumentError(
                f"{name}={value.isoformat()!r} is not aligned to a UTC day; give a date (2026-11-01) or a UTC midnight"
            )
        return moment.date()
    if isinstance(value, date):
        return value
    raise InvalidArgumentError(f"{name}={value!r} is not a date; give one such as 2026-11-01")


def _parsed(text: str, name: str) -> date | datetime:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgumentError(f"{name}={text!r} is not a date; give one such as 2026-11-01") from None


def _days(start: date, end: date) -> Iterator[date]:
    return (start + DAY * number for number in range((end - start).days))


def midnight(day: date) -> datetime:
    """The start of a UTC day."""
    return datetime.combine(day, time(0), tzinfo=UTC)


def _floor(moment: datetime, width: timedelta) -> datetime:
    origin = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - (moment - origin) % width


def runs_of(days: Iterable[date]) -> list[tuple[date, date]]:
    """Ascending days as the first and the last of each unbroken run."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] + DAY == day:
            runs[-1] = runs[-1][0], day
        else:
            runs.append((day, day))
    return runs


def span(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def days_text(days: Iterable[date]) -> str:
    """Days in few words: ``2026-11-19 to 2026-11-22, 2026-11-25``."""
    return ", ".join(span(*run) for run in runs_of(sorted(days)))
