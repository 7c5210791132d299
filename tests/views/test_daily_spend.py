# SPDX-License-Identifier: Apache-2.0
"""Spend is exact, or is null and says why."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Context, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aianalytics.simulator import PerplexitySettings, Simulator
from airflow_provider_aianalytics.views.daily_spend import NO_SOURCE, NOT_EXACT
from tests.support import NOW
from tests.views.conftest import connected
from tests.views.lakes import SimulatedLake

START = date(2026, 11, 2)
DAY = timedelta(days=1)
CLAUDE, OTHER = "claude_enterprise", "perplexity"
FORMATS = pytest.mark.parametrize("file_format", ["parquet", "csv", "ndjson"])
PRICE = Decimal("0.0123")

Record = dict[str, Any]


def rewrite(lake: SimulatedLake, vendor: str, table: str, change: Callable[[Record], None]) -> None:
    """Change the records of a table that landed as NDJSON."""
    for file in (lake.root / vendor / table).glob("date=*/*.gz"):
        records = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        for record in records:
            change(record)
        file.write_bytes(gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode()))


def rows(lake: SimulatedLake, columns: str) -> list[Any]:
    return lake.database(str(PRICE)).sql(f"select {columns} from daily_spend group by all order by all").fetchall()


# --- credits ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def older_lake(tmp_path: Path) -> Iterator[SimulatedLake]:
    """A lake of the API's older shape."""
    older = PerplexitySettings(shape="legacy", source_labels=("Paid", "Promo"))
    with (
        Simulator(seed=5, members=10, now=NOW, requests_per_minute=None, perplexity=older) as running,
        connected(running),
    ):
        yield SimulatedLake(running, tmp_path)


@FORMATS
def test_the_older_shape_of_a_breakdown_has_the_same_prices(older_lake: SimulatedLake, file_format: str) -> None:
    older_lake.land(OTHER, "credit_usage", START, START + 2 * DAY, file_format=file_format)
    found = rows(older_lake, "credit_source, sum(credits)::bigint, sum(usd), max(note)")

    sums = {source: (number, usd) for source, number, usd, _ in found}
    assert sums["paid"] == (sums["paid"][0], sums["paid"][0] * PRICE)
    assert sums["promo"] == (sums["promo"][0], 0)
    counts = [record["count"] for record in older_lake.truth(OTHER, "credit_usage", START, START + 2 * DAY)]
    assert sum(number for number, _ in sums.values()) == sum(counts) > 0


PAID = [{"category": "paid", "count": 90}, {"category": "promo", "count": 10}]


@pytest.mark.parametrize(
    ("breakdown", "expected"),
    [
        ({"by_category": PAID}, {"paid": 90, "promo": 10}),
        ({"by_category": PAID, "by_categories": {"Model": []}}, {"paid": 90, "promo": 10}),
        ({"by_category": PAID, "by_categories": {"Credit Source": PAID}}, {"paid": 90, "promo": 10}),
        ({"by_categories": {" credit source": [{"category": "Paid ", "count": 90}]}}, {"paid": 90, "unattributed": 10}),
        ({"by_categories": {"Credit Source": PAID, "credit source": PAID}}, {"unattributed": 100}),
        ({"by_categories": {"Credit Source": [*PAID, *PAID]}}, {"unattributed": 100}),
        ({"by_categories": {"Credit Source": None}}, {"unattributed": 100}),
        ({"by_categories": {"Credit Source": [{"category": None, "count": 100}]}}, {"unattributed": 100}),
        ({"by_categories": {"Source": PAID}}, {"unattributed": 100}),
        ({}, {"unattributed": 100}),
    ],
)
@pytest.mark.parametrize("dataset", ["credit_usage", "member_credit_usage"])
def test_every_credit_is_priced_once_or_says_why_not(
    lake: SimulatedLake, dataset: str, breakdown: Record, expected: dict[str, int]
) -> None:
    lake.land(OTHER, dataset, START, START + DAY, file_format="ndjson", drop=["user_email"][: dataset.startswith("m")])

    def change(record: Record) -> None:
        del record["by_categories"]
        record.update(breakdown, count=100)

    rewrite(lake, OTHER, dataset, change)
    query = f"select count(*) from {OTHER}_{dataset} where row_type = 'total'"
    ((number,),) = lake.database().sql(query).fetchall()
    found = {row[0]: row[1:] for row in rows(lake, "credit_source, sum(credits)::bigint, sum(usd), max(note)")}
    money = {"paid": (PRICE, None), "promo": (Decimal(0), None), "unattributed": (None, NO_SOURCE)}

    assert found == {
        source: (count * number, price if price is None else price * count * number, note)
        for source, count in expected.items()
        for price, note in [money[source]]
    }


# --- money that is null -----------------------------------------------------------------------------------------------


EXACT = [
    "1113.699655",
    "0.000000000001",
    "-5",
    "999999999999999999999999.999999999999",
    "1.500000000000000000",
    "1e3",
    "1E-7",
    "12345678901.123456e-6",
]
TOO_LONG = [
    "1.1234567890123",
    "1000000000000000000000000",
    "0.0000000000005",
    "123456789012345678901234567.5",
    "1e-13",
    "1e30",
]


def change_amounts(amount: str, **more: str) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        record.update(amount=amount, list_amount="1", **more)

    return change


@pytest.mark.parametrize("amount", EXACT)
def test_an_amount_is_exact(lake: SimulatedLake, amount: str) -> None:
    lake.land(CLAUDE, "cost_report", START, START + DAY, file_format="ndjson")
    rewrite(lake, CLAUDE, "cost_report", change_amounts(amount))

    assert rows(lake, "usd, note") == [(Decimal(amount).scaleb(-2, Context(prec=60)), None)]


