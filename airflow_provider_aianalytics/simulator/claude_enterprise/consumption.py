# SPDX-License-Identifier: Apache-2.0
"""What each actor consumed in each minute: the source of usage and cost for every bucket, grouping and export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import mul
from typing import NamedTuple

from .activity import Activity
from .organization import FIRST_DAY
from .randomness import random_bytes
from .settings import ClaudeSettings

PRODUCTS = ("chat", "claude_code", "cowork", "office_agent", "claude_design", "other", "claude_in_chrome")
MODELS = ("claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5-20251001", "claude-opus-4-8", "claude-sonnet-5")
CONTEXTS = ("0-200k", "200k-1M")
TAG_CATEGORIES = ("dm", "engaged", "monitoring", "proactive", "scheduled")
TOKEN_TYPES = (
    "uncached_input_tokens",
    "cache_creation.ephemeral_5m_input_tokens",
    "cache_creation.ephemeral_1h_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
# List price of a token in millionths of a cent, per model and token type. All are multiples of 20: discounts are exact.
_INPUT = (500, 300, 100, 500, 300)
_LIST = tuple((p, p * 5 // 4, p * 2, p // 10, p * 5) for p in _INPUT)
_DISCOUNT = (20, 20, 0, 10, 20)
_NET = tuple(tuple(p * (100 - _DISCOUNT[m]) // 100 for p in prices) for m, prices in enumerate(_LIST))
_WEB_SEARCH = 1_000_000
_SPAN = 1_402_460

WEB, REQUESTS, SPANS = 5, 6, 7
"""The indexes in the sums of a charge, after its five token counts."""

SECURITY, NOBODY = -2, -1


class Charge(NamedTuple):
    """The consumption of one actor in one minute.

    :param member: an index, or :data:`SECURITY` for the system account, or :data:`NOBODY` for automation.
    """

    minute: int
    member: int
    product: str | None
    model: str | None
    context_window: str | None
    inference_geo: str | None
    speed: str | None
    slack_channel_id: str | None
    claude_tag_category: str | None
    claude_tag_user_id: str | None
    sums: tuple[int, ...]


class Consumption:
    """The charges of one organization, by day and by the age at which they are read.

    :param activity: which members were active.
    :param settings: how the vendor restates.
    """

    def __init__(self, activity: Activity, settings: ClaudeSettings) -> None:
        self.activity = activity
        self._settings = settings
        capacity = max(4, min(400, 600_000 // max(1, activity.organization.size)))
        self.day = lru_cache(maxsize=capacity)(self._day)

    def age(self, day: date, read_on: date) -> int:
        """The age in days that determines the numbers of a day; it does not grow beyond the final age."""
        s = self._settings
        age = max(0, min(s.final_after, (read_on - day).days))
        if s.restatement == "off":
            return s.final_after
        return age - age % 7 if s.restatement == "weekly" and age < s.final_after else age

    def _day(self, day: date, age: int, share: float = 1.0) -> tuple[Charge, ...]:
        """The day's charges, oldest first, as the vendor states them at that age."""
        if day < FIRST_DAY:
            return ()
        org, final = self.activity.organization, age >= self._settings.final_after
        charges: list[Charge] = []
        masks = self.activity.day(day, share).masks
        drawn = random_bytes(len(PRODUCTS) * 32 * org.size, org.seed, "ledger", day)
        flags = [bin(mask)[:1:-1] for mask in masks]
        for product, flag in enumerate(flags):
            member = flag.find("1")
            while member >= 0:
                start = 32 * (len(PRODUCTS) * member + product)
                for half in (start, start + 16):
                    b = drawn[half : half + 16]
                    if half == start or b[0] < 110:
                        self._add_member_charge(charges, member, PRODUCTS[product], b, age, final)
                member = flag.find("1", member + 1)
        self._add_automation_charges(charges, day, age, final, share)
        charges.sort(key=lambda charge: charge.minute)
        return tuple(charges)

    def _add_member_charge(
        self, charges: list[Charge], member: int, product: str, b: bytes, age: int, final: bool
    ) -> None:
        """Add a member's charge, unless it is one of the few that arrive a day or more late."""
        if not final and b[14] < 10 and age <= b[14] % 3:
            return
        minute = (b[1] * 256 + b[2]) * 1440 // 65536
        if b[3] < 6:
            spans = 1 + b[4] % 9
            sums = (0, 0, 0, 0, 0, 0, spans, spans)
            charges.append(Charge(minute, member, None, None, None, None, None, None, None, None, sums))
            return
        model = b[4] % 5 if b[5] < 200 else 1
        is_long = b[5] < 20
        charges.append(
            Charge(
                minute,
                member,
                product,
                MODELS[model],
                CONTEXTS[is_long],
                None if b[6] < 12 else ("us" if b[6] < 60 else "global"),
                "fast" if b[7] < 24 else "standard",
                None,
                None,
                None,
                _sums(b, age, final),
            )
        )

    def _add_automation_charges(self, charges: list[Charge], day: date, age: int, final: bool, share: float) -> None:
        """Add the charges without a seat: Slack channels, code review, automatic patches and the system account."""
        org = self.activity.organization
        drawn = random_bytes(16 * (4 + org.size // 40), org.seed, "automation", day)
        for index in range(len(drawn) // 16):
            b = drawn[16 * index : 16 * index + 16]
            if b[15] >= int(share * 256) or (index > 1 and day.weekday() >= 5):
                continue
            kind, model = index % 4, b[4] % 5
            slack = tag = slack_user = None
            member, product = NOBODY, ("claude-tag", "claude_code", "other", "cc_security_autopatch")[kind]
            if kind == 0:
                slack = org.slack_channels[b[8] % len(org.slack_channels)]
                tag = TAG_CATEGORIES[b[9] % 5]
                slack_user = None if tag in ("monitoring", "scheduled") else f"U{b[10] % 40:010d}"
            elif kind == 3 and b[12] < 128:
                member = SECURITY
            minute = (b[1] * 256 + b[2]) * 1440 // 65536
            dimensions = (product, MODELS[model], CONTEXTS[0], "global", "standard", slack, tag, slack_user)
            charges.append(Charge(minute, member, *dimensions, _sums(b, age, final)))

    def between(
        self, start: datetime, end: datetime, read_on: date, shrunk: dict[date, float]
    ) -> list[tuple[date, Sequence[Charge]]]:
        """The charges in ``[start, end)``, day by day, as stated on ``read_on``."""
        days: list[tuple[date, Sequence[Charge]]] = []
        day = start.date()
        while datetime.combine(day, datetime.min.time(), start.tzinfo) < end:
            midnight = datetime.combine(day, datetime.min.time(), start.tzinfo)
            low = max(0, int((start - midnight).total_seconds()) // 60)
            high = min(1440.0, (end - midnight).total_seconds() / 60)
            charges = self.day(day, self.age(day, read_on), shrunk.get(day, 1.0))
            is_complete = low == 0 and high == 1440
            days.append(
                (day, charges if is_complete else [charge for charge in charges if low <= charge.minute < high])
            )
            day += timedelta(days=1)
        return days


def _sums(b: bytes, age: int, final: bool) -> tuple[int, ...]:
    """The sums of a charge. Until they are final, they differ slightly at every age."""
    drift = 0 if final else (b[15] * 31 + age * 57 + b[3] * 7) % 31 - 15
    fresh, short, long = b[8] * 40 + b[9], b[10] * 9 if b[10] > 90 else 0, b[11] * 6 if b[11] > 170 else 0
    cached, output = b[12] * 110, b[13] * 12 + b[8]
    if drift:
        fresh += fresh * drift // 1000
        short += short * drift // 1000
        long += long * drift // 1000
        cached += cached * drift // 1000
        output += output * drift // 1000
    return (fresh, short, long, cached, output, b[0] % 4 if b[0] < 40 else 0, 1 + b[9] % 30, 0)


def prices(model: str | None, sums: Sequence[int]) -> tuple[list[int], list[int]]:
    """List and net amounts in millionths of a cent: five token types, web search, code execution."""
    at = MODELS.index(model) if model else 0
    web, spans = sums[WEB] * _WEB_SEARCH, sums[SPANS] * _SPAN
    # The maps end with the five prices.
    return [*map(mul, _LIST[at], sums), web, spans], [*map(mul, _NET[at], sums), web, spans * 4 // 5]


def money(millionths: int) -> str:
    """Cents with six decimals, as the vendor formats them (contract section 2)."""
    cents, fraction = divmod(millionths, 1_000_000)
    return f"{cents}.{fraction:06d}"
