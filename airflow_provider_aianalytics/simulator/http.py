# SPDX-License-Identifier: Apache-2.0
"""Requests and responses without a web framework, so that vendors are plain functions from one to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

RetryAfter = Literal["seconds", "decimal", "http-date", "none"]
"""The format of a 429's ``Retry-After``. ``seconds`` rounds up; ``decimal`` is exact, for tests with short windows."""


@dataclass(frozen=True, slots=True)
class Request:
    """One GET as a vendor sees it.

    :param path: the path alone, for instance ``/v1/organizations/analytics/users``.
    :param query: the decoded query, in order, with repeated parameters.
    :param headers: header names in lower case.
    :param now: the simulated time of arrival, UTC.
    """

    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Response:
    """A status, the exact bytes of the body before compression, and the vendor's headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
