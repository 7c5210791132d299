# SPDX-License-Identifier: Apache-2.0
"""A made-up organization: its members, the vendor's datasets, and how far the vendor's store is synced at a time."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from .settings import PerplexitySettings, Share

HOUR = 3600
DAY = 86400
COMPLETE = 1000
"""All thousandths of an hour's activity."""
WORDS = 2**32
"""The number of values of a random word."""
REMOVED = 1
"""The member who leaves the organization at :attr:`PerplexitySettings.removed_at`."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_NAMES = ("ada", "grace", "noor", "li", "tomas", "yuki", "amara", "ivan", "maria+ai", "o'neil", "zoe", "femi")
_LAST_NAMES = ("okafor", "lindqvist", "tanaka", "garcia", "novak", "haddad", "smith-jones", "mensah", "rossi")


@dataclass(frozen=True, slots=True)
class Axis:
    """One breakdown of a dataset: its label, its category titles, and the share of units without a category."""

    label: str
    titles: tuple[str, ...]
    unattributed: Share = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: the average units of a session, its axes, and whether v2 has it by member."""

    name: str
    units: float
    axes: tuple[Axis, ...]
    by_member: bool = False


@dataclass(frozen=True, slots=True)
class SyncState:
    """How much of a UTC day is synced: its first hours, and of each of them a number of thousandths."""

    hours: int
    thousandths: int


@dataclass(frozen=True, slots=True)
class Organization:
    """A made-up organization. The seed determines all of its activity; faults can shrink days."""

    seed: int
    members: int
    settings: PerplexitySettings
    shrunk: Mapping[date, float]


@cache
def datasets(settings: PerplexitySettings) -> dict[str, Dataset]:
    """The datasets and their axes (2.4; labels and titles that it does not name are invented).

    :param settings: the revision, and the labels that are not public.
    """
    spaces = [
        "Research",
        "Vertrieb & Märkte",
        "営業チーム",
        'Board "Q3" pack',
        "Launch 🚀",
        "R&D/Labs",
        "Équipe produit",
    ]
    if settings.colliding_titles:
        spaces.append("Research")
    workflows = (
        "Weekly report",
        "Résumé screening",
        "週次レポート",
        "Invoice → ledger",
        "C:\\exports\\nightly",
        "No\u2028break",
    )
    skills = ("website-building", "data-cleaning", "Übersetzung", "слайды", "pdf-reading", "naïve-bayes")
    credit_axes = (
        Axis("Model", settings.models, settings.model_unattributed),
        Axis("Credit Source", settings.source_labels, settings.source_unattributed),
    )
    documents = ("Markdown/Text", "PDF", "Spreadsheet/CSV", "Code", "Website/Webapp")
    bands = ("1\u20135 min", "5\u201315 min", "< 1 min", "15\u201360 min", "> 1 h")
    rows = [
        Dataset("credit_usage", 45.0, credit_axes, by_member=True),
        Dataset("connectors", 1.8, (Axis("Connector", ("Google Calendar", "GitHub", "Slack", "Other")),)),
        Dataset("artifacts", 0.6, (Axis("Artifact Type", documents),)),
        Dataset("skills", 0.8, (Axis("Skill", skills),)),
        Dataset("spaces", 0.9, (Axis("Space", tuple(spaces)),)),
        Dataset("workflows", 0.4, (Axis("Workflow", workflows),)),
        Dataset("task_durations", 1.3, (Axis("Duration", bands),)),
    ]
    if settings.datasets == 9:
        queries = Axis(settings.query_volume_axis, ("search", "research", "computer"), (0.0, 0.05))
        surfaces = Axis(settings.daily_active_users_axis, ("web", "desktop", "mobile"))
        rows += [
            Dataset("query_volume", 6.0, (queries,), by_member=True),
            Dataset("daily_active_users", 0.0, (surfaces,)),
        ]
    return {row.name: row for row in rows}


def random_words(n: int, seed: int, *key: object) -> tuple[int, ...]:
    """``n`` random words of 32 bits, determined by the seed and the key."""
    digest = hashlib.shake_128(repr((seed, *key)).encode()).digest(4 * n)
    return struct.unpack(f">{n}I", digest)


def email(org: Organization, member: int) -> str:
    """A member's address; members and addresses sort differently."""
    first, last = random_words(2, org.seed, "email", member)
    return f"{_FIRST_NAMES[first % len(_FIRST_NAMES)]}.{_LAST_NAMES[last % len(_LAST_NAMES)]}{member}@example.com"


def has_left(org: Organization, member: int, at: int) -> bool:
    """Whether a member has left the organization at that time (2.7)."""
    return member == REMOVED and org.settings.removed_at is not None and at >= seconds(org.settings.removed_at)


def seconds(moment: datetime) -> int:
    """Unix seconds; a time without a zone is UTC."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def watermark(org: Organization, now: int) -> int:
    """Until when the store is synced at ``now`` (4, 7). It never moves back, although lags differ."""
    interval = int(org.settings.sync_interval.total_seconds())
    low, high = (int(lag.total_seconds()) for lag in org.settings.sync_lag)
    if interval == 0:
        return now - low
    last = now // interval
    recent = range(last - (high - low) // interval - 1, last + 1)
    return max(sync * interval - low - random_words(1, org.seed, "lag", sync)[0] % (high - low + 1) for sync in recent)


def sync_state(org: Organization, dataset: str, day: int, now: int, synced_until: int) -> SyncState:
    """How much of a dataset's day is synced at ``now``.

    :param day: the day's first second.
    :param synced_until: the store's watermark at ``now``.
    """
    hours = min(24, max(0, (synced_until - day) // HOUR))
    thousandths = COMPLETE
    settings = org.settings
    if settings.late_data and hours:
        is_late, missing, delay = random_words(3, org.seed, "late", dataset, day)
        # Late data arrives within the time in which section 4 tells clients to read a day again (3 days, 48 hours).
        arrives = day + DAY + 3 * HOUR + delay % (13 * HOUR)
        if is_late < settings.late_share * WORDS and synced_until < arrives:
            thousandths = 850 + missing % 120
    return SyncState(
        hours, int(thousandths * _share_remaining(org, date.fromordinal(_EPOCH_ORDINAL + day // DAY), now))
    )


def _share_remaining(org: Organization, day: date, now: int) -> float:
    settings = org.settings
    is_late_enough = settings.shrink_since is None or now >= seconds(settings.shrink_since)
    return org.shrunk.get(day, settings.shrink_to if day == settings.shrink_date and is_late_enough else 1.0)
