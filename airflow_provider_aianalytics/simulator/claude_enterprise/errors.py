# SPDX-License-Identifier: Apache-2.0
"""Errors in the vendor's envelope (contract section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ..http import Response
from ..json_text import compact

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    410: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ApiError(Exception):
    """A request that the vendor rejects.

    :param status: the HTTP status; ``error.type`` follows from it.
    :param message: ``error.message``.
    :param details: the optional ``error.details``.
    """

    def __init__(self, status: int, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details

    def response(self, request_id: str = "req_simulated", headers: Mapping[str, str] | None = None) -> Response:
        """The response with the error's body."""
        error: dict[str, Any] = {"type": _TYPES.get(self.status, "api_error"), "message": self.message}
        if self.details:
            error["details"] = self.details
        body = compact({"type": "error", "error": error, "request_id": request_id})
        return Response(self.status, body.encode(), {"content-type": "application/json", **(headers or {})})


def invalid(message: str) -> ApiError:
    """A 400."""
    return ApiError(400, message)


def too_recent(latest: date, legacy: bool) -> ApiError:
    """A 400 for a day that is not available yet; since July 2026 it names the latest day (section 3)."""
    if legacy:
        return invalid("date must be at least 3 days ago to ensure accuracy of data")
    return invalid(f"Analytics data for the requested date is not available yet. Latest available date: {latest}")


def cursor_mismatch() -> ApiError:
    """A 400 for a cursor of another query (the message is that of a similar API, section 3)."""
    return invalid("cursor does not match current query parameters")


def cursor_expired() -> ApiError:
    """A 410 for a cursor of an earlier export (sections 3 and 5)."""
    return ApiError(
        410, "page cursor has expired because the underlying data was refreshed; restart from the first page"
    )
