# SPDX-License-Identifier: Apache-2.0
"""What the contract leaves open about the Claude vendor, as knobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from ..http import RetryAfter

Era = Literal["auto", "A", "B", "C"]


@dataclass(frozen=True, slots=True)
class ClaudeSettings:
    """Choices that contract section 13 leaves to a simulator, with its defaults.

    :param era: which dated shape is served (section 1); ``auto`` lets version header and ``beta=true`` decide.
    :param lag_days: days until an aggregated day can be asked for (section 6): 1, formerly 3.
    :param legacy_date_message: answer a too recent date in the old words, which name no day (section 3).
    :param strict_parameters: refuse unknown parameters (section 15.4 is open); ignored otherwise.
    :param strict_version: refuse a request with no ``anthropic-version`` header (section 2).
    :param require_beta_header: refuse ``/usage`` and ``/cost`` without ``anthropic-beta`` (section 9).
    :param legacy_auth_404: answer bad keys and scopes with 404 on engagement endpoints (section 3).
    :param cursor_expiry: answer 410 once a report's export has rolled; otherwise the old export stays readable.
    :param cursor_binds_limit: a cursor used with another ``limit`` is a mismatch (section 5, unknown).
    :param export_every: how often an export of cost and usage appears (section 13).
    :param export_lag: how far the newest data stays behind now.
    :param restatement: how often cost and usage of days younger than ``final_after`` change.
    :param final_after: the age in days from which cost and usage stand still (section 6).
    :param future_ending_at: accept an ``ending_at`` after now (section 15.5).
    :param page_cap: items of a page at most, however many ``limit`` allows; ``None`` for as many as it allows.
    :param group_cap: groups kept per bucket on the two bucketed reports (section 8.0).
    :param corrected_after: the age in days at which web searches of users rise and connectors' counts by authentication
        turn from null into numbers, as in the release notes of 2026-11-23 (section 6); 0 serves them right at once.
    :param hipaa_ready: whether the organization has HIPAA readiness and gets no ``/usage`` and ``/cost`` (section 9).
    :param empty_days: one day in this many has no use of one product at all; 0 turns it off.
    :param plugin_metrics: false turns Cowork's plugin counts null (section 7.1).
    :param file_edit_metrics: false turns Cowork's file edit counts null (section 7.1).
    :param product_split: false leaves the per-product counts out of summaries (section 7.2).
    :param claude_tag: whether the Slack fields are there at all (sections 7.1, 7.2).
    :param unified: whether ``chat_cowork_unified`` fields are there at all.
    :param deprecated_email: keep ``email`` beside ``email_address`` in shape C (section 1, seen in September).
    :param unknown_fields: the share of records that carry a field the contract does not know.
    :param spelling: ``vendor`` spells JSON in ways Python would not; ``plain`` is compact UTF-8.
    :param pretty: bodies with newlines and indentation.
    :param retry_after: how a 429 says when to come back (section 4).
    """

    era: Era = "auto"
    lag_days: int = 1
    legacy_date_message: bool = False
    strict_parameters: bool = True
    strict_version: bool = False
    require_beta_header: bool = True
    legacy_auth_404: bool = False
    cursor_expiry: bool = True
    cursor_binds_limit: bool = True
    export_every: timedelta = timedelta(hours=4)
    export_lag: timedelta = timedelta(hours=3)
    restatement: Literal["daily", "weekly", "off"] = "daily"
    final_after: int = 30
    future_ending_at: bool = True
    page_cap: int | None = None
    group_cap: int = 100
    corrected_after: int = 0
    hipaa_ready: bool = False
    empty_days: int = 11
    plugin_metrics: bool = True
    file_edit_metrics: bool = False
    product_split: bool = True
    claude_tag: bool = True
    unified: bool = False
    deprecated_email: bool = False
    unknown_fields: float = 0.02
    spelling: Literal["vendor", "plain"] = "vendor"
    pretty: bool = False
    retry_after: RetryAfter = "seconds"
