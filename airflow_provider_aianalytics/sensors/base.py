# SPDX-License-Identifier: Apache-2.0
"""What the sensors of both vendors share: the day, the three ways to wait for it, and the end of the waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from inspect import unwrap
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowSensorTimeout, BaseSensorOperator, conf

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.compat import first_start, renders_templates
from airflow_provider_aianalytics.exceptions import AIAnalyticsError, InvalidArgumentError
from airflow_provider_aianalytics.extraction.polling import (
    DayPoller,
    WaitTarget,
    format_utc,
    jitter_for,
    task_jitter,
    validate_wait_options,
    wait_target,
)
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.extraction.windows import parse_day
from airflow_provider_aianalytics.run.arguments import Day, check_flag, is_literal, is_xcom_arg
from airflow_provider_aianalytics.run.period import days_before, period_of
from airflow_provider_aianalytics.ui.links import vendor_link
from airflow_provider_aianalytics.vendors.base import DAY, Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class AnalyticsSensor(BaseSensorOperator):
    """Waits until a day of a dataset is there, for a handful of requests and without holding a worker.

    A day so old that it must be there needs no request; a young one none before it can exist, and then one at
    ``limit=1`` each time the vendor may have more: :mod:`..extraction.availability` has the rule. ``deferrable`` waits
    in the triggerer; ``mode="reschedule"`` comes back for each look, ``mode="poke"`` holds the worker, and neither
    sends more requests, however short ``poke_interval`` is.

    What no waiting mends (key, scope, the organization's switch) fails at once; what passes (the vendor's outage, the
    budget) is waited out until ``timeout``. Its end raises :class:`AirflowSensorTimeout`, or skips with ``soft_fail``.

    :param dataset: a dataset of the vendor (templated).
    :param day: the UTC day to wait for (templated); by default the last day of the run's own period.
    :param until: ``available``, or ``final``: the vendor does not restate the day any more.
    :param lag: how long after it can first exist a day is expected, by default the catalogue's: three days for
        datasets that are aggregated once a day, four hours for cost and usage. An aggregated day is taken to be there
        once it is older than that; a day of the others is not looked at before.
    :param deferrable: wait in the triggerer.
    :param start_from_trigger: with ``deferrable``, start in the triggerer too, so that no worker is ever used unless
        the wait ends. Needs ``day``, since only a worker knows the run's own period. Airflow 2.11 does so for a day
        that is not templated, 3.3 for any; elsewhere, when mapped, and for what another task returns, the task starts
        in a worker and then defers.
    :param conn_id: the connection (templated).
    :raises InvalidArgumentError: when the DAG is parsed, for what the vendor does not have.
    """

    vendor: ClassVar[Vendor]
    template_fields: Sequence[str] = ("dataset", "day", "conn_id")
    clock: Clock = SYSTEM_CLOCK
    settle: timedelta | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Give a vendor's sensor the link to the vendor's own page."""
        super().__init_subclass__(**arguments)
        if "vendor" in cls.__dict__:
            cls.operator_extra_links = (vendor_link(cls.vendor),)

    def __init__(
        self,
        *,
        dataset: str,
        day: Day | None = None,
        until: str = "available",
        lag: timedelta | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        start_from_trigger: bool = False,
        conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.day = day
        self.until = until
        self.lag = lag
        self.deferrable = deferrable
        self.conn_id = conn_id or self.vendor.default_conn_id
        self._wait: DayPoller | None = None
        check_flag("deferrable", deferrable)
        check_flag("start_from_trigger", start_from_trigger)
        validate_wait_options(until=until, lag=lag, settle=self.settle)
        if is_literal(dataset):
            known = self.vendor.dataset(dataset)
            if day not in (None, "") and is_literal(day):
                wait_target(known, parse_day(day, name="day"))
        if start_from_trigger and deferrable:
            self._start_in_triggerer()

    def _start_in_triggerer(self) -> None:
        from airflow.triggers.base import StartTriggerArgs

        from airflow_provider_aianalytics.triggers.availability import DEFERRAL_MARGIN, AvailabilityTrigger

        if self.day in (None, ""):
            raise InvalidArgumentError(
                'start_from_trigger=True needs day=, such as day="{{ macros.ds_add(ds, -3) }}": only a worker can tell '
                "the run's own period"
            )
        arguments = (self.dataset, self.day, self.conn_id)
        if any(map(is_xcom_arg, arguments)):
            return
        if not is_literal(*arguments) and not renders_templates(AvailabilityTrigger):
            return
        trigger = AvailabilityTrigger(
            vendor=self.vendor.name,
            conn_id=self.conn_id,
            dataset=self.dataset,
            day=self.day if isinstance(self.day, str) else parse_day(self.day, name="day").isoformat(),
            until=self.until,
            lag=None if self.lag is None else self.lag.total_seconds(),
            settle=None if self.settle is None else self.settle.total_seconds(),
            timeout=self.timeout,
            jitter=jitter_for(self.task_id),
        )
        path, serialized = trigger.serialize()
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=path,
            trigger_kwargs=serialized,
            next_method="execute_complete",
            timeout=timedelta(seconds=self.timeout) + DEFERRAL_MARGIN,
        )

    def execute(self, context: Context) -> None:
        """Wait for the day."""
        wait = self._wait = self._begin(context)
        if wait.available:
            self.log.info("%s is old enough to be %s; no request was sent", wait.target.where, self.until)
            return
        self.log.info("%s: looking at %s", wait.target.where, format_utc(wait.next_poll_at))
        if self.deferrable:
            self._defer(wait)
        try:
            # Unwrapped: Airflow 2 takes a call of the base's method for one from outside of any task.
            unwrap(BaseSensorOperator.execute)(self, context)
        except AirflowException as error:
            # Airflow would come back after poke_interval, though there is nothing to see before the next look. The
            # exception that says so is no part of the compat module and lives elsewhere in each Airflow version.
            again = getattr(error, "reschedule_date", None)
            if again is None:
                raise
            comes_back = datetime.now(UTC) + timedelta(seconds=self.clock.seconds_until(wait.next_wakeup))
            raise type(error)(max(again, comes_back)) from None

    def _defer(self, wait: DayPoller) -> None:
        from airflow_provider_aianalytics.triggers.availability import DEFERRAL_MARGIN, AvailabilityTrigger

        with closing(self.hook()) as hook:
            _ = hook.endpoint  # a connection that cannot be used fails now, not days later
        self.defer(
            trigger=AvailabilityTrigger.of(wait, conn_id=self.conn_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + DEFERRAL_MARGIN,
        )

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> None:
        """Take in how the waiting ended.

        :raises AirflowSensorTimeout: when the time was over before the day was there.
        :raises AIAnalyticsError: the error that ended the waiting.
        """
        from airflow_provider_aianalytics.triggers.availability import check_event

        try:
            check_event(event)
        except (AirflowSensorTimeout, AIAnalyticsError) as error:
            self.log.error("%s", error)  # soft_fail shows no more than that there was one
            raise
        event = event or {}
        self._log_there(f"{event.get('vendor')} {event.get('dataset')} {event.get('day')}", event.get("requests", 0))

    def poke(self, context: Context) -> bool:
        """Look if it is time to; without ``deferrable`` Airflow calls this every ``poke_interval``."""
        wait = self._wait = self._wait or self._begin(context)
        now = self.clock.now()
        if not wait.available and now >= wait.next_poll_at:
            self._look(wait)
        if wait.available:
            self._log_there(wait.target.where, wait.requests)
        elif wait.timed_out(now):
            self.log.error("%s", wait.timeout_message)
            raise AirflowSensorTimeout(wait.timeout_message)
        return wait.available

    def _look(self, wait: DayPoller) -> None:
        with closing(self.hook()) as hook:
            hook.clock = self.clock
            try:
                page = hook.probe(wait.target.query, wait.target.day, backoff=Backoff(attempts=1))
                wait.record(page, now=self.clock.now())
            except AIAnalyticsError as error:
                wait.record(error, now=self.clock.now())
        if not wait.available:
            self.log.info(
                "%s: %s; looking again at %s", wait.target.where, wait.last_answer, format_utc(wait.next_poll_at)
            )

    def _begin(self, context: Context) -> DayPoller:
        now = self.clock.now()
        waiting_since = self._waiting_since(context, now)
        return DayPoller.resume(
            self.wait_target(context),
            now=now,
            waiting_since=waiting_since,
            deadline=waiting_since + timedelta(seconds=self.timeout),
        )

    def _waiting_since(self, context: Context, now: datetime) -> datetime:
        """When this wait started: a rescheduled task starts over each time."""
        first = first_start(context) if self.mode == "reschedule" and not self.deferrable else None
        if first is None:
            return now
        return now + (first - datetime.now(UTC)) * self.clock.speed

    def wait_target(self, context: Context) -> WaitTarget:
        """What this run waits for.

        :raises InvalidArgumentError: for what the vendor does not have, or when the run has no day of its own.
        """
        instance = context["ti"]
        return wait_target(
            self.vendor.dataset(self.dataset),
            self._day(context),
            until=self.until,
            lag=self.lag,
            settle=self.settle,
            jitter=task_jitter(instance),
        )

    def _day(self, context: Context) -> date:
        if self.day not in (None, ""):
            return parse_day(self.day, name="day")
        try:
            return period_of(context).end - DAY
        except InvalidArgumentError as error:
            raise InvalidArgumentError(
                error.message, hint=f'Write into the sensor: day="{days_before(context, 3)}"'
            ) from None

    def _log_there(self, where: str, requests: int) -> None:
        self.log.info("%s is %s, after %d request(s)", where, self.until, requests)

    def hook(self) -> AnalyticsHook:
        """A hook on the task's connection; the caller closes it."""
        from airflow_provider_aianalytics.hooks import get_hook

        return get_hook(self.vendor, self.conn_id)
