# SPDX-License-Identifier: Apache-2.0
"""When a day of a table counts as late.

The catalogue says by when a vendor has a day for sure. A table that is landed regularly usually has it sooner, or, when
its DAG runs once a week, later; so once there is enough to learn from, the table's own habit decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from statistics import median_low

from airflow_provider_aianalytics.vendors.base import DAY, Dataset

READS_TO_LEARN_FROM = 10
"""The latest days on which something was landed for the first time. A backfill is one or two of them."""
FEWEST_READS = 3
LEAST_SLACK = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When days of a table are expected.

    :param dataset: the catalogue row, ``None`` where this version knows none.
    :param lag: how long after the end of a day it usually landed, with slack; ``None``: as the catalogue says.
    """

    dataset: Dataset | None
    lag: timedelta | None = None

    def due(self, day: date) -> datetime | None:
        """The moment, UTC, from which a day that has not landed is late; ``None`` where nothing is known."""
        if self.lag is not None:
            return end_of(day) + self.lag
        if self.dataset is None:
            return None
        return self.dataset.availability.assumed_from(day, omits_empty_days=False)

    def at_vendor(self, day: date) -> datetime | None:
        """The earliest moment, UTC, at which the vendor has a day."""
        return None if self.dataset is None else self.dataset.availability.expected_from(day)


def schedule_of(
    dataset: Dataset | None, first_reads: Mapping[date, datetime], *, lag: timedelta | None = None
) -> Schedule:
    """The schedule of a table.

    :param first_reads: when each landed day was first read whole, UTC.
    :param lag: how long after it exists the vendor is given for a day; the sensors have the same parameter. ``None``:
        learned from ``first_reads``, or the catalogue's.
    """
    if lag is not None and dataset is not None:
        return Schedule(replace(dataset, availability=replace(dataset.availability, lag=lag)))
    return Schedule(dataset, lag if lag is not None else _learned_lag(first_reads))


def _learned_lag(first_reads: Mapping[date, datetime]) -> timedelta | None:
    """The usual time between the end of a day and its landing, and half of it again as slack.

    Days that were read on the same day count once, with the oldest of them: so a weekly run is a week late, and a
    backfill of a year is one read.
    """
    by_read: dict[date, timedelta] = {}
    for day, moment in first_reads.items():
        lag = moment - end_of(day)
        by_read[moment.date()] = max(lag, by_read.get(moment.date(), lag))
    lags = [by_read[read] for read in sorted(by_read)[-READS_TO_LEARN_FROM:]]
    if len(lags) < FEWEST_READS:
        return None
    usual = max(median_low(lags), timedelta(0))
    return usual + max(usual / 2, LEAST_SLACK)


def end_of(day: date) -> datetime:
    return datetime.combine(day + DAY, time(0), tzinfo=UTC)
