# SPDX-License-Identifier: Apache-2.0
"""The list of the simulated vendors. The first one that serves a path responds to the request."""

from __future__ import annotations

from .claude_enterprise.vendor import ClaudeEnterprise
from .perplexity.vendor import Perplexity
from .vendor import SimulatedVendor

VENDORS: tuple[type[SimulatedVendor], ...] = (
    ClaudeEnterprise,
    Perplexity,
)
