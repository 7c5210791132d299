# SPDX-License-Identifier: Apache-2.0
"""What Airflow must know before it can read a serialized DAG again, and the report in its UI.

Found by the entry point ``airflow.plugins`` alone: provider info is too late for it, and both would register it twice.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable
from airflow_provider_aianalytics.ui import views


class AIAnalyticsPlugin(AirflowPlugin):
    name = "aianalytics"
    timetables = [DataAvailabilityTimetable]  # noqa: RUF012 - how AirflowPlugin declares it
    fastapi_apps = views.fastapi_apps()
    external_views = views.external_views()
    appbuilder_views = views.flask_views()
