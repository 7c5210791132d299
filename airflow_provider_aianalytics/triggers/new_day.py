# SPDX-License-Identifier: Apache-2.0
"""Watches a dataset from the triggerer and tells of each new day, for DAGs that are scheduled by an asset."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.triggers import BaseEventTrigger
from airflow.triggers.base import TriggerEvent

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.polling import RETRY_MAX, DayPoller, format_utc, jitter_for, wait_target
from airflow_provider_aianalytics.triggers.availability import MAX_SLEEP, async_hooks
from airflow_provider_aianalytics.vendors.base import DAY
from airflow_provider_aianalytics.vendors.registry import find_vendor

LATEST_DAY = "latest_day"
"""The key in the asset's state store."""
EVENT_PERSIST_DELAY = 5.0
"""Real seconds after which Airflow has written an event down: it collects them once a second."""


class NewDayTrigger(BaseEventTrigger):
    """Tells of each day of a dataset once the vendor has the whole of it: ``{"vendor", "dataset", "day"}``.

    For an :class:`AssetWatcher`, so that DAGs run when there is a new day; Airflow 3.0 or newer. It starts with the
    latest day there is, without those before it, and goes on day by day and in order, by the same rule and for the same
    few requests as the sensors.

    From Airflow 3.3 on the asset remembers the last day that was told, so that a triggerer which was down for several
    days tells of each of them. Before, a triggerer that starts again tells of the latest day once more. Each day is
    told at least once: a triggerer that is killed within seconds of telling tells it again, and landing it again
    changes nothing. One asset to a watcher of this kind: two could not remember apart.

    It never ends by itself, since Airflow would start it again at once, and again: what no waiting mends, such as a key
    that was revoked, is logged and looked at again four hours later.

    :param vendor: the vendor's name, as in a connection type before ``_analytics``.
    :param dataset: a dataset of that vendor.
    :param conn_id: the connection; by default the vendor's own default one. It is read for each request, and the key is
        no part of the trigger.
    :raises InvalidArgumentError: when the DAG is parsed, for what there is not.
    """

    clock: Clock = SYSTEM_CLOCK

    def __init__(self, *, vendor: str, dataset: str, conn_id: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        known = find_vendor(vendor)
        self._known = known.dataset(dataset)
        self.vendor = vendor
        self.dataset = dataset
        self.conn_id = conn_id or known.default_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"vendor": self.vendor, "dataset": self.dataset, "conn_id": self.conn_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        told = await self._last_told()
        day = await self._latest() if told is None else told + DAY
        while True:
            wait = self._wait_for(day)
            while not wait.available:
                await self._look(wait)
            self.log.info("%s is available, after %d request(s)", wait.target.where, wait.requests)
            told_of = {"vendor": self.vendor, "dataset": self.dataset, "day": day.isoformat()}
            yield TriggerEvent(told_of)  # type: ignore[no-untyped-call]
            # Not before Airflow has the event: a day told twice does no harm, one that is never told does.
            await self.clock.async_sleep(EVENT_PERSIST_DELAY)
            await self._remember(day)
            day += DAY

    async def _latest(self) -> date:
        """The latest day there is, by at most a few looks back; the last of them is old enough to need none."""
        day = self.clock.now().date()
        while True:
            wait = self._wait_for(day)
            if not wait.available and wait.target.first_poll <= self.clock.now():
                await self._look(wait)
            if wait.available:
                return day
            day -= DAY

    def _wait_for(self, day: date) -> DayPoller:
        return DayPoller.resume(
            wait_target(self._known, day, jitter=jitter_for(f"{self.vendor} {self.dataset}")), now=self.clock.now()
        )

    async def _look(self, wait: DayPoller) -> None:
        """Look once it is time to, and until there is an answer, for or against the day."""
        from airflow_provider_aianalytics.hooks import get_hook

        async_http = await async_hooks()
        hook = get_hook(find_vendor(self.vendor), self.conn_id, clock=self.clock)
        reader = async_http.AsyncAnalyticsHook(hook)
        answered = False
        while not answered:
            await self._sleep_until(wait.next_poll_at)
            try:
                try:
                    wait.record(await reader.probe(wait.target.query, wait.target.day), now=self.clock.now())
                except AIAnalyticsError as error:
                    wait.record(error, now=self.clock.now())
                answered = wait.available or not wait.failures
                said = wait.last_answer
            except Exception as error:
                # No waiting mends it, but somebody may; a connection that is not there yet is of Airflow's own type.
                wait.next_poll_at = self.clock.now() + timedelta(seconds=RETRY_MAX)
                said = f"{type(error).__name__}: {error}"
                self.log.error("%s cannot be watched: %s", wait.target.where, said)
            if not wait.available:
                self.log.info("%s: %s; looking again at %s", wait.target.where, said, format_utc(wait.next_poll_at))

    async def _sleep_until(self, moment: datetime) -> None:
        while (left := self.clock.seconds_until(moment)) > 0:
            await self.clock.async_sleep(min(left, MAX_SLEEP))

    async def _last_told(self) -> date | None:
        """What the asset remembers; it is Airflow that sets the store, since 3.3."""
        store = getattr(self, "asset_state_store", None)
        remembered = None if store is None else await store.aget(LATEST_DAY)
        return None if remembered is None else date.fromisoformat(remembered)

    async def _remember(self, day: date) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return
        try:
            await store.aset(LATEST_DAY, day.isoformat())
        except Exception as error:
            # The watching goes on: to end here would be to begin again and tell the same day for ever.
            self.log.error("%s %s: %s was told but cannot be remembered: %s", self.vendor, self.dataset, day, error)
