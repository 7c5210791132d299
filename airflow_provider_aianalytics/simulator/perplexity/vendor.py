# SPDX-License-Identifier: Apache-2.0
"""Implements the simulator's interface of a vendor."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..http import Request, Response
from ..vendor import SimulatedVendor
from .api import PerplexityApi
from .errors import by_status
from .settings import PerplexitySettings


class Perplexity(SimulatedVendor):
    """The Perplexity Computer Analytics API; an organization has one key."""

    name = "perplexity"
    alias = "perplexity"
    settings_class = PerplexitySettings

    def __init__(self, seed: int, members: int, settings: PerplexitySettings) -> None:
        super().__init__(seed, members, settings)
        self.keys = {"key": f"simulated-perplexity-{seed}"}
        self._api = self._new_api()

    def serves(self, path: str) -> bool:
        return self._api.serves(path)

    def respond(self, request: Request) -> Response:
        return self._api.respond(request)

    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        return by_status(status, message).response(headers)

    def truth(self, path: str, query: Sequence[tuple[str, str]], now: datetime, **options: Any) -> list[bytes]:
        return self._api.truth(path, query, now)

    def replace_key(self, secret: str) -> str:
        self.keys["key"] = f"simulated-perplexity-{secret}"
        self._api = self._new_api()
        return self.keys["key"]

    def set_enabled(self, enabled: bool) -> None:
        self.settings = replace(self.settings, enabled=enabled)
        self._api = self._new_api()

    def _new_api(self) -> PerplexityApi:
        return PerplexityApi(self.seed, self.members, self.keys["key"], self.settings, self.shrunk_days)

    @classmethod
    def settings_from(cls, options: Namespace) -> PerplexitySettings:
        return PerplexitySettings(pretty=options.pretty)
