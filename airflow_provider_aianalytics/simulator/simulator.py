# SPDX-License-Identifier: Apache-2.0
"""The public class: starts and stops the server, and controls time, keys and faults."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from .clock import Clock
from .control import Control
from .faults import Fault, FaultQueue
from .log import Log, LoggedRequest
from .registry import VENDORS
from .server import Server
from .settings import Settings
from .vendor import SimulatedVendor

Parameters = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]


class Simulator:
    """Serves all vendors on ``127.0.0.1``, for tests and for developing DAGs without a key.

    >>> with Simulator(seed=7, members=20) as sim:
    ...     print(sim.url.startswith("http://127.0.0.1:"))
    True

    :param settings: all settings; the defaults when ``None``.
    :param changes: single fields of :class:`Settings`, and a vendor's settings under its alias
        (:attr:`SimulatedVendor.alias`).
    """

    def __getattr__(self, name: str) -> str:
        """A vendor's key, ``{alias}_{name}``; see :attr:`SimulatedVendor.keys`."""
        for vendor in self.__dict__.get("_vendors", {}).values():
            secret: str | None = vendor.keys.get(name.removeprefix(f"{vendor.alias}_"))
            if secret is not None and name.startswith(f"{vendor.alias}_"):
                return secret
        raise AttributeError(name)

    @property
    def keys(self) -> dict[str, str]:
        """The valid key of each vendor, by the name of its attribute here."""
        return {f"{vendor.alias}_key": vendor.keys["key"] for vendor in self._vendors.values()}

    def __init__(self, settings: Settings | None = None, **changes: Any) -> None:
        base = settings or Settings()
        own = {vendor.alias: changes.pop(vendor.alias) for vendor in VENDORS if vendor.alias in changes}
        settings = replace(base, vendors={**base.vendors, **own}, **changes)
        self.settings = settings
        self._clock = Clock(settings.now, settings.speed)
        self._faults = FaultQueue()
        self._vendors = {
            vendor.name: vendor(
                settings.seed, settings.members, settings.vendors.get(vendor.alias) or vendor.settings_class()
            )
            for vendor in VENDORS
        }
        logged = ("user-agent", "accept-encoding", *(name for v in VENDORS for name in v.logged_headers))
        self._log = Log(settings.log_limit, logged)
        self._server = Server(settings, self._clock, self._vendors, self._faults, self._log, Control(self))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start listening, in a thread."""
        if self._thread is not None:
            raise RuntimeError("the simulator is running already")
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(target=self._run, args=(loop,), name="simulator", daemon=True)
        self._thread.start()
        try:
            self._wait(self._server.start())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop listening and close open connections."""
        if self._thread is None or self._loop is None:
            return
        self._wait(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = self._loop = None

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    def _wait(self, coroutine: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def url(self) -> str:
        """The base URL of all vendors; their paths differ."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self._clock.now

    def set_now(self, moment: datetime) -> None:
        """Set the simulated time."""
        self._clock.set(moment)

    def advance(self, step: timedelta) -> None:
        """Move the simulated time forward."""
        self._clock.advance(step)

    def run_clock(self, speed: float) -> None:
        """Set the speed of the clock, in simulated seconds per real second; 0 stops it."""
        self._clock.run(speed)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests so far, oldest first, without control requests."""
        return list(self._log.requests)

    def clear_requests(self) -> None:
        """Clear the request log and its counts. The rate limit is not reset."""
        self._log.clear()

    def stats(self) -> dict[str, Any]:
        """Counts by vendor and status, connections, concurrency."""
        return self._log.stats()

    def reset_budget(self) -> None:
        """Reset every vendor's rate limit."""
        for budget in self._server.budgets.values():
            budget.reset()

    def fail(self, *faults: Fault) -> None:
        """Add faults. A ``shrink`` fault takes effect at once, the others on the requests that they match."""
        for fault in faults:
            if fault.kind != "shrink":
                self._faults.add(fault)
                continue
            assert fault.date is not None
            for vendor in self._vendors.values():
                if fault.vendor in ("", vendor.name):
                    vendor.shrunk_days[fault.date] = fault.fraction

    def clear_faults(self) -> None:
        """Remove all faults and restore shrunk days."""
        self._faults.clear()
        for vendor in self._vendors.values():
            vendor.shrunk_days.clear()

    def revoke_key(self, vendor: str) -> None:
        """Revoke the vendor's valid key."""
        self.replace_key(vendor)

    def replace_key(self, vendor: str) -> str:
        """Revoke the vendor's valid key and return a new one."""
        return self._vendor(vendor).replace_key(secrets.token_hex(6))

    def set_enabled(self, vendor: str, enabled: bool) -> None:
        """Enable or disable a vendor's API for the organization."""
        self._vendor(vendor).set_enabled(enabled)

    def _vendor(self, name: str) -> SimulatedVendor:
        if name not in self._vendors:
            raise ValueError(f"unknown vendor {name!r}; known: {', '.join(self._vendors)}")
        return self._vendors[name]

    def truth(self, path: str, params: Parameters = (), **options: Any) -> list[bytes]:
        """The exact bytes of each item that the vendor would serve now for a query, from all of its pages.

        ``limit`` and ``page`` are ignored; no key is needed, and neither rate limit nor faults apply.

        :param path: the vendor's path, or only an endpoint's name (``users``) for the first vendor.
        :param params: the query; a list becomes a repeated parameter.
        :param options: options of the vendor, for example the API version.
        :raises ValueError: if the vendor would reject the query.
        """
        first, *_ = self._vendors.values()
        vendor = next((vendor for vendor in self._vendors.values() if vendor.serves(path)), first)
        return vendor.truth(path, _pairs(params), self.now, **options)


def _pairs(params: Parameters) -> list[tuple[str, str]]:
    if not isinstance(params, Mapping):
        return list(params)
    return [(k, v) for k, value in params.items() for v in ([value] if isinstance(value, str) else value)]
