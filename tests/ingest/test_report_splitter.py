# SPDX-License-Identifier: Apache-2.0
"""Buckets that were cut off, against a vendor of a few rows that is not held to the catalogue's values."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.ingest.report_splitter import ReportSplitter

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))
Spent = dict[tuple[str | None, str | None], int]


class OfAFewRows(ClaudeEnterpriseAnalyticsHook):
    """The cost of one day by model and geography, of which the 100 dearest groups are served.

    :param refused: a geography that it answers with and takes no filter for.
    :ivar requests: how many requests it got.
    """

    def __init__(self, spent: Spent, refused: str | None) -> None:
        super().__init__()
        self._spent = spent
        self._refused = refused
        self.requests = 0

    def fetch_page(self, paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...], backoff: Backoff) -> Page:
        self.requests += 1
        paginator.requests += 1
        query = defaultdict[str, list[str]](list)
        for name, value in parameters:
            query[name].append(value)
        if self._refused in query["inference_geos[]"]:
            refusal = {"error": {"type": "invalid_request_error", "message": "inference_geos[]: unsupported value"}}
            return parse_page(Response(400, {}, json.dumps(refusal).encode()), paginator, self.vendor, now=NOW)
        groups = defaultdict[tuple[str | None, str | None], int](int)
        for (model, geo), amount in self._spent.items():
            if model in (query["models[]"] or [model]) and geo in (query["inference_geos[]"] or [geo]):
                by = query["group_by[]"]
                groups[model if "model" in by else None, geo if "inference_geo" in by else None] += amount
        dearest = sorted(groups.items(), key=lambda group: -group[1])[:100]
        day: dict[str, Any] = {
            "starting_at": f"{paginator.window.start:%Y-%m-%dT%H:%M:%SZ}",
            "ending_at": f"{paginator.window.end:%Y-%m-%dT%H:%M:%SZ}",
            "results": [
                {"model": model, "inference_geo": geo, "amount": str(amount)} for (model, geo), amount in dearest
            ],
        }
        body = {"data": [day], "has_more": False, "next_page": None, "data_refreshed_at": "2026-11-20T08:00:00Z"}
        return parse_page(Response(200, {}, json.dumps(body).encode()), paginator, self.vendor, now=NOW)


def split(hook: OfAFewRows) -> tuple[Spent, dict[date, int]]:
    query = build_query(hook.vendor.dataset("cost_report"), group_by=["model", "inference_geo"])
    reading = ReportSplitter(hook, query, DAY)
    rows = [json.loads(bytes(record)) for batch in reading.batches() for record in batch.records]
    found = {(row["model"], row["inference_geo"]): int(Decimal(row["amount"])) for row in rows}
    assert len(found) == len(rows)
    assert reading.requests == hook.requests
    return found, reading.capped


def spent_in(*geos: str) -> Spent:
    """More than 100 groups, and the cheapest of them of no model, for which there is no filter."""
    named = {(f"model-{number}", geo): 1000 - number for number in range(60) for geo in geos}
    return {**named, **{(None, geo): 5 + place for place, geo in enumerate(geos)}}


@pytest.mark.parametrize("geo", ["global", "eu"])
def test_a_value_that_the_catalogue_does_not_list_is_asked_for_all_the_same(geo: str) -> None:
    """Claude contract section 12.10: enums are open."""
    spent = spent_in("us", geo)
    assert split(OfAFewRows(spent, None)) == (spent, {})


def test_a_value_that_the_vendor_takes_no_filter_for_is_told() -> None:
    spent = spent_in("us", "eu")
    found, capped = split(OfAFewRows(spent, "eu"))
    assert capped == {DAY.start.date(): 1}
    assert found.items() < spent.items()
    assert (None, "us") in found


def test_a_list_of_values_that_is_capped_proves_nothing() -> None:
    """The groups that are left out cost nothing, so no total misses them."""
    spent: Spent = {(f"model-{number:03}", "us"): 10 if number < 100 else 0 for number in range(150)}
    found, capped = split(OfAFewRows(spent, None))
    assert len(found) == 100
    assert capped == {DAY.start.date(): 1}
