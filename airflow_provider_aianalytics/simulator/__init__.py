# SPDX-License-Identifier: Apache-2.0
"""A simulator of both vendors, so that DAGs can be developed and tested without a key."""

from __future__ import annotations

from .claude.settings import ClaudeSettings
from .faults import Fault
from .log import LoggedRequest
from .perplexity_settings import PerplexitySettings
from .settings import Settings
from .simulator import Simulator

__all__ = ["ClaudeSettings", "Fault", "LoggedRequest", "PerplexitySettings", "Settings", "Simulator"]
