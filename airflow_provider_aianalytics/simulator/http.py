# SPDX-License-Identifier: Apache-2.0
"""A request and a response, apart from any web framework: simulated vendors turn one into the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

RetryAfter = Literal["seconds", "decimal", "http-date", "none"]
"""How a 429 says when to come back. ``seconds`` rounds up, ``decimal`` is exact, for windows that are scaled down."""


@dataclass(frozen=True, slots=True)
class Request:
    """One GET as a vendor sees it.

    :param path: the path alone, for instance ``/v1/organizations/analytics/users``.
    :param query: the decoded query, in order, repetitions kept.
    :param headers: header names in lower case.
    :param now: the simulated time of arrival, UTC.
    """

    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Response:
    """A status, the body exactly as it is sent, and the headers the vendor adds."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
