# SPDX-License-Identifier: Apache-2.0
"""What crosses the wire, freed from any web framework: the simulated vendors are functions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


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


class Api(Protocol):
    """One vendor's side of the wire. It keeps no state that a request can change."""

    def answers(self, path: str) -> bool:
        """Whether this vendor serves the path (its prefix decides)."""

    def answer(self, request: Request) -> Response:
        """The answer to an admitted request; checks the key, then the parameters."""
