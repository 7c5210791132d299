# SPDX-License-Identifier: Apache-2.0
"""Spend, activity, members and adoption are the vendor's own figures, to the last micro-cent."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.views.daily_spend import NO_PRICE, NO_SOURCE
from tests.views.lakes import SimulatedLake

START, END = date(2026, 11, 2), date(2026, 11, 9)
CLAUDE, OTHER = "claude_enterprise", "perplexity"
FORMATS = pytest.mark.parametrize("file_format", ["parquet", "csv", "ndjson"])
PRICE = Decimal("0.0123")


def day_of(record: dict[str, Any]) -> date:
    return datetime.fromisoformat(record["starting_at"]).date()


def member_of(actor: dict[str, Any]) -> str:
    address = actor["email_address"]
    return str(address.strip().lower() if address else actor["user_id"])


def spend(lake: SimulatedLake, *columns: str, price: str | None = None, where: str = "true") -> dict[Any, Decimal]:
    """Dollars by some columns."""
    names = ", ".join(columns)
    found = lake.database(price).sql(f"select {names}, sum(usd) from daily_spend where {where} group by all").fetchall()
    return {row[0] if len(columns) == 1 else row[:-1]: row[-1] for row in found}


def dollars(records: Any, *names: str) -> dict[Any, Decimal]:
    """The vendor's money by day and some fields."""
    found: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for record in records:
        key = (day_of(record), *(record[name] for name in names)) if names else day_of(record)
        found[key] += Decimal(record["amount"]).scaleb(-2)
    return dict(found)


# --- spend ------------------------------------------------------------------------------------------------------------


@FORMATS
def test_spend_is_the_vendors(lake: SimulatedLake, file_format: str) -> None:
    lake.land(CLAUDE, "cost_report", START, END, file_format=file_format)

    assert spend(lake, "date") == dollars(lake.truth(CLAUDE, "cost_report", START, END))


@FORMATS
def test_spend_by_product_and_model(lake: SimulatedLake, file_format: str) -> None:
    cut = {"group_by": ("product", "model")}
    lake.land(CLAUDE, "cost_report", START, END, table="by_product", file_format=file_format, **cut)

    expected = dollars(lake.truth(CLAUDE, "cost_report", START, END, **cut), "product", "model")
    assert spend(lake, "date", "product", "model") == expected


@FORMATS
def test_members_and_the_rest_add_up_to_the_organization(lake: SimulatedLake, file_format: str) -> None:
    lake.land(CLAUDE, "cost_report", START, END, file_format=file_format)
    lake.land(CLAUDE, "user_cost_report", START, END, file_format=file_format, group_by=("product",))

    assert spend(lake, "date") == dollars(lake.truth(CLAUDE, "cost_report", START, END))
    members = dollars(lake.truth(CLAUDE, "user_cost_report", START, END, bucket_width="1d"))
    assert spend(lake, "date", where="not is_rest") == members
    assert set(spend(lake, "member", where="is_rest")) == {None}


def test_days_without_members_are_the_organizations_total(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "cost_report", START, END)
    lake.land(CLAUDE, "user_cost_report", START + timedelta(days=2), END)

    assert spend(lake, "date") == dollars(lake.truth(CLAUDE, "cost_report", START, END))
    assert set(spend(lake, "is_complete")) == {True}


def test_members_alone_are_not_called_complete(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "user_cost_report", START, END)

    assert set(spend(lake, "is_complete")) == {False}


def test_two_cuts_are_not_added(lake: SimulatedLake) -> None:
    for name in ("product", "model"):
        lake.land(CLAUDE, "cost_report", START, END, table=f"by_{name}", group_by=(name,))
    lake.land(CLAUDE, "cost", START, END, group_by=("speed",))

    assert spend(lake, "date") == dollars(lake.truth(CLAUDE, "cost_report", START, END))


def test_overlapping_and_partial_groups_and_filters_are_left_out(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "cost_report", START, END, table="by_group", group_by=("rbac_group_id",))
    lake.land(CLAUDE, "cost_report", START, END, table="of_chat", filters={"products": ["chat"]})
    lake.land(CLAUDE, "cost_report", START, END, table="of_tokens", group_by=("token_type",))
    assert "daily_spend" not in lake.script()
    lake.land(CLAUDE, "cost_report", START, END)

    assert spend(lake, "date") == dollars(lake.truth(CLAUDE, "cost_report", START, END))


def test_groups_that_the_vendor_left_out_are_the_rest(large_lake: SimulatedLake) -> None:
    start, end = date(2026, 11, 10), date(2026, 11, 11)
    cut = ("product", "model", "context_window", "inference_geo", "speed")
    large_lake.land(CLAUDE, "cost_report", start, end, table="capped", group_by=cut)
    expected = dollars(large_lake.truth(CLAUDE, "cost_report", start, end))
    assert spend(large_lake, "date")[start] < expected[start]
    assert set(spend(large_lake, "is_complete")) == {False}

    large_lake.land(CLAUDE, "cost_report", start, end)
    assert spend(large_lake, "date") == expected
    assert set(spend(large_lake, "is_complete")) == {True}
    assert set(spend(large_lake, "is_rest")) == {False, True}


