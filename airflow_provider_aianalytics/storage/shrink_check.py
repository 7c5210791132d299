# SPDX-License-Identifier: Apache-2.0
"""Whether a day that is read again lost so much that somebody should look before it replaces what landed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from airflow_provider_aianalytics.exceptions import SuspiciousShrinkError
from airflow_provider_aianalytics.storage.manifest import Manifest, Revision

SHRINK_TOLERANCE = Decimal("0.1")
"""The share of a day's rows or total that a restatement may take away without anybody having to look."""
MEMORY = timedelta(days=30)
"""For how long a replaced content counts: many small decreases are one large one."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a content of a day amounted to.

    :param rows: ``None`` where it is not known.
    :param total: of the dataset's measure; negative where credits outweigh the cost.
    """

    rows: int | None
    total: Decimal | None = None


def check_shrink(new: Manifest, baselines: list[Size]) -> None:
    """Compare a day with what it was.

    :param new: what the day becomes.
    :param baselines: the contents that it may not fall short of, see :func:`baselines`.
    :raises SuspiciousShrinkError: with both numbers.
    """
    shrunk = find_shrink(new, baselines)
    if shrunk is not None:
        what, before, after = shrunk
        raise SuspiciousShrinkError(
            f"{new.date} had {before:,} {what} and was answered with {after:,}; what is landed was left as it is",
            where=f"{new.vendor} {new.dataset}",
            hint='If the decrease is correct, run the day again with on_shrink="accept"',
        )


def find_shrink(new: Manifest, baselines: list[Size]) -> tuple[str, Decimal, Decimal] | None:
    """The first measure that shrank beyond the tolerance, what it was at its largest, and what it is."""
    rows = [Decimal(size.rows) for size in baselines if size.rows is not None]
    totals = [size.total for size in baselines if size.total is not None]
    for what, known, after in (("rows", rows, Decimal(new.rows)), ("total", totals, new.total)):
        before = max(known, key=abs, default=None)
        if before is not None and after is not None and _is_shrunk(before, after):
            return what, before, after
    return None


def baselines(old: Manifest, new: Manifest) -> list[Size]:
    """What landed last, and what it replaced within the last 30 days and since the last decrease that was accepted."""
    return [Size(old.rows, old.total), *_recent(old, datetime.fromisoformat(new.fetched_at) - MEMORY)]


def _recent(old: Manifest, since: datetime) -> Iterator[Size]:
    replaced_at = old.fetched_at
    for revision in reversed(old.revisions):
        if not _counts(revision, old) or datetime.fromisoformat(replaced_at) < since:
            return
        yield Size(revision.rows, revision.total)
        replaced_at = revision.fetched_at


def _counts(revision: Revision, old: Manifest) -> bool:
    return old.shrink_accepted_at is None or revision.fetched_at >= old.shrink_accepted_at


def _is_shrunk(before: Decimal, after: Decimal) -> bool:
    towards_less = after if before > 0 else -after
    return before != 0 and towards_less < abs(before) * (1 - SHRINK_TOLERANCE)
