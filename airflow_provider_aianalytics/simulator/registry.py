# SPDX-License-Identifier: Apache-2.0
"""The simulated vendors: the one place where they are listed. The first whose paths match answers a request."""

from __future__ import annotations

from .claude_enterprise.vendor import ClaudeEnterprise
from .perplexity.vendor import Perplexity
from .vendor import SimulatedVendor

VENDORS: tuple[type[SimulatedVendor], ...] = (
    ClaudeEnterprise,
    Perplexity,
)