def test_provisional_days_say_so(lake: SimulatedLake) -> None:
    long_ago = date(2026, 10, 1)
    lake.land(CLAUDE, "cost_report", long_ago, long_ago + timedelta(days=2))
    lake.land(CLAUDE, "cost_report", START, END)

    assert set(spend(lake, "date", where="is_final")) == {long_ago, long_ago + timedelta(days=1)}


def rewrite(lake: SimulatedLake, table: str, day: date, **changes: Any) -> None:
    """Change the manifest of a day."""
    file = lake.root / f"{CLAUDE}/_manifests/{table}/{day}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_the_state_of_a_day_is_that_of_its_total(lake: SimulatedLake) -> None:
    first, end = date(2026, 10, 1), date(2026, 10, 4)
    second, third = first + timedelta(days=1), first + timedelta(days=2)
    lake.land(CLAUDE, "cost_report", first, end)
    lake.land(CLAUDE, "cost_report", first, end, table="by_model", group_by=("model",))
    rewrite(lake, "cost_report", first, complete=False, final=False)
    rewrite(lake, "by_model", first, complete=False)
    rewrite(lake, "by_model", second, complete=False, final=False, capped_buckets=1)

    states = lake.database().sql("select distinct date, is_complete, is_final from daily_spend").fetchall()
    assert sorted(states) == [(first, False, False), (second, True, True), (third, True, True)]


def test_a_day_whose_rows_exceed_the_total_is_not_complete(lake: SimulatedLake) -> None:
    day = date(2026, 10, 1)
    lake.land(CLAUDE, "user_cost_report", day, day + timedelta(days=1))
    lake.land(CLAUDE, "cost_report", day, day + timedelta(days=1), file_format="ndjson")
    (file,) = (lake.root / f"{CLAUDE}/cost_report").glob("date=*/*")
    text = gzip.decompress(file.read_bytes()).decode()
    file.write_bytes(gzip.compress(re.sub(r'"amount":"[^"]*"', '"amount":"1"', text).encode()))

    states = lake.database().sql("select distinct is_complete, is_final from daily_spend").fetchall()
    assert states == [(False, False)]


# --- credits ----------------------------------------------------------------------------------------------------------


def credits_of(lake: SimulatedLake, dataset: str) -> Counter[tuple[date, str]]:
    """Credits by day and source, and those of no source."""
    found: Counter[tuple[date, str]] = Counter()
    for record in lake.truth(OTHER, dataset, START, END):
        day = datetime.fromtimestamp(record["start_time"], UTC).date()
        found[day, "unattributed"] += record["count"]
        for category in record["by_categories"].get("Credit Source", []):
            found[day, category["category"].lower()] += category["count"]
            found[day, "unattributed"] -= category["count"]
    return found


@FORMATS
def test_paid_credits_have_a_price_and_free_ones_none(lake: SimulatedLake, file_format: str) -> None:
    lake.land(OTHER, "credit_usage", START, END, file_format=file_format)
    found = lake.database(str(PRICE)).sql("select date, credit_source, credits, usd, note from daily_spend").fetchall()
    credits_ = credits_of(lake, "credit_usage")

    assert {(day, source): number for day, source, number, _, _ in found} == {k: n for k, n in credits_.items() if n}
    for _, source, number, usd, note in found:
        expected = {"paid": (number * PRICE, None), "promo": (Decimal(0), None), "unattributed": (None, NO_SOURCE)}
        assert (usd, note) == expected[source]


def test_without_a_price_the_money_is_null_and_says_why(lake: SimulatedLake) -> None:
    lake.land(OTHER, "credit_usage", START, END)
    found = lake.database().sql("select distinct credit_source, usd, note from daily_spend").fetchall()

    assert ("paid", None, NO_PRICE) in found
    assert ("promo", Decimal(0), None) in found


def test_a_price_holds_from_its_day_on(lake: SimulatedLake) -> None:
    lake.land(OTHER, "credit_usage", START, END)
    second = START + timedelta(days=2)
    price = f"{START + timedelta(days=1)}=0.01,{second}=0.02"
    found = spend(lake, "date", "credits", price=price, where="credit_source = 'paid'")

    for (day, number), usd in found.items():
        expected = None if day == START else number * Decimal("0.01" if day < second else "0.02")
        assert usd == expected


@FORMATS
def test_credits_of_members_and_the_rest_add_up(lake: SimulatedLake, file_format: str) -> None:
    lake.land(OTHER, "credit_usage", START, END, file_format=file_format)
    lake.land(OTHER, "member_credit_usage", START, END, file_format=file_format)
    database = lake.database(str(PRICE))
    total = dict(database.sql("select date, sum(credits)::bigint from daily_spend group by all").fetchall())
    paid = dict(database.sql("select date, sum(usd) from daily_spend group by all").fetchall())
    credits_ = credits_of(lake, "credit_usage")

    days = {day for day, _ in credits_}
    assert total == {day: sum(number for (one, _), number in credits_.items() if one == day) for day in days}
    assert paid == {day: credits_[day, "paid"] * PRICE for day in days}


