# SPDX-License-Identifier: Apache-2.0
"""What a made-up organization did with Perplexity Computer, hour by hour.

An hour of a dataset is a range of units ``[0, size)`` (credits, queries, tasks). The hour's sessions divide it into
consecutive ranges, one a session, each of one member. Each axis divides the same units, rotated by a random offset,
into one range a category; the units behind the last range are unattributed. Each count is the length of a range or of
an overlap of two, so members, categories, hours and days agree, although every hour is generated independently.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .organization import COMPLETE, DAY, HOUR, REMOVED, WORDS, Dataset, Organization, has_left, random_words, seconds
from .settings import Share

_SUCCESSOR = 0
"""The member who continues the work of the removed one."""
_WEEKEND = 0.22
_SESSIONS_A_DAY = 0.8
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 10, 9, 10, 11, 11, 10, 8, 6, 5, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Usage:
    """The numbers of one bucket: the total, and for each axis the units of each of its titles, in their order."""

    count: int
    axes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _HourUnits:
    """The units of one hour of a dataset; for each axis its offset and the bounds of its categories' ranges."""

    size: int
    axes: tuple[tuple[int, tuple[int, ...]], ...]


def sessions_in(org: Organization, hour: int) -> int:
    """The number of sessions in the hour that starts at ``hour``."""
    since = org.settings.usage_since
    if since is not None and hour < seconds(since):
        return 0
    jitter, rounding = random_words(2, org.seed, "sessions", hour)
    # 1970-01-01 was a Thursday.
    weekend = (hour // DAY + 3) % 7 >= 5
    share = _HOUR_WEIGHTS[hour % DAY // HOUR] / sum(_HOUR_WEIGHTS) * (_WEEKEND if weekend else 1.0)
    return int(org.members * _SESSIONS_A_DAY * share * (0.75 + jitter / WORDS / 2) + rounding / WORDS)


def members_at_work(org: Organization, hour: int, sessions: int) -> list[int]:
    """The member of each session, in order; some members have many more sessions than others."""
    words = random_words(sessions, org.seed, "members", hour)
    members = [word * (word + WORDS) * org.members >> 65 for word in words]
    if org.members > 1 and has_left(org, REMOVED, hour):
        return [_SUCCESSOR if member == REMOVED else member for member in members]
    return members


def organization_usage(org: Organization, dataset: Dataset, hours: Sequence[int], thousandths: int) -> Usage:
    """The usage of the whole organization in some hours of one day.

    :param thousandths: the share of each hour that is synced.
    """
    count = 0
    axes = [[0] * len(axis.titles) for axis in dataset.axes]
    for hour in hours:
        units = _hour_units(org, dataset, hour, sessions_in(org, hour))
        end = units.size * thousandths // COMPLETE
        count += end
        _add_overlaps(axes, units, 0, end)
    return Usage(count, tuple(map(tuple, axes)))


def member_usages(
    org: Organization, dataset: Dataset, hours: Sequence[int], thousandths: int, only_member: int | None = None
) -> dict[int, Usage]:
    """The usage of each member in some hours of one day, without members who used nothing (5).

    :param thousandths: the share of each hour that is synced.
    :param only_member: leave out all other members.
    """
    counts: dict[int, int] = {}
    axes: dict[int, list[list[int]]] = {}
    for hour in hours:
        sessions = sessions_in(org, hour)
        at_work = members_at_work(org, hour, sessions)
        if only_member is not None and only_member not in at_work:
            continue
        units = _hour_units(org, dataset, hour, sessions)
        end = units.size * thousandths // COMPLETE
        for member, low, high in _session_ranges(org, dataset, hour, at_work, units.size):
            high = min(high, end)
            if low < high and (only_member is None or member == only_member):
                if member not in counts:
                    counts[member] = 0
                    axes[member] = [[0] * len(axis.titles) for axis in dataset.axes]
                counts[member] += high - low
                _add_overlaps(axes[member], units, low, high)
    return {member: Usage(counts[member], tuple(map(tuple, axes[member]))) for member in sorted(counts)}


def active_users(
    org: Organization, dataset: Dataset, hours: Sequence[int], thousandths: int, only_member: int | None = None
) -> Usage:
    """The number of distinct members with a session; hours and overlapping categories do not add up (2.4)."""
    categories = len(dataset.axes[0].titles)
    users: list[set[int]] = [set() for _ in range(categories)]
    for hour in hours:
        sessions = sessions_in(org, hour)
        at_work = members_at_work(org, hour, sessions)[: sessions * thousandths // COMPLETE]
        if only_member is not None:
            at_work = [member for member in at_work if member == only_member]
        for position, member in enumerate(at_work):
            # A user always has the same category, unless the settings let categories overlap.
            used = hour // HOUR + position if org.settings.active_users_overlap else 0
            users[(member * 2654435761 % 101 + used) % categories].add(member)
    return Usage(len(set().union(*users)), (tuple(map(len, users)),))


def _hour_units(org: Organization, dataset: Dataset, hour: int, sessions: int) -> _HourUnits:
    """The hour's units, and the ranges of each axis."""
    jitter, rounding = random_words(2, org.seed, "units", dataset.name, hour)
    size = int(sessions * dataset.units * (0.7 + jitter / WORDS * 0.6) + rounding / WORDS) if sessions else 0
    if not size:
        return _HourUnits(0, tuple((0, (0,) * (len(axis.titles) + 1)) for axis in dataset.axes))
    axes = []
    for number, axis in enumerate(dataset.axes):
        offset, missing, *words = random_words(2 + len(axis.titles), org.seed, "axis", dataset.name, number, hour)
        attributed = size - _share_of(size, axis.unattributed, missing)
        weights = ((WORDS + 2 * word) // (rank + 1) for rank, word in enumerate(words))
        sums = tuple(accumulate(weights, initial=0))
        axes.append((offset % size, tuple(attributed * part // sums[-1] for part in sums)))
    return _HourUnits(size, tuple(axes))


def _session_ranges(
    org: Organization, dataset: Dataset, hour: int, at_work: Sequence[int], size: int
) -> Iterator[tuple[int, int, int]]:
    """The member and the range of each session. The units behind the last range have no member."""
    if not size or not at_work:
        return
    unowned_word, *words = random_words(1 + len(at_work), org.seed, "slices", dataset.name, hour)
    owned = size - _share_of(size, org.settings.member_unattributed, unowned_word)
    sums = list(accumulate((1 + (word >> 26) ** 2 for word in words), initial=0))
    bounds = [owned * part // sums[-1] for part in sums]
    yield from zip(at_work, bounds, bounds[1:], strict=False)


def _share_of(size: int, share: Share, word: int) -> int:
    low, high = share
    return int(size * (low + (high - low) * word / WORDS))


def _add_overlaps(axes: list[list[int]], units: _HourUnits, low: int, high: int) -> None:
    """Add to each axis the units of each category within ``[low, high)``."""
    for sums, (offset, bounds) in zip(axes, units.axes, strict=True):
        if low == 0 and high == units.size:
            for position in range(len(sums)):
                sums[position] += bounds[position + 1] - bounds[position]
            continue
        # A rotated range can wrap around the end of the units, so it is compared twice.
        for start, end in ((low + offset, high + offset), (low + offset - units.size, high + offset - units.size)):
            for position in range(len(sums)):
                overlap = min(end, bounds[position + 1]) - max(start, bounds[position])
                if overlap > 0:
                    sums[position] += overlap
