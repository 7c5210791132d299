# SPDX-License-Identifier: Apache-2.0
"""The report inside Airflow's API server.

Airflow does not protect the app of a plugin: every route depends on the permission to see plugins, which the item in
the navigation needs too. FastAPI evaluates the annotations of routes, so this module does not postpone them.
"""

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK
from airflow_provider_aianalytics.ui.report_page import PageResponse, headers, refusal_page, report_page

ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#71717a" stroke-width="1.6">
<path d="M2 14V2m0 12h12M5.5 11V8m3.5 3V4m3.5 7V6.5"/></svg>"""


def build_app() -> FastAPI:
    """The app; it has no routes of documentation, which would be open to anybody."""
    app = FastAPI(
        title="AI Analytics",
        openapi_url=None,
        dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
        exception_handlers={HTTPException: _refuse},
    )
    app.get("/")(report)
    app.get("/icon.svg")(icon)
    return app


def report(lake: str | None = None, days: str | None = None) -> Response:
    """The report; not async, because Starlette then reads the store in a thread."""
    return _response(report_page(lake=lake, days=days, now=SYSTEM_CLOCK.now()))


def icon() -> Response:
    return Response(ICON, headers=headers(), media_type="image/svg+xml")


async def _refuse(_: Request, error: Exception) -> Response:
    return _response(refusal_page(error.status_code if isinstance(error, HTTPException) else 500))


def _response(page: PageResponse) -> Response:
    return Response(page.html, status_code=page.status, headers=headers(), media_type="text/html")
