# SPDX-License-Identifier: Apache-2.0
"""The polling of sensors: when and how often they poll, and when they need no request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    AuthenticationError,
    CursorExpiredError,
    FeatureDisabledError,
    InvalidArgumentError,
    InvalidRequestError,
    MalformedResponseError,
    NotYetAvailableError,
    OversizedResponseError,
    PermissionDeniedError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.polling import DayPoller, WaitTarget, jitter_for, wait_target
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

USERS = CLAUDE_ENTERPRISE.dataset("users")
COST = CLAUDE_ENTERPRISE.dataset("user_cost_report")
CREDITS = PERPLEXITY.dataset("credit_usage")
MEMBERS = PERPLEXITY.dataset("member_credit_usage")
EVERY_DATASET = [*CLAUDE_ENTERPRISE.datasets.values(), *PERPLEXITY.datasets.values()]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
D = date(2026, 11, 17)
END = datetime(2026, 11, 18, tzinfo=UTC)
AGGREGATED = datetime(2026, 11, 18, 10, tzinfo=UTC)

Vendor = Callable[[datetime], Page | AIAnalyticsError]


def at(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=UTC)


def page(now: datetime, *items: bytes, refreshed: datetime | None = None) -> Page:
    return Page(
        window=Window(at(D), at(D + DAY)),
        number=1,
        body=b"",
        items=[msgspec.Raw(item) for item in items],
        next_cursor=None,
        has_more=None,
        data_refreshed_at=None if refreshed is None else refreshed.isoformat(),
        read_at=now,
    )


def behind(days: int, *, names_the_day: bool = True) -> Vendor:
    """A vendor that has a day, aggregated at 10:00 UTC, so many days later."""

    def answer(now: datetime) -> Page | AIAnalyticsError:
        latest = (now - 10 * HOUR).date() - days * DAY
        if latest >= D:
            return page(now, b'{"user":{"id":"user_1"}}')
        return NotYetAvailableError("not yet", latest=latest if names_the_day else None)

    return answer


def exported(after: timedelta) -> Vendor:
    """A vendor whose watermark passes the end of the day so long after it."""
    return lambda now: page(now, refreshed=now - after)


def synced(after: timedelta) -> Vendor:
    """A vendor that withholds the day's bucket for so long."""
    bucket = b'{"start_time":%d,"end_time":%d,"count":0,"by_categories":{}}' % (at(D).timestamp(), END.timestamp())
    return lambda now: page(now, *([bucket] if now >= END + after else []))


def play(waited_for: WaitTarget, vendor: Vendor, *, start: datetime, max_wait: timedelta = 40 * DAY) -> DayPoller:
    """Wait as a trigger does."""
    wait = DayPoller.resume(waited_for, now=start, deadline=start + max_wait)
    now = start
    while not wait.available:
        now = max(now, wait.next_wakeup)
        if wait.timed_out(now):
            break
        wait.record(vendor(now), now=now)
    return wait


starts = st.timedeltas(min_value=-3 * DAY, max_value=2 * DAY)
spreads = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(days=st.integers(1, 4), before=starts, jitter=spreads, names=st.booleans())
def test_a_late_vendor_is_polled_few_times_and_never_before_the_day_can_exist(
    days: int, before: timedelta, jitter: float, names: bool
) -> None:
    wait = play(wait_target(USERS, D, jitter=jitter), behind(days, names_the_day=names), start=AGGREGATED + before)

    assert wait.available
    assert 1 <= wait.requests == len(wait.polls) <= (5 if not names else 3)
    assert wait.polls[0] >= AGGREGATED
    assert wait.polls == sorted(wait.polls)
    there = AGGREGATED + (days - 1) * DAY
    assert wait.polls[-1] <= max(there, AGGREGATED + before) + timedelta(minutes=15)


@given(hours=st.floats(3, 24), before=starts, jitter=spreads)
def test_an_export_within_its_contract_needs_at_most_five_polls(hours: float, before: timedelta, jitter: float) -> None:
    start = END + before
    wait = play(wait_target(COST, D, jitter=jitter), exported(hours * HOUR), start=start)

    assert wait.available
    assert wait.requests <= 5
    assert all(look >= END + 4 * HOUR for look in wait.polls)
    if wait.polls:
        assert wait.polls[-1] <= max(END + hours * HOUR, start) + 8 * HOUR
    else:
        assert start >= END + DAY


