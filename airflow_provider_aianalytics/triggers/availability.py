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
from airflow_provider_aianalytics.extraction.availability import Awaited, Wait, awaited, spelled
from airflow_provider_aianalytics.extraction.windows import as_day
from airflow_provider_aianalytics.vendors.dataset import Dataset

SLACK = timedelta(minutes=15)
"""How long after the trigger's own deadline Airflow ends the deferral, if no triggerer runs that could."""
NAP = 300.0
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
    :param look_at: the moment of the first look, RFC 3339; ``None``: by the rule, from the time it starts.
    :param deadline: the moment at which it gives up, RFC 3339; ``None``: never.
    :param timeout: without a ``deadline``, how many seconds after its start it gives up; for tasks that start in the
        triggerer, where Airflow's own timeout holds on beyond a restart.
    :param spread: the task's place among all, in [0, 1), by which looks are spread.
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
        look_at: str | None = None,
        deadline: str | None = None,
        timeout: float | None = None,
        spread: float = 0.0,
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
        self.look_at = look_at
        self.deadline = deadline
        self.timeout = timeout
        self.spread = spread
        self.requests = requests

    @classmethod
    def of(cls, wait: Wait, *, conn_id: str) -> AvailabilityTrigger:
        """The trigger that goes on with a wait."""
        waited_for = wait.awaited
        availability = waited_for.dataset.availability
        return cls(
            vendor=waited_for.dataset.vendor,
            conn_id=conn_id,
            dataset=waited_for.dataset.name,
            day=waited_for.day.isoformat(),
            until=waited_for.until,
            lag=availability.lag.total_seconds(),
            settle=availability.settle.total_seconds(),
            look_at=wait.look_at.isoformat(),
            deadline=None if wait.deadline is None else wait.deadline.isoformat(),
            spread=waited_for.spread,
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
                "look_at": self.look_at,
                "deadline": self.deadline,
                "timeout": self.timeout,
                "spread": self.spread,
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
        if wait.there:
            return {**subject, "status": "available", "requests": wait.requests}
        return {**subject, "status": "timeout", "requests": wait.requests, "message": wait.timeout_message}

    async def _waited(self) -> Wait:
        """Wait until the day is there or the time is over."""
        aio = await async_hooks()
        hook = aio.hook_of(self.vendor, self.conn_id, clock=self.clock)
        wait = self._begin(self._awaited(hook.vendor.dataset(self.dataset)))
        reader = aio.AsyncAnalyticsHook(hook)
        while not wait.there:
            await self._sleep_until(wait.wakes_at)
            if wait.is_given_up(self.clock.now()):
                break
            try:
                page = await reader.probe(wait.awaited.query, wait.awaited.day)
            except AIAnalyticsError as error:
                wait.told(error, now=self.clock.now())
            except Exception as error:
                # Airflow says that a connection is not defined of one that it fails to look up, too; but one that a
                # worker read before it deferred, or that a look read, is.
                if isinstance(error, AirflowNotFoundException) and self.look_at is None and not wait.looks:
                    raise
                unread = AIAnalyticsError(f"no connection could be read ({type(error).__name__}: {error})")
                wait.failed(unread, now=self.clock.now())
            else:
                wait.told(page, now=self.clock.now())
            if not wait.there:
                self.log.info("%s: %s; looking again at %s", wait.awaited.where, wait.said, spelled(wait.look_at))
        return wait

    def _awaited(self, dataset: Dataset) -> Awaited:
        return awaited(
            dataset,
            as_day(self.day, name="day"),
            until=self.until,
            lag=_seconds(self.lag),
            settle=_seconds(self.settle),
            spread=self.spread,
        )

    def _begin(self, waited_for: Awaited) -> Wait:
        now = self.clock.now()
        deadline = None
        if self.deadline is not None:
            deadline = datetime.fromisoformat(self.deadline)
        elif self.timeout is not None:
            deadline = now + timedelta(seconds=self.timeout)
        if self.look_at is None:
            return Wait.begin(waited_for, now=now, deadline=deadline)
        return Wait(
            awaited=waited_for,
            look_at=datetime.fromisoformat(self.look_at),
            deadline=deadline,
            requests=self.requests,
        )

    async def _sleep_until(self, moment: datetime) -> None:
        while (left := self.clock.seconds_until(moment)) > 0:
            await self.clock.pause(min(left, NAP))


async def async_hooks() -> ModuleType:
    """The hooks' async half.

    Not imported with this module, which every DAG file with a sensor imports; and in a thread, since it takes a moment
    that no other trigger should wait.
    """
    return await asyncio.to_thread(import_module, "airflow_provider_aianalytics.hooks.aio")


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
    return {"kind": type(error).__name__, "what": error.what, "where": error.where, "way_out": error.way_out}


def _error_of(told: Mapping[str, str]) -> AIAnalyticsError:
    kind = getattr(exceptions, told.get("kind", ""), AIAnalyticsError)
    if not (isinstance(kind, type) and issubclass(kind, AIAnalyticsError)):
        kind = AIAnalyticsError
    return kind(told.get("what", "the waiting failed"), where=told.get("where", ""), way_out=told.get("way_out", ""))


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
