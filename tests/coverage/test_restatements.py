# SPDX-License-Identifier: Apache-2.0
"""Which days a vendor restated, by how much, and how late after the day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from airflow_provider_aianalytics.coverage.restatements import restatements_of
from airflow_provider_aianalytics.storage.manifest import Revision
from tests.coverage.lakes import DAY, ManifestLake

D = date(2026, 10, 1)


def revision(day: int, total: str | None = None, rows: int = 10) -> Revision:
    amount = None if total is None else Decimal(total)
    return Revision(fetched_at=f"2026-10-{day:02}T12:00:00Z", rows=rows, sha256="", total=amount)


def test_changes_are_summed_up_by_table(lake: ManifestLake) -> None:
    lake.put(
        D,
        table="cost_report",
        revisions=(revision(2, "100"), revision(5, "120")),
        fetched_at="2026-10-31T12:00:00Z",
        total=Decimal(110),
    )
    lake.put(
        D + DAY,
        table="cost_report",
        revisions=(revision(3, "100"),),
        fetched_at="2026-10-04T12:00:00Z",
        total=Decimal(101),
    )
    lake.put(D + 2 * DAY, table="cost_report", fetched_at="2026-10-04T12:00:00Z", total=Decimal(7))

    (found,) = restatements_of(lake.look(last=D + 2 * DAY), newest=2)

    assert (found.table, found.measure, found.is_money) == ("claude_enterprise/cost_report", "amount", True)
    assert (found.days, found.changes) == (2, 3)
    assert (found.largest.day, found.largest.total) == (D, (100, 110))
    assert (found.latest.day, found.latest.days_after, found.latest.total) == (D, 29, (120, 110))
    assert [(one.day, one.days_after) for one in found.newest] == [(D, 29), (D, 3)]


def test_without_totals_rows_are_compared(lake: ManifestLake) -> None:
    lake.put(D, revisions=(revision(2, rows=10),), fetched_at="2026-10-04T12:00:00Z", rows=15)

    (found,) = restatements_of(lake.look(last=D), newest=5)

    assert (found.measure, found.largest.total, found.largest.rows, found.largest.share) == (
        None,
        None,
        (10, 15),
        Decimal("0.5"),
    )


def test_a_table_that_never_changed_is_left_out(lake: ManifestLake) -> None:
    lake.put(D)

    assert restatements_of(lake.look(last=D), newest=5) == []
