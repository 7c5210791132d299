# SPDX-License-Identifier: Apache-2.0
"""The behaviour that the Claude contract leaves open, as settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from ..http import RetryAfter

Era = Literal["auto", "A", "B", "C"]


@dataclass(frozen=True, slots=True)
class ClaudeSettings:
    """Choices that contract section 13 leaves to a simulator, with its defaults.

    :param era: the response format A, B or C (section 1); ``auto`` follows the version header and ``beta=true``.
    :param lag_days: days until an aggregated day can be requested (section 6): 1, formerly 3.
    :param legacy_date_message: reject a too recent date with the older message, which names no day (section 3).
    :param strict_parameters: reject unknown parameters instead of ignoring them (section 15.4 is open).
    :param strict_version: reject a request without an ``anthropic-version`` header (section 2).
    :param require_beta_header: reject ``/usage`` and ``/cost`` without ``anthropic-beta`` (section 9).
    :param legacy_auth_404: reject bad keys and scopes with 404 on engagement endpoints (section 3).
    :param cursor_expiry: reject cursors of an earlier export with 410 instead of serving that export.
    :param cursor_binds_limit: reject a cursor with another ``limit`` (section 5, unknown).
    :param export_every: the time between two exports of cost and usage (section 13).
    :param export_lag: how old the newest data of an export is when it appears.
    :param restatement: how often cost and usage of days younger than ``final_after`` change.
    :param final_after: the age in days from which cost and usage do not change (section 6).
    :param future_ending_at: accept an ``ending_at`` after now (section 15.5).
    :param page_cap: the most items of a page, whatever ``limit`` allows; ``None`` for no other limit.
    :param group_cap: the most groups of a bucket in the two bucketed reports (section 8.0).
    :param corrected_after: the age in days at which web searches of users rise and connectors' counts by authentication
        change from null to numbers, as in the release notes of 2026-11-23 (section 6); 0 serves them at once.
    :param hipaa_ready: whether the organization has HIPAA readiness and no access to ``/usage`` and ``/cost``
        (section 9).
    :param empty_days: on one day in this many, nobody uses one of the products; 0 disables it.
    :param plugin_metrics: whether Cowork's plugin counts are numbers, not null (section 7.1).
    :param file_edit_metrics: whether Cowork's file edit counts are numbers, not null (section 7.1).
    :param product_split: whether summaries have counts per product (section 7.2).
    :param claude_tag: whether records have the Slack fields (sections 7.1, 7.2).
    :param unified: whether records have ``chat_cowork_unified`` fields.
    :param deprecated_email: whether format C has ``email`` beside ``email_address`` (section 1, seen in September).
    :param unknown_fields: the share of records with a field that the contract does not have.
    :param spelling: ``vendor`` writes half of the records with JSON escapes; ``plain`` is compact UTF-8.
    :param pretty: indent the body.
    :param retry_after: the format of a 429's ``Retry-After`` (section 4).
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
