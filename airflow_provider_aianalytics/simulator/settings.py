# SPDX-License-Identifier: Apache-2.0
"""How the simulator as a whole behaves; each vendor has settings of its own inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a :class:`Simulator` can be told.

    :param seed: what the made-up organization is drawn from.
    :param members: how many people ever held a seat in it.
    :param now: where simulated time starts; the real time when ``None``.
    :param speed: simulated seconds per real second; ``None`` is 1 without ``now`` and 0 (a standing clock) with it.
    :param port: the port on 127.0.0.1; 0 picks a free one.
    :param requests_per_minute: the rate limit of each vendor; ``None`` is unlimited.
    :param budget_window: the budget's window in real seconds, 60 unless time is scaled down.
    :param latency: seconds from request to answer, work included.
    :param gzip: compress bodies above 1 kB for clients that accept it.
    :param log_limit: how many requests the log keeps.
    :param vendors: the vendors' own settings by alias; the defaults of a vendor that is left out.
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
