# SPDX-License-Identifier: Apache-2.0
"""The report in the webserver of Airflow 2; only that imports this module."""

from __future__ import annotations

from airflow.auth.managers.models.resource_details import AccessView  # type: ignore[import-not-found]
from airflow.www.auth import has_access_view  # type: ignore[import-not-found]
from flask import Response, request  # type: ignore[import-not-found]
from flask_appbuilder import BaseView, expose  # type: ignore[import-not-found]

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK
from airflow_provider_aianalytics.ui.report_page import headers, report_page


class ReportView(BaseView):  # type: ignore[misc]
    route_base = "/aianalytics"
    default_view = "report"

    @expose("/")  # type: ignore[untyped-decorator]
    @has_access_view(AccessView.PLUGINS)  # type: ignore[untyped-decorator]
    def report(self) -> Response:
        page = report_page(lake=request.args.get("lake"), days=request.args.get("days"), now=SYSTEM_CLOCK.now())
        return Response(page.html, page.status, headers(), mimetype="text/html")
