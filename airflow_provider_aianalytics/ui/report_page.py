# SPDX-License-Identifier: Apache-2.0
"""The report of a configured lake as a response of a web server, whichever framework that uses."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from airflow_provider_aianalytics.coverage.html import Choice, as_html, content_security_policy, message_as_html
from airflow_provider_aianalytics.coverage.reader import ManifestCache
from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.redaction import foreign_text
from airflow_provider_aianalytics.ui.lakes import configured_lakes

log = logging.getLogger(__name__)

RANGES = {"90": "90 days", "365": "a year"}
"""Days that the page can show, and their name."""

UNREADABLE_HINT = (
    "Airflow's web or API server reads the lake: check the connection that the path names, the store's driver on that "
    "server, and its way to the store."
)

_CACHE = ManifestCache()


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A page with its status."""

    status: int
    html: str


def headers() -> dict[str, str]:
    """The page is not cached, not shown in frames of other sites, and loads nothing."""
    return {
        "Content-Security-Policy": f"{content_security_policy()}; frame-ancestors 'self'",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def report_page(*, lake: str | None, days: str | None, now: datetime) -> PageResponse:
    """The report of a lake, or a page that explains why there is none.

    :param lake: the name of a configured lake; ``None``: the first.
    :param days: one of :data:`RANGES`; anything else is 90 days.
    :param now: the moment, UTC.
    """
    try:
        lakes = configured_lakes()
    except AIAnalyticsError as error:
        return PageResponse(500, message_as_html("The configuration names no lakes", str(error)))
    name = next(iter(lakes)) if lake is None else lake
    span = days if days in RANGES else "90"
    choices = _choices(list(lakes), name, span)
    if name not in lakes:
        return PageResponse(404, message_as_html("No such lake", f"No lake {name!r} is configured.", choices=choices))
    try:
        tables = survey(lakes[name], days=Range(now=now, most=int(span)), cache=_CACHE)
    except AIAnalyticsError as error:
        return PageResponse(404, message_as_html("Nothing to show", str(error), choices=choices))
    except Exception as error:  # each store's driver has its own
        log.exception("Lake %r cannot be read", name)
        text = f"{type(error).__name__}: {foreign_text(str(error)).removesuffix('.')}. {UNREADABLE_HINT}"
        return PageResponse(502, message_as_html(f"Lake {name} cannot be read", text, choices=choices))
    return PageResponse(200, as_html(lakes[name], tables, now=now, choices=choices))


def refusal_page(status: int) -> PageResponse:
    """The page for users without access, or for a wrong address."""
    title, text = {
        401: ("You are not signed in", "Sign in to Airflow, then open this page again."),
        403: ("You may not see this page", "It needs the permission to see Airflow's plugins. Ask an administrator."),
        404: ("No such page", "Open it from Airflow's navigation."),
    }.get(status, ("This page cannot be shown", f"Airflow answered with status {status}."))
    return PageResponse(status, message_as_html(title, text))


def _choices(lakes: list[str], lake: str, days: str) -> list[list[Choice]]:
    by_lake = [Choice(name, _link(name, days), is_current=name == lake) for name in lakes]
    by_days = [Choice(label, _link(lake, span), is_current=span == days) for span, label in RANGES.items()]
    return [*([by_lake] if len(lakes) > 1 else []), by_days]


def _link(lake: str, days: str) -> str:
    return f"?{urlencode({'lake': lake, 'days': days})}"
