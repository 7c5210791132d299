# SPDX-License-Identifier: Apache-2.0
"""The simulator: it starts, serves all vendors from a thread, takes faults, and stops."""

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
from .faults import Fault, Plan
from .log import Log, LoggedRequest
from .registry import VENDORS
from .server import Server
from .settings import Settings
from .vendor import SimulatedVendor

Parameters = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]


class Simulator:
    """All vendors on ``127.0.0.1``, for tests and for developing DAGs without a key.

    >>> with Simulator(seed=7, members=20) as sim:
    ...     print(sim.url.startswith("http://127.0.0.1:"))
    True

    :param settings: everything at once; or
    :param changes: fields of :class:`Settings` by name, and a vendor's settings by its alias
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
        """The working key of each vendor, by the name of the attribute that holds it."""
        return {f"{vendor.alias}_key": vendor.keys["key"] for vendor in self._vendors.values()}

    def __init__(self, settings: Settings | None = None, **changes: Any) -> None:
        base = settings or Settings()
        own = {vendor.alias: changes.pop(vendor.alias) for vendor in VENDORS if vendor.alias in changes}
        self.settings = replace(base, vendors={**base.vendors, **own}, **changes)
        s = self.settings
        self._clock = Clock(s.now, s.speed)
        self._plan = Plan()
        self._vendors = {
            vendor.name: vendor(s.seed, s.members, s.vendors.get(vendor.alias) or vendor.settings_class())
            for vendor in VENDORS
        }
        logged = ("user-agent", "accept-encoding", *(name for v in VENDORS for name in v.logged_headers))
        self._log = Log(s.log_limit, logged)
        self._server = Server(s, self._clock, self._vendors, self._plan, self._log, Control(self))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen, from a thread of its own."""
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
        """Stop listening; open connections are cut."""
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

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
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
        """Jump to a time."""
        self._clock.set(moment)

    def advance(self, step: timedelta) -> None:
        """Jump ahead."""
        self._clock.advance(step)

    def run_clock(self, speed: float) -> None:
        """Let time go on at another speed, in simulated seconds per real second; 0 stands still."""
        self._clock.run(speed)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests so far, oldest first; control requests are not among them."""
        return list(self._log.requests)

    def clear_requests(self) -> None:
        """Forget the requests and the counts, not the budget."""
        self._log.clear()

    def stats(self) -> dict[str, Any]:
        """Counts by vendor and status, connections, concurrency."""
        return self._log.stats()

    def reset_budget(self) -> None:
        """Give every vendor its full rate limit again."""
        for budget in self._server.budgets.values():
            budget.reset()

    def fail(self, *faults: Fault) -> None:
        """Script faults; a shrunk day is in force at once, the others wait for their request."""
        for fault in faults:
            if fault.kind != "shrink":
                self._plan.add(fault)
                continue
            assert fault.date is not None
            for vendor in self._vendors.values():
                if fault.vendor in ("", vendor.name):
                    vendor.shrunk_days[fault.date] = fault.fraction

    def clear_faults(self) -> None:
        """Forget all faults; shrunk days are whole again."""
        self._plan.clear()
        for vendor in self._vendors.values():
            vendor.shrunk_days.clear()

    def revoke_key(self, vendor: str) -> None:
        """Make the vendor's working key invalid."""
        self.replace_key(vendor)

    def replace_key(self, vendor: str) -> str:
        """Revoke the vendor's working key and hand out another one."""
        return self._vendor(vendor).replace_key(secrets.token_hex(6))

    def set_enabled(self, vendor: str, enabled: bool) -> None:
        """The organization's switch for the API."""
        self._vendor(vendor).set_enabled(enabled)

    def _vendor(self, name: str) -> SimulatedVendor:
        if name not in self._vendors:
            raise ValueError(f"unknown vendor {name!r}; known: {', '.join(self._vendors)}")
        return self._vendors[name]

    def truth(self, path: str, params: Parameters = (), **options: Any) -> list[bytes]:
        """The exact bytes of each item the vendor would serve now for the complete query, all pages joined.

        ``limit`` and ``page`` do not matter. No rate limit, no key, no faults.

        :param path: the vendor's path, or an endpoint's name alone (``users``) for the first vendor.
        :param params: the query; a mapping's lists become repeated parameters.
        :param options: the vendor's own, such as the version to answer as.
        :raises ValueError: if the vendor would refuse the query.
        """
        first, *_ = self._vendors.values()
        vendor = next((one for one in self._vendors.values() if one.answers(path)), first)
        return vendor.truth(path, _pairs(params), self.now, **options)


def _pairs(params: Parameters) -> list[tuple[str, str]]:
    if not isinstance(params, Mapping):
        return list(params)
    return [(k, v) for k, value in params.items() for v in ([value] if isinstance(value, str) else value)]
