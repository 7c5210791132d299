# SPDX-License-Identifier: Apache-2.0
"""The trigger that sends an event for each new day of a dataset, for DAGs that are scheduled by an asset."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.triggers import BaseEventTrigger
from airflow.triggers.base import TriggerEvent

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.polling import RETRY_MAX, DayPoller, jitter_for, wait_target
from airflow_provider_aianalytics.run.arguments import check_conn_id
from airflow_provider_aianalytics.run.waiting import waiting_text
from airflow_provider_aianalytics.triggers.availability import MAX_SLEEP, async_hooks
from airflow_provider_aianalytics.vendors.base import DAY
from airflow_provider_aianalytics.vendors.registry import find_vendor

LATEST_DAY = "latest_day"
"""The key in the asset's state store."""
EVENT_PERSIST_DELAY = 5.0
"""Real seconds after which Airflow has stored an event: it collects them once a second."""


class NewDayTrigger(BaseEventTrigger):
    """Sends an event for each day of a dataset once the vendor has the whole day: ``{"vendor", "dataset", "day"}``.

    For an :class:`AssetWatcher`, so that DAGs run when there is a new day; Airflow 3.0 or newer. It starts with the
    latest available day, not with those before it, and continues day by day, in order, by the same schedule and for the
    same few requests as the sensors.

    From Airflow 3.3 on the asset stores the last day, so a triggerer that was down for several days sends an event for
    each of them. Before, a triggerer that restarts sends the latest day once more. Each day is sent at least once: a
    triggerer that is killed within seconds of an event sends it again, and landing a day again changes nothing. An
    asset takes one watcher of this kind: two would overwrite each other's last day.

    It never ends by itself, because Airflow would restart it at once, over and over. An error that waiting does not
    fix, such as a revoked key, is logged, and the next poll is four hours later.

    :param vendor: the vendor's name, as in its connection type before ``_analytics``.
    :param dataset: the name of a dataset in the vendor's catalogue.
    :param conn_id: the Airflow connection; by default the vendor's own default connection. It is read for each request,
        and the trigger does not store the key.
    :raises InvalidArgumentError: while the DAG is parsed, for a vendor or a dataset that does not exist.
    """

    clock: Clock = SYSTEM_CLOCK

    def __init__(self, *, vendor: str, dataset: str, conn_id: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        registered = find_vendor(vendor)
        self._dataset = registered.dataset(dataset)
        self.vendor = vendor
        self.dataset = dataset
        check_conn_id(conn_id)
        self.conn_id = registered.default_conn_id if conn_id is None else conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"vendor": self.vendor, "dataset": self.dataset, "conn_id": self.conn_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        last = await self._last_day()
        day = await self._latest_day() if last is None else last + DAY
        while True:
            wait = self._wait_for(day)
            self.log.info("%s", waiting_text(wait, in_triggerer=True))
            while not wait.available:
                await self._poll(wait)
            self.log.info("%s is available, after %d request(s)", wait.target.where, wait.requests)
            payload = {"vendor": self.vendor, "dataset": self.dataset, "day": day.isoformat()}
            yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
            # Only after Airflow has stored the event: a day that is sent twice does no harm, a lost one does.
            await self.clock.async_sleep(EVENT_PERSIST_DELAY)
            await self._store_day(day)
            day += DAY

    async def _latest_day(self) -> date:
        """The latest available day: a few polls backwards, until a day is old enough to need none."""
        day = self.clock.now().date()
        while True:
            wait = self._wait_for(day)
            if not wait.available and wait.target.first_poll <= self.clock.now():
                await self._poll(wait)
            if wait.available:
                return day
            day -= DAY

    def _wait_for(self, day: date) -> DayPoller:
        return DayPoller.resume(
            wait_target(self._dataset, day, jitter=jitter_for(f"{self.vendor} {self.dataset}")), now=self.clock.now()
        )

    async def _poll(self, wait: DayPoller) -> None:
        """Poll when it is due, until the day is known to be available or unavailable."""
        from airflow_provider_aianalytics.hooks import get_hook

        async_http = await async_hooks()
        hook = get_hook(find_vendor(self.vendor), self.conn_id, clock=self.clock)
        async_hook = async_http.AsyncAnalyticsHook(hook)
        is_answered = False
        while not is_answered:
            await self._sleep_until(wait.next_poll_at)
            try:
                try:
                    wait.record(await async_hook.probe(wait.target.query, wait.target.day), now=self.clock.now())
                except AIAnalyticsError as error:
                    wait.record(error, now=self.clock.now())
                is_answered = wait.available or not wait.failures
            except Exception as error:
                # Waiting does not fix it, but a person may. The error of a missing connection is Airflow's own.
                wait.next_poll_at = self.clock.now() + timedelta(seconds=RETRY_MAX)
                wait.last_answer = f"{type(error).__name__}: {error}"
                self.log.error("%s cannot be polled: %s", wait.target.where, wait.last_answer)
            if not wait.available:
                self.log.info("%s", waiting_text(wait))

    async def _sleep_until(self, moment: datetime) -> None:
        while (remaining := self.clock.seconds_until(moment)) > 0:
            await self.clock.async_sleep(min(remaining, MAX_SLEEP))

    async def _last_day(self) -> date | None:
        """The last day that was sent, from the asset's state store; Airflow sets it, from 3.3 on."""
        store = getattr(self, "asset_state_store", None)
        stored = None if store is None else await store.aget(LATEST_DAY)
        return None if stored is None else date.fromisoformat(stored)

    async def _store_day(self, day: date) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return
        try:
            await store.aset(LATEST_DAY, day.isoformat())
        except Exception as error:
            # The trigger continues: if it ended, Airflow would restart it and it would send the same day forever.
            self.log.error("%s %s: the event of %s was sent but not stored: %s", self.vendor, self.dataset, day, error)
