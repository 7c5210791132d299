# SPDX-License-Identifier: Apache-2.0
"""Every difference between the supported Airflow versions that the rest of the package would see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    Clearing a task begins a new series without setting its try number back: Airflow raises ``max_tries`` instead.
    """
    instance, task = context["ti"], context["task"]
    return int(instance.max_tries) - int(task.retries or 0) + 1


def first_start(context: Mapping[str, Any]) -> datetime | None:
    """When a rescheduled task was started first, in real time; ``None``, or its present start, where it was not yet.

    Airflow 2 hands out the first start as the present one; Airflow 3 keeps them apart.
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


def emit_asset_events(
    context: Mapping[str, Any], outlets: Iterable[Any], extra: dict[str, Any], days: list[str]
) -> None:
    """Give the events of a task's outlets an extra, and since 3.3 one event for each changed day, by its partition key.

    What is no asset, such as an entity of lineage, has no event, and that of an alias takes no partitions.

    :param days: the changed days, ``YYYY-MM-DD``.
    """
    from airflow.providers.common.compat.sdk import Asset, AssetAlias

    try:
        from airflow.sdk.definitions.asset import AssetRef
    except ImportError:  # Airflow 2 has no references
        from airflow.providers.common.compat.sdk import Asset as AssetRef  # type: ignore[assignment]

    for outlet in outlets:
        if not isinstance(outlet, (Asset, AssetAlias, AssetRef)):
            continue
        event = context["outlet_events"][outlet]
        event.extra = extra
        if days and not isinstance(outlet, AssetAlias) and hasattr(event, "add_partitions"):
            event.add_partitions(days)


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
