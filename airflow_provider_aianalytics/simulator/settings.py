# SPDX-License-Identifier: Apache-2.0
"""The settings of the simulator; a vendor's own settings are in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a :class:`Simulator`.

    :param seed: generates the made-up organization.
    :param members: how many people ever had a seat in it.
    :param now: the first simulated time; the real time when ``None``.
    :param speed: simulated seconds per real second; ``None`` is 0 (a stopped clock) with ``now`` and 1 without it.
    :param port: the port on 127.0.0.1; 0 picks a free one.
    :param requests_per_minute: the rate limit of each vendor; ``None`` is unlimited.
    :param budget_window: the budget's window in real seconds, 60 unless time is scaled down.
    :param latency: seconds from request to response, including the work.
    :param gzip: compress bodies above 1 kB for clients that accept it.
    :param log_limit: how many requests the log stores.
    :param vendors: the vendors' settings by alias; a vendor that is missing has its defaults.
    """

    seed: int = 7
    members: int = 200
    now: datetime | None = None
    speed: float | None = None
    port: int = 0
    requests_per_minute: int | None = 60
    budget_window: float = 60.0
    latency: float = 0.0
    gzip: bool = True
    log_limit: int = 100_000
    vendors: Mapping[str, Any] = field(default_factory=dict)
