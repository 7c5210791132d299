# SPDX-License-Identifier: Apache-2.0
"""What a made-up organization did with Perplexity Computer, hour by hour, and how much of it has been synced.

An hour of a dataset is a line of units (credits, queries, tasks). The hour's sessions cut the line into consecutive
slices, each of one member; an axis cuts the same line, turned by a random offset, into its categories; what an axis
leaves uncut is unattributed. Every number served is a length or an overlap on that line, so members, categories,
hours and days agree with each other although any hour can be drawn without the others.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import accumulate

from .settings import PerplexitySettings, Share

HOUR = 3600
DAY = 86400
FULL = 1000

_WORDS = 2**32
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_REMOVED, _SUCCESSOR = 1, 0
_WEEKEND = 0.22
_SESSIONS_A_DAY = 0.8
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 10, 9, 10, 11, 11, 10, 8, 6, 5, 4, 3, 2, 1)
_FIRST_NAMES = ("ada", "grace", "noor", "li", "tomas", "yuki", "amara", "ivan", "maria+ai", "o'neil", "zoe", "femi")
_LAST_NAMES = ("okafor", "lindqvist", "tanaka", "garcia", "novak", "haddad", "smith-jones", "mensah", "rossi")


@dataclass(frozen=True, slots=True)
class Axis:
    """One breakdown of a dataset: its label, its category titles, and the share of units it cannot attribute."""

    label: str
    titles: tuple[str, ...]
    unattributed: Share = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: how many units a session makes on average, its axes, and whether v2 offers it by member."""

    name: str
    units: float
    axes: tuple[Axis, ...]
    by_member: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of a UTC day the store holds: its first hours, and of each of them so many thousandths."""

    hours: int
    kept: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The numbers of one bucket: the total, and for every axis the units of each of its titles, by position."""

    count: int
    axes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Organization:
    """A made-up organization; everything it did follows from the seed, but for the days that a fault shrinks."""

    seed: int
    members: int
    settings: PerplexitySettings
    shrunk: Mapping[date, float]


@dataclass(frozen=True, slots=True)
class _Line:
    """One hour of one dataset. ``cuts`` has, for each axis, the offset and the bounds of its categories."""

    size: int
    cuts: tuple[tuple[int, tuple[int, ...]], ...]


@cache
def datasets(settings: PerplexitySettings) -> dict[str, Dataset]:
    """The datasets and their axes (2.4; labels and titles without a source there are inventions).

    :param settings: which revision, and the labels that are not public.
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


def draws(n: int, seed: int, *key: object) -> tuple[int, ...]:
    """``n`` random words of 32 bits that depend on the seed and the key alone."""
    digest = hashlib.shake_128(repr((seed, *key)).encode()).digest(4 * n)
    return struct.unpack(f">{n}I", digest)


def email(org: Organization, member: int) -> str:
    """A member's address; the order of members is not the order of addresses."""
    first, last = draws(2, org.seed, "email", member)
    return f"{_FIRST_NAMES[first % len(_FIRST_NAMES)]}.{_LAST_NAMES[last % len(_LAST_NAMES)]}{member}@example.com"


def has_left(org: Organization, member: int, at: int) -> bool:
    """Whether a member is no longer one at that time (2.7)."""
    return member == _REMOVED and org.settings.removed_at is not None and at >= seconds(org.settings.removed_at)


