# SPDX-License-Identifier: Apache-2.0
"""The behaviour that the Perplexity contract leaves open, as settings (contract section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from ..http import RetryAfter

Share = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PerplexitySettings:
    """One interpretation of the contract. The defaults are those of section 7, where it has one.

    :param shape: ``legacy`` is revision A: v1 buckets carry one flat ``by_category`` (2.3); v2 never had that shape.
    :param datasets: 9 since revision D; with 7, v2 knows ``credit_usage`` only (revision timeline, revision C).
    :param query_volume_axis: breakdown label of ``query_volume``, which is not public (2.4).
    :param daily_active_users_axis: breakdown label of ``daily_active_users``, which is not public (2.4).
    :param source_labels: ``paid``/``promo`` in the docs, ``Paid``/``Promo`` in the extract (2.4).
    :param models: model labels; display names and raw ids are mixed in the extract (2.4).
    :param model_unattributed: lowest and highest share of an hour's credits without a model (7).
    :param source_unattributed: the same for the credit source (7).
    :param member_unattributed: the same for usage that belongs to no member (5).
    :param active_users_overlap: count a user under every category used, so that categories exceed the count (2.4).
    :param frontier: ``watermark`` withholds unsynced buckets, ``clock`` serves them as zeros (2.5).
    :param sync_interval: how often the store advances; zero means continuously (7).
    :param sync_lag: shortest and longest distance of the store behind a sync (7).
    :param late_data: whether some days grow once after they are complete (7).
    :param late_share: the share of those days.
    :param limit_out_of_range: respond with 400, or use the nearest allowed value (7).
    :param cursor_lifetime: the age at which a cursor is rejected; ``None`` means never (7).
    :param omitted_end: whether later pages use the first page's end (``freeze``) when ``end_time`` was omitted or in
        the future, or compute it again (7).
    :param equal_bounds: the response to ``start_time == end_time`` (7).
    :param unknown_parameter: ignore or reject parameters that the endpoint does not have (7).
    :param repeated_parameter: use the last value of a repeated parameter, or reject it (7).
    :param enabled: the organization's Analytics API toggle; off is 404 ``feature_disabled`` (3, 7).
    :param shrink_date: fault: the UTC day whose values shrink (7).
    :param shrink_to: fault: the share that remains; 0 empties the day.
    :param shrink_since: fault: the simulated time from which the shrunk values are served; ``None`` means always.
    :param pretty: indent the body.
    :param spelling_quirks: write some titles with JSON escapes and others as UTF-8.
    :param colliding_titles: have two spaces with the same title in one list (2.4 says titles may collide).
    :param extra_field_share: the share of v1 buckets and v2 member rows with a field that the contract does not have.
    :param removed_at: when the second member leaves the organization; ``None`` means nobody leaves (2.7).
    :param removed_rows: whether v2 still has the removed member's earlier days (5: unknown).
    :param usage_since: no usage before this time; ``None`` means there always was.
    :param retry_after: the format of a 429's ``Retry-After``, which the contract does not mention.
    """

    shape: Literal["current", "legacy"] = "current"
    datasets: Literal[9, 7] = 9
    query_volume_axis: str = "Query Type"
    daily_active_users_axis: str = "Surface"
    source_labels: tuple[str, str] = ("paid", "promo")
    models: tuple[str, ...] = ("claude-opus-4-8", "claude-sonnet-4-6", "GPT-5.2", "Claude Opus 4.7", "sonar-pro")
    model_unattributed: Share = (0.20, 0.35)
    source_unattributed: Share = (0.0, 0.001)
    member_unattributed: Share = (0.0, 0.02)
    active_users_overlap: bool = False
    frontier: Literal["clock", "watermark"] = "clock"
    sync_interval: timedelta = timedelta(minutes=180)
    sync_lag: tuple[timedelta, timedelta] = (timedelta(minutes=30), timedelta(minutes=150))
    late_data: bool = True
    late_share: float = 0.1
    limit_out_of_range: Literal["reject", "clamp"] = "reject"
    cursor_lifetime: timedelta | None = None
    omitted_end: Literal["freeze", "reread"] = "freeze"
    equal_bounds: Literal["empty", "reject"] = "empty"
    unknown_parameter: Literal["ignore", "reject"] = "ignore"
    repeated_parameter: Literal["last", "reject"] = "last"
    enabled: bool = True
    shrink_date: date | None = None
    shrink_to: float = 0.5
    shrink_since: datetime | None = None
    pretty: bool = False
    spelling_quirks: bool = True
    colliding_titles: bool = True
    extra_field_share: float = 0.02
    removed_at: datetime | None = datetime(2026, 11, 1, tzinfo=UTC)
    removed_rows: bool = True
    usage_since: datetime | None = None
    retry_after: RetryAfter = "none"

    def __post_init__(self) -> None:
        choices: dict[str, tuple[object, ...]] = {
            "shape": ("current", "legacy"),
            "datasets": (9, 7),
            "frontier": ("clock", "watermark"),
            "limit_out_of_range": ("reject", "clamp"),
            "omitted_end": ("freeze", "reread"),
            "equal_bounds": ("empty", "reject"),
            "unknown_parameter": ("ignore", "reject"),
            "repeated_parameter": ("last", "reject"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, not {getattr(self, name)!r}")
        for name in ("model_unattributed", "source_unattributed", "member_unattributed"):
            low, high = getattr(self, name)
            if not 0 <= low <= high <= 1:
                raise ValueError(f"{name} must be two ascending shares between 0 and 1, not {getattr(self, name)!r}")
        for name in ("late_share", "shrink_to", "extra_field_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)!r}")
        if not timedelta(0) <= self.sync_lag[0] <= self.sync_lag[1] or self.sync_interval < timedelta(0):
            raise ValueError("sync_interval and sync_lag must not be negative, and sync_lag must ascend")