# --- activity and adoption --------------------------------------------------------------------------------------------


@FORMATS
def test_active_members_of_a_surface_are_as_many_as_the_vendor_counts(lake: SimulatedLake, file_format: str) -> None:
    lake.land(CLAUDE, "users", START, END, file_format=file_format)
    found = (
        lake.database().sql("select date, surface, count(distinct member) from daily_active group by all").fetchall()
    )
    counted = {(day, surface): number for day, surface, number in found}

    for record in lake.truth(CLAUDE, "summaries", START, END):
        for surface in ("chat", "claude_code", "cowork", "office_agent", "claude_design", "science"):
            if (number := record.get(f"{surface}_daily_active_user_count")) is not None:
                assert counted.get((day_of(record), surface), 0) == number


def test_counts_are_used_on_days_without_members(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "users", START, START + timedelta(days=1))
    lake.land(CLAUDE, "summaries", START, END)
    found = lake.database().sql("select distinct date, member is null from daily_active").fetchall()

    days = [START + timedelta(days=number) for number in range(7)]
    assert sorted(found) == [(day, day > START) for day in days]


@FORMATS
def test_adoption_is_the_vendors(lake: SimulatedLake, file_format: str) -> None:
    lake.land(CLAUDE, "summaries", START, END, file_format=file_format)
    lake.land(OTHER, "daily_active_users", START, END, file_format=file_format)
    found = lake.database().sql("select * from adoption order by date").fetchall()

    expected = [
        (
            day_of(record),
            CLAUDE,
            record["assigned_seat_count"],
            record["daily_active_user_count"],
            record["weekly_active_user_count"],
            None,
        )
        for record in lake.truth(CLAUDE, "summaries", START, END)
    ]
    assert [row[:6] for row in found] == expected
    for row in found:
        assert row[6] == (Decimal(row[3] * 100) / row[2]).quantize(Decimal("0.0001"))


def test_trailing_members_are_counted_where_all_days_landed(lake: SimulatedLake, simulator: Simulator) -> None:
    start = END - timedelta(days=30)
    lake.land(CLAUDE, "users", start, END)
    found = lake.database().sql("select date, active_1d, active_7d, active_28d from adoption order by date").fetchall()
    summaries = {day_of(record): record for record in lake.truth(CLAUDE, "summaries", start, END)}

    assert len(found) == 30
    for day, one, seven, month in found:
        age = (day - start).days
        assert one == summaries[day]["daily_active_user_count"]
        assert seven == (summaries[day]["weekly_active_user_count"] if age >= 6 else None)
        assert (month is None) == (age < 27)


def test_a_missing_day_leaves_no_trailing_figure(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "users", START, START + timedelta(days=3))
    lake.land(CLAUDE, "users", START + timedelta(days=4), END)
    found = lake.database().sql("select active_7d from adoption").fetchall()

    assert set(found) == {(None,)}


# --- members ----------------------------------------------------------------------------------------------------------


@FORMATS
def test_a_person_has_one_row_a_month_over_both_vendors(lake: SimulatedLake, file_format: str) -> None:
    lake.land(CLAUDE, "user_cost_report", START, END, file_format=file_format)
    lake.land(CLAUDE, "users", START, END, file_format=file_format)
    lake.land(OTHER, "member_credit_usage", START, END, file_format=file_format)
    found = lake.database(str(PRICE)).sql("select * from member_month").fetchall()
    claude: defaultdict[str, Decimal] = defaultdict(Decimal)
    for record in lake.truth(CLAUDE, "user_cost_report", START, END, bucket_width="1d"):
        claude[member_of(record["actor"])] += Decimal(record["amount"])
    paid: Counter[str] = Counter()
    for record in lake.truth(OTHER, "member_credit_usage", START, END):
        for category in record["by_categories"]["Credit Source"]:
            paid[record["user_email"].lower()] += category["count"] * (category["category"].lower() == "paid")

    assert len({row[:2] for row in found}) == len(found)
    assert {row[0] for row in found} == {date(2026, 11, 1)}
    for row in found:
        member, usd = row[1], row[3]
        assert (usd or 0) == claude.get(member, Decimal(0)).scaleb(-2) + paid[member] * PRICE
    assert {row[1] for row in found} >= {*claude, *(member for member, number in paid.items() if number)}


def test_pseudonyms_join_both_vendors(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "user_cost_report", START, END, drop=["actor.name"], pseudonymize=["actor.email_address"])
    lake.land(OTHER, "member_credit_usage", START, END, pseudonymize=["user_email"])
    found = {member for (member,) in lake.database().sql("select member from member_month").fetchall()}
    addresses = {
        record["actor"]["email_address"]
        for record in lake.truth(CLAUDE, "user_cost_report", START, END, bucket_width="1d")
    } | {record["user_email"] for record in lake.truth(OTHER, "member_credit_usage", START, END)}

    assert found >= {
        hmac.new(b"a secret", address.strip().lower().encode(), hashlib.sha256).hexdigest()
        for address in addresses
        if address
    }
    assert not any("@" in member for member in found)
