# SPDX-License-Identifier: Apache-2.0
"""Waits in the triggerer until a day is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, AirflowSensorTimeout
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_aianalytics import exceptions
from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.polling import DayPoller, WaitTarget, format_utc, wait_target
from airflow_provider_aianalytics.extraction.windows import parse_day
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.registry import find_vendor

DEFERRAL_MARGIN = timedelta(minutes=15)
"""How long after the trigger's own deadline Airflow ends the deferral, if no triggerer runs that could."""
MAX_SLEEP = 300.0
"""Seconds slept at a stretch at most, so that a system clock that was set is noticed."""


class AvailabilityTrigger(BaseTrigger):
    """Waits until a day of a dataset is there, by the rule of :mod:`..extraction.availability`.

    It carries absolute moments, so a triggerer that restarts goes on as if nothing had happened, but for one look too
    many; and no key: the connection is read for each look. All arguments are plain JSON, and those that came later than
    the first release have defaults, for triggers that are under way while the package is upgraded.

    :param vendor: the vendor's name.
    :param conn_id: the connection.
    :param dataset: the dataset's name.
    :param day: the UTC day, ``YYYY-MM-DD``.
    :param until: ``available`` or ``final``.
    :param lag: in seconds; ``None`` for the catalogue's.
    :param settle: in seconds; ``None`` for the catalogue's.
    :param next_poll_at: the moment of the first look, RFC 3339; ``None``: by the rule, from the time it starts.
    :param deadline: the moment at which it gives up, RFC 3339; ``None``: never.
    :param timeout: without a ``deadline``, how many seconds after its start it gives up; for tasks that start in the
        triggerer, where Airflow's own timeout holds on beyond a restart.
    :param jitter: the task's place among all, in [0, 1), by which looks are spread.
    :param requests: the requests spent before it started.
    """

    clock: Clock = SYSTEM_CLOCK

    def __init__(
        self,
        *,
        vendor: str,
        conn_id: str,
        dataset: str,
        day: str,
        until: str = "available",
        lag: float | None = None,
        settle: float | None = None,
        next_poll_at: str | None = None,
        deadline: str | None = None,
        timeout: float | None = None,
        jitter: float = 0.0,
        requests: int = 0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.vendor = vendor
        self.conn_id = conn_id
        self.dataset = dataset
        self.day = day
        self.until = until
        self.lag = lag
        self.settle = settle
        self.next_poll_at = next_poll_at
        self.deadline = deadline
        self.timeout = timeout
        self.jitter = jitter
        self.requests = requests

    @classmethod
    def of(cls, wait: DayPoller, *, conn_id: str) -> AvailabilityTrigger:
        """The trigger that goes on with a wait."""
        waited_for = wait.target
        availability = waited_for.dataset.availability
        return cls(
            vendor=waited_for.dataset.vendor,
            conn_id=conn_id,
            dataset=waited_for.dataset.name,
            day=waited_for.day.isoformat(),
            until=waited_for.until,
            lag=availability.lag.total_seconds(),
            settle=availability.settle.total_seconds(),
            next_poll_at=wait.next_poll_at.isoformat(),
            deadline=None if wait.deadline is None else wait.deadline.isoformat(),
            jitter=waited_for.jitter,
            requests=wait.requests,
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "vendor": self.vendor,
                "conn_id": self.conn_id,
                "dataset": self.dataset,
                "day": self.day,
                "until": self.until,
                "lag": self.lag,
                "settle": self.settle,
                "next_poll_at": self.next_poll_at,
                "deadline": self.deadline,
                "timeout": self.timeout,
                "jitter": self.jitter,
                "requests": self.requests,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, of the shape that :func:`check_event` reads."""
        yield TriggerEvent(await self._event())  # type: ignore[no-untyped-call]

    async def _event(self) -> dict[str, Any]:
        subject = {"vendor": self.vendor, "dataset": self.dataset, "day": self.day, "until": self.until}
        try:
            wait = await self._waited()
        except AIAnalyticsError as error:
            return {**subject, "status": "error", "error": _told(error)}
        if wait.available:
            return {**subject, "status": "available", "requests": wait.requests}
        return {**subject, "status": "timeout", "requests": wait.requests, "message": wait.timeout_message}

    async def _waited(self) -> DayPoller:
        """Wait until the day is there or the time is over."""
        from airflow_provider_aianalytics.hooks import get_hook

        async_http = await async_hooks()
        hook = get_hook(find_vendor(self.vendor), self.conn_id, clock=self.clock)
        wait = self._begin(self._wait_target(hook.vendor.dataset(self.dataset)))
        reader = async_http.AsyncAnalyticsHook(hook)
        while not wait.available:
            await self._sleep_until(wait.next_wakeup)
            if wait.timed_out(self.clock.now()):
                break
            try:
                page = await reader.probe(wait.target.query, wait.target.day)
            except AIAnalyticsError as error:
                wait.record(error, now=self.clock.now())
            except Exception as error:
                # Airflow says that a connection is not defined of one that it fails to look up, too; but one that a
                # worker read before it deferred, or that a look read, is.
                if isinstance(error, AirflowNotFoundException) and self.next_poll_at is None and not wait.polls:
                    raise
                unread = AIAnalyticsError(f"no connection could be read ({type(error).__name__}: {error})")
                wait.back_off(unread, now=self.clock.now())
            else:
                wait.record(page, now=self.clock.now())
            if not wait.available:
                self.log.info(
                    "%s: %s; looking again at %s", wait.target.where, wait.last_answer, format_utc(wait.next_poll_at)
                )
        return wait

    def _wait_target(self, dataset: Dataset) -> WaitTarget:
        return wait_target(
            dataset,
            parse_day(self.day, name="day"),
            until=self.until,
            lag=_seconds(self.lag),
            settle=_seconds(self.settle),
            jitter=self.jitter,
        )

    def _begin(self, waited_for: WaitTarget) -> DayPoller:
        now = self.clock.now()
        deadline = None
        if self.deadline is not None:
            deadline = datetime.fromisoformat(self.deadline)
        elif self.timeout is not None:
            deadline = now + timedelta(seconds=self.timeout)
        if self.next_poll_at is None:
            return DayPoller.resume(waited_for, now=now, deadline=deadline)
        return DayPoller(
            target=waited_for,
            next_poll_at=datetime.fromisoformat(self.next_poll_at),
            deadline=deadline,
            requests=self.requests,
        )

    async def _sleep_until(self, moment: datetime) -> None:
        while (left := self.clock.seconds_until(moment)) > 0:
            await self.clock.async_sleep(min(left, MAX_SLEEP))


async def async_hooks() -> ModuleType:
    """The hooks' async half.

    Not imported with this module, which every DAG file with a sensor imports; and in a thread, since it takes a moment
    that no other trigger should wait.
    """
    return await asyncio.to_thread(import_module, "airflow_provider_aianalytics.hooks.async_http")


def check_event(event: Mapping[str, Any] | None) -> None:
    """Read the event of an :class:`AvailabilityTrigger`.

    :raises AirflowSensorTimeout: when the time was over before the day was there.
    :raises AIAnalyticsError: the very error, by its type, that ended the waiting.
    """
    event = event or {}
    match event.get("status"):
        case "available":
            return
        case "timeout":
            raise AirflowSensorTimeout(event.get("message", "the sensor's timeout ended"))
        case "error":
            raise _error_of(event.get("error") or {})
    raise AIAnalyticsError(f"the trigger sent an event that cannot be read: {event!r}")


def _told(error: AIAnalyticsError) -> dict[str, str]:
    return {"kind": type(error).__name__, "message": error.message, "where": error.where, "hint": error.hint}


def _error_of(told: Mapping[str, str]) -> AIAnalyticsError:
    kind = getattr(exceptions, told.get("kind", ""), AIAnalyticsError)
    if not (isinstance(kind, type) and issubclass(kind, AIAnalyticsError)):
        kind = AIAnalyticsError
    return kind(told.get("message", "the waiting failed"), where=told.get("where", ""), hint=told.get("hint", ""))


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
