# SPDX-License-Identifier: Apache-2.0
"""The simulator as a thing with a life: it starts, serves both vendors from a thread, is scripted, and stops."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from .claude.api import PREFIX, ClaudeApi
from .clock import Clock
from .control import Control
from .faults import Fault, Plan
from .keys import Key, KeyRing
from .log import Log, LoggedRequest
from .perplexity import PerplexityApi
from .server import Server
from .settings import Settings
from .wire import Api

CLAUDE, PERPLEXITY = "claude_enterprise", "perplexity"
Parameters = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]


class Simulator:
    """Two vendors on ``127.0.0.1``, for tests and for developing DAGs without a key.

    >>> with Simulator(seed=7, members=20) as sim:
    ...     print(sim.url.startswith("http://127.0.0.1:"))
    True

    :param settings: everything at once; or
    :param changes: fields of :class:`Settings` by name.
    """

    def __init__(self, settings: Settings | None = None, **changes: Any) -> None:
        self.settings = replace(settings or Settings(), **changes)
        s = self.settings
        self._clock = Clock(s.now, s.speed)
        self._plan = Plan()
        self._log = Log(s.log_limit)
        self._shrunk: dict[str, dict[date, float]] = {CLAUDE: {}, PERPLEXITY: {}}
        self.claude_key = f"sk-ant-api01-simulated-{s.seed}"
        self.claude_unscoped_key = f"sk-ant-api01-simulated-members-only-{s.seed}"
        self.claude_admin_key = f"sk-ant-admin01-simulated-{s.seed}"
        self.perplexity_key = f"simulated-perplexity-{s.seed}"
        self._keys = KeyRing(
            Key(self.claude_key),
            Key(self.claude_unscoped_key, frozenset({"read:members"})),
            Key(self.claude_admin_key, frozenset(), admin=True),
        )
        self._claude = ClaudeApi(s.seed, s.members, self._keys, s.claude, self._shrunk[CLAUDE])
        self._perplexity = PerplexityApi(s.seed, s.members, self.perplexity_key, s.perplexity, self._shrunk[PERPLEXITY])
        self._vendors: dict[str, Api] = {CLAUDE: self._claude, PERPLEXITY: self._perplexity}
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
        """The base URL of both vendors; their paths differ."""
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
        """Give both vendors their full budget again."""
        for budget in self._server.budgets.values():
            budget.reset()

    def fail(self, *faults: Fault) -> None:
        """Script faults; a shrunk day is in force at once, the others wait for their request."""
        for fault in faults:
            if fault.kind != "shrink":
                self._plan.add(fault)
                continue
            assert fault.date is not None
            for vendor, days in self._shrunk.items():
                if fault.vendor in ("", vendor):
                    days[fault.date] = fault.fraction

    def clear_faults(self) -> None:
        """Forget all faults; shrunk days are whole again."""
        self._plan.clear()
        for days in self._shrunk.values():
            days.clear()

    def revoke_key(self, vendor: str) -> None:
        """Make the vendor's working key invalid."""
        self.replace_key(vendor)

    def replace_key(self, vendor: str) -> str:
        """Revoke the vendor's working key and hand out another one."""
        _check(vendor)
        fresh = secrets.token_hex(6)
        if vendor == PERPLEXITY:
            self.perplexity_key = f"simulated-perplexity-{fresh}"
            self._settle()
            return self.perplexity_key
        self._keys.revoke(self.claude_key)
        self.claude_key = f"sk-ant-api01-simulated-{fresh}"
        self._keys.add(Key(self.claude_key))
        return self.claude_key

    def set_enabled(self, vendor: str, enabled: bool) -> None:
        """The organization's switch for the API (Claude contract section 2, Perplexity contract section 1)."""
        _check(vendor)
        if vendor == CLAUDE:
            self._keys.enabled = enabled
        else:
            self._settle(enabled=enabled)

    def _settle(self, **changes: Any) -> None:
        """Replace the Perplexity vendor by one with the present key and other settings."""
        settings = replace(self._perplexity.settings, **changes)
        self._perplexity = PerplexityApi(
            self.settings.seed, self.settings.members, self.perplexity_key, settings, self._shrunk[PERPLEXITY]
        )
        self._vendors[PERPLEXITY] = self._perplexity

    def truth(
        self, path: str, params: Parameters = (), *, version: str = "2026-10-21", faults: bool = False
    ) -> list[bytes]:
        """The exact bytes of each item the vendor would serve now for the complete query, all pages joined.

        ``limit`` and ``page`` do not matter. No budget, no key, no faults.

        :param path: the vendor's path, or the Claude endpoint's name alone (``users``).
        :param params: the query; a mapping's lists become repeated parameters.
        :param version: the ``anthropic-version`` to answer as.
        :param faults: whether days shrunk by a fault are shrunk here too (Claude only; Perplexity always shrinks).
        :raises ValueError: when the vendor would refuse the query.
        """
        pairs = _pairs(params)
        if self._perplexity.answers(path):
            return self._perplexity.truth(path, pairs, self.now)
        whole = path if path.startswith("/") else PREFIX + path
        return self._claude.truth(whole, pairs, self.now, version=version, faults=faults)


def _pairs(params: Parameters) -> list[tuple[str, str]]:
    if not isinstance(params, Mapping):
        return list(params)
    return [(k, v) for k, value in params.items() for v in ([value] if isinstance(value, str) else value)]


def _check(vendor: str) -> None:
    if vendor not in (CLAUDE, PERPLEXITY):
        raise ValueError(f"unknown vendor {vendor!r}; known: {CLAUDE}, {PERPLEXITY}")
