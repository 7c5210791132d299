# SPDX-License-Identifier: Apache-2.0
"""The task run, as manifests name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aianalytics.storage.manifest import Run, format_timestamp

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


def task_run(context: Context) -> Run:
    """The task run of a context."""
    instance, started = context["ti"], getattr(context.get("dag_run"), "start_date", None)
    return Run(
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=-1 if instance.map_index is None else instance.map_index,
        try_number=instance.try_number,
        started_at=format_timestamp(started) if started else None,
    )
