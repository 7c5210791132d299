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
from airflow_provider_aianalytics.extraction.pages import Page
from airflow_provider_aianalytics.extraction.query import Query, query
from airflow_provider_aianalytics.extraction.windows import Period, check_period
from airflow_provider_aianalytics.vendors.dataset import DAY, Dataset

Until = Literal["available", "final"]
UNTIL: tuple[Until, ...] = ("available", "final")

HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=5)
"""Behind each scheduled moment, so that clocks that differ and an aggregation that takes a while cost no day."""
SPREAD = timedelta(minutes=10)
"""Over which the looks of different tasks are spread."""
SURE_AFTER = timedelta(hours=24)
"""How long after the end of a day its cost, usage and series are there at the latest (Claude contract section 6)."""
STEPS = (4 * HOUR, 8 * HOUR, 14 * HOUR, 21 * HOUR)
"""After the first look, at datasets that are filled during the day; then each is half as long again."""
FURTHEST_JUMP = 3
"""Aggregations to wait for at most before looking again: a vendor that was stuck may catch up at once."""
FIRST_RETRY = 60.0
LONGEST_RETRY = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One day of one dataset that somebody waits for.

    :param dataset: the catalogue row, with the ``lag`` and ``settle`` to wait by.
    :param day: the UTC day.
    :param until: ``available``, or ``final``: not restated any more.
    :param spread: this task's place among all, in [0, 1), by which scheduled looks are spread.
    """

    dataset: Dataset
    day: date
    until: Until = "available"
    spread: float = 0.0

    @property
    def query(self) -> Query:
        return query(self.dataset)

    @property
    def where(self) -> str:
        return f"{self.dataset.vendor} {self.dataset.name} {self.day}"

    @property
    def old_from(self) -> datetime:
        """From this moment on, UTC, the day is taken to be there without a request."""
        availability = self.dataset.availability
        end = availability.exists_from(self.day)
        match availability.kind:
            case "aggregated":
                old = end + availability.lag
            case "frontier" if self.dataset.results is not None:
                old = self._expected  # days without use are left out, so a look could tell nothing more
            case _:
                old = max(end + SURE_AFTER, self._expected)
        return max(old, self._wanted)

    @property
    def first_look(self) -> datetime:
        """The moment, UTC, of the first look of somebody who waits since before it."""
        return max(self._expected, self._wanted) + self._delay

    def next_look(self, looked: datetime, *, latest: date | None = None) -> datetime:
        """The moment, UTC, of the look after one that did not find the day.

        :param looked: when that was, UTC.
        :param latest: the latest day the vendor has, where it said so.
        """
        availability = self.dataset.availability
        if availability.kind != "aggregated":
            return next(moment for moment in self._steps() if moment >= looked + HOUR)
        behind = 1 if latest is None else min((self.day - latest).days, FURTHEST_JUMP)
        waited = (looked - availability.exists_from(self.day)).days
        coming = datetime.combine(looked.date(), availability.at, tzinfo=UTC)
        if coming <= looked:
            coming += DAY
        return coming + DAY * (max(behind, waited // 4, 1) - 1) + self._delay

    @property
    def _wanted(self) -> datetime:
        """The earliest moment that satisfies ``until``, as far as the calendar goes."""
        availability = self.dataset.availability
        if self.until == "final":
            return max(availability.exists_from(self.day), availability.final_from(self.day))
        return availability.exists_from(self.day)

    @property
    def _expected(self) -> datetime:
        """The earliest moment at which a look makes sense."""
        availability = self.dataset.availability
        exists = availability.exists_from(self.day)
        return exists if availability.kind == "aggregated" else exists + max(availability.lag, availability.settle)

    @property
    def _delay(self) -> timedelta:
        return GRACE + SPREAD * self.spread

    def _steps(self) -> Iterator[datetime]:
        step = timedelta(0)
        for step in STEPS:
            yield self.first_look + step
        while True:
            step *= 1.5
            yield self.first_look + step


def awaited(
    dataset: Dataset,
    day: date,
    *,
    until: str = "available",
    lag: timedelta | None = None,
    settle: timedelta | None = None,
    spread: float = 0.0,
) -> Awaited:
    """What somebody waits for, checked.

    :param lag: the catalogue's when ``None``.
    :param settle: the catalogue's when ``None``.
    :raises InvalidArgumentError: for an argument that cannot be waited by, or a day before the vendor's first.
    """
    check_waiting(until=until, lag=lag, settle=settle)
    check_period(dataset, Period.of(day))
    availability = dataset.availability
    changed = replace(
        availability,
        lag=availability.lag if lag is None else lag,
        settle=availability.settle if settle is None else settle,
    )
    return Awaited(
        dataset=replace(dataset, availability=changed),
        day=day,
        until="final" if until == "final" else "available",
        spread=spread,
    )


def check_waiting(*, until: str, lag: timedelta | None, settle: timedelta | None) -> None:
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


def spread_of_task(instance: Any) -> float:
    """The spread of a task instance, the same in each of its tries; see :func:`spread_of`."""
    return spread_of(f"{instance.dag_id} {instance.task_id} {instance.run_id} {instance.map_index}")


def spread_of(name: str) -> float:
    """A place in [0, 1) that stays the same for the same name."""
    return zlib.crc32(name.encode()) / 2**32


@dataclass(slots=True, kw_only=True)
class Wait:
    """One wait: look at :attr:`look_at` and tell what came of it, until the day is :attr:`there`.

    :param awaited: what is waited for.
    :param look_at: the moment of the next look, UTC.
    :param deadline: the moment, UTC, at which the wait is given up; ``None``: never.
    :param requests: the requests spent so far.
    """

    awaited: Awaited
    look_at: datetime
    deadline: datetime | None = None
    requests: int = 0
    there: bool = False
    looks: list[datetime] = field(default_factory=list)
    said: str = ""
    failures: int = 0

    @classmethod
    def begin(
        cls, awaited: Awaited, *, now: datetime, began: datetime | None = None, deadline: datetime | None = None
    ) -> Wait:
        """Begin to wait, or go on after an interruption.

        Whoever goes on remembers no look, so a failure is taken for the last of a row that began with the first look:
        else each process that looks once would come back as soon as after a first failure, all through an outage.

        :param now: the time, UTC.
        :param began: when the waiting began, where that was earlier: a day that grew old meanwhile is looked at.
        """
        began = began or now
        looked_for = max(0.0, (now - max(began, awaited.first_look)).total_seconds())
        return cls(
            awaited=awaited,
            look_at=max(now, awaited.first_look),
            deadline=deadline,
            there=began >= awaited.old_from,
            failures=int(math.log2(1 + looked_for / FIRST_RETRY)),
        )

    def told(self, outcome: Page | AIAnalyticsError, *, now: datetime) -> None:
        """Take in what a look brought.

        :param outcome: the page, or the error that came instead.
        :param now: the time, UTC.
        :raises AIAnalyticsError: when it is one that no waiting mends.
        """
        self.requests += outcome.requests if isinstance(outcome, Page) else 1
        self.looks.append(now)
        match outcome:
            case Page():
                try:
                    self._read(outcome, now)
                except (MalformedResponseError, ValueError) as error:
                    self.failed(MalformedResponseError(f"the answer cannot be believed ({error})"), now=now)
            case NotYetAvailableError():
                self._not_yet(outcome.what, now, outcome.latest)
            case OversizedResponseError():
                raise outcome
            case RateLimitedError() | VendorUnavailableError() | MalformedResponseError() | CursorExpiredError():
                self.failed(outcome, now=now)
            case _:
                raise outcome

    def failed(self, error: AIAnalyticsError, *, now: datetime) -> None:
        """Come back after a while, longer each time, and not before the vendor asks for it.

        :param error: what came instead of an answer, or of a request.
        :param now: the time, UTC.
        """
        self.failures += 1
        self.said = error.what
        own = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(self.failures - 1, 10)) * (0.75 + self.awaited.spread / 2)
        asked_for = getattr(error, "retry_after", None) or 0.0
        self.look_at = now + timedelta(seconds=own + asked_for)

    def is_given_up(self, now: datetime) -> bool:
        """Whether the time is over, with no look due that could still find the day."""
        return self.deadline is not None and self.deadline <= now < self.look_at

    @property
    def wakes_at(self) -> datetime:
        """The next moment, UTC, at which there is something to do."""
        return self.look_at if self.deadline is None else min(self.look_at, self.deadline)

    @property
    def timeout_message(self) -> str:
        """What to say when the time is over: enough to be forwarded to the vendor."""
        awaited = self.awaited
        until = "final" if awaited.until == "final" else "available"
        expected = f"It is expected from {spelled(awaited.first_look - awaited._delay)}"
        expected += f" and overdue from {spelled(awaited.old_from)}."
        if not self.looks:
            asked = f"No request was sent{f': {self.said}' if self.said else ', since it could not be there yet'}."
        else:
            times = "1 request" if self.requests == 1 else f"{self.requests} requests"
            span = spelled(self.looks[0])
            span = f"at {span}" if len(self.looks) == 1 else f"between {span} and {spelled(self.looks[-1])}"
            asked = f"{times} {span}; the last answer: {self.said}."
        return (
            f"{awaited.dataset.vendor} {awaited.dataset.name} of {awaited.day} was not {until} by "
            f"{'now' if self.deadline is None else spelled(self.deadline)}, when the sensor's timeout ended. "
            f"{expected} {asked} Ask the vendor about that day, or give the sensor a longer timeout"
        )

    def _read(self, page: Page, now: datetime) -> None:
        from airflow_provider_aianalytics.extraction.reading import Reading  # a DAG file that waits reads nothing

        reading = Reading(self.awaited.query, page.window)
        for _ in reading.take(page):
            pass
        if reading.covers(self.awaited.day):
            self.there = True
        elif self.awaited.dataset.availability.kind == "watermark":
            self._not_yet(f"the vendor's data goes to {reading.data_refreshed_at or 'no moment of that day'}", now)
        else:
            self._not_yet("the vendor's series ends before the end of that day", now)

    def _not_yet(self, said: str, now: datetime, latest: date | None = None) -> None:
        self.failures = 0
        self.said = said
        self.look_at = self.awaited.next_look(now, latest=latest)


def spelled(moment: datetime) -> str:
    """A moment for people."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
