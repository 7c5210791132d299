# SPDX-License-Identifier: Apache-2.0
"""The budget is never broken and never wasted; the backoff keeps its bounds."""

from __future__ import annotations

import heapq
import random
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aianalytics.extraction.rate_limit import MAX_INLINE_WAIT, Backoff, RateLimiter

EPSILON = 1e-6
gaps = st.lists(st.sampled_from([0.0, 0.001, 0.5, 1.0, 7.0, 29.0, 30.0, 59.999, 60.0, 61.0, 500.0]), max_size=60)


def departures(budget: RateLimiter, arrivals: list[float]) -> list[float]:
    return [at + budget.reserve(at) for at in arrivals]


def fullest(sent: list[float]) -> int:
    """How many of them fall into one window at most."""
    return max((sum(start <= at < start + 60.0 - EPSILON for at in sent) for start in sent), default=0)


class TestBudget:
    @given(gaps=gaps | st.lists(st.floats(0, 100, allow_nan=False), max_size=60), requests=st.integers(1, 8))
    def test_no_window_has_more_requests_than_the_limit(self, gaps: list[float], requests: int) -> None:
        sent = departures(RateLimiter(requests), list(accumulate(gaps, initial=1000.0)))
        assert sent == sorted(sent)
        for earlier, later in zip(sent, sent[requests:], strict=False):
            assert later - earlier >= 60.0 - EPSILON

    @given(gaps=gaps, requests=st.integers(1, 8))
    def test_nobody_waits_longer_than_needed(self, gaps: list[float], requests: int) -> None:
        arrivals = list(accumulate(gaps, initial=1000.0))
        sent = departures(RateLimiter(requests), arrivals)
        for number, (arrived, left) in enumerate(zip(arrivals, sent, strict=True)):
            free = sent[number - requests] + 60.0 if number >= requests else arrived
            assert left == pytest.approx(max(arrived, free))

    def test_a_saturated_budget_is_used_to_the_last_request(self) -> None:
        sent = departures(RateLimiter(60), [0.0] * 600)
        assert sent[-1] == pytest.approx(540.0)
        assert sum(at < 60.0 for at in sent) == 60

    @given(gaps=gaps, requests=st.integers(1, 8), later=st.floats(0, 200))
    @example(
        gaps=[0.001, 7.0, 30.0, 30.0, 59.999, 59.999, 60.0, 60.0, 60.0, 61.0, 61.0, 500.0, 60.0], requests=2, later=0
    )
    def test_remaining_requests_can_be_sent_at_once(self, gaps: list[float], requests: int, later: float) -> None:
        budget = RateLimiter(requests)
        arrivals = list(accumulate(gaps, initial=1000.0))
        departures(budget, arrivals)
        now = arrivals[-1] + later
        left = budget.remaining(now)
        assert 0 <= left <= requests
        assert [budget.reserve(now) for _ in range(left)] == [0.0] * left
        assert budget.reserve(now) > 0.0

    @given(
        steps=st.lists(st.tuples(st.sampled_from([0.0, 1.0, 20.0, 61.0, 100.0]), st.integers(0, 10)), max_size=9),
        requests=st.integers(1, 8),
    )
    @example(
        steps=[(20.0, 0), (20.0, 4), (20.0, 8), (61.0, 1), (100.0, 2), (20.0, 0), (100.0, 1)],
        requests=5,
    )
    def test_a_new_reservation_is_within_the_allowance(self, steps: list[tuple[float, int]], requests: int) -> None:
        """Whatever was refused before, and however the share grew since."""
        budget, now = RateLimiter(requests), 1000.0
        for gap, requested in steps:
            now += gap
            if not requested:
                budget.on_rate_limited(now, 0.0, jitter=lambda: 0.0)
            for _ in range(requested):
                before = fullest(budget.sent)
                budget.reserve(now)
                assert fullest(budget.sent) <= max(budget.share, before)

    @given(gaps=gaps, requests=st.integers(1, 8), max_wait=st.sampled_from([0.0, 1.0, 61.0]))
    def test_a_slot_beyond_the_longest_wait_is_not_reserved(
        self, gaps: list[float], requests: int, max_wait: float
    ) -> None:
        budget = RateLimiter(requests)
        for now in accumulate(gaps, initial=1000.0):
            wait = budget.reserve(now, max_wait)
            if wait > max_wait:
                assert budget.reserve(now) == wait

    def test_a_new_rate_limiter_has_all_requests(self) -> None:
        assert RateLimiter(60).remaining(0.0) == 60

    def test_memory_does_not_grow_with_time(self) -> None:
        budget = RateLimiter(5)
        departures(budget, [float(second * 13) for second in range(2000)])
        assert len(budget.sent) <= 5


