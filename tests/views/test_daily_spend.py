# SPDX-License-Identifier: Apache-2.0
"""Spend is exact, or is null and says why."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.simulator import PerplexitySettings, Simulator
from airflow_provider_aianalytics.views.daily_spend import NO_SOURCE
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
