# SPDX-License-Identifier: Apache-2.0
"""``/_simulator/``: the methods of Simulator for other processes. They need no key, for only loopback is bound."""

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

    :param simulator: the simulator to control.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._routes: dict[tuple[str, str], Callable[[Fields], Any]] = {
            ("GET", "requests"): lambda _: [entry.to_json() for entry in simulator.requests],
            ("DELETE", "requests"): lambda _: simulator.clear_requests(),
            ("GET", "stats"): lambda _: simulator.stats(),
            ("GET", "clock"): lambda _: self._clock_state(),
            ("POST", "clock"): self._clock,
            ("POST", "fault"): lambda fields: simulator.fail(Fault.from_json(fields)),
            ("DELETE", "fault"): lambda _: simulator.clear_faults(),
            ("POST", "key"): self._key,
            ("POST", "toggle"): lambda fields: simulator.set_enabled(fields["vendor"], fields["enabled"]),
        }

    def respond(self, method: str, path: str, query: tuple[tuple[str, str], ...], body: bytes) -> Response:
        """Respond to one control request."""
        name = path.rstrip("/").rsplit("/", 1)[-1]
        try:
            if (method, name) == ("GET", "truth"):
                return _json(200, self._truth(query))
            route = self._routes.get((method, name))
            if route is None:
                endpoints = ", ".join(f"{m} /_simulator/{n}" for m, n in (*self._routes, ("GET", "truth")))
                return _json(404, {"error": f"no such control endpoint; there are {endpoints}"})
            return _json(200, route(json.loads(body) if body else {}))
        except (ValueError, KeyError, TypeError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})

    def _clock_state(self) -> Fields:
        return {"now": self._simulator.now.isoformat()}

    def _clock(self, fields: Fields) -> Fields:
        if "now" in fields:
            self._simulator.set_now(datetime.fromisoformat(fields["now"]))
        if "advance_seconds" in fields:
            self._simulator.advance(timedelta(seconds=fields["advance_seconds"]))
        if "speed" in fields:
            self._simulator.run_clock(float(fields["speed"]))
        return self._clock_state()

    def _key(self, fields: Fields) -> Fields:
        """``replace`` a vendor's key, or ``revoke`` it."""
        if fields.get("action") == "revoke":
            self._simulator.revoke_key(fields["vendor"])
            return {}
        return {"key": self._simulator.replace_key(fields["vendor"])}

    def _truth(self, query: tuple[tuple[str, str], ...]) -> Fields:
        """``?path=…`` and the vendor's parameters. Items are strings, because parsing them would lose their bytes."""
        path = dict(query)["path"]
        params = [pair for pair in query if pair[0] != "path"]
        return {"items": [item.decode() for item in self._simulator.truth(path, params)]}


def _json(status: int, value: Any) -> Response:
    return Response(status, dumps(value), {"content-type": "application/json"})
