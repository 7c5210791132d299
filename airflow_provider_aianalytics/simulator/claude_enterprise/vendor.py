# SPDX-License-Identifier: Apache-2.0
"""Implements the simulator's interface of a vendor."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..http import Request, Response
from ..vendor import SimulatedVendor
from .api import PREFIX, ClaudeApi
from .errors import ApiError
from .keys import Key, KeyRing
from .settings import ClaudeSettings


class ClaudeEnterprise(SimulatedVendor):
    """The Claude Enterprise Analytics API. ``unscoped_key`` lacks its scope, ``admin_key`` is a Console Admin key."""

    name = "claude_enterprise"
    alias = "claude"
    settings_class = ClaudeSettings
    logged_headers = ("anthropic-version", "anthropic-beta")

    def __init__(self, seed: int, members: int, settings: ClaudeSettings) -> None:
        super().__init__(seed, members, settings)
        self.keys = {
            "key": f"sk-ant-api01-simulated-{seed}",
            "unscoped_key": f"sk-ant-api01-simulated-members-only-{seed}",
            "admin_key": f"sk-ant-admin01-simulated-{seed}",
        }
        self._ring = KeyRing(
            Key(self.keys["key"]),
            Key(self.keys["unscoped_key"], frozenset({"read:members"})),
            Key(self.keys["admin_key"], frozenset(), admin=True),
        )
        self._api = ClaudeApi(seed, members, self._ring, settings, self.shrunk_days)

    def serves(self, path: str) -> bool:
        return self._api.serves(path)

    def respond(self, request: Request) -> Response:
        return self._api.respond(request)

    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        return ApiError(status, message).response(headers=headers)

    def truth(self, path: str, query: Sequence[tuple[str, str]], now: datetime, **options: Any) -> list[bytes]:
        """See :meth:`ClaudeApi.truth`; the path may be only the endpoint's name (``users``)."""
        return self._api.truth(path if path.startswith("/") else PREFIX + path, query, now, **options)

    def replace_key(self, secret: str) -> str:
        self._ring.revoke(self.keys["key"])
        self.keys["key"] = f"sk-ant-api01-simulated-{secret}"
        self._ring.add(Key(self.keys["key"]))
        return self.keys["key"]

    def set_enabled(self, enabled: bool) -> None:
        self._ring.enabled = enabled

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        lag_days = ClaudeSettings().lag_days
        parser.add_argument("--lag-days", type=int, default=lag_days, help="Claude: days until a day can be requested")
        parser.add_argument(
            "--era", choices=("auto", "A", "B", "C"), default="auto", help="Claude: the response format A, B or C"
        )

    @classmethod
    def settings_from(cls, options: Namespace) -> ClaudeSettings:
        return ClaudeSettings(
            lag_days=options.lag_days, era=options.era, pretty=options.pretty, retry_after=options.retry_after
        )
