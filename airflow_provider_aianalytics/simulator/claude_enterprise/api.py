# SPDX-License-Identifier: Apache-2.0
"""The simulated Claude Enterprise Analytics API: checks key, version and query, then serves a page."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

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
"""The beta header that ``/usage`` and ``/cost`` require (contract section 9)."""
CURRENT = "2026-10-21"
VERSIONS = ("2023-01-01", "2023-06-01", CURRENT)
SCOPE = "read:analytics"
_DEFAULTS = ClaudeSettings()


@dataclass(frozen=True, slots=True)
class _Result:
    """All rows of a query, and what its pages have in common.

    :param units: the rows, in units that a page does not split.
    :param limit: units per page.
    :param default_end: the end that later pages use, ``""`` when the request has one.
    :param export: the export of a report, ``None`` for engagement.
    :param has_data: whether the export reaches into the report's range.
    """

    units: list[Unit]
    limit: int
    default_end: str
    export: Export | None = None
    has_data: bool = False


class ClaudeApi:
    """The thirteen read-only endpoints of one made-up organization.

    :param seed: generates the organization and all of its activity.
    :param members: how many people ever had a seat.
    :param keys: the organization's keys; may change at any time.
    :param settings: the behaviour that the contract leaves open.
    :param shrunk: for days that a fault makes smaller, the share that remains; may change at any time.
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
        # Several tasks read several windows at once, and the size of a window grows with the organization.
        self._cache = AnswerCache(96_000_000 + 80_000 * members)

    def serves(self, path: str) -> bool:
        """Every path of the vendor's organization API."""
        return path.startswith("/v1/organizations/")

    def respond(self, request: Request) -> Response:
        """The requested page, or the vendor's error."""
        request_id = f"req_011{secrets.token_hex(10)}"
        try:
            response = self._serve(request)
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
        """The exact bytes of every item of a query, from all of its pages.

        :param version: the ``anthropic-version`` of the response.
        :param faults: whether ``shrink`` faults apply.
        :raises ValueError: when the vendor would reject the query.
        """
        name = path.removeprefix(PREFIX)
        pairs = [pair for pair in query if pair[0] not in ("page", "limit")]
        era = self._era(dict(pairs), {"anthropic-version": version})
        try:
            result = self._query(name, pairs, now, era, None, self._shrunk if faults else {})
        except ApiError as error:
            raise ValueError(f"{error.status}: {error.message}") from None
        return [item for unit in result.units for item in unit]

    def _serve(self, request: Request) -> Response:
        name = request.path.removeprefix(PREFIX) if request.path.startswith(PREFIX) else ""
        self._check_key(request, name)
        if name not in engagement_query.ENDPOINTS and name not in report_query.REPORTS:
            raise ApiError(404, f"Not found: {request.path}")
        self._check_version(request, name)
        era = self._era(dict(request.query), request.headers)
        if name in engagement_query.ENDPOINTS and era not in engagement_query.ENDPOINTS[name].eras:
            raise ApiError(404, f"Not found: {request.path}")
        query_hash = fingerprint(name, request.query, binds_limit=self._settings.cursor_binds_limit)
        page = Parameters(request.query).text("page")
        cursor = None if page is None else Cursor.decode(page)
        if cursor and cursor.query != query_hash:
            raise cursor_mismatch()
        result = self._query(name, request.query, request.now, era, cursor, self._shrunk)
        body = self._page(name, result, cursor, query_hash, era)
        return Response(200, body, {"content-type": "application/json"})

    def _check_key(self, request: Request, name: str) -> None:
        """Check the key: 401 or 403, or 404 as in older versions (contract section 3)."""
        secret = request.headers.get("x-api-key", "")
        if not secret:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            secret = token.strip() if scheme.lower() == "bearer" else ""
        key = self._keys.find(secret)
        hides_errors = self._settings.legacy_auth_404 and name in engagement_query.ENDPOINTS
        if key is None:
            if hides_errors:
                raise ApiError(404, "Not found")
            raise ApiError(
                401,
                "The API key provided is invalid or has been revoked." if secret else "x-api-key header is required",
            )
        accepts_admin = name in ("usage", "cost") and key.admin
        if not accepts_admin and (key.admin or SCOPE not in key.scopes):
            got = ["api:admin"] if key.admin else sorted(key.scopes)
            raise (
                ApiError(404, "Not found")
                if hides_errors
                else ApiError(403, f"Missing required scopes. Got: {got} Needed: ['{SCOPE}']")
            )
        if not self._keys.enabled:
            raise ApiError(403, "Public API access is disabled for this organization.")

    def _check_version(self, request: Request, name: str) -> None:
        version = request.headers.get("anthropic-version")
        is_beta = name in ("usage", "cost")
        if version is None and (self._settings.strict_version or (is_beta and self._settings.require_beta_header)):
            raise invalid("anthropic-version: header is required")
        if version is not None and version not in VERSIONS:
            raise invalid(f"anthropic-version: {version!r} is not a valid version")
        betas = [word.strip() for word in request.headers.get("anthropic-beta", "").split(",")]
        if is_beta and self._settings.require_beta_header and BETA not in betas:
            raise invalid(f"anthropic-beta: this endpoint requires {BETA}")
        if is_beta and self._settings.hipaa_ready:
            raise invalid("This report is not available to organizations with HIPAA readiness.")

    def _era(self, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """The response format that a request selects: A, B or C (contract section 1)."""
        if self._settings.era != "auto":
            return self._settings.era
        return "C" if query.get("beta") == "true" or headers.get("anthropic-version") == CURRENT else "B"

    def _query(
        self,
        name: str,
        query: Sequence[tuple[str, str]],
        now: datetime,
        era: str,
        cursor: Cursor | None,
        shrunk: Mapping[date, float],
    ) -> _Result:
        """All rows of a query, from the cache if it has them."""
        params, frozen = Parameters(query), cursor.frozen_end if cursor else ""
        # Faults may change it during the query, and the result would be cached under the wrong key.
        shrunk = dict(shrunk)
        shrunk_days = tuple(sorted(shrunk.items()))
        if name in engagement_query.ENDPOINTS:
            parsed = engagement_query.parse(name, params, now, frozen, era, self._settings)
            renderer = self._engagement.get(name, self._entities)
            key = (replace(parsed, limit=0), era, shrunk_days)
            units = self._cache.get(key, lambda: [(item,) for item in renderer.complete(parsed, era, shrunk)])
            is_one_page = name == "summaries" or (name == "artifacts" and not parsed.groups)
            default_end = "" if "ending_date" in params or not parsed.ranged else str(parsed.end)
            return _Result(units, len(units) or 1 if is_one_page else parsed.limit, default_end)
        export = Export.at(now, self._settings)
        if cursor and cursor.export != export.id:
            if self._settings.cursor_expiry:
                raise cursor_expired()
            export = Export.from_id(cursor.export)
        report = report_query.parse(report_query.REPORTS[name], params, now, frozen, self._settings)
        units = self._cache.get(
            (replace(report, limit=0), export, era, shrunk_days),
            lambda: self._reports.complete(report, export, era, shrunk),
        )
        default_end = report_query.default_end(params, report.end)
        return _Result(units, report.limit, default_end, export, has_data=report.start < export.watermark)

    def _page(self, name: str, result: _Result, cursor: Cursor | None, query_hash: str, era: str) -> bytes:
        """One page's body in the endpoint's envelope (contract section 5)."""
        export, following = result.export, None
        offset = cursor.offset if cursor else 0
        stop = offset + min(result.limit, self._settings.page_cap or result.limit)
        items = [item for unit in result.units[offset:stop] for item in unit]
        if stop < len(result.units):
            following = Cursor(stop, query_hash, export.id if export else "", result.default_end).encode()
        if export is None:
            if name == "summaries" and era != "C":
                return self._encoder.page("summaries", items, {}, {})
            return self._encoder.page("data", items, {}, {"next_page": following})
        before = {} if name in ("usage", "cost") else {"organization_id": self.organization.id}
        refreshed = instant(export.watermark) if result.has_data else None
        after = {"has_more": following is not None, "next_page": following, "data_refreshed_at": refreshed}
        return self._encoder.page("data", items, before, after)
