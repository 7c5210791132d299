# SPDX-License-Identifier: Apache-2.0
"""A simulator of every vendor's API, so that DAGs can be developed and tested without a key.

How it is built: ``simulator.py`` is the public class, ``server.py`` one HTTP handler on 127.0.0.1 for all vendors,
``control.py`` the ``/_simulator/`` endpoints for other processes. A request passes the rate limit (``budget.py``),
then scripted faults (``faults.py``: before, instead of or in the answer; ``delivery.py``: in how the bytes are sent),
then the vendor that serves its path, and is logged (``log.py``). ``vendor.py`` says what a vendor must offer,
``registry.py`` lists them. Each vendor is one folder, written from its contract: ``vendor.py`` (keys, switch),
``api.py`` (checks and pages), ``settings.py`` (what the contract leaves open), ``errors.py`` (its words),
``encoder.py`` (its JSON); the other files make up what its organization did, from the seed alone. ``clock.py`` is
simulated time. Nothing here imports anything of the client, nor the other way: a mistake that both shared would stay
invisible.
"""

from __future__ import annotations

from .claude_enterprise.settings import ClaudeSettings
from .faults import Fault
from .log import LoggedRequest
from .perplexity.settings import PerplexitySettings
from .settings import Settings
from .simulator import Simulator

__all__ = ["ClaudeSettings", "Fault", "LoggedRequest", "PerplexitySettings", "Settings", "Simulator"]
