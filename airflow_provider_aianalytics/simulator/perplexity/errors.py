# SPDX-License-Identifier: Apache-2.0
"""Errors in the vendor's envelope (contract section 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..http import Response

_TYPES = {
    400: "invalid_request",
    401: "unauthorized",
    404: "feature_disabled",
    410: "invalid_request",
    429: "request_rate_limit_exceeded",
}


class ApiError(Exception):
    """A request that the vendor rejects.

    :param status: the HTTP status.
    :param kind: ``error.type``.
    :param message: ``error.message``.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(f"{status} {kind}: {message}")
        self.status, self.kind, self.message = status, kind, message

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The error envelope; ``code`` repeats the status."""
        body = json.dumps({"error": {"message": self.message, "type": self.kind, "code": self.status}})
        return Response(self.status, body.encode(), {"content-type": "application/json", **(headers or {})})


def malformed(message: str) -> ApiError:
    """The error for a parameter whose syntax is wrong."""
    return ApiError(400, "bad_request", message)


def invalid(message: str) -> ApiError:
    """The error for well-formed parameters that the API cannot serve."""
    return ApiError(400, "invalid_request", message)


def by_status(status: int, message: str) -> ApiError:
    """The error for a status."""
    return ApiError(status, _TYPES.get(status, "internal_error"), message)