@pytest.mark.parametrize("amount", TOO_LONG)
def test_an_amount_with_too_many_digits_is_null_and_says_why(lake: SimulatedLake, amount: str) -> None:
    lake.land(CLAUDE, "cost_report", START, START + 2 * DAY, file_format="ndjson")
    last = START + DAY

    def change(record: Record) -> None:
        if record["_date"] == str(last):
            change_amounts(amount)(record)

    rewrite(lake, CLAUDE, "cost_report", change)
    (first, second) = rows(lake, "date, usd, list_usd, note, is_complete")
    assert first[1] > 0
    assert first[3:] == (None, True)
    assert second == (last, None, None, NOT_EXACT, False)


@pytest.mark.parametrize(("written", "integer"), [("7", 7), ("7.0", 7), ("1e3", 1000), ("1.5", None), ("1e30", None)])
def test_an_integer_is_not_rounded(lake: SimulatedLake, written: str, integer: int | None) -> None:
    lake.land(CLAUDE, "cost_report", START, START + DAY, file_format="ndjson")
    rewrite(lake, CLAUDE, "cost_report", lambda record: record.update(requests="NUMBER"))
    (file,) = (lake.root / CLAUDE / "cost_report").glob("date=*/*.gz")
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b'"NUMBER"', written.encode())))

    assert lake.database().sql(f"select requests from {CLAUDE}_cost_report").fetchall() == [(integer,)]


def test_another_currency_is_never_added_to_dollars(lake: SimulatedLake) -> None:
    lake.land(CLAUDE, "cost_report", START, START + DAY, file_format="ndjson", group_by=("model",), table="by_model")
    lake.land(CLAUDE, "cost_report", START, START + DAY, file_format="ndjson")
    models = rows(lake, "model, usd, list_usd")
    assert len(models) > 1
    other = models[0][0]

    def change(record: Record) -> None:
        if record["model"] in (other, None):
            record["currency"] = "EUR"

    rewrite(lake, CLAUDE, "by_model", change)
    note = "the amount is in EUR and not in US dollars"
    dollars = [(model, usd, list_usd, None) for model, usd, list_usd in models[1:]]
    assert rows(lake, "model, usd, list_usd, note") == sorted(
        [*dollars, (other, None, None, note), (None, None, None, note)], key=lambda row: (row[0] is None, row[0])
    )
    assert rows(lake, "is_complete") == [(False,)]
    amounts = lake.database().sql(f"select distinct currency, amount_usd is null from {CLAUDE}_by_model").fetchall()
    assert sorted(amounts) == [("EUR", True), ("USD", False)]


# --- tables that cover different days ---------------------------------------------------------------------------------


CUTS: dict[str, tuple[str, Record]] = {
    "total": ("cost_report", {}),
    "by_model": ("cost_report", {"group_by": ("model",)}),
    "by_speed": ("cost", {"group_by": ("speed",)}),
    "members": ("user_cost_report", {"group_by": ("product",)}),
}
DAYS = [START + number * DAY for number in range(4)]


@pytest.fixture(scope="module")
def all_days(simulator: Simulator, connections: None, tmp_path_factory: pytest.TempPathFactory) -> SimulatedLake:
    """A lake in which each cut has each day."""
    lake = SimulatedLake(simulator, tmp_path_factory.mktemp("all"))
    for table, (dataset, query) in CUTS.items():
        lake.land(CLAUDE, dataset, START, START + len(DAYS) * DAY, table=table, **query)
    return lake


@given(st.fixed_dictionaries({table: st.sets(st.sampled_from(DAYS)) for table in CUTS}), st.sets(st.sampled_from(DAYS)))
@settings(max_examples=12, deadline=None)
def test_each_day_comes_to_its_total_where_any_whole_table_has_it(
    all_days: SimulatedLake, landed: dict[str, set[date]], incomplete: set[date]
) -> None:
    """The total can be there without the cuts, and each cut without the total; no day counts twice."""
    truth: dict[date, Decimal] = defaultdict(Decimal)
    for record in all_days.truth(CLAUDE, "cost_report", START, START + len(DAYS) * DAY):
        truth[date.fromisoformat(record["starting_at"][:10])] += Decimal(record["amount"]).scaleb(-2)
    if not any(landed.values()):
        return
    with TemporaryDirectory() as folder:
        lake = SimulatedLake(all_days.simulator, Path(folder))
        shutil.copytree(all_days.root, lake.root, dirs_exist_ok=True)
        for table, days in landed.items():
            for day in set(DAYS) - days:
                shutil.rmtree(lake.root / CLAUDE / table / f"date={day}")
                (lake.root / CLAUDE / "_manifests" / table / f"{day}.json").unlink()
        for day in incomplete & landed["total"]:
            file = lake.root / CLAUDE / "_manifests" / "total" / f"{day}.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {"complete": False}))
        for table in CUTS:
            if not landed[table]:
                shutil.rmtree(lake.root / CLAUDE / "_manifests" / table)
        found = {row[0]: row[1:] for row in rows(lake, "date, sum(usd), bool_and(is_complete)")}

    assert found.keys() == set.union(*landed.values())
    whole = {day for table in ("by_model", "by_speed") for day in landed[table]} | (landed["total"] - incomplete)
    assert {day: usd for day, (usd, _) in found.items() if day in whole} == {day: truth[day] for day in whole}
    assert {day for day, (_, is_complete) in found.items() if is_complete} == whole
