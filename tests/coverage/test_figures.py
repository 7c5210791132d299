# SPDX-License-Identifier: Apache-2.0
"""Spend, tokens, credits and members by week, exact, from manifests alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from airflow_provider_aianalytics.coverage.figures import Series, series_of
from tests.coverage.lakes import DAY, ManifestLake, days_from

MONDAY = date(2026, 11, 2)


def series(lake: ManifestLake) -> dict[str, Series]:
    return {one.name: one for one in series_of(lake.look(last=MONDAY + 13 * DAY))}


def test_a_week_is_the_exact_sum_of_its_days(lake: ManifestLake) -> None:
    for place, day in enumerate(days_from(MONDAY, 9)):
        lake.put(
            day, table="cost_report", figures={"spend_usd_cents": Decimal("0.000001") * (place + 1)}, final=place < 3
        )

    spend = series(lake)["spend_usd_cents"]

    first, second = spend.weeks
    assert (spend.table, spend.is_additive, spend.days) == ("cost_report", True, 9)
    assert (first.start, first.days, first.final, first.provisional) == (
        MONDAY,
        7,
        Decimal("0.000006"),
        Decimal("0.000022"),
    )
    assert (second.start, second.days, second.amount) == (MONDAY + 7 * DAY, 2, Decimal("0.000017"))
    assert spend.total == Decimal("0.000045")


def test_distinct_people_do_not_add_up(lake: ManifestLake) -> None:
    for place, day in enumerate(days_from(MONDAY, 7)):
        lake.put(day, table="summaries", figures={"active_members": Decimal(10 + place)}, final=place < 6)

    members = series(lake)["active_members"]

    assert not members.is_additive
    assert members.weeks[0].provisional == Decimal(13)
    assert members.weeks[0].final == 0


def test_older_manifests_have_the_figure_that_is_their_total(lake: ManifestLake) -> None:
    lake.put(MONDAY, table="cost_report", total=Decimal("12.5"))
    lake.put(MONDAY, table="usage_report", total=Decimal(7))

    assert {name: one.total for name, one in series(lake).items()} == {"spend_usd_cents": Decimal("12.5")}


def test_one_table_stands_for_a_figure_that_several_have(lake: ManifestLake) -> None:
    for table, days, reads in (("cost_report", 3, 1), ("cost_by_model", 5, 1), ("cost_by_product", 5, 2)):
        for day in days_from(MONDAY, days):
            revisions = ({"fetched_at": "2026-11-10T00:00:00Z", "rows": 1, "sha256": ""},) * (reads - 1)
            lake.put(day, table=table, dataset="cost_report", total=Decimal(100), revisions=revisions)

    assert [(one.table, one.total) for one in series(lake).values()] == [("cost_by_product", Decimal(500))]


@pytest.mark.parametrize(
    ("dataset", "query"),
    [
        ("cost_report", {"products[]": ["chat"]}),
        ("cost_report", {"group_by[]": ["rbac_group_id"]}),
        ("cost_report", {"group_by[]": ["token_type"]}),
        ("summaries", {"filter[]": ["rbac_group_id:g"]}),
        ("daily_active_users", {"bucket_width": "1h"}),
        ("daily_active_users", {"user_email": "somebody"}),
    ],
)
def test_a_part_of_the_organization_is_not_taken_for_it(
    lake: ManifestLake, dataset: str, query: dict[str, str | list[str]]
) -> None:
    vendor = "perplexity" if dataset == "daily_active_users" else "claude_enterprise"
    lake.put(MONDAY, vendor=vendor, table=dataset, query=query, total=Decimal(5), figures={"any": Decimal(5)})

    (table,) = lake.look(last=MONDAY)

    assert table.days[0].landed
    assert table.days[0].landed.figures == {}


def test_a_cut_that_adds_up_is(lake: ManifestLake) -> None:
    query = {"group_by[]": ["model", "product"], "bucket_width": "1h"}
    lake.put(MONDAY, table="cost_by_model", dataset="cost_report", query=query, total=Decimal(5))

    assert series(lake)["spend_usd_cents"].total == 5


def test_a_hidden_amount_is_no_figure(lake: ManifestLake) -> None:
    lake.put(MONDAY, table="cost_report", total=Decimal(0), dropped_fields=("amount",))

    assert series(lake) == {}
