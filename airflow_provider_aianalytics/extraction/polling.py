# SPDX-License-Identifier: Apache-2.0
"""When to look whether a day is there: the rule that the sensors wait by. Time is passed in.

A request before the data can exist tells nothing, so none is sent; and a day so old that it must be there needs none.
Between the two a look costs one request, and what it says sets the next one:

- ``aggregated``: the data changes once a day, at 10:00 UTC, so there is nothing to see in between. A 400 that names the
  latest day the vendor has tells how many more aggregations the day asked for needs, and the next look follows that
  one. A vendor that is steadily one, two or three days behind costs one or two looks; one that names no day, one look
  a day. ``lag`` plays no part in it: it is how long after the aggregation a day counts as old.
- ``watermark``: exports come every few hours, usually within 4 and at most 24 of the day's end. The first look is
  ``lag`` after the day's end, the next ones are 4, 4, 6 and 7 hours later.
- ``frontier``: the same steps from ``settle`` after the day's end, as long as a zero may mean "not synced yet".

So a vendor that keeps to its contract costs at most five looks a day, and one that is stuck ever fewer, since the steps
grow. All moments are absolute and follow from the arguments alone: a triggerer that restarts loses nothing but the
knowledge of having looked, which is one more look.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    CursorExpiredError,
    InvalidArgumentError,
    MalformedResponseError,
    NotYetAvailableError,
    OversizedResponseError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import Query, build_query
from airflow_provider_aianalytics.extraction.windows import Period, check_period
from airflow_provider_aianalytics.vendors.availability import DAY, Aggregated
from airflow_provider_aianalytics.vendors.base import Dataset

Until = Literal["available", "final"]
UNTIL: tuple[Until, ...] = ("available", "final")

HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=5)
"""Behind each scheduled moment, so that clocks that differ and an aggregation that takes a while cost no day."""
MAX_JITTER = timedelta(minutes=10)
"""Over which the looks of different tasks are spread."""
POLL_OFFSETS = (4 * HOUR, 8 * HOUR, 14 * HOUR, 21 * HOUR)
"""After the first look, at datasets that are filled during the day; then each is half as long again."""
MAX_DAYS_SKIPPED = 3
"""Aggregations to wait for at most before looking again: a vendor that was stuck may catch up at once."""
RETRY_BASE = 60.0
RETRY_MAX = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTarget:
    """One day of one dataset that somebody waits for.

    :param dataset: the catalogue row, with the ``lag`` and ``settle`` to wait by.
    :param day: the UTC day.
    :param until: ``available``, or ``final``: not restated any more.
    :param jitter: this task's place among all, in [0, 1), by which scheduled looks are spread.
    """

    dataset: Dataset
    day: date
    until: Until = "available"
    jitter: float = 0.0

    @property
    def query(self) -> Query:
        return build_query(self.dataset)

    @property
    def where(self) -> str:
        return f"{self.dataset} {self.day}"

    @property
    def assumed_available_from(self) -> datetime:
        """From this moment on, UTC, the day is taken to be there without a request."""
        # Rows per member leave out days without use, so a request for such a day would prove nothing.
        omits_empty_days = self.dataset.availability.kind == "complete_buckets" and not self.dataset.is_series
        assumed = self.dataset.availability.assumed_from(self.day, omits_empty_days=omits_empty_days)
        if self.until == "final":
            assumed = max(assumed, self.dataset.availability.final_assumed_from(self.day))
        return max(assumed, self._wanted)

    @property
    def first_poll(self) -> datetime:
        """The moment, UTC, of the first look of somebody who waits since before it."""
        return max(self._expected, self._wanted) + self._delay

    def next_poll(self, looked: datetime, *, latest: date | None = None) -> datetime:
        """The moment, UTC, of the look after one that did not find the day.

        :param looked: when that was, UTC.
        :param latest: the latest day the vendor has, where it said so.
        """
        availability = self.dataset.availability
        if not isinstance(availability, Aggregated):
            return next(moment for moment in self._steps() if moment >= looked + HOUR)
        behind = 1 if latest is None else min((self.day - latest).days, MAX_DAYS_SKIPPED)
        waited = (looked - availability.exists_from(self.day)).days
        return availability.next_aggregation(looked) + DAY * (max(behind, waited // 4, 1) - 1) + self._delay

    @property
    def _wanted(self) -> datetime:
        """The earliest moment that satisfies ``until``, as far as the calendar goes."""
        availability = self.dataset.availability
        if self.until == "final":
            return max(availability.exists_from(self.day), availability.final_expected_from(self.day))
        return availability.exists_from(self.day)

    @property
    def _expected(self) -> datetime:
        """The earliest moment at which a look makes sense."""
        return self.dataset.availability.expected_from(self.day)

    @property
    def _delay(self) -> timedelta:
        return GRACE + MAX_JITTER * self.jitter

    def _steps(self) -> Iterator[datetime]:
        step = timedelta(0)
        for step in POLL_OFFSETS:
            yield self.first_poll + step
        while True:
            step *= 1.5
            yield self.first_poll + step


def wait_target(
    dataset: Dataset,
    day: date,
    *,
    until: str = "available",
    lag: timedelta | None = None,
    settle: timedelta | None = None,
    jitter: float = 0.0,
) -> WaitTarget:
    """What somebody waits for, checked.

    :param lag: the catalogue's when ``None``.
    :param settle: the catalogue's when ``None``.
    :raises InvalidArgumentError: for an argument that cannot be waited by, or a day before the vendor's first.
    """
    validate_wait_options(until=until, lag=lag, settle=settle)
    check_period(dataset, Period.of(day))
    availability = dataset.availability
    changed = replace(
        availability,
        lag=availability.lag if lag is None else lag,
        settle=availability.settle if settle is None else settle,
    )
    return WaitTarget(
        dataset=replace(dataset, availability=changed),
        day=day,
        until="final" if until == "final" else "available",
        jitter=jitter,
    )


def validate_wait_options(*, until: str, lag: timedelta | None, settle: timedelta | None) -> None:
    """Refuse arguments that cannot be waited by.

    :raises InvalidArgumentError: naming the value and the allowed ones.
    """
    if until not in UNTIL:
        raise InvalidArgumentError(f"until={until!r} is not allowed; allowed: {', '.join(UNTIL)}")
    for name, value in (("lag", lag), ("settle", settle)):
        if value is not None and (not isinstance(value, timedelta) or value < timedelta(0)):
            raise InvalidArgumentError(
                f"{name}={value!r} is not a timedelta of zero or more, such as timedelta(days=1)"
            )


def task_jitter(instance: Any) -> float:
    """The jitter of a task instance, the same in each of its tries; see :func:`jitter_for`."""
    return jitter_for(f"{instance.dag_id} {instance.task_id} {instance.run_id} {instance.map_index}")


def jitter_for(name: str) -> float:
    """A place in [0, 1) that stays the same for the same name."""
    return zlib.crc32(name.encode()) / 2**32


@dataclass(slots=True, kw_only=True)
class DayPoller:
    """One wait: look at :attr:`next_poll_at` and tell what came of it, until the day is :attr:`available`.

    :param target: what is waited for.
    :param next_poll_at: the moment of the next look, UTC.
    :param deadline: the moment, UTC, at which the wait is given up; ``None``: never.
    :param requests: the requests spent so far.
    """

    target: WaitTarget
    next_poll_at: datetime
    deadline: datetime | None = None
    requests: int = 0
    available: bool = False
    polls: list[datetime] = field(default_factory=list)
    last_answer: str = ""
    failures: int = 0

    @classmethod
    def resume(
        cls,
        target: WaitTarget,
        *,
        now: datetime,
        waiting_since: datetime | None = None,
        deadline: datetime | None = None,
    ) -> DayPoller:
        """Start to wait, or resume after an interruption.

        A resumed wait has lost its count of failures, so it is estimated from the elapsed time: in reschedule mode,
        where each process polls once, the delay must still grow through an outage.

        :param now: the time, UTC.
        :param waiting_since: when the wait started, if earlier than now; a day that grew old meanwhile is polled.
        """
        waiting_since = waiting_since or now
        looked_for = max(0.0, (now - max(waiting_since, target.first_poll)).total_seconds())
        return cls(
            target=target,
            next_poll_at=max(now, target.first_poll),
            deadline=deadline,
            available=waiting_since >= target.assumed_available_from,
            failures=int(math.log2(1 + looked_for / RETRY_BASE)),
        )

    def record(self, outcome: Page | AIAnalyticsError, *, now: datetime) -> None:
        """Take in what a look brought.

        :param outcome: the page, or the error that came instead.
        :param now: the time, UTC.
        :raises AIAnalyticsError: when it is one that no waiting mends.
        """
        self.requests += outcome.requests if isinstance(outcome, Page) else 1
        self.polls.append(now)
        match outcome:
            case Page():
                try:
                    self._read(outcome, now)
                except (MalformedResponseError, ValueError) as error:
                    self.back_off(MalformedResponseError(f"the answer cannot be believed ({error})"), now=now)
            case NotYetAvailableError():
                self._not_yet(outcome.message, now, outcome.latest)
            case OversizedResponseError():
                raise outcome
            case RateLimitedError() | VendorUnavailableError() | MalformedResponseError() | CursorExpiredError():
                self.back_off(outcome, now=now)
            case _:
                raise outcome

    def back_off(self, error: AIAnalyticsError, *, now: datetime) -> None:
        """Come back after a while, longer each time, and not before the vendor asks for it.

        :param error: what came instead of an answer, or of a request.
        :param now: the time, UTC.
        """
        self.failures += 1
        self.last_answer = error.message
        own = min(RETRY_MAX, RETRY_BASE * 2.0 ** min(self.failures - 1, 10)) * (0.75 + self.target.jitter / 2)
        asked_for = getattr(error, "retry_after", None) or 0.0
        self.next_poll_at = now + timedelta(seconds=own + asked_for)

    def timed_out(self, now: datetime) -> bool:
        """Whether the time is over, with no look due that could still find the day."""
        return self.deadline is not None and self.deadline <= now < self.next_poll_at

    @property
    def next_wakeup(self) -> datetime:
        """The next moment, UTC, at which there is something to do."""
        return self.next_poll_at if self.deadline is None else min(self.next_poll_at, self.deadline)

    @property
    def timeout_message(self) -> str:
        """What to say when the time is over: enough to be forwarded to the vendor."""
        target = self.target
        until = "final" if target.until == "final" else "available"
        expected = f"It is expected from {format_utc(target.first_poll - target._delay)}"
        expected += f" and overdue from {format_utc(target.assumed_available_from)}."
        if not self.polls:
            reason = f": {self.last_answer}" if self.last_answer else ", since it could not be there yet"
            asked = f"No request was sent{reason}."
        else:
            times = "1 request" if self.requests == 1 else f"{self.requests} requests"
            span = format_utc(self.polls[0])
            span = f"at {span}" if len(self.polls) == 1 else f"between {span} and {format_utc(self.polls[-1])}"
            asked = f"{times} {span}; the last answer: {self.last_answer}."
        return (
            f"{target.dataset} of {target.day} was not {until} by "
            f"{'now' if self.deadline is None else format_utc(self.deadline)}, when the sensor's timeout ended. "
            f"{expected} {asked} Ask the vendor about that day, or give the sensor a longer timeout"
        )

    def _read(self, page: Page, now: datetime) -> None:
        from airflow_provider_aianalytics.extraction.window_reader import (
            WindowReader,  # a DAG file that waits reads nothing
        )

        reading = WindowReader(self.target.query, page.window)
        for _ in reading.add_page(page):
            pass
        if reading.covers(self.target.day):
            availability = self.target.dataset.availability
            is_final = availability.is_final(self.target.day, read_at=now, refreshed_at=reading.refreshed_at)
            if self.target.until == "final" and not is_final:
                self._not_yet(f"the export of {reading.data_refreshed_at} was made before the day was final", now)
                return
            self.available = True
        else:
            self._not_yet(self.target.dataset.availability.why_missing(reading.data_refreshed_at), now)

    def _not_yet(self, said: str, now: datetime, latest: date | None = None) -> None:
        self.failures = 0
        self.last_answer = said
        self.next_poll_at = self.target.next_poll(now, latest=latest)


def format_utc(moment: datetime) -> str:
    """A moment for people."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
