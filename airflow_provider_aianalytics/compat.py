# SPDX-License-Identifier: Apache-2.0
"""Every difference between the supported Airflow versions that the rest of the package would see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger


def partition_key(context: Mapping[str, Any]) -> str | None:
    """The partition key of a run: in the context since 3.3, on the DAG run since 3.2, nowhere before."""
    key = context.get("partition_key")
    return key if key is not None else getattr(context.get("dag_run"), "partition_key", None)


def first_try(context: Mapping[str, Any]) -> int:
    """The first try of the present series.

    Clearing a task starts a new series without resetting its try number: Airflow raises ``max_tries`` instead.
    """
    instance, task = context["ti"], context["task"]
    return int(instance.max_tries) - int(task.retries or 0) + 1


def first_start(context: Mapping[str, Any]) -> datetime | None:
    """When a rescheduled task was started first, in real time; ``None``, or its present start, where it was not yet.

    In Airflow 2 it is the task instance's start; Airflow 3 has a field of its own for it.
    """
    instance = context["ti"]
    if hasattr(instance, "get_first_reschedule_date"):
        first: datetime | None = instance.get_first_reschedule_date(context)
        return first
    started: datetime | None = instance.start_date
    return started


def datetime_trigger(moment: datetime) -> BaseTrigger:
    """A trigger that fires at a moment, UTC; Airflow 3 has it in the standard provider, Airflow 2 in its core."""
    try:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger
    except ImportError:
        from airflow.triggers.temporal import DateTimeTrigger  # type: ignore[import-not-found, no-redef]
    return DateTimeTrigger(moment=moment)


def has_event_partitions() -> bool:
    """Whether a task can give its asset events partition keys: since Airflow 3.3."""
    from airflow import __version__

    return tuple(map(int, __version__.split(".")[:2])) >= (3, 3)


def report_asset_events(
    context: Mapping[str, Any],
    operator: Any,
    *,
    extra: dict[str, Any],
    days: Sequence[str],
    table_uri: str,
    by_partition: bool = False,
) -> None:
    """Give each outlet of a task one asset event if days changed, and none otherwise.

    Airflow emits an event for each outlet of a task that succeeds, so the outlets are removed from a task that changed
    nothing: this is the worker's own copy of the operator. Outlets that are no assets, such as entities of lineage,
    stay as they are.

    :param operator: the running operator, with its outlets.
    :param extra: the extra of the event.
    :param days: the changed days, ``YYYY-MM-DD``.
    :param table_uri: the URI of the asset of an asset alias.
    :param by_partition: whether each day gets an event of its own, with the day as its partition key. All of them share
        one extra. An alias takes no partition keys, so it gets one event all the same.
    """
    from airflow.providers.common.compat.sdk import Asset, AssetAlias

    try:
        from airflow.sdk.definitions.asset import AssetRef
    except ImportError:  # Airflow 2 has no references
        from airflow.providers.common.compat.sdk import Asset as AssetRef  # type: ignore[assignment]

    if not days:
        operator.outlets = [outlet for outlet in operator.outlets if not isinstance(outlet, (Asset, AssetRef))]
        return
    with_days = {**extra, "changed": list(days)}
    for outlet in operator.outlets:
        if isinstance(outlet, AssetAlias):
            # Airflow before 3.3 needs values that can be hashed.
            context["outlet_events"][outlet].add(Asset(uri=table_uri), extra={**extra, "changed": ", ".join(days)})
        elif isinstance(outlet, (Asset, AssetRef)):
            event = context["outlet_events"][outlet]
            event.extra = extra if by_partition else with_days
            if by_partition:
                event.add_partitions(list(days))


def renders_templates(trigger: type) -> bool:
    """Whether the arguments of a trigger that starts a task may be templates: since 3.3."""
    return hasattr(trigger, "render_template_fields")


def has_external_views() -> bool:
    """Whether the UI can show the page of a plugin in a frame: since 3.1."""
    from airflow.providers.common.compat.sdk import AirflowPlugin

    return hasattr(AirflowPlugin, "external_views")


def has_flask_webserver() -> bool:
    """Whether the UI is Flask's: in Airflow 2, which mounts no FastAPI app of a plugin."""
    from airflow.providers.common.compat.sdk import AirflowPlugin

    return not hasattr(AirflowPlugin, "fastapi_apps")