def shared(joins: list[float], *, minutes: int, seed: int) -> tuple[list[tuple[float, int]], int]:
    """Budgets that see nothing of each other, on a vendor's sliding window of 60 requests a minute.

    :param joins: when each client starts to send requests as often as it may.
    :return: the moment and the asker of each answered request, and how many were refused.
    """
    rng = random.Random(seed)
    budgets = [RateLimiter(60, 60.6) for _ in joins]
    attempts = [0] * len(joins)
    answered: list[tuple[float, int]] = []
    refused = 0
    events = [(join + rng.random(), client, "asks") for client, join in enumerate(joins)]
    heapq.heapify(events)
    while events[0][0] < minutes * 60:
        now, client, what = heapq.heappop(events)
        if what == "asks":
            heapq.heappush(events, (now + budgets[client].reserve(now), client, "is answered"))
            continue
        if sum(at > now - 60 for at, _ in answered[-60:]) < 60:
            answered.append((now, client))
            attempts[client] = 0
        else:
            refused += 1
            attempts[client] = min(5, attempts[client] + 1)
            delay = Backoff().delay(attempts[client], None, rng.random) or MAX_INLINE_WAIT
            budgets[client].on_rate_limited(now, delay, rng.random)
        heapq.heappush(events, (now + 0.3, client, "asks"))
    return answered, refused


@pytest.mark.parametrize("seed", range(3))
class TestMachinesThatDoNotSeeEachOther:
    @pytest.mark.parametrize(("machines", "use"), [(1, 0.95), (2, 0.9), (4, 0.9), (8, 0.85)])
    def test_clients_use_the_limit_and_are_seldom_refused(self, machines: int, use: float, seed: int) -> None:
        answered, refused = shared([0.0] * machines, minutes=40, seed=seed)
        assert len(answered) >= use * 60 * 40
        assert refused <= 0.05 * len(answered)

    def test_newcomers_get_a_share(self, seed: int) -> None:
        answered, _ = shared([0.0, 600.0], minutes=40, seed=seed)
        theirs = [at for at, client in answered if client == 1]
        assert sum(at < 1200 for at in theirs) >= 30
        assert sum(at >= 1800 for at in theirs) >= 150


class TestBackoff:
    @given(
        attempt=st.integers(1, 5),
        jitter=st.floats(0, 1, exclude_max=True),
        after=st.none() | st.floats(0, MAX_INLINE_WAIT),
    )
    def test_it_waits_for_retry_after_up_to_its_cap(self, attempt: int, jitter: float, after: float | None) -> None:
        backoff = Backoff()
        delay = backoff.delay(attempt, after, jitter=lambda: jitter)
        assert delay is not None
        if after is None:
            most = min(backoff.cap, backoff.base * 2 ** (attempt - 1))
            assert most / 2 <= delay <= most
        else:
            assert after <= delay <= after + backoff.cap * 0.1

    def test_it_gives_up_after_the_last_attempt(self) -> None:
        assert Backoff(attempts=3).delay(2, None) is not None
        assert Backoff(attempts=3).delay(3, None) is None
        assert Backoff(attempts=3).delay(3, 0.0) is None

    @pytest.mark.parametrize("after", [MAX_INLINE_WAIT + 0.1, 3600.0, float("inf")])
    def test_a_wait_beyond_the_cap_is_left_to_the_caller(self, after: float) -> None:
        assert Backoff().delay(1, after) is None

    def test_it_grows_and_has_jitter(self) -> None:
        half = [Backoff().delay(attempt, None, jitter=lambda: 0.5) for attempt in range(1, 6)]
        assert half == sorted(half, key=lambda delay: delay or 0)
        assert len(set(half)) == 5
        assert Backoff().delay(1, 5.0, jitter=lambda: 0.1) != Backoff().delay(1, 5.0, jitter=lambda: 0.9)