def seconds(moment: datetime) -> int:
    """Unix seconds; a moment without a zone is UTC, never local time."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def watermark(org: Organization, now: int) -> int:
    """Up to when the store is synced at ``now`` (4, 7). It never moves back, whatever the lags."""
    interval = int(org.settings.sync_interval.total_seconds())
    low, high = (int(lag.total_seconds()) for lag in org.settings.sync_lag)
    if interval == 0:
        return now - low
    last = now // interval
    recent = range(last - (high - low) // interval - 1, last + 1)
    return max(tick * interval - low - draws(1, org.seed, "lag", tick)[0] % (high - low + 1) for tick in recent)


def reach(org: Organization, dataset: str, day: int, now: int, synced: int) -> Reach:
    """How much of a dataset's day is served at ``now``.

    :param day: the day's first second.
    :param synced: the store's watermark at ``now``.
    """
    hours = min(24, max(0, (synced - day) // HOUR))
    kept = FULL
    settings = org.settings
    if settings.late_data and hours:
        is_late, missing, delay = draws(3, org.seed, "late", dataset, day)
        # The delay ends before the client policy of section 4 (3 days, 48 hours) stops reading the day again.
        arrives = day + DAY + 3 * HOUR + delay % (13 * HOUR)
        if is_late < settings.late_share * _WORDS and synced < arrives:
            kept = 850 + missing % 120
    return Reach(hours, int(kept * _share_left(org, date.fromordinal(_EPOCH_ORDINAL + day // DAY), now)))


def _share_left(org: Organization, day: date, now: int) -> float:
    settings = org.settings
    is_late_enough = settings.shrink_since is None or now >= seconds(settings.shrink_since)
    return org.shrunk.get(day, settings.shrink_to if day == settings.shrink_date and is_late_enough else 1.0)


def sessions_in(org: Organization, hour: int) -> int:
    """How many sessions the organization had in the hour that starts at ``hour``."""
    since = org.settings.usage_since
    if since is not None and hour < seconds(since):
        return 0
    jitter, rounding = draws(2, org.seed, "sessions", hour)
    # 1970-01-01 was a Thursday.
    weekend = (hour // DAY + 3) % 7 >= 5
    share = _HOUR_WEIGHTS[hour % DAY // HOUR] / sum(_HOUR_WEIGHTS) * (_WEEKEND if weekend else 1.0)
    return int(org.members * _SESSIONS_A_DAY * share * (0.75 + jitter / _WORDS / 2) + rounding / _WORDS)


def members_at_work(org: Organization, hour: int, sessions: int) -> list[int]:
    """Whose sessions they were, in order; some members work much more than others."""
    words = draws(sessions, org.seed, "members", hour)
    chosen = [word * (word + _WORDS) * org.members >> 65 for word in words]
    if org.members > 1 and has_left(org, _REMOVED, hour):
        return [_SUCCESSOR if member == _REMOVED else member for member in chosen]
    return chosen


def organization_usage(org: Organization, dataset: Dataset, hours: Sequence[int], kept: int) -> Usage:
    """What the whole organization used in some hours of one day."""
    count = 0
    axes = [[0] * len(axis.titles) for axis in dataset.axes]
    for hour in hours:
        line = _line(org, dataset, hour, sessions_in(org, hour))
        end = line.size * kept // FULL
        count += end
        _add_overlaps(axes, line, 0, end)
    return Usage(count, tuple(map(tuple, axes)))


def member_usages(
    org: Organization, dataset: Dataset, hours: Sequence[int], kept: int, only: int | None = None
) -> dict[int, Usage]:
    """What each member used in some hours of one day; a member without use is not in it (5).

    :param only: leave out everybody else.
    """
    counts: dict[int, int] = {}
    axes: dict[int, list[list[int]]] = {}
    for hour in hours:
        sessions = sessions_in(org, hour)
        at_work = members_at_work(org, hour, sessions)
        if only is not None and only not in at_work:
            continue
        line = _line(org, dataset, hour, sessions)
        end = line.size * kept // FULL
        for member, low, high in _slices(org, dataset, hour, at_work, line.size):
            high = min(high, end)
            if low < high and (only is None or member == only):
                if member not in counts:
                    counts[member] = 0
                    axes[member] = [[0] * len(axis.titles) for axis in dataset.axes]
                counts[member] += high - low
                _add_overlaps(axes[member], line, low, high)
    return {member: Usage(counts[member], tuple(map(tuple, axes[member]))) for member in sorted(counts)}


def active_users(
    org: Organization, dataset: Dataset, hours: Sequence[int], kept: int, only: int | None = None
) -> Usage:
    """How many distinct members had a session; neither hours nor overlapping categories add up (2.4)."""
    kinds = len(dataset.axes[0].titles)
    users: list[set[int]] = [set() for _ in range(kinds)]
    for hour in hours:
        sessions = sessions_in(org, hour)
        at_work = members_at_work(org, hour, sessions)[: sessions * kept // FULL]
        if only is not None:
            at_work = [member for member in at_work if member == only]
        for position, member in enumerate(at_work):
            # A user has one habitual category, unless categories are to overlap.
            used = hour // HOUR + position if org.settings.active_users_overlap else 0
            users[(member * 2654435761 % 101 + used) % kinds].add(member)
    return Usage(len(set().union(*users)), (tuple(map(len, users)),))


def _line(org: Organization, dataset: Dataset, hour: int, sessions: int) -> _Line:
    """The hour's units and how each axis cuts them."""
    jitter, rounding = draws(2, org.seed, "units", dataset.name, hour)
    size = int(sessions * dataset.units * (0.7 + jitter / _WORDS * 0.6) + rounding / _WORDS) if sessions else 0
    if not size:
        return _Line(0, tuple((0, (0,) * (len(axis.titles) + 1)) for axis in dataset.axes))
    cuts = []
    for number, axis in enumerate(dataset.axes):
        offset, missing, *words = draws(2 + len(axis.titles), org.seed, "axis", dataset.name, number, hour)
        attributed = size - _share_of(size, axis.unattributed, missing)
        weights = ((_WORDS + 2 * word) // (rank + 1) for rank, word in enumerate(words))
        sums = tuple(accumulate(weights, initial=0))
        cuts.append((offset % size, tuple(attributed * part // sums[-1] for part in sums)))
    return _Line(size, tuple(cuts))


def _slices(
    org: Organization, dataset: Dataset, hour: int, at_work: Sequence[int], size: int
) -> Iterator[tuple[int, int, int]]:
    """The member and the bounds of each session's slice; the end of the line belongs to nobody."""
    if not size or not at_work:
        return
    nobody, *words = draws(1 + len(at_work), org.seed, "slices", dataset.name, hour)
    owned = size - _share_of(size, org.settings.member_unattributed, nobody)
    sums = list(accumulate((1 + (word >> 26) ** 2 for word in words), initial=0))
    bounds = [owned * part // sums[-1] for part in sums]
    yield from zip(at_work, bounds, bounds[1:], strict=False)


def _share_of(size: int, share: Share, word: int) -> int:
    low, high = share
    return int(size * (low + (high - low) * word / _WORDS))


def _add_overlaps(axes: list[list[int]], line: _Line, low: int, high: int) -> None:
    """Add to each axis the units of each category within ``[low, high)`` of the line."""
    for sums, (offset, bounds) in zip(axes, line.cuts, strict=True):
        if low == 0 and high == line.size:
            for place in range(len(sums)):
                sums[place] += bounds[place + 1] - bounds[place]
            continue
        # The turned slice may run over the end of the line and go on at its beginning.
        for start, end in ((low + offset, high + offset), (low + offset - line.size, high + offset - line.size)):
            for place in range(len(sums)):
                overlap = min(end, bounds[place + 1]) - max(start, bounds[place])
                if overlap > 0:
                    sums[place] += overlap
