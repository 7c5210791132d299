# SPDX-License-Identifier: Apache-2.0
"""When to poll the vendor for a day: the schedule of the sensors and triggers. Time is passed in.

No request is sent before the data can exist, and none for a day so old that it must be available. In between, a poll
costs one request, and its outcome sets the time of the next poll:

- ``aggregated``: the data changes once a day, at 10:00 UTC. A 400 that names the vendor's latest day shows how many
  more aggregations the requested day needs; the next poll follows the last of them. A vendor that is one to three days
  behind costs one or two polls. One that names no day costs one poll a day. ``lag`` is not used: it is how long after
  the aggregation a day counts as old.
- ``watermark``: exports are made every few hours, usually within 4 and at most 24 hours of the day's end. The first
  poll is ``lag`` after the day's end, the next ones follow 4, 4, 6 and 7 hours later.
- ``complete_buckets``: the same steps from ``settle`` after the day's end, while a zero may mean "not synced yet".

A vendor that keeps to its contract costs at most five polls a day. A vendor that is stuck costs fewer each day, because
the steps grow. Every poll time is absolute and follows from the arguments alone, so a restarted triggerer costs one
extra poll and nothing else.
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
"""Added to each scheduled time: without it, a clock that is ahead or a slow aggregation would cost a day."""
MAX_JITTER = timedelta(minutes=10)
"""The interval over which the polls of different tasks are spread."""
POLL_OFFSETS = (4 * HOUR, 8 * HOUR, 14 * HOUR, 21 * HOUR)
"""Time from the first poll to the next ones, for datasets that fill during the day; later steps grow by half."""
MAX_DAYS_SKIPPED = 3
"""The most aggregations to wait for before the next poll: a vendor that was stuck may catch up at once."""
RETRY_BASE = 60.0
RETRY_MAX = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTarget:
    """One day of one dataset to wait for.

    :param dataset: the catalogue row, with the ``lag`` and ``settle`` of this wait.
    :param day: the UTC day.
    :param until: ``available``, or ``final``: not restated any more.
    :param jitter: this task's offset in [0, 1), which spreads the polls of several tasks.
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
        """From this time on, UTC, the day counts as available without a request."""
        # Rows by member have no row for a day without use, so an empty response would prove nothing.
        omits_empty_days = self.dataset.availability.kind == "complete_buckets" and not self.dataset.is_series
        assumed = self.dataset.availability.assumed_from(self.day, omits_empty_days=omits_empty_days)
        if self.until == "final":
            assumed = max(assumed, self.dataset.availability.final_assumed_from(self.day))
        return max(assumed, self._satisfiable_from)

    @property
    def first_poll(self) -> datetime:
        """The time, UTC, of the first poll, for a wait that started before it."""
        return max(self._expected, self._satisfiable_from) + self._delay

    def next_poll(self, polled_at: datetime, *, latest: date | None = None) -> datetime:
        """The time, UTC, of the poll after one that did not find the day.

        :param polled_at: when that was, UTC.
        :param latest: the vendor's latest day, if the response named it.
        """
        availability = self.dataset.availability
        if not isinstance(availability, Aggregated):
            return next(moment for moment in self._steps() if moment >= polled_at + HOUR)
        behind = 1 if latest is None else min((self.day - latest).days, MAX_DAYS_SKIPPED)
        waited = (polled_at - availability.exists_from(self.day)).days
        return availability.next_aggregation(polled_at) + DAY * (max(behind, waited // 4, 1) - 1) + self._delay

    @property
    def _satisfiable_from(self) -> datetime:
        """The earliest time that can satisfy ``until``."""
        availability = self.dataset.availability
        if self.until == "final":
            return max(availability.exists_from(self.day), availability.final_expected_from(self.day))
        return availability.exists_from(self.day)

    @property
    def _expected(self) -> datetime:
        """The earliest time at which a poll can succeed."""
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
    """Build a wait target from validated arguments.

    :param lag: the catalogue's when ``None``.
    :param settle: the catalogue's when ``None``.
    :raises InvalidArgumentError: for an invalid argument, or a day before the vendor's first.
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
    """Validate the options of a wait.

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
    """An offset in [0, 1), the same for the same name."""
    return zlib.crc32(name.encode()) / 2**32


@dataclass(slots=True, kw_only=True)
class DayPoller:
    """One wait: poll at :attr:`next_poll_at` and :meth:`record` the outcome, until the day is :attr:`available`.

    :param target: the day to wait for.
    :param next_poll_at: the time of the next poll, UTC.
    :param deadline: the time, UTC, at which the wait ends; ``None``: never.
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
        :param waiting_since: when the wait started, if earlier than now; a day that became old meanwhile is polled.
        """
        waiting_since = waiting_since or now
        polling_for = max(0.0, (now - max(waiting_since, target.first_poll)).total_seconds())
        return cls(
            target=target,
            next_poll_at=max(now, target.first_poll),
            deadline=deadline,
            available=waiting_since >= target.assumed_available_from,
            failures=int(math.log2(1 + polling_for / RETRY_BASE)),
        )

    def record(self, outcome: Page | AIAnalyticsError, *, now: datetime) -> None:
        """Record the outcome of a poll.

        :param outcome: the page, or the error of the request.
        :param now: the time, UTC.
        :raises AIAnalyticsError: the same error, if waiting does not fix it.
        """
        self.requests += outcome.requests if isinstance(outcome, Page) else 1
        self.polls.append(now)
        match outcome:
            case Page():
                try:
                    self._read(outcome, now)
                except (MalformedResponseError, ValueError) as error:
                    self.back_off(MalformedResponseError(f"the response is not valid ({error})"), now=now)
            case NotYetAvailableError():
                self._not_yet(outcome.message, now, outcome.latest)
            case OversizedResponseError():
                raise outcome
            case RateLimitedError() | VendorUnavailableError() | MalformedResponseError() | CursorExpiredError():
                self.back_off(outcome, now=now)
            case _:
                raise outcome

    def back_off(self, error: AIAnalyticsError, *, now: datetime) -> None:
        """Poll again later: the delay grows with each failure and respects the vendor's ``Retry-After``.

        :param error: the error of the request, or the reason why it was not sent.
        :param now: the time, UTC.
        """
        self.failures += 1
        self.last_answer = error.message
        own = min(RETRY_MAX, RETRY_BASE * 2.0 ** min(self.failures - 1, 10)) * (0.75 + self.target.jitter / 2)
        retry_after = getattr(error, "retry_after", None) or 0.0
        self.next_poll_at = now + timedelta(seconds=own + retry_after)

    def timed_out(self, now: datetime) -> bool:
        """Whether the deadline has passed and no poll is due."""
        return self.deadline is not None and self.deadline <= now < self.next_poll_at

    @property
    def next_wakeup(self) -> datetime:
        """The next time, UTC, at which there is something to do."""
        return self.next_poll_at if self.deadline is None else min(self.next_poll_at, self.deadline)

    @property
    def timeout_message(self) -> str:
        """The error message of a timeout, complete enough to forward to the vendor."""
        target = self.target
        until = "final" if target.until == "final" else "available"
        expected = f"It is expected from {format_utc(target.first_poll - target._delay)}"
        expected += f" and overdue from {format_utc(target.assumed_available_from)}."
        if not self.requests:
            reason = f": {self.last_answer}" if self.last_answer else ", since the day could not be available yet"
            requests = f"No request was sent{reason}."
        else:
            times = "1 request" if self.requests == 1 else f"{self.requests} requests"
            moments = [format_utc(moment) for moment in self.polls]
            span = f" between {moments[0]} and {moments[-1]}" if moments else ""
            if len(moments) == 1:
                span = f" at {moments[0]}"
            answer = f"; the last response: {self.last_answer}" if self.last_answer else ""
            requests = f"{times}{span}{answer}."
        return (
            f"{target.dataset} of {target.day} was not {until} by "
            f"{'now' if self.deadline is None else format_utc(self.deadline)}, when the sensor's timeout ended. "
            f"{expected} {requests} Ask the vendor about that day, or give the sensor a longer timeout"
        )

    def _read(self, page: Page, now: datetime) -> None:
        from airflow_provider_aianalytics.extraction.window_reader import (
            WindowReader,  # imported late: a DAG file with a sensor parses no pages
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

    def _not_yet(self, reason: str, now: datetime, latest: date | None = None) -> None:
        self.failures = 0
        self.last_answer = reason
        self.next_poll_at = self.target.next_poll(now, latest=latest)


def format_utc(moment: datetime) -> str:
    """A time as people read it, to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