@given(hours=st.floats(0, 24), before=starts, jitter=spreads)
def test_a_withheld_series_needs_at_most_five_polls(hours: float, before: timedelta, jitter: float) -> None:
    wait = play(wait_target(CREDITS, D, jitter=jitter), synced(hours * HOUR), start=END + before)

    assert wait.available
    assert wait.requests <= 5
    assert all(look >= END + 3 * HOUR for look in wait.polls)


@given(
    dataset=st.sampled_from(EVERY_DATASET),
    until=st.sampled_from(["available", "final"]),
    start=st.timedeltas(min_value=-2 * DAY, max_value=50 * DAY),
    jitter=spreads,
)
def test_a_stuck_vendor_is_polled_less_and_less_until_the_deadline(
    dataset: str, until: str, start: timedelta, jitter: float
) -> None:
    waited_for = wait_target(dataset, D, until=until, jitter=jitter)
    stuck: Vendor = lambda now: NotYetAvailableError("stuck", latest=D - 9 * DAY)  # noqa: E731

    wait = play(waited_for, stuck, start=END + start, max_wait=60 * DAY)

    if wait.available:
        assert not wait.polls
        assert END + start >= waited_for.assumed_available_from
        return
    gaps = [later - earlier for earlier, later in pairwise(wait.polls)]
    assert all(gap >= HOUR for gap in gaps)
    assert len(wait.polls) <= 25
    assert wait.next_poll_at > END + start + 60 * DAY
    assert not gaps or gaps[-1] >= 3 * DAY


@pytest.mark.parametrize("dataset", EVERY_DATASET, ids=lambda dataset: f"{dataset.vendor}-{dataset.name}")
@pytest.mark.parametrize("until", ["available", "final"])
def test_old_days_are_available_without_a_request(dataset: str, until: str) -> None:
    assert DayPoller.resume(wait_target(dataset, D, until=until), now=at(D + 32 * DAY)).available


@pytest.mark.parametrize(
    ("waited_for", "first", "old"),
    [
        (wait_target(USERS, D), AGGREGATED, AGGREGATED + 3 * DAY),
        (wait_target(USERS, D, lag=DAY), AGGREGATED, AGGREGATED + DAY),
        (wait_target(USERS, D, until="final"), END + 14 * DAY, END + 14 * DAY),
        (wait_target(COST, D), END + 4 * HOUR, END + DAY),
        (wait_target(COST, D, lag=30 * HOUR), END + 30 * HOUR, END + 30 * HOUR),
        (wait_target(COST, D, until="final"), END + 30 * DAY + 4 * HOUR, END + 31 * DAY),
        (wait_target(CREDITS, D), END + 3 * HOUR, END + DAY),
        (wait_target(CREDITS, D, settle=6 * HOUR), END + 6 * HOUR, END + DAY),
        (wait_target(MEMBERS, D), END + 3 * HOUR, END + 3 * HOUR),
    ],
)
def test_each_kind_of_dataset_has_a_first_poll_and_an_age(
    waited_for: WaitTarget, first: datetime, old: datetime
) -> None:
    assert waited_for.first_poll - first == timedelta(minutes=5)
    assert waited_for.assumed_available_from == old
    assert DayPoller.resume(waited_for, now=old).available
    assert not DayPoller.resume(waited_for, now=old - timedelta(seconds=1)).available


def test_a_latest_day_in_the_response_sets_the_next_poll() -> None:
    waited_for = wait_target(USERS, D)

    def next_poll(looked: datetime, latest: date | None) -> datetime:
        return waited_for.next_poll(looked, latest=latest) - timedelta(minutes=5)

    assert next_poll(AGGREGATED, D - DAY) == AGGREGATED + DAY
    assert next_poll(AGGREGATED, D - 2 * DAY) == AGGREGATED + 2 * DAY
    assert next_poll(AGGREGATED + 13 * HOUR, D - 2 * DAY) == AGGREGATED + 2 * DAY
    assert next_poll(AGGREGATED + 23 * HOUR, D - DAY) == AGGREGATED + DAY
    assert next_poll(AGGREGATED, None) == AGGREGATED + DAY
    assert next_poll(AGGREGATED, D - 30 * DAY) == AGGREGATED + 3 * DAY  # it may catch up at once


