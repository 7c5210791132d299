# SPDX-License-Identifier: Apache-2.0
"""The trigger against the simulator: what it asks, when, and how it ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException, AirflowSensorTimeout

from airflow_provider_aianalytics import exceptions
from airflow_provider_aianalytics.clock import Clock
from airflow_provider_aianalytics.extraction.polling import DayPoller, wait_target
from airflow_provider_aianalytics.hooks import async_http
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.simulator.claude_enterprise.settings import ClaudeSettings
from airflow_provider_aianalytics.simulator.faults import Fault
from airflow_provider_aianalytics.simulator.perplexity.settings import PerplexitySettings
from airflow_provider_aianalytics.triggers.availability import AvailabilityTrigger, check_event
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY
from tests.triggers.conftest import Serve, run

D = date(2026, 11, 17)
END = datetime(2026, 11, 18, tzinfo=UTC)
AGGREGATED = datetime(2026, 11, 18, 10, tzinfo=UTC)
DAY = timedelta(days=1)
USERS = "/v1/organizations/analytics/users"


def trigger(simulator: Simulator, dataset: str = "users", *, max_wait: timedelta = 7 * DAY, **options: Any) -> Any:
    """The trigger of a sensor that starts now."""
    vendor = CLAUDE_ENTERPRISE if dataset in CLAUDE_ENTERPRISE.datasets and dataset != "skills" else PERPLEXITY
    wait = DayPoller.resume(
        wait_target(vendor.dataset(dataset), D, **options), now=simulator.now, deadline=simulator.now + max_wait
    )
    assert not wait.available
    return AvailabilityTrigger.of(wait, conn_id=f"{vendor.name}_analytics_default")


BY_NO_WORKER = partial(
    AvailabilityTrigger,
    vendor="claude_enterprise",
    conn_id="claude_enterprise_analytics_default",
    dataset="users",
    day=str(D),
    timeout=(7 * DAY).total_seconds(),
)
"""The trigger of a sensor that starts in the triggerer."""


@pytest.mark.parametrize(("lag_days", "polls"), [(1, 1), (2, 2), (3, 2), (4, 2)])
def test_it_polls_when_the_vendor_may_have_the_day(serve: Serve, lag_days: int, polls: int) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=lag_days))

    event = run(trigger(sim), sim)

    assert event == {
        "status": "available",
        "requests": polls,
        "vendor": "claude_enterprise",
        "dataset": "users",
        "day": "2026-11-17",
        "until": "available",
    }
    assert [request.status for request in sim.requests] == [400] * (polls - 1) + [200]
    assert {dict(request.query)["limit"] for request in sim.requests} == {"1"}
    assert {dict(request.query)["date"] for request in sim.requests} == {"2026-11-17"}
    assert sim.requests[0].at >= AGGREGATED
    assert sim.requests[-1].at - (AGGREGATED + (lag_days - 1) * DAY) < timedelta(minutes=15)


def test_the_oldest_message_without_a_day_needs_one_poll_a_day(serve: Serve) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=3, legacy_date_message=True))

    assert run(trigger(sim), sim)["status"] == "available"
    assert [request.at.day for request in sim.requests] == [18, 19, 20]


@pytest.mark.parametrize("hours", [3, 9, 20])
def test_cost_is_available_once_the_watermark_passes_the_day(serve: Serve, hours: int) -> None:
    sim = serve(now=END - timedelta(hours=5), claude=ClaudeSettings(export_lag=timedelta(hours=hours)))

    assert run(trigger(sim, "cost_report"), sim)["status"] == "available"
    assert len(sim.requests) <= 5
    assert sim.requests[0].at >= END + timedelta(hours=4)
    assert sim.requests[-1].at >= END + timedelta(hours=hours)


@pytest.mark.parametrize("frontier", ["clock", "watermark"])
@pytest.mark.parametrize("dataset", ["credit_usage", "member_credit_usage"])
def test_perplexity_is_available_once_its_series_is_settled(serve: Serve, frontier: Any, dataset: str) -> None:
    sim = serve(now=END - timedelta(hours=5), perplexity=PerplexitySettings(frontier=frontier))

    assert run(trigger(sim, dataset), sim)["status"] == "available"
    assert 1 <= len(sim.requests) <= 3
    assert sim.requests[0].at >= END + timedelta(hours=3)


def test_final_needs_one_poll_once_the_day_is_final(serve: Serve) -> None:
    sim = serve()

    assert run(trigger(sim, "cost_report", until="final", max_wait=60 * DAY), sim)["status"] == "available"
    (request,) = sim.requests
    assert timedelta(0) <= request.at - (END + 30 * DAY + timedelta(hours=4)) < timedelta(minutes=15)


def test_the_timeout_has_a_message_for_the_vendor(serve: Serve) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=30))

    event = run(trigger(sim, max_wait=5 * DAY), sim)

    assert event["status"] == "timeout"
    assert event["requests"] == len(sim.requests) == 2
    with pytest.raises(AirflowSensorTimeout) as caught:
        check_event(event)
    message = str(caught.value)
    for part in (
        "claude_enterprise users of 2026-11-17 was not available by 2026-11-23 09:00 UTC",
        "expected from 2026-11-18 10:00 UTC",
        "2 requests between 2026-11-18 10:05 UTC and 2026-11-21 10:05 UTC",
        "the vendor answered 400 invalid_request_error",
        "2026-10-22",
    ):
        assert part in message
    assert sim.now - datetime(2026, 11, 23, 9, tzinfo=UTC) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (lambda sim: sim.revoke_key("claude_enterprise"), exceptions.AuthenticationError, "read:analytics"),
        (lambda sim: sim.fail(Fault("redirect")), exceptions.InvalidRequestError, "redirect"),
        (lambda sim: sim.fail(Fault("huge", size=20_000_000)), exceptions.OversizedResponseError, "limit=1"),
        (lambda sim: sim.set_enabled("claude_enterprise", False), exceptions.PermissionDeniedError, "403"),
    ],
)
def test_permanent_errors_end_the_wait_with_their_type(
    serve: Serve, spoil: Callable[[Simulator], None], kind: type[Exception], message: str
) -> None:
    sim = serve()
    waiting = trigger(sim)
    spoil(sim)

    event = run(waiting, sim)

    assert event["status"] == "error"
    assert json.loads(json.dumps(event)) == event
    assert len(sim.requests) == 1
    with pytest.raises(kind, match=message) as caught:
        check_event(event)
    assert isinstance(caught.value, AirflowFailException)


def test_a_key_of_the_wrong_kind_is_refused_without_a_request(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = serve()
    waiting = trigger(sim)
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT",
        json.dumps({"conn_type": "claude_enterprise_analytics", "password": sim.claude_admin_key, "host": sim.url}),
    )

    with pytest.raises(exceptions.PermissionDeniedError, match="Admin API key"):
        check_event(run(waiting, sim))
    assert not sim.requests


@pytest.mark.parametrize("kind", ["status", "html", "reset_before", "reset_inside", "truncated_gzip", "rate_limit"])
def test_transient_errors_are_waited_out(serve: Serve, kind: Any) -> None:
    sim = serve()
    sim.fail(Fault(kind, status=503, retry_after="120", times=3))

    event = run(trigger(sim), sim)

    assert event["status"] == "available"
    assert len(sim.requests) == 4
    if kind == "reset_before":
        # aiohttp itself sends a GET once more when the connection was cut before an answer
        assert event["requests"] == 2
        return
    assert event["requests"] == 4
    times = [request.at for request in sim.requests]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[0] >= timedelta(seconds=165 if kind == "rate_limit" else 45)


def unreadable(monkeypatch: pytest.MonkeyPatch, *lookups: Exception | None) -> None:
    """Let the first lookups of a connection end so; ``None``, and all after them, as they do."""
    left = list(lookups)
    read = async_http.get_async_connection

    async def look_up(*args: Any, **kwargs: Any) -> Any:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return await read(*args, **kwargs)

    monkeypatch.setattr(async_http, "get_async_connection", look_up)


def test_a_connection_that_cannot_be_read_for_a_while_is_waited_out(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = serve()
    unreadable(monkeypatch, *[RuntimeError("the API server is restarting")] * 3)

    event = run(trigger(sim), sim)

    assert (event["status"], event["requests"]) == ("available", 1)
    (request,) = sim.requests
    assert timedelta(minutes=5) < request.at - AGGREGATED < timedelta(minutes=20)


@pytest.mark.parametrize("by_a_worker", [False, True])
def test_a_lookup_error_of_a_known_connection_is_transient(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, by_a_worker: bool
) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=3))
    gone = AirflowNotFoundException("isn't defined")
    unreadable(monkeypatch, *([gone] if by_a_worker else [None, gone]))

    event = run(trigger(sim) if by_a_worker else BY_NO_WORKER(), sim)

    assert event["status"] == "available"
    assert [request.status for request in sim.requests] == [400, 200]


def test_a_connection_that_does_not_exist_ends_it_at_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = serve()
    monkeypatch.delenv("AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT")

    with pytest.raises(AirflowNotFoundException, match="claude_enterprise_analytics_default"):
        run(BY_NO_WORKER(), sim)
    assert sim.now - AGGREGATED < timedelta(minutes=6)


def test_the_vendor_is_not_blamed_for_a_connection_that_cannot_be_read(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = serve()
    unreadable(monkeypatch, *[RuntimeError("no secrets backend")] * 100)

    event = run(trigger(sim, max_wait=2 * DAY), sim)

    assert (event["status"], event["requests"]) == ("timeout", 0)
    assert (
        "No request was sent: the connection could not be read (RuntimeError: no secrets backend)." in event["message"]
    )
    assert not sim.requests


def test_a_long_outage_sends_few_requests(serve: Serve) -> None:
    sim = serve()
    sim.fail(Fault("status", status=500, times=None))

    event = run(trigger(sim, max_wait=2 * DAY), sim)

    assert event["status"] == "timeout"
    assert len(sim.requests) <= 25
    assert "the vendor answered 500" in event["message"]


def test_the_serialized_form_is_plain_json_without_the_key(serve: Serve) -> None:
    sim = serve()

    path, arguments = trigger(sim).serialize()

    text = json.dumps(arguments)
    assert json.loads(text) == arguments
    assert AvailabilityTrigger(**arguments).serialize() == (path, arguments)
    assert sim.claude_key not in text
    assert arguments["next_poll_at"] == "2026-11-18T10:05:00+00:00"
    assert arguments["deadline"] == "2026-11-25T09:00:00+00:00"


def test_a_trigger_of_an_older_release_still_runs(serve: Serve) -> None:
    sim = serve()
    older = AvailabilityTrigger(
        vendor="claude_enterprise",
        conn_id="claude_enterprise_analytics_default",
        dataset="users",
        day="2026-11-17",
    )

    assert run(older, sim)["status"] == "available"
    assert sim.requests[0].at >= AGGREGATED


def test_a_restart_needs_one_poll_and_has_the_same_deadline(serve: Serve) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=4))
    waiting = trigger(sim, max_wait=2 * DAY)
    sim.set_now(AGGREGATED + timedelta(hours=7))  # the triggerer was down

    assert run(waiting, sim)["status"] == "timeout"
    assert [request.at for request in sim.requests] == [AGGREGATED + timedelta(hours=7)]
    assert sim.now - datetime(2026, 11, 20, 9, tzinfo=UTC) < timedelta(seconds=1)
    sim.set_now(AGGREGATED + 30 * DAY)  # down beyond the deadline: the day is there all the same
    assert run(waiting, sim)["status"] == "available"


def test_the_key_is_sent_only_to_the_connections_host(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    sim, other = serve(), Simulator(members=1, now=AGGREGATED).start()
    try:
        sim.fail(Fault("redirect", location=f"{other.url}{USERS}"))
        with caplog.at_level("DEBUG"):
            event = run(trigger(sim), sim)
        assert not other.requests
        assert sim.claude_key not in json.dumps(event) + caplog.text
    finally:
        other.stop()


def test_the_request_equals_that_of_the_sync_hook(serve: Serve) -> None:
    from airflow_provider_aianalytics.extraction.query import build_query
    from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook

    sim = serve()
    run(trigger(sim), sim)
    hook = ClaudeEnterpriseAnalyticsHook()
    hook.probe(build_query(hook.vendor.dataset("users")), D)

    ours, theirs = sim.requests
    assert (ours.method, ours.path, ours.query) == (theirs.method, theirs.path, theirs.query)
    assert ours.headers["user-agent"] == theirs.headers["user-agent"]
    assert ours.headers["anthropic-version"] == theirs.headers["anthropic-version"]


def test_connections_are_closed(serve: Serve) -> None:
    sim = serve(claude=ClaudeSettings(lag_days=3))
    run(trigger(sim), sim)

    deadline = time.monotonic() + 60
    while sim.stats()["in_flight"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len({request.connection for request in sim.requests}) == 2


@pytest.mark.parametrize("event", [None, {}, {"status": "sideways"}, {"status": "error", "error": {"kind": "Path"}}])
def test_an_invalid_event_is_an_error(event: Any) -> None:
    with pytest.raises(exceptions.AIAnalyticsError):
        check_event(event)


def test_a_thousand_triggers_use_no_cpu_while_they_wait() -> None:
    start = datetime(2026, 11, 20, 12, tzinfo=UTC)
    naps = []

    class Asleep(Clock):
        def now(self) -> datetime:
            return start

        async def async_sleep(self, seconds: float) -> None:
            naps.append(seconds)
            await asyncio.Event().wait()

    async def wait_for_a_day() -> None:
        tasks = []
        for number in range(1000):
            waiting = AvailabilityTrigger(
                vendor="claude_enterprise",
                conn_id=f"c{number}",
                dataset="users",
                day=str(start.date()),
                next_poll_at=(start + DAY).isoformat(),
            )
            waiting.clock = Asleep()
            tasks.append(asyncio.create_task(anext(waiting.run())))  # type: ignore[arg-type]
        async with asyncio.timeout(60):
            while len(naps) < 1000:
                await asyncio.sleep(0)
        for _ in range(100):  # what else they would do, they would do in these rounds of the loop
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(wait_for_a_day())

    assert naps == [300] * 1000


def test_short_sleeps_notice_a_changed_clock(serve: Serve) -> None:
    sim = serve()
    naps: list[float] = []
    waiting = trigger(sim)

    class Watched(Clock):
        def now(self) -> datetime:
            return sim.now

        async def async_sleep(self, seconds: float) -> None:
            naps.append(seconds)
            sim.set_now(AGGREGATED + timedelta(hours=1))  # the clock is changed

    waiting.clock = Watched()

    async def event() -> Any:
        return (await anext(waiting.run())).payload

    assert asyncio.run(event())["status"] == "available"
    assert naps == [300]
