# SPDX-License-Identifier: Apache-2.0
"""The front door of the simulated Claude vendor: key, version, endpoint, query, page."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from ..http import Request, Response
from . import engagement_query, report_query
from .activity import Activity
from .answer_cache import AnswerCache
from .consumption import Consumption
from .cursors import Cursor, fingerprint
from .encoder import JsonEncoder
from .engagement import Rows, SummaryRows, UserRows
from .entities import EntityRows
from .errors import ApiError, cursor_expired, cursor_mismatch, invalid
from .exports import Export, instant
from .keys import KeyRing
from .organization import Organization
from .parameters import Parameters
from .reports import Reports, Unit
from .settings import ClaudeSettings

PREFIX = "/v1/organizations/analytics/"
BETA = "analytics-usage-cost-2026-08-24"
"""The beta that ``/usage`` and ``/cost`` want (contract section 9)."""
CURRENT = "2026-10-21"
VERSIONS = ("2023-01-01", "2023-06-01", CURRENT)
SCOPE = "read:analytics"
_DEFAULTS = ClaudeSettings()


class ClaudeApi:
    """Thirteen read-only endpoints over one made-up organization.

    :param seed: what the organization is drawn from.
    :param members: how many members ever held a seat.
    :param keys: who may read; may change at any time.
    :param settings: how the contract's open questions are answered.
    :param shrunk: days that a fault makes smaller, with the share that is left; may change at any time.
    """

    def __init__(
        self,
        seed: int,
        members: int,
        keys: KeyRing,
        settings: ClaudeSettings = _DEFAULTS,
        shrunk: Mapping[date, float] | None = None,
    ) -> None:
        self.organization = Organization(seed, members)
        self._keys = keys
        self._settings = settings
        self._shrunk = {} if shrunk is None else shrunk
        activity, encoder = Activity(self.organization, settings.empty_days), JsonEncoder(settings)
        self._encoder = encoder
        self._engagement: dict[str, Rows] = {
            "users": UserRows(activity, settings, encoder),
            "summaries": SummaryRows(activity, settings, encoder),
        }
        self._entities: Rows = EntityRows(activity, settings, encoder)
        self._reports = Reports(Consumption(activity, settings), settings, encoder)
        # Several windows of several tasks are read at once, and each is as large as the organization.
        self._cache = AnswerCache(96_000_000 + 80_000 * members)

    def answers(self, path: str) -> bool:
        """Every path of the vendor's organization API."""
        return path.startswith("/v1/organizations/")

    def answer(self, request: Request) -> Response:
        """The page asked for, or the error the vendor would send."""
        request_id = f"req_011{secrets.token_hex(10)}"
        try:
            response = self._admitted(request)
        except ApiError as error:
            response = error.response(request_id)
        headers = {"request-id": request_id, "anthropic-organization-id": self.organization.uuid}
        return replace(response, headers={**response.headers, **headers})

    def truth(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        now: datetime,
        *,
        version: str = CURRENT,
        faults: bool = False,
    ) -> list[bytes]:
        """The exact bytes of every item of a complete query, all pages joined.

        :param version: the ``anthropic-version`` to answer as.
        :param faults: whether days that a fault shrinks are shrunk here too.
        :raises ValueError: when the vendor would refuse the query.
        """
        name = path.removeprefix(PREFIX)
        kept = [pair for pair in query if pair[0] not in ("page", "limit")]
        era = self._era(dict(kept), {"anthropic-version": version})
        try:
            units, _ = self._units(name, kept, now, era, None, self._shrunk if faults else {})
        except ApiError as error:
            raise ValueError(f"{error.status}: {error.message}") from None
        return [item for unit in units for item in unit]

    def _admitted(self, request: Request) -> Response:
        name = request.path.removeprefix(PREFIX) if request.path.startswith(PREFIX) else ""
        self._check_key(request, name)
        if name not in engagement_query.ENDPOINTS and name not in report_query.REPORTS:
            raise ApiError(404, f"Not found: {request.path}")
        self._check_version(request, name)
        era = self._era(dict(request.query), request.headers)
        if name in engagement_query.ENDPOINTS and era not in engagement_query.ENDPOINTS[name].eras:
            raise ApiError(404, f"Not found: {request.path}")
        bound = fingerprint(name, request.query, binds_limit=self._settings.cursor_binds_limit)
        page = Parameters(request.query).text("page")
        cursor = None if page is None else Cursor.decode(page)
        if cursor and cursor.query != bound:
            raise cursor_mismatch()
        units, facts = self._units(name, request.query, request.now, era, cursor, self._shrunk)
        body = self._page(name, units, facts, cursor, bound, era)
        return Response(200, body, {"content-type": "application/json"})

    def _check_key(self, request: Request, name: str) -> None:
        """401, 403 or, in the old words, 404 (contract section 3)."""
        secret = request.headers.get("x-api-key", "")
        if not secret:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            secret = token.strip() if scheme.lower() == "bearer" else ""
        key = self._keys.find(secret)
        hidden = self._settings.legacy_auth_404 and name in engagement_query.ENDPOINTS
        if key is None:
            if hidden:
                raise ApiError(404, "Not found")
            raise ApiError(
                401,
                "The API key provided is invalid or has been revoked." if secret else "x-api-key header is required",
            )
        either = name in ("usage", "cost") and key.admin
        if not either and (key.admin or SCOPE not in key.scopes):
            got = ["api:admin"] if key.admin else sorted(key.scopes)
            raise (
                ApiError(404, "Not found")
                if hidden
                else ApiError(403, f"Missing required scopes. Got: {got} Needed: ['{SCOPE}']")
            )
        if not self._keys.enabled:
            raise ApiError(403, "Public API access is disabled for this organization.")

    def _check_version(self, request: Request, name: str) -> None:
        version = request.headers.get("anthropic-version")
        new = name in ("usage", "cost")
        if version is None and (self._settings.strict_version or (new and self._settings.require_beta_header)):
            raise invalid("anthropic-version: header is required")
        if version is not None and version not in VERSIONS:
            raise invalid(f"anthropic-version: {version!r} is not a valid version")
        betas = [word.strip() for word in request.headers.get("anthropic-beta", "").split(",")]
        if new and self._settings.require_beta_header and BETA not in betas:
            raise invalid(f"anthropic-beta: this endpoint requires {BETA}")
        if new and self._settings.hipaa_ready:
            raise invalid("This report is not available to organizations with HIPAA readiness.")

    def _era(self, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """Which dated shape a request selects (contract section 1)."""
        if self._settings.era != "auto":
            return self._settings.era
        return "C" if query.get("beta") == "true" or headers.get("anthropic-version") == CURRENT else "B"

    def _units(
        self,
        name: str,
        query: Sequence[tuple[str, str]],
        now: datetime,
        era: str,
        cursor: Cursor | None,
        shrunk: Mapping[date, float],
    ) -> tuple[list[Unit], dict[str, Any]]:
        """The whole answer to a query, and what paging needs to know about it."""
        params, frozen = Parameters(query), cursor.frozen_end if cursor else ""
        shrunk = dict(shrunk)  # it may change while the answer is made, which would then be kept as another's
        small = tuple(sorted(shrunk.items()))
        if name in engagement_query.ENDPOINTS:
            asked = engagement_query.read(name, params, now, frozen, era, self._settings)
            rows = self._engagement.get(name, self._entities)
            key = (replace(asked, limit=0), era, small)
            units = self._cache.get(key, lambda: [(item,) for item in rows.complete(asked, era, shrunk)])
            whole = name == "summaries" or (name == "artifacts" and not asked.groups)
            end = "" if "ending_date" in params or not asked.ranged else str(asked.end)
            return units, {"limit": len(units) or 1 if whole else asked.limit, "export": None, "end": end}
        export = Export.at(now, self._settings)
        if cursor and cursor.export != export.id:
            if self._settings.cursor_expiry:
                raise cursor_expired()
            export = Export.named(cursor.export)
        report = report_query.read(report_query.REPORTS[name], params, now, frozen, self._settings)
        units = self._cache.get(
            (replace(report, limit=0), export, era, small),
            lambda: self._reports.complete(report, export, era, shrunk),
        )
        # What is remembered is the end as asked, before flooring: flooring it again gives the same range.
        facts = {"limit": report.limit, "export": export, "end": report_query.default_end(params, report.end)}
        return units, {**facts, "start": report.start}

    def _page(
        self, name: str, units: list[Unit], facts: dict[str, Any], cursor: Cursor | None, bound: str, era: str
    ) -> bytes:
        """One page's body in the endpoint's envelope (contract section 5)."""
        export: Export | None = facts["export"]
        offset = cursor.offset if cursor else 0
        stop = offset + min(facts["limit"], self._settings.page_cap or facts["limit"])
        items = [item for unit in units[offset:stop] for item in unit]
        following = (
            Cursor(stop, bound, export.id if export else "", facts["end"]).encode() if stop < len(units) else None
        )
        if export is None:
            if name == "summaries" and era != "C":
                return self._encoder.page("summaries", items, {}, {})
            return self._encoder.page("data", items, {}, {"next_page": following})
        before = {} if name in ("usage", "cost") else {"organization_id": self.organization.id}
        refreshed = instant(export.watermark) if facts["start"] < export.watermark else None
        after = {"has_more": following is not None, "next_page": following, "data_refreshed_at": refreshed}
        return self._encoder.page("data", items, before, after)
