# SPDX-License-Identifier: Apache-2.0
"""The trigger that waits until a day is available."""

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
from airflow_provider_aianalytics.extraction.polling import DayPoller, WaitTarget, wait_target
from airflow_provider_aianalytics.extraction.windows import parse_day
from airflow_provider_aianalytics.run.waiting import waiting_text
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.registry import find_vendor

DEFERRAL_MARGIN = timedelta(minutes=15)
"""How long after the trigger's own deadline Airflow ends the deferral, in case no triggerer runs."""
MAX_SLEEP = 300.0
"""The longest sleep in seconds, so that a change of the system clock is noticed."""


class AvailabilityTrigger(BaseTrigger):
    """Waits until a day of a dataset is available, by the schedule of :mod:`..extraction.polling`.

    Its moments are absolute, so a triggerer that restarts continues the wait, at the cost of one request. It has no
    key: the connection is read for each poll. All arguments are plain JSON. Arguments that are newer than the first
    release have defaults, for triggers that run while the package is upgraded.

    :param vendor: the vendor's name.
    :param conn_id: the connection.
    :param dataset: the dataset's name.
    :param day: the UTC day, ``YYYY-MM-DD``.
    :param until: ``available`` or ``final``.
    :param lag: in seconds; ``None`` for the catalogue's.
    :param settle: in seconds; ``None`` for the catalogue's.
    :param next_poll_at: the moment of the first poll, RFC 3339; ``None``: by the schedule, from its start.
    :param deadline: the moment at which it gives up, RFC 3339; ``None``: never.
    :param timeout: without a ``deadline``, how many seconds after its start it gives up; for tasks that start in the
        triggerer, where Airflow's own timeout still ends the wait after a restart.
    :param jitter: a number in [0, 1) by which the polls of different tasks are spread.
    :param requests: the requests that were sent before it started.
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
        """A trigger that continues a wait."""
        target = wait.target
        availability = target.dataset.availability
        return cls(
            vendor=target.dataset.vendor,
            conn_id=conn_id,
            dataset=target.dataset.name,
            day=target.day.isoformat(),
            until=target.until,
            lag=availability.lag.total_seconds(),
            settle=availability.settle.total_seconds(),
            next_poll_at=wait.next_poll_at.isoformat(),
            deadline=None if wait.deadline is None else wait.deadline.isoformat(),
            jitter=target.jitter,
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
        """Yield one event, in the form that :func:`check_event` reads."""
        yield TriggerEvent(await self._event())  # type: ignore[no-untyped-call]

    async def _event(self) -> dict[str, Any]:
        subject = {"vendor": self.vendor, "dataset": self.dataset, "day": self.day, "until": self.until}
        try:
            wait = await self._wait()
        except AIAnalyticsError as error:
            return {**subject, "status": "error", "error": _serialize_error(error)}
        if wait.available:
            return {**subject, "status": "available", "requests": wait.requests}
        return {**subject, "status": "timeout", "requests": wait.requests, "message": wait.timeout_message}

    async def _wait(self) -> DayPoller:
        """Wait until the day is available or the deadline has passed."""
        from airflow_provider_aianalytics.hooks import get_hook

        async_http = await async_hooks()
        hook = get_hook(find_vendor(self.vendor), self.conn_id, clock=self.clock)
        wait = self._new_wait(self._wait_target(hook.vendor.dataset(self.dataset)))
        async_hook = async_http.AsyncAnalyticsHook(hook)
        self.log.info("%s", waiting_text(wait, in_triggerer=True))
        while not wait.available:
            await self._sleep_until(wait.next_wakeup)
            if wait.timed_out(self.clock.now()):
                break
            try:
                page = await async_hook.probe(wait.target.query, wait.target.day)
            except AIAnalyticsError as error:
                wait.record(error, now=self.clock.now())
            except Exception as error:
                # Airflow raises the same error for a connection that is not defined and for a failed lookup. A
                # connection that a worker or an earlier poll has read is defined.
                if isinstance(error, AirflowNotFoundException) and self.next_poll_at is None and not wait.polls:
                    raise
                failure = AIAnalyticsError(f"the connection could not be read ({type(error).__name__}: {error})")
                wait.back_off(failure, now=self.clock.now())
            else:
                wait.record(page, now=self.clock.now())
            if not wait.available:
                self.log.info("%s", waiting_text(wait))
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

    def _new_wait(self, target: WaitTarget) -> DayPoller:
        now = self.clock.now()
        deadline = None
        if self.deadline is not None:
            deadline = datetime.fromisoformat(self.deadline)
        elif self.timeout is not None:
            deadline = now + timedelta(seconds=self.timeout)
        if self.next_poll_at is None:
            return DayPoller.resume(target, now=now, deadline=deadline)
        return DayPoller(
            target=target,
            next_poll_at=datetime.fromisoformat(self.next_poll_at),
            deadline=deadline,
            requests=self.requests,
        )

    async def _sleep_until(self, moment: datetime) -> None:
        while (remaining := self.clock.seconds_until(moment)) > 0:
            await self.clock.async_sleep(min(remaining, MAX_SLEEP))


async def async_hooks() -> ModuleType:
    """Import the module of the asynchronous hook.

    Not at the top: every DAG file with a sensor imports this module. In a thread: the import takes long enough to delay
    the other triggers.
    """
    return await asyncio.to_thread(import_module, "airflow_provider_aianalytics.hooks.async_http")


def check_event(event: Mapping[str, Any] | None) -> None:
    """Read the event of an :class:`AvailabilityTrigger`.

    :raises AirflowSensorTimeout: when the day was not available before the deadline.
    :raises AIAnalyticsError: the error that ended the wait, with its type.
    """
    event = event or {}
    match event.get("status"):
        case "available":
            return
        case "timeout":
            raise AirflowSensorTimeout(event.get("message", "the sensor's timeout ended"))
        case "error":
            raise _deserialize_error(event.get("error") or {})
    raise AIAnalyticsError(f"the trigger sent an unknown event: {event!r}")


def _serialize_error(error: AIAnalyticsError) -> dict[str, str]:
    return {"kind": type(error).__name__, "message": error.message, "where": error.where, "hint": error.hint}


def _deserialize_error(fields: Mapping[str, str]) -> AIAnalyticsError:
    kind = getattr(exceptions, fields.get("kind", ""), AIAnalyticsError)
    if not (isinstance(kind, type) and issubclass(kind, AIAnalyticsError)):
        kind = AIAnalyticsError
    return kind(fields.get("message", "the wait failed"), where=fields.get("where", ""), hint=fields.get("hint", ""))


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
