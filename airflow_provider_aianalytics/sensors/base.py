# SPDX-License-Identifier: Apache-2.0
"""The sensor that all vendors share: which day it waits for, how it waits, and how the wait ends."""

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
    jitter_for,
    task_jitter,
    validate_wait_options,
    wait_target,
)
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.extraction.windows import parse_day
from airflow_provider_aianalytics.run.arguments import Day, check_conn_id, check_flag, is_literal, is_xcom_arg
from airflow_provider_aianalytics.run.errors import without_frames
from airflow_provider_aianalytics.run.period import is_relative, period_of, resolve_day
from airflow_provider_aianalytics.run.waiting import waiting_text
from airflow_provider_aianalytics.ui.links import vendor_link
from airflow_provider_aianalytics.ui.task_doc import is_documented, map_name, mapped_defaults, task_doc
from airflow_provider_aianalytics.vendors.base import DAY, Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aianalytics.hooks.base import AnalyticsHook


class AnalyticsSensor(BaseSensorOperator):
    """Waits until a day of a dataset is available, with a handful of requests and without holding a worker.

    A day that is old enough needs no request. A recent day needs none before it can exist, and then one request with
    ``limit=1`` each time the vendor may have more; :mod:`..extraction.polling` has the schedule. With ``deferrable``
    the sensor waits in the triggerer, with ``mode="reschedule"`` it comes back for each request, with ``mode="poke"``
    it occupies the worker. None of them sends more requests, however short ``poke_interval`` is.

    Errors that waiting does not fix (key, scope, a feature that is switched off) fail at once. Others (an outage of the
    vendor, the budget) are waited out until ``timeout``, which raises :class:`AirflowSensorTimeout`, or skips with
    ``soft_fail``.

    :param dataset: the name of a dataset in the vendor's catalogue (templated).
    :param day: the UTC day to wait for (templated): a date, or a whole number of days relative to the run's own day. By
        default the last day of the run's own period.
    :param until: ``available``, or ``final``: the vendor does not restate the day any more.
    :param lag: how long after it can first exist a day is expected; by default as in the catalogue. Three days for
        datasets that are aggregated once a day: an older day is assumed to be available. Four hours for cost and usage:
        no request is sent before.
    :param deferrable: whether to wait in the triggerer.
    :param start_from_trigger: with ``deferrable``, start in the triggerer too, so that no worker is used unless the
        wait fails. Needs ``day`` as a date or a template, since only a worker knows the run's own day. Airflow 2.11
        does it for a date, Airflow 3.3 for a template too. On other versions, in mapped tasks, and for the result of
        another task, the sensor starts in a worker and then defers.
    :param conn_id: the Airflow connection (templated). By default the vendor's own default connection.
    :raises InvalidArgumentError: while the DAG is parsed, for arguments that the catalogue does not allow.
    """

    vendor: ClassVar[Vendor]
    template_fields: Sequence[str] = ("dataset", "day", "conn_id")
    clock: Clock = SYSTEM_CLOCK
    settle: timedelta | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Add the link to the vendor's own page to the sensor of a vendor."""
        super().__init_subclass__(**arguments)
        if "vendor" in cls.__dict__:
            cls.operator_extra_links = (vendor_link(cls.vendor),)

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Start a mapped task; its task instances are named by their dataset, and it has documentation."""
        return super().partial(**mapped_defaults(cls.vendor, kwargs))

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
        if not is_documented(kwargs):
            kwargs["doc_md"] = task_doc(self.vendor, dataset)
        super().__init__(**kwargs)
        self.dataset = dataset
        self.day = day
        self.until = until
        self.lag = lag
        self.deferrable = deferrable
        if is_literal(conn_id):
            check_conn_id(conn_id)
        self.conn_id = self.vendor.default_conn_id if conn_id is None else conn_id
        self._wait: DayPoller | None = None
        check_flag("deferrable", deferrable)
        check_flag("start_from_trigger", start_from_trigger)
        validate_wait_options(until=until, lag=lag, settle=self.settle)
        if is_literal(dataset):
            known = self.vendor.dataset(dataset)
            if day not in (None, "") and is_literal(day) and not is_relative(day):
                wait_target(known, parse_day(day, name="day"))
        if start_from_trigger and deferrable:
            self._start_in_triggerer()

    @property
    def map_name(self) -> str:
        """The name of a mapped task instance."""
        return map_name(self.dataset, self.day)

    def _start_in_triggerer(self) -> None:
        from airflow.triggers.base import StartTriggerArgs

        from airflow_provider_aianalytics.triggers.availability import DEFERRAL_MARGIN, AvailabilityTrigger

        if self.day in (None, "") or is_relative(self.day):
            raise InvalidArgumentError(
                "start_from_trigger=True needs day= as a date or a template, such as "
                'day="{{ macros.ds_add(ds, -3) }}": the triggerer does not know the run\'s own day'
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

    @without_frames
    def execute(self, context: Context) -> None:
        """Wait for the day.

        :raises AirflowSensorTimeout: when the day was not available before the timeout.
        :raises AIAnalyticsError: an error that waiting does not fix.
        """
        wait = self._wait = self._new_wait(context)
        if wait.available:
            self.log.info("%s is old enough to be %s; no request was sent", wait.target.where, self.until)
            return
        if self.deferrable:
            # A check that is due is made here: Airflow 3.1 can fail a task whose trigger fires at once.
            if not self.poke(context):
                self._defer(wait)
            return
        self.log.info("%s", waiting_text(wait))
        try:
            # Unwrapped: Airflow 2 refuses a call of the base's method as one from outside of a task.
            unwrap(BaseSensorOperator.execute)(self, context)
        except AirflowException as error:
            # Airflow would reschedule by poke_interval, but nothing can change before the next poll. The class of the
            # exception is in another module in each Airflow version, so it is recognized by its attribute.
            rescheduled = getattr(error, "reschedule_date", None)
            if rescheduled is None:
                raise
            next_wakeup = datetime.now(UTC) + timedelta(seconds=self.clock.seconds_until(wait.next_wakeup))
            raise type(error)(max(rescheduled, next_wakeup)) from None

    def _defer(self, wait: DayPoller) -> None:
        from airflow_provider_aianalytics.triggers.availability import DEFERRAL_MARGIN, AvailabilityTrigger

        if not wait.requests:
            with closing(self.hook()) as hook:
                _ = hook.endpoint  # an invalid connection fails now, not days later
            self.log.info("%s", waiting_text(wait, in_triggerer=True))
        self.defer(
            trigger=AvailabilityTrigger.of(wait, conn_id=self.conn_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + DEFERRAL_MARGIN,
        )

    @without_frames
    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> None:
        """Finish after the wait in the triggerer.

        :raises AirflowSensorTimeout: when the day was not available before the timeout.
        :raises AIAnalyticsError: the error that ended the wait.
        """
        from airflow_provider_aianalytics.triggers.availability import check_event

        try:
            check_event(event)
        except (AirflowSensorTimeout, AIAnalyticsError) as error:
            self.log.error("%s", error)  # with soft_fail Airflow does not log it
            raise
        event = event or {}
        day = f"{event.get('vendor')} {event.get('dataset')} {event.get('day')}"
        self._log_available(day, event.get("requests", 0))

    def poke(self, context: Context) -> bool:
        """Send a request if one is due. Without ``deferrable`` Airflow calls this every ``poke_interval``."""
        wait = self._wait = self._wait or self._new_wait(context)
        now = self.clock.now()
        if not wait.available and now >= wait.next_poll_at:
            self._poll(wait)
        if wait.available:
            self._log_available(wait.target.where, wait.requests)
        elif wait.timed_out(now):
            self.log.error("%s", wait.timeout_message)
            raise AirflowSensorTimeout(wait.timeout_message)
        return wait.available

    def _poll(self, wait: DayPoller) -> None:
        with closing(self.hook()) as hook:
            hook.clock = self.clock
            try:
                page = hook.probe(wait.target.query, wait.target.day, backoff=Backoff(attempts=1))
                wait.record(page, now=self.clock.now())
            except AIAnalyticsError as error:
                wait.record(error, now=self.clock.now())
        if not wait.available:
            self.log.info("%s", waiting_text(wait, in_triggerer=self.deferrable))

    def _new_wait(self, context: Context) -> DayPoller:
        now = self.clock.now()
        waiting_since = self._waiting_since(context, now)
        return DayPoller.resume(
            self.wait_target(context),
            now=now,
            waiting_since=waiting_since,
            deadline=waiting_since + timedelta(seconds=self.timeout),
        )

    def _waiting_since(self, context: Context, now: datetime) -> datetime:
        """When this wait started. A rescheduled task is a new process each time."""
        first = first_start(context) if self.mode == "reschedule" and not self.deferrable else None
        if first is None:
            return now
        return now + (first - datetime.now(UTC)) * self.clock.speed

    def wait_target(self, context: Context) -> WaitTarget:
        """The day that this run waits for.

        :raises InvalidArgumentError: for arguments that the catalogue does not allow, or a run without a day.
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
            return resolve_day(self.day, context, name="day")
        try:
            return period_of(context).end - DAY
        except InvalidArgumentError as error:
            raise InvalidArgumentError(
                error.message, hint="Write into the sensor: day=-3 (days relative to the run's own day) or a date"
            ) from None

    def _log_available(self, day: str, requests: int) -> None:
        self.log.info("%s is %s, after %d request(s)", day, self.until, requests)

    def hook(self) -> AnalyticsHook:
        """A hook on the task's connection; the caller closes it."""
        from airflow_provider_aianalytics.hooks import get_hook

        check_conn_id(self.conn_id)  # a template is rendered now
        return get_hook(self.vendor, self.conn_id)
