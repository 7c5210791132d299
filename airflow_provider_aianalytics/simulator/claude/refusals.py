# SPDX-License-Identifier: Apache-2.0
"""Errors as the vendor words them (contract section 3)."""

from __future__ import annotations

from datetime import date
from typing import Any

from ..wire import Response
from .spelling import plain

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    410: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class RefusalError(Exception):
    """A request the vendor turns down.

    :param status: the HTTP status; it implies ``error.type``.
    :param message: what the vendor says.
    :param details: the optional ``error.details``.
    """

    def __init__(self, status: int, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details

    def response(self, request_id: str) -> Response:
        """The answer with the error's body."""
        error: dict[str, Any] = {"type": _TYPES.get(self.status, "api_error"), "message": self.message}
        if self.details:
            error["details"] = self.details
        body = plain({"type": "error", "error": error, "request_id": request_id})
        return Response(self.status, body.encode(), {"content-type": "application/json"})


def invalid(message: str) -> RefusalError:
    """A 400."""
    return RefusalError(400, message)


def too_recent(latest: date, legacy: bool) -> RefusalError:
    """A 400 for a day that is not there yet; since July it names the latest one (section 3)."""
    if legacy:
        return invalid("date must be at least 3 days ago to ensure accuracy of data")
    return invalid(f"Analytics data for the requested date is not available yet. Latest available date: {latest}")


def mismatch() -> RefusalError:
    """A 400 for a cursor that belongs to another query (sibling API's words, section 3)."""
    return invalid("cursor does not match current query parameters")


def rolled() -> RefusalError:
    """A 410 for a cursor whose export is gone (sections 3 and 5)."""
    return RefusalError(
        410, "page cursor has expired because the underlying data was refreshed; restart from the first page"
    )
