# SPDX-License-Identifier: Apache-2.0
"""``/_simulator/``: the Simulator's methods for other processes. No key: only loopback is ever bound."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .faults import Fault
from .http import Response
from .log import dumps

if TYPE_CHECKING:
    from .simulator import Simulator

Fields = dict[str, Any]


class Control:
    """Routes control requests to a simulator.

    :param simulator: the one to control.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._routes: dict[tuple[str, str], Callable[[Fields], Any]] = {
            ("GET", "requests"): lambda _: [entry.to_json() for entry in simulator.requests],
            ("DELETE", "requests"): lambda _: simulator.clear_requests(),
            ("GET", "stats"): lambda _: simulator.stats(),
            ("GET", "clock"): lambda _: self._clock_told(),
            ("POST", "clock"): self._clock,
            ("POST", "fault"): lambda fields: simulator.fail(Fault.from_json(fields)),
            ("DELETE", "fault"): lambda _: simulator.clear_faults(),
            ("POST", "key"): self._key,
            ("POST", "toggle"): lambda fields: simulator.set_enabled(fields["vendor"], fields["enabled"]),
        }

    def answer(self, method: str, path: str, query: tuple[tuple[str, str], ...], body: bytes) -> Response:
        """The answer to one control request."""
        name = path.rstrip("/").rsplit("/", 1)[-1]
        try:
            if (method, name) == ("GET", "truth"):
                return _json(200, self._truth(query))
            route = self._routes.get((method, name))
            if route is None:
                known = ", ".join(f"{m} /_simulator/{n}" for m, n in (*self._routes, ("GET", "truth")))
                return _json(404, {"error": f"no such control endpoint; there are {known}"})
            return _json(200, route(json.loads(body) if body else {}))
        except (ValueError, KeyError, TypeError) as problem:
            return _json(400, {"error": f"{type(problem).__name__}: {problem}"})

    def _clock_told(self) -> Fields:
        return {"now": self._simulator.now.isoformat()}

    def _clock(self, fields: Fields) -> Fields:
        if "now" in fields:
            self._simulator.set_now(datetime.fromisoformat(fields["now"]))
        if "advance_seconds" in fields:
            self._simulator.advance(timedelta(seconds=fields["advance_seconds"]))
        if "speed" in fields:
            self._simulator.run_clock(float(fields["speed"]))
        return self._clock_told()

    def _key(self, fields: Fields) -> Fields:
        """``replace`` a vendor's key, or ``revoke`` it."""
        if fields.get("action") == "revoke":
            self._simulator.revoke_key(fields["vendor"])
            return {}
        return {"key": self._simulator.replace_key(fields["vendor"])}

    def _truth(self, query: tuple[tuple[str, str], ...]) -> Fields:
        """``?path=…`` and the vendor's own parameters; items as text, which keeps every byte."""
        path = dict(query)["path"]
        rest = [pair for pair in query if pair[0] != "path"]
        return {"items": [item.decode() for item in self._simulator.truth(path, rest)]}


def _json(status: int, value: Any) -> Response:
    return Response(status, dumps(value), {"content-type": "application/json"})