def test_polls_of_different_tasks_have_different_constant_jitter() -> None:
    jitter = [jitter_for(f"dag task run{number} -1") for number in range(1000)]

    assert jitter == [jitter_for(f"dag task run{number} -1") for number in range(1000)]
    assert min(jitter) < 0.05
    assert max(jitter) > 0.95
    first_polls = {wait_target(USERS, D, jitter=place).first_poll for place in jitter}
    assert len(first_polls) == 1000
    assert max(first_polls) - min(first_polls) < timedelta(minutes=10)


def test_a_day_that_grew_old_during_the_wait_is_polled() -> None:
    waited_for = wait_target(USERS, D)
    late = AGGREGATED + 5 * DAY

    assert DayPoller.resume(waited_for, now=late).available
    wait = DayPoller.resume(waited_for, now=late, waiting_since=AGGREGATED)
    assert not wait.available
    assert wait.next_poll_at == late


@pytest.mark.parametrize(
    "error",
    [
        VendorUnavailableError("no answer"),
        RateLimitedError("too many", retry_after=90),
        MalformedResponseError("no JSON"),
        CursorExpiredError("gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_transient_errors_are_retried_with_growing_delays(error: AIAnalyticsError) -> None:
    wait = DayPoller.resume(wait_target(USERS, D), now=AGGREGATED)
    now, pauses = wait.next_poll_at, []
    for _ in range(10):
        wait.record(error, now=now)
        pauses.append(wait.next_poll_at - now)
        now = wait.next_poll_at
    wait.record(page(now, b"{}"), now=now)

    assert wait.available
    assert wait.requests == 11
    assert pauses == sorted(pauses)
    asked_for = timedelta(seconds=getattr(error, "retry_after", None) or 0)
    assert asked_for + timedelta(seconds=45) <= pauses[0] <= asked_for + timedelta(seconds=75)
    assert asked_for + timedelta(hours=3) <= pauses[-1] <= asked_for + timedelta(hours=5)


@pytest.mark.parametrize(
    "kind",
    [
        AuthenticationError,
        PermissionDeniedError,
        FeatureDisabledError,
        InvalidRequestError,
        InvalidArgumentError,
        OversizedResponseError,
    ],
)
def test_permanent_errors_end_the_wait(kind: type[AIAnalyticsError]) -> None:
    wait = DayPoller.resume(wait_target(USERS, D), now=AGGREGATED)

    with pytest.raises(kind, match="the very one"):
        wait.record(kind("the very one"), now=wait.next_poll_at)


@pytest.mark.parametrize("refreshed", [None, END - HOUR])
def test_a_day_beyond_the_watermark_is_not_available(refreshed: datetime | None) -> None:
    wait = DayPoller.resume(wait_target(COST, D), now=END)
    wait.record(page(wait.next_poll_at, refreshed=refreshed), now=wait.next_poll_at)
    assert not wait.available
    wait.record(page(wait.next_poll_at, refreshed=END), now=wait.next_poll_at)
    assert wait.available


def test_the_timeout_message_can_be_forwarded_to_the_vendor() -> None:
    wait = play(wait_target(USERS, D), behind(9), start=AGGREGATED, max_wait=6 * DAY)

    assert not wait.available
    message = wait.timeout_message
    assert "claude_enterprise users of 2026-11-17 was not available by 2026-11-24 10:00 UTC" in message
    assert "expected from 2026-11-18 10:00 UTC and overdue from 2026-11-21 10:00 UTC" in message
    assert f"{wait.requests} requests between 2026-11-18 10:05 UTC and 2026-11-2" in message
    assert "the last response: not yet" in message


def test_a_timeout_before_the_first_poll_has_its_own_message() -> None:
    wait = play(wait_target(COST, D, until="final"), exported(3 * HOUR), start=END, max_wait=DAY)

    assert wait.requests == 0
    assert "was not final by 2026-11-19 00:00 UTC" in wait.timeout_message
    assert "No request was sent" in wait.timeout_message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"until": "done"}, "until='done' is not allowed; allowed: available, final"),
        ({"lag": timedelta(days=-1)}, "lag=.* is not a timedelta of zero or more"),
        ({"lag": 3}, "lag=3 is not a timedelta"),
        ({"settle": timedelta(seconds=-1)}, "settle=.* is not a timedelta of zero or more"),
        ({"day": date(2025, 12, 31)}, "2026-01-01, the first day the vendor has"),
    ],
)
def test_invalid_wait_options_are_rejected(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        wait_target(USERS, **{"day": D, **arguments})  # type: ignore[arg-type]
