# SPDX-License-Identifier: Apache-2.0
"""Which days of a window are complete, according to its pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_aianalytics.exceptions import CursorExpiredError, MalformedResponseError
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.window_reader import WindowReader
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, Vendor
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
EPOCH = 1788220800
DAYS = [date(2026, 9, 1), date(2026, 9, 2)]
LATER = datetime(2026, 10, 20, tzinfo=UTC)


def read(vendor: Vendor, dataset: str, body: dict[str, Any], at: datetime = LATER, **options: Any) -> WindowReader:
    paginator = CursorPaginator(
        build_query(vendor.dataset(dataset), **options), Window(FIRST, FIRST + timedelta(days=2))
    )
    reading = WindowReader(paginator.query, paginator.window)
    page = parse_page(Response(200, {}, json.dumps(body).encode()), paginator, vendor, now=at)
    for _ in reading.add_page(page):
        pass
    return reading


def covered(reading: WindowReader) -> list[date]:
    return [day for day in DAYS if reading.covers(day)]


def interval(number: int, width: str = "1d") -> dict[str, Any]:
    start = FIRST + BUCKET_WIDTHS[width] * number
    bounds = {"starting_at": start, "ending_at": start + BUCKET_WIDTHS[width]}
    return {**{name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in bounds.items()}, "results": []}


@pytest.mark.parametrize(
    ("watermark", "days"),
    [
        (None, 0),
        ("2026-09-01T23:59:59Z", 0),
        ("2026-09-02T00:00:00Z", 1),
        ("2026-09-03T01:00:00+02:00", 1),
        ("2026-09-22T12:00:00Z", 2),
    ],
)
@pytest.mark.parametrize("dataset", ["cost_report", "user_cost_report", "cost"])
def test_the_watermark_of_a_report(dataset: str, watermark: str | None, days: int) -> None:
    """Buckets are there up to the watermark; rows need not be."""
    data = [interval(day) for day in range(days)] if dataset == "cost_report" else []
    body = {"data": data, "has_more": False, "next_page": None, "data_refreshed_at": watermark}
    assert covered(read(CLAUDE_ENTERPRISE, dataset, body)) == DAYS[:days]


def test_a_window_is_of_one_organization() -> None:
    paginator = CursorPaginator(
        build_query(CLAUDE_ENTERPRISE.dataset("user_cost_report")), Window(FIRST, FIRST + timedelta(days=2))
    )
    reading = WindowReader(paginator.query, paginator.window)
    for name, cursor in (("org_a", "1"), (None, "2"), ("org_b", None)):
        body = {"data": [], "has_more": cursor is not None, "next_page": cursor, "organization_id": name}
        page = parse_page(Response(200, {}, json.dumps(body).encode()), paginator, CLAUDE_ENTERPRISE, now=LATER)
        page = paginator.advance(page)
        if name == "org_b":
            with pytest.raises(MalformedResponseError, match="two organizations, org_a and org_b"):
                list(reading.add_page(page))
        else:
            list(reading.add_page(page))


@pytest.mark.parametrize(
    ("width", "answered"),
    [("1d", []), ("1d", [0]), ("1d", [1]), ("1h", range(24)), ("1h", [*range(5), *range(6, 48)])],
)
@pytest.mark.parametrize("group_by", [[], ["model"]])
def test_a_hole_before_the_watermark_of_a_report_is_not_an_empty_day(
    width: str, answered: Sequence[int], group_by: list[str]
) -> None:
    """Claude contract section 8.1: one bucket per interval, also where it is empty."""
    data = [interval(number, width) for number in answered]
    body = {"data": data, "has_more": False, "next_page": None, "data_refreshed_at": "2026-09-22T12:00:00Z"}
    reading = read(CLAUDE_ENTERPRISE, "cost_report", body, bucket_width=width, group_by=group_by)
    with pytest.raises(
        MalformedResponseError, match=r"claude_enterprise cost_report \[2026-09-01, 2026-09-03\): .* buckets of "
    ):
        covered(reading)


@pytest.mark.parametrize("answered", [[0, 0, 1], [0, 1, 0], [0, 0]])
def test_a_bucket_that_is_served_twice_is_an_error(answered: Sequence[int]) -> None:
    """It does not replace a missing bucket either."""
    report = {
        "data": [interval(number) for number in answered],
        "has_more": False,
        "next_page": None,
        "data_refreshed_at": "2026-09-22T12:00:00Z",
    }
    with pytest.raises(MalformedResponseError, match=r"claude_enterprise cost_report .* 2026-09-01T00:00Z came twice"):
        read(CLAUDE_ENTERPRISE, "cost_report", report)
    series = {"data": [bucket(number, 5) for number in answered], "has_more": False, "next_page": None}
    with pytest.raises(MalformedResponseError, match=r"perplexity skills .* 2026-09-01T00:00Z came twice"):
        read(PERPLEXITY, "skills", series)


def test_a_bucket_may_repeat_after_a_restart() -> None:
    body = {"data": [bucket(0), bucket(1)], "has_more": False, "next_page": None}
    reading = read(PERPLEXITY, "skills", body)
    paginator = CursorPaginator(reading.query, reading.window)
    list(reading.add_page(parse_page(Response(200, {}, json.dumps(body).encode()), paginator, PERPLEXITY, now=LATER)))
    assert covered(reading) == DAYS


def test_every_bucket_of_a_report_may_be_empty() -> None:
    data = [interval(number, "1h") for number in range(48)]
    body = {"data": data, "has_more": False, "next_page": None, "data_refreshed_at": "2026-09-22T12:00:00Z"}
    assert covered(read(CLAUDE_ENTERPRISE, "cost_report", body, bucket_width="1h")) == DAYS


def test_buckets_are_not_awaited_behind_the_watermark() -> None:
    body = {"data": [interval(0)], "has_more": False, "next_page": None, "data_refreshed_at": "2026-09-02T12:00:00Z"}
    assert covered(read(CLAUDE_ENTERPRISE, "cost_report", body)) == DAYS[:1]


@pytest.mark.parametrize(
    ("watermarks", "earliest"),
    [
        (("2026-09-22T12:00:00Z", "2026-09-02T00:00:00Z"), "2026-09-02T00:00:00Z"),
        (("2026-09-02T01:00:00+02:00", "2026-09-22T12:00:00Z"), "2026-09-02T01:00:00+02:00"),
        ((None, "2026-09-22T12:00:00Z"), None),
        (("2026-09-22T12:00:00Z", None), None),
        (("2026-09-22T12:00:00Z", None, "2026-09-22T12:00:00Z"), None),
    ],
)
def test_the_earliest_watermark_of_the_pages_counts(watermarks: Sequence[str | None], earliest: str | None) -> None:
    """Claude contract section 6: null says that no export covers any of the range."""
    paginator = CursorPaginator(
        build_query(CLAUDE_ENTERPRISE.dataset("cost")), Window(FIRST, FIRST + timedelta(days=2))
    )
    for _ in range(2):  # it still differs when the restarts are used up
        paginator.restart(CursorExpiredError("the data was refreshed"))
    reading = WindowReader(paginator.query, paginator.window)
    for number, watermark in enumerate(watermarks):
        body = {"data": [], "has_more": True, "next_page": f"c{number}", "data_refreshed_at": watermark}
        page = parse_page(Response(200, {}, json.dumps(body).encode()), paginator, CLAUDE_ENTERPRISE, now=LATER)
        list(reading.add_page(paginator.advance(page)))
    assert reading.data_refreshed_at == earliest
    assert covered(reading) == []
    with pytest.raises(CursorExpiredError, match=r"the data was refreshed between two pages .* and again"):
        reading.check_consistency()


@pytest.mark.parametrize("watermark", ["soon", "2026-09-22T12:00:00"])
def test_a_watermark_that_is_not_a_timestamp_is_malformed(watermark: str) -> None:
    body = {"data": [], "has_more": False, "next_page": None, "data_refreshed_at": watermark}
    with pytest.raises(MalformedResponseError, match=watermark):
        covered(read(CLAUDE_ENTERPRISE, "cost_report", body))


def bucket(day: int, count: int = 0) -> dict[str, Any]:
    return {"start_time": EPOCH + day * 86400, "end_time": EPOCH + (day + 1) * 86400, "count": count}


SOON = datetime(2026, 9, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_the_frontier_of_a_series(answered: int) -> None:
    body = {"data": [bucket(day) for day in range(answered)], "has_more": False, "next_page": None}
    assert covered(read(PERPLEXITY, "skills", body, SOON)) == DAYS[:answered]


def test_a_day_missing_from_a_series_is_not_available() -> None:
    """Perplexity contract section 2.2: a series has every bucket, so a missing one is not a zero."""
    body = {"data": [bucket(1, 5)], "has_more": False, "next_page": None}
    assert covered(read(PERPLEXITY, "skills", body, SOON)) == DAYS[1:]


@pytest.mark.parametrize("answered", [[], [0], [1]])
def test_an_old_day_missing_from_a_series_is_an_error(answered: list[int]) -> None:
    body = {"data": [bucket(number) for number in answered], "has_more": False, "next_page": None}
    with pytest.raises(MalformedResponseError, match=r"buckets of 2026-09-0\d are missing"):
        covered(read(PERPLEXITY, "skills", body))


@pytest.mark.parametrize(
    "bounds",
    [
        {"end_time": EPOCH + 2 * 86400},
        {"end_time": EPOCH + 3600},
        {"start_time": EPOCH + 3600},
        {"start_time": EPOCH + 3600, "end_time": EPOCH + 90000},
        {"start_time": EPOCH - 86400, "end_time": EPOCH},
        {"start_time": EPOCH + 2 * 86400, "end_time": EPOCH + 3 * 86400},
    ],
)
def test_a_bucket_is_on_the_grid_and_as_long_as_the_width(bounds: dict[str, int]) -> None:
    body = {"data": [{**bucket(0), **bounds}, bucket(1)], "has_more": False, "next_page": None}
    with pytest.raises(MalformedResponseError, match=r"not|outside"):
        covered(read(PERPLEXITY, "skills", body))


def test_a_recent_zero_is_not_complete() -> None:
    body = {"data": [bucket(0), bucket(1)], "has_more": False, "next_page": None}
    early, later = (FIRST + timedelta(days=2) + waited for waited in (timedelta(minutes=1), timedelta(hours=3)))
    assert covered(read(PERPLEXITY, "skills", body, early)) == DAYS[:1]
    assert covered(read(PERPLEXITY, "skills", body, later)) == DAYS


def test_a_recent_day_missing_from_the_summaries_is_not_empty() -> None:
    """Claude contract section 7.2: an item a day, with 13 fields that are always there."""
    bounds = {"starting_at": "2026-09-01T00:00:00Z", "ending_at": "2026-09-02T00:00:00Z"}
    body = {"data": [bounds], "next_page": None}
    next_day = datetime(2026, 9, 3, 10, tzinfo=UTC)
    assert covered(read(CLAUDE_ENTERPRISE, "summaries", body, next_day)) == DAYS[:1]
    with pytest.raises(MalformedResponseError, match=r"2026-09-02 are missing.*from 2026-09-01 on"):
        covered(read(CLAUDE_ENTERPRISE, "summaries", body, next_day + timedelta(days=3)))
    with pytest.raises(MalformedResponseError, match="2026-09-01T00:00Z came twice"):
        read(CLAUDE_ENTERPRISE, "summaries", {"data": [bounds, bounds], "next_page": None})


def test_a_response_by_member_covers_the_days_that_it_omits() -> None:
    body: dict[str, Any] = {"data": [], "has_more": False, "next_page": None}
    assert covered(read(PERPLEXITY, "member_credit_usage", body)) == DAYS


def test_a_capped_bucket_is_detected_with_group_by() -> None:
    rows = [{"model": f"m{number}", "cost_type": "tokens"} for number in range(100)]
    day = {"starting_at": "2026-09-01T00:00:00Z", "ending_at": "2026-09-02T00:00:00Z"}
    whole = {"data": [{**day, "results": rows}], "has_more": False, "next_page": None}
    fewer = {"data": [{**day, "results": rows[:99]}], "has_more": False, "next_page": None}
    assert read(CLAUDE_ENTERPRISE, "cost_report", whole, group_by=["model"]).capped == {DAYS[0]: 1}
    assert not read(CLAUDE_ENTERPRISE, "cost_report", fewer, group_by=["model"]).capped
    with pytest.raises(MalformedResponseError, match="the same row twice"):
        read(CLAUDE_ENTERPRISE, "cost_report", whole)
    rows[99] = rows[98]
    with pytest.raises(MalformedResponseError, match="the same row twice"):
        read(CLAUDE_ENTERPRISE, "cost_report", whole, group_by=["model"])


def test_a_restart_discards_the_earlier_pages() -> None:
    body = {"data": [bucket(0), bucket(1)], "has_more": False, "next_page": None}
    reading = read(PERPLEXITY, "skills", body)
    paginator = CursorPaginator(reading.query, reading.window)
    short = json.dumps({"data": [bucket(0)], "has_more": False, "next_page": None}).encode()
    list(reading.add_page(parse_page(Response(200, {}, short), paginator, PERPLEXITY, now=SOON)))
    assert reading.pages == 1
    assert covered(reading) == DAYS[:1]
