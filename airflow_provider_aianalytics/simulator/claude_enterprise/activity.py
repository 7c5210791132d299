# SPDX-License-Identifier: Apache-2.0
"""Which members were active on a day, in which products, and how much: the source of every engagement number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from .organization import CHAT, CODE, COWORK, DESIGN, FIRST_DAY, OFFICE, SCIENCE, Organization
from .randomness import random_bytes

ARTIFACTS_SINCE = date(2026, 8, 17)
"""Claude Code and Cowork artifacts are counted from this day (contract section 7.1)."""

BLOCK = 64


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day: a bit mask of active members per product, and for each member 64 random bytes for its numbers."""

    date: date
    masks: tuple[int, ...]
    random: bytes

    @property
    def everyone(self) -> int:
        """Members active in any product."""
        everyone = 0
        for mask in self.masks[:6]:
            everyone |= mask
        return everyone

    def block(self, member: int) -> bytes:
        """The member's random bytes of the day."""
        return self.random[BLOCK * member : BLOCK * (member + 1)]


def bits(mask: int) -> Iterator[int]:
    """The members in a mask, ascending."""
    text = bin(mask)[:1:-1]
    index = text.find("1")
    while index >= 0:
        yield index
        index = text.find("1", index + 1)


def mask_of(flags: bytearray) -> int:
    """A mask from one ASCII ``0`` or ``1`` per member."""
    return int(bytes(reversed(flags)), 2) if flags else 0


class Activity:
    """Generates the days of one organization, and caches the latest."""

    def __init__(self, organization: Organization, empty_days: int) -> None:
        self.organization = organization
        self._empty_days = empty_days
        capacity = max(40, min(800, 2_000_000 // max(1, organization.size)))
        self.day = lru_cache(maxsize=capacity)(self._day)
        self.group_masks = lru_cache(maxsize=capacity)(self._group_masks)

    def _activity_level(self, day: date) -> int:
        """The share of usual activity, in 256ths: lower on weekends, and near zero on a few days."""
        if self.organization.draw(29, "quiet", day) == 0:
            return 16
        return 56 if day.weekday() >= 5 else 200 + self.organization.draw(56, "pace", day)

    def _unused_product(self, day: date) -> int | None:
        """The product that nobody used that day, if there is one."""
        if not self._empty_days or self.organization.draw(self._empty_days, "silent", day):
            return None
        return (CODE, COWORK, OFFICE, DESIGN, SCIENCE)[self.organization.draw(5, "which", day)]

    def _day(self, day: date, share: float = 1.0) -> Day:
        """The day. A fault can shrink it to a share of its members."""
        org = self.organization
        if day < FIRST_DAY:
            return Day(day, (0,) * 7, b"")
        drawn = random_bytes(8 * org.size, org.seed, "active", day)
        level, unused, threshold = self._activity_level(day), self._unused_product(day), int(share * 256)
        rows = [bytearray(b"0") * org.size for _ in range(7)]
        for i, member in enumerate(org.members):
            if drawn[8 * i + 7] >= threshold or not member.present(day):
                continue
            for product, weight in enumerate(member.activity):
                if drawn[8 * i + product] * 256 < weight * level and product != unused:
                    rows[product][i] = 49
        return Day(day, tuple(map(mask_of, rows)), random_bytes(BLOCK * org.size, org.seed, "amounts", day))

    def _group_masks(self, day: date) -> tuple[int, ...]:
        """The members of each group that day, and last those without a group."""
        org = self.organization
        rows = [bytearray(b"0") * org.size for _ in range(len(org.groups) + 1)]
        for i, member in enumerate(org.members):
            for group in member.groups_on(day, len(org.groups)) or (-1,):
                rows[group][i] = 49
        return tuple(map(mask_of, rows))

    def trailing(self, day: date, length: int, product: int | None = None) -> int:
        """Members active on any of the ``length`` days that end with ``day``."""
        mask = 0
        for back in range(length):
            activity = self.day(day - timedelta(days=back))
            mask |= activity.everyone if product is None else activity.masks[product]
        return mask


@dataclass(frozen=True, slots=True)
class SurfaceCounts:
    """How many distinct skills, connectors and plugins a member used on one surface on a day, and how often each."""

    sessions: int = 0
    skills: int = 0
    skill_calls: int = 0
    connectors: int = 0
    connector_calls: int = 0
    plugins: int = 0
    plugin_calls: int = 0


NO_COUNTS = SurfaceCounts()


def chat_counts(b: bytes) -> SurfaceCounts:
    """The counts of a chat user."""
    messages = chat_messages(b)
    return SurfaceCounts(
        sessions=1 + messages // (2 + b[2] % 6),
        skills=b[9] % 4 if b[9] < 100 else 0,
        skill_calls=1 + b[52] % 3,
        connectors=b[10] % 3 if b[10] < 120 else 0,
        connector_calls=1 + b[11] % 7,
    )


def code_counts(b: bytes) -> SurfaceCounts:
    """The counts of a Claude Code user."""
    return SurfaceCounts(
        sessions=1 + b[18] % 6,
        skills=1 + b[27] % 2 if b[27] < 60 else 0,
        skill_calls=1 + b[53] % 4,
        connectors=1 if b[28] < 60 else 0,
        connector_calls=1 + b[54] % 9,
        plugins=1 if b[55] < 50 else 0,
        plugin_calls=1 + b[56] % 4,
    )


def cowork_counts(b: bytes) -> SurfaceCounts:
    """The counts of a Cowork user."""
    return SurfaceCounts(
        sessions=1 + b[36] % 3,
        skills=1 + b[37] % 2 if b[37] < 80 else 0,
        skill_calls=1 + b[38] % 4,
        connectors=1 if b[39] < 80 else 0,
        connector_calls=1 + b[40] % 5,
        plugins=1 if b[41] < 70 else 0,
        plugin_calls=1 + b[42] % 3,
    )


def office_counts(b: bytes) -> SurfaceCounts:
    """The counts of an Office user in their main application of the day."""
    return SurfaceCounts(
        sessions=1 + b[45] % 4,
        skills=1 if b[31] < 50 else 0,
        skill_calls=1 + b[46] % 3,
        connectors=1 if b[32] < 30 else 0,
        connector_calls=1 + b[47] % 3,
    )


def office_application(b: bytes) -> int:
    """The member's Office application of the day: Excel, PowerPoint, Word or Outlook."""
    return b[29] % 4


def chat_messages(b: bytes) -> int:
    """The number of messages of a chat user."""
    return 1 + b[0] % 40 + (200 if b[1] > 250 else 0)


SURFACES = ((CHAT, chat_counts), (CODE, code_counts), (COWORK, cowork_counts), (OFFICE, office_counts))
"""Products on which skills and connectors are used."""
