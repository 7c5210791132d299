# SPDX-License-Identifier: Apache-2.0
"""What the plugin declares of the report, for each Airflow; light, because every process of Airflow loads plugins."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow_provider_aianalytics import compat
from airflow_provider_aianalytics.ui.lakes import has_lakes

TITLE = "AI Analytics"
URL_PREFIX = "/aianalytics"


class LazyApp:
    """An ASGI app that is built for its first request, so that schedulers and workers never import FastAPI."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from airflow_provider_aianalytics.ui.fastapi_app import build_app

            self._app = build_app()
        await self._app(scope, receive, send)


def fastapi_apps() -> list[dict[str, Any]]:
    """The app behind the view; none where no view could show it."""
    if not (compat.has_external_views() and has_lakes()):
        return []
    return [{"name": TITLE, "app": LazyApp(), "url_prefix": URL_PREFIX}]


def external_views() -> list[dict[str, Any]]:
    """The item in the navigation of Airflow 3.1 and later; on its top level from 3.3 on, below the plugins before."""
    if not (compat.has_external_views() and has_lakes()):
        return []
    from airflow.providers.common.compat.sdk import conf

    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + URL_PREFIX
    return [
        {
            "name": TITLE,
            "href": f"{base}/",
            "icon": f"{base}/icon.svg",
            "destination": "nav",
            "url_route": "ai-analytics",
            "nav_top_level": True,
        }
    ]


def flask_views() -> list[dict[str, Any]]:
    """The view of Airflow 2, below Browse; only its webserver reads this."""
    if not (compat.has_flask_webserver() and has_lakes()):
        return []
    from airflow_provider_aianalytics.ui.flask_view import ReportView

    return [{"name": TITLE, "category": "Browse", "view": ReportView()}]
