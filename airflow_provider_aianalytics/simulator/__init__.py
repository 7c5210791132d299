# SPDX-License-Identifier: Apache-2.0
"""A simulator of every vendor's API, so that DAGs can be developed and tested without a key.

``simulator.py`` is the public class, ``server.py`` the HTTP server on 127.0.0.1, ``control.py`` its ``/_simulator/``
endpoints. A request passes the rate limit (``budget.py``) and the scripted faults (``faults.py``), then the vendor that
serves its path responds; ``delivery.py`` sends the response and ``log.py`` records it. ``clock.py`` is simulated time.
``vendor.py`` is the interface of a vendor, ``registry.py`` lists them. A vendor is one folder, written from its
contract: ``vendor.py`` (implements the interface), ``api.py`` (keys and pages), ``parameters.py`` (checks of a query),
``cursors.py``, ``encoder.py`` (records to JSON), ``errors.py``, ``settings.py`` (what the contract leaves open) and
``organization.py`` with ``usage.py`` (members and their activity, generated from the seed alone).
Simulator and client import nothing of each other, because tests would not see a mistake that both share.
"""

from __future__ import annotations

from .claude_enterprise.settings import ClaudeSettings
from .faults import Fault
from .log import LoggedRequest
from .perplexity.settings import PerplexitySettings
from .settings import Settings
from .simulator import Simulator

__all__ = ["ClaudeSettings", "Fault", "LoggedRequest", "PerplexitySettings", "Settings", "Simulator"]
