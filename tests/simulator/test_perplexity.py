# SPDX-License-Identifier: Apache-2.0
"""The simulated Perplexity API against its wire contract; section numbers are the contract's."""

from __future__ import annotations

import itertools
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aianalytics.simulator.http import Request, Response
from airflow_provider_aianalytics.simulator.perplexity.api import V1, V2, PerplexityApi, PerplexitySettings
from tests.support import growth

KEY = "the-key"
DAY, HOUR = 86400, 3600
NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)
TODAY = int(NOW.timestamp()) // DAY * DAY
VECTOR_NOW = datetime(2025, 5, 10, 12, 34, 56, tzinfo=UTC)
SEVEN = ("credit_usage", "connectors", "artifacts", "skills", "spaces", "workflows", "task_durations")
NINE = (*SEVEN, "query_volume", "daily_active_users")
ADDITIVE = tuple(name for name in NINE if name != "daily_active_users")
SETTLED = PerplexitySettings(late_data=False, sync_interval=timedelta(0), sync_lag=(timedelta(0), timedelta(0)))


def at(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def new(members: int = 40, seed: int = 7, **knobs: Any) -> PerplexityApi:
    return PerplexityApi(seed, members, KEY, PerplexitySettings(**knobs))


def call(api: PerplexityApi, path: str, now: datetime = NOW, key: str = KEY, **query: Any) -> Response:
    return call_pairs(api, path, [(name, str(value)) for name, value in query.items()], now, key)


def call_pairs(
    api: PerplexityApi, path: str, query: list[tuple[str, str]], now: datetime = NOW, key: str = KEY
) -> Response:
    return api.respond(Request(path, tuple(query), {"authorization": f"Bearer {key}"}, now))


def got(response: Response) -> Any:
    assert response.status == 200, response.body
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.body)


def pages(api: PerplexityApi, path: str, now: datetime = NOW, **query: Any) -> list[Any]:
    """Every page, walked by the cursor."""
    walked = [got(call(api, path, now, **query))]
    while walked[-1]["has_more"]:
        walked.append(got(call(api, path, now, **query, page=walked[-1]["next_page"])))
        assert len(walked) < 500
    assert walked[-1]["next_page"] is None
    return walked


def series(api: PerplexityApi, dataset: str, start: int, end: int, now: datetime = NOW, **query: Any) -> list[Any]:
    return [bucket for page in pages(api, V1, now, dataset=dataset, start_time=start, end_time=end, **query)
            for bucket in page["data"]]  # fmt: skip


def member_counts(api: PerplexityApi, dataset: str, start: int, end: int, now: datetime = NOW) -> dict[Any, Any]:
    query: dict[str, Any] = {
        "dataset": dataset,
        "group_by": "user_email",
        "start_time": start,
        "end_time": end,
        "limit": 100,
    }
    rows: dict[Any, Any] = {}
    for page in pages(api, V2, now, **query):
        for day in page["data"]:
            for row in day["results"]:
                assert (day["start_time"], row["user_email"]) not in rows
                rows[day["start_time"], row["user_email"]] = row
    return rows


def refused(response: Response, status: int, kind: str) -> str:
    body = json.loads(response.body)
    assert (response.status, body["error"]["type"]) == (status, kind), body
    assert body["error"]["code"] == status
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "code"}
    return str(body["error"]["message"])


VECTORS = [  # start, end, width, limit, start', end', buckets, page 1, has_more, pages
    (1746057600, None, "1d", None, 1746057600, 1746835200, 9, 7, True, 2),
    (1746061200, None, "1d", None, 1746057600, 1746835200, 9, 7, True, 2),
    (1746057600, 1746144000, "1d", None, 1746057600, 1746144000, 1, 1, False, 1),
    (1746057600, 1746143999, "1d", None, 1746057600, 1746057600, 0, 0, False, 1),
    (1746835200, None, "1d", None, 1746835200, 1746835200, 0, 0, False, 1),
    (1746835200, None, "1h", None, 1746835200, 1746878400, 12, 12, False, 1),
    (1746057600, None, "1d", 31, 1746057600, 1746835200, 9, 9, False, 1),
    (1746057600, 9999999999, "1d", None, 1746057600, 1746835200, 9, 7, True, 2),
    (1746880000, 1746880400, "1h", None, 1746878400, 1746878400, 0, 0, False, 1),
    (1739104496, None, "1d", None, 1739059200, 1746835200, 90, 7, True, 13),
    (1739104496, None, "1h", 168, 1739102400, 1746878400, 2160, 168, True, 13),
]


@pytest.mark.parametrize(
    ("start", "end", "width", "limit", "snapped", "snapped_end", "count", "first", "more", "page_count"), VECTORS
)
@pytest.mark.parametrize("explicit_width", [True, False])
def test_vectors_of_section_7(
    start: int, end: int | None, width: str, limit: int | None, snapped: int, snapped_end: int, count: int,
    first: int, more: bool, page_count: int, explicit_width: bool,
) -> None:  # fmt: skip
    query: dict[str, Any] = {"dataset": "credit_usage", "start_time": start}
    if explicit_width or width == "1h":
        query["bucket_width"] = width
    if end is not None:
        query["end_time"] = end
    if limit is not None:
        query["limit"] = limit
    assert int(VECTOR_NOW.timestamp()) == 1746880496
    walked = pages(new(), V1, VECTOR_NOW, **query)
    buckets = [bucket for page in walked for bucket in page["data"]]
    assert (len(walked), len(walked[0]["data"]), walked[0]["has_more"], len(buckets)) == (
        page_count,
        first,
        more,
        count,
    )
    step = {"1d": DAY, "1h": HOUR}[width]
    assert [(b["start_time"], b["end_time"]) for b in buckets] == [
        (t, t + step) for t in range(snapped, snapped_end, step)
    ]


# --- invariants -----------------------------------------------------------------------------------------------------

moments = st.integers(1_735_000_000, 1_830_000_000)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    members=st.sampled_from([0, 1, 2, 9, 60]),
    dataset=st.sampled_from(NINE),
    width=st.sampled_from(["1d", "1h"]),
    now=moments,
    back=st.integers(0, 90 * DAY),
    span=st.integers(0, 100 * DAY),
    limit=st.integers(1, 31),
    frontier=st.sampled_from(["clock", "watermark"]),
    pretty=st.booleans(),
)
def test_any_window_is_complete_and_adds_up(
    seed: int, members: int, dataset: str, width: str, now: int, back: int, span: int, limit: int, frontier: str,
    pretty: bool,
) -> None:  # fmt: skip
    api = new(members, seed, frontier=frontier, pretty=pretty)
    step = {"1d": DAY, "1h": HOUR}[width]
    if width == "1h":
        back %= 10 * DAY
    query: dict[str, Any] = {
        "dataset": dataset,
        "start_time": now - back,
        "end_time": now - back + span,
        "bucket_width": width,
    }
    walked = pages(api, V1, at(now), **query, limit=limit)
    buckets = [bucket for page in walked for bucket in page["data"]]
    start = (now - back) // step * step
    end = min(now, now - back + span) // step * step
    if frontier == "clock":
        assert len(buckets) == max(0, end - start) // step
    else:
        assert len(buckets) <= max(0, end - start) // step
    assert all(page["data"] for page in walked[1:])
    assert all(len(page["data"]) == limit for page in walked[:-1])
    assert [(b["start_time"], b["end_time"]) for b in buckets] == [
        (start + i * step, start + (i + 1) * step) for i in range(len(buckets))
    ]
    assert all(b["end_time"] <= now for b in buckets)
    labels = walked[0]["categories"]
    for bucket in buckets:
        assert isinstance(bucket["count"], int)
        assert list(bucket["by_categories"]) == labels
        for entries in bucket["by_categories"].values():
            assert sum(entry["count"] for entry in entries) <= bucket["count"]
            assert all(entry["count"] > 0 for entry in entries)
            if bucket["count"] == 0:
                assert entries == []
    complete = api.truth(V1, [(name, str(value)) for name, value in query.items()], at(now))
    assert [json.loads(item) for item in complete] == buckets
    one_page = call(api, V1, at(now), **query, limit=31).body
    assert all(item in one_page for item in complete[:31])


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**40), members=st.sampled_from([1, 3, 40]), now=moments, days=st.integers(1, 6),
       limit=st.integers(1, 100), dataset=st.sampled_from(["credit_usage", "query_volume"]))  # fmt: skip
def test_v2_pages_merge_to_the_truth_and_stay_within_v1(
    seed: int, members: int, now: int, days: int, limit: int, dataset: str
) -> None:
    api = new(members, seed)
    end = now // DAY * DAY
    query: dict[str, Any] = {
        "dataset": dataset,
        "group_by": "user_email",
        "start_time": end - days * DAY,
        "end_time": end,
    }
    merged: dict[int, list[Any]] = {}
    walked = pages(api, V2, at(now), **query, limit=limit)
    for page in walked:
        assert sum(len(day["results"]) for day in page["data"]) <= limit
        assert all(day["results"] for day in page["data"])
        for day in page["data"]:
            merged.setdefault(day["start_time"], []).extend(day["results"])
    assert all(sum(len(day["results"]) for day in page["data"]) == limit for page in walked[:-1])
    complete = [json.loads(item) for item in api.truth(V2, [(k, str(v)) for k, v in query.items()], at(now))]
    assert {day["start_time"]: day["results"] for day in complete} == merged
    assert list(merged) == sorted(merged)
    for bucket in series(api, dataset, end - days * DAY, end, at(now)):
        rows = merged.get(bucket["start_time"], [])
        assert sum(row["count"] for row in rows) <= bucket["count"]
        assert all(row["count"] > 0 for row in rows)
        for label, entries in bucket["by_categories"].items():
            totals = {entry["category"]: entry["count"] for entry in entries}
            members_total: Counter[str] = Counter()
            for row in rows:
                assert sum(entry["count"] for entry in row["by_categories"][label]) <= row["count"]
                for entry in row["by_categories"][label]:
                    members_total[entry["category"]] += entry["count"]
            assert all(total <= totals[title] for title, total in members_total.items())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**40), dataset=st.sampled_from(NINE), now=moments, position=st.integers(0, 11))
def test_hours_sum_to_days_and_members_to_their_rows(seed: int, dataset: str, now: int, position: int) -> None:
    api = new(12, seed)
    end = now // DAY * DAY
    start = end - 3 * DAY
    address = (api.emails(at(now)) * 2)[position]
    for member_filter in ({}, {"user_email": address}):
        days = series(api, dataset, start, end, at(now), **member_filter)
        hours = series(api, dataset, start, end, at(now), bucket_width="1h", **member_filter)
        for day in days:
            parts = [hour for hour in hours if day["start_time"] <= hour["start_time"] < day["end_time"]]
            total = sum(hour["count"] for hour in parts)
            if dataset == "daily_active_users":
                assert max(hour["count"] for hour in parts) <= day["count"] <= total
                continue
            assert total == day["count"]
            for label, entries in day["by_categories"].items():
                summed: Counter[str] = Counter()
                for hour in parts:
                    for entry in hour["by_categories"][label]:
                        summed[entry["category"]] += entry["count"]
                expected: Counter[str] = Counter()
                for entry in entries:
                    expected[entry["category"]] += entry["count"]
                assert summed == expected
    if dataset in ("credit_usage", "query_volume"):
        rows = member_counts(api, dataset, start, end, at(now))
        for day in series(api, dataset, start, end, at(now), user_email=address):
            row = rows.get((day["start_time"], address))
            assert (row["count"] if row else 0) == day["count"]
            if row:
                assert row["by_categories"] == day["by_categories"]


def test_every_member_together_stays_within_the_organization() -> None:
    api = new(8, removed_at=None)
    for dataset in NINE:
        start = TODAY - 2 * DAY
        whole = series(api, dataset, start, TODAY, bucket_width="1h")
        each = [series(api, dataset, start, TODAY, bucket_width="1h", user_email=name) for name in api.emails(NOW)]
        sums = [sum(one[i]["count"] for one in each) for i in range(len(whole))]
        assert all(part <= bucket["count"] for part, bucket in zip(sums, whole, strict=True))
        if dataset == "daily_active_users":
            assert sums == [bucket["count"] for bucket in whole]


def test_daily_active_users_are_not_additive_and_cover_the_members_with_credits() -> None:
    api = PerplexityApi(3, 200, KEY, SETTLED)
    start, end = TODAY - 7 * DAY, TODAY
    days = series(api, "daily_active_users", start, end)
    hours = series(api, "daily_active_users", start, end, bucket_width="1h")
    assert sum(hour["count"] for hour in hours) > sum(day["count"] for day in days)
    credit_users = Counter(day for day, _ in member_counts(api, "credit_usage", start, end))
    assert all(0 < credit_users[day["start_time"]] <= day["count"] <= 200 for day in days)


def test_overlapping_active_users_exceed_the_count() -> None:
    start = TODAY - 7 * DAY
    for overlap in (False, True):
        days = series(new(200, active_users_overlap=overlap), "daily_active_users", start, TODAY)
        exceeding = [sum(e["count"] for e in d["by_categories"]["Surface"]) > d["count"] for d in days]
        assert any(exceeding) is overlap


def test_weekends_are_quieter_and_the_shares_are_those_of_section_7() -> None:
    days = series(PerplexityApi(1, 500, KEY, SETTLED), "credit_usage", TODAY - 28 * DAY, TODAY)
    weekend = [day["count"] for day in days if at(day["start_time"]).weekday() >= 5]
    weekdays = [day["count"] for day in days if at(day["start_time"]).weekday() < 5]
    assert len(weekend) == 8
    assert max(weekend) < min(weekdays)
    for day in days:
        shares = {k: 1 - sum(e["count"] for e in v) / day["count"] for k, v in day["by_categories"].items()}
        assert 0.19 < shares["Model"] < 0.35
        assert 0 <= shares["Credit Source"] <= 0.001
        for entries in day["by_categories"].values():
            assert [e["count"] for e in entries] == sorted((e["count"] for e in entries), reverse=True)


def test_the_largest_category_comes_first() -> None:
    hours = series(new(30), "credit_usage", TODAY - 5 * DAY, TODAY, bucket_width="1h")
    lists = [[e["count"] for e in entries] for hour in hours for entries in hour["by_categories"].values()]
    assert all(counts == sorted(counts, reverse=True) for counts in lists)


def test_without_unattributed_usage_every_axis_and_all_members_add_up_to_the_count() -> None:
    nothing = (0.0, 0.0)
    knobs: dict[str, Any] = {
        "model_unattributed": nothing,
        "source_unattributed": nothing,
        "member_unattributed": nothing,
    }
    api = new(60, late_data=False, **knobs)
    start = TODAY - 4 * DAY
    rows = member_counts(api, "credit_usage", start, TODAY)
    days = series(api, "credit_usage", start, TODAY)
    for item in [*rows.values(), *days]:
        assert [sum(e["count"] for e in v) for v in item["by_categories"].values()] == [item["count"]] * 2
    for day in days[:-1]:
        assert sum(row["count"] for (when, _), row in rows.items() if when == day["start_time"]) == day["count"]


def test_usage_without_a_member_is_in_the_total_alone() -> None:
    api = new(500, late_data=False, member_unattributed=(0.5, 0.5))
    (day,) = series(api, "credit_usage", TODAY - 4 * DAY, TODAY - 3 * DAY)
    rows = member_counts(api, "credit_usage", TODAY - 4 * DAY, TODAY - 3 * DAY)
    assert sum(row["count"] for row in rows.values()) == pytest.approx(day["count"] / 2, rel=0.01)


def test_same_seed_same_bytes_other_seed_other_numbers() -> None:
    query: dict[str, Any] = {"dataset": "spaces", "start_time": TODAY - 7 * DAY, "end_time": TODAY}
    one, same, other = (call(new(seed=seed), V1, **query).body for seed in (1, 1, 2))
    assert one == same != other
    # A bucket that is requested alone equals the bucket of a long window.
    alone = new(seed=1).truth(V1, [("dataset", "spaces"), ("start_time", str(TODAY - DAY))], NOW)
    assert alone == new(seed=1).truth(V1, [(k, str(v)) for k, v in query.items()], NOW)[-1:]


# --- cursors --------------------------------------------------------------------------------------------------------

WEEKS: dict[str, Any] = {"dataset": "credit_usage", "start_time": TODAY - 20 * DAY, "end_time": TODAY}


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "spaces"}, {"start_time": TODAY - 19 * DAY}, {"start_time": TODAY - 20 * DAY + 1},
        {"end_time": TODAY - DAY}, {"end_time": None}, {"bucket_width": "1d"}, {"bucket_width": "1h"}, {"limit": 8},
        {"user_email": "member"},
    ],
)  # fmt: skip
def test_a_cursor_serves_its_own_parameters_only(change: dict[str, Any]) -> None:
    api = new()
    if change == {"user_email": "member"}:
        change = {"user_email": api.emails(NOW)[0]}
    cursor = got(call(api, V1, **WEEKS))["next_page"]
    assert call(api, V1, **WEEKS, page=cursor).status == 200
    altered = {name: value for name, value in (WEEKS | change).items() if value is not None}
    refused(call(api, V1, **altered, page=cursor), 400, "invalid_request")


def test_a_cursor_of_v1_is_not_one_of_v2_nor_of_another_organization() -> None:
    cursor = got(call(new(), V1, **WEEKS))["next_page"]
    refused(call(new(), V2, **WEEKS, group_by="user_email", page=cursor), 400, "invalid_request")
    refused(call(new(seed=8), V1, **WEEKS, page=cursor), 400, "invalid_request")


def test_every_character_of_a_cursor_is_signed() -> None:
    api = new()
    cursor = got(call(api, V1, **WEEKS))["next_page"]
    payload, signature = cursor.split(".")
    moved = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    moved["n"] += DAY
    forged = (
        urlsafe_b64encode(json.dumps(moved, separators=(",", ":")).encode()).rstrip(b"=").decode() + "." + signature
    )
    wrong = [
        "",
        ".",
        "x",
        "garbage!",
        "ü",
        "\ud800",
        cursor + "=",
        cursor + " ",
        cursor[:-1],
        payload,
        forged,
        cursor * 2,
    ]
    wrong += [cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :] for i in range(len(cursor))]
    for page in wrong:
        refused(call(api, V1, **WEEKS, page=page), 400, "invalid_request")


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_garbage_is_never_a_cursor(page: str) -> None:
    refused(call(new(), V1, **WEEKS, page=page), 400, "invalid_request")


def test_a_cursor_expires_only_when_it_has_a_lifetime() -> None:
    late = NOW + timedelta(hours=2)
    for lifetime, status in ((None, 200), (timedelta(hours=2), 200), (timedelta(minutes=119), 400)):
        api = new(cursor_lifetime=lifetime)
        cursor = got(call(api, V1, **WEEKS))["next_page"]
        assert call(api, V1, late, **WEEKS, page=cursor).status == status


@pytest.mark.parametrize("end", [{}, {"end_time": 9_999_999_999}])
def test_a_default_end_is_pinned_or_computed_again(end: dict[str, Any]) -> None:
    query: dict[str, Any] = {"dataset": "skills", "start_time": TODAY - 8 * DAY, **end}
    tomorrow = NOW + timedelta(days=1)
    for knob, expected in (("freeze", 1), ("reread", 2)):
        api = new(omitted_end=knob)
        cursor = got(call(api, V1, **query))["next_page"]
        assert len(got(call(api, V1, tomorrow, **query, page=cursor))["data"]) == expected


def test_a_pinned_window_of_90_days_stays_valid() -> None:
    query: dict[str, Any] = {"dataset": "skills", "start_time": int(NOW.timestamp()) - 90 * DAY}
    later = NOW + timedelta(minutes=5)
    for knob, status in (("freeze", 200), ("reread", 400)):
        api = new(omitted_end=knob)
        assert call(api, V1, later, **query, page=got(call(api, V1, **query))["next_page"]).status == status


# --- errors ---------------------------------------------------------------------------------------------------------

BAD: list[tuple[str, dict[str, Any], str]] = [
    (V1, {"dataset": None}, "bad_request"),
    (V1, {"dataset": ""}, "bad_request"),
    (V1, {"dataset": "CREDIT_USAGE"}, "bad_request"),
    (V1, {"dataset": "credit_usage,skills"}, "bad_request"),
    (V1, {"start_time": None}, "bad_request"),
    (V1, {"start_time": ""}, "bad_request"),
    (V1, {"start_time": "-1"}, "bad_request"),
    (V1, {"start_time": "+1"}, "bad_request"),
    (V1, {"start_time": "1795000000.0"}, "bad_request"),
    (V1, {"start_time": "2026-11-01"}, "bad_request"),
    (V1, {"start_time": "9" * 5000}, "bad_request"),
    (V1, {"start_time": "\u0661\u0662\u0663"}, "bad_request"),
    (V1, {"end_time": "tomorrow"}, "bad_request"),
    (V1, {"end_time": "-5"}, "bad_request"),
    (V1, {"bucket_width": "1w"}, "bad_request"),
    (V1, {"bucket_width": ""}, "bad_request"),
    (V1, {"limit": "0"}, "bad_request"),
    (V1, {"limit": "-1"}, "bad_request"),
    (V1, {"limit": "32"}, "bad_request"),
    (V1, {"limit": "169", "bucket_width": "1h"}, "bad_request"),
    (V1, {"limit": "seven"}, "bad_request"),
    (V1, {"limit": ""}, "bad_request"),
    (V1, {"user_email": "nobody"}, "bad_request"),
    (V1, {"user_email": ""}, "bad_request"),
    (V1, {"user_email": "nobody@example.com"}, "invalid_request"),
    (V1, {"start_time": TODAY + 10, "end_time": TODAY}, "invalid_request"),
    (V1, {"start_time": TODAY + 2 * DAY, "end_time": None}, "invalid_request"),
    (V1, {"start_time": TODAY - 90 * DAY - 1}, "invalid_request"),
    (V1, {"start_time": 0}, "invalid_request"),
    (V2, {"dataset": "skills"}, "bad_request"),
    (V2, {"dataset": "daily_active_users"}, "bad_request"),
    (V2, {"group_by": None}, "bad_request"),
    (V2, {"group_by": "model"}, "bad_request"),
    (V2, {"limit": "101"}, "bad_request"),
    (V2, {"limit": "0"}, "bad_request"),
    (V2, {"start_time": TODAY - 91 * DAY}, "invalid_request"),
    (V2, {"page": "xyz"}, "invalid_request"),
]


@pytest.mark.parametrize(("path", "change", "kind"), BAD)
def test_error_table(path: str, change: dict[str, Any], kind: str) -> None:
    query: dict[str, Any] = {"dataset": "credit_usage", "start_time": TODAY - 5 * DAY, "end_time": TODAY}
    if path == V2:
        query["group_by"] = "user_email"
    assert call(new(), path, **query).status == 200
    params = {name: value for name, value in (query | change).items() if value is not None}
    refused(call(new(), path, **params), 400, kind)
    if "limit" not in change and "page" not in change:
        with pytest.raises(ValueError, match=f"400 {kind}"):
            new().truth(path, [(name, str(value)) for name, value in params.items()], NOW)


def test_well_formed_windows_without_a_complete_bucket_are_empty() -> None:
    for start, end in ((TODAY, TODAY), (TODAY, TODAY + 5), (TODAY + DAY, TODAY + 2 * DAY), (TODAY - 5, TODAY - 4)):
        page = got(call(new(), V1, dataset="credit_usage", start_time=start, end_time=end))
        assert page == {"categories": ["Model", "Credit Source"], "data": [], "has_more": False, "next_page": None}
    page = got(call(new(), V2, dataset="credit_usage", group_by="user_email", start_time=TODAY, end_time=TODAY))
    assert page == {"categories": ["Model", "Credit Source"], "data": [], "has_more": False, "next_page": None}


def test_key_before_toggle_before_parameters() -> None:
    off = new(enabled=False)
    refused(call(off, V1, key="wrong"), 401, "unauthorized")
    refused(call(off, V1), 404, "feature_disabled")
    refused(call(off, "/v1/analytics/nothing"), 404, "feature_disabled")
    refused(call(new(), V1), 400, "bad_request")
    for headers in (
        {}, {"authorization": KEY}, {"authorization": f"Basic {KEY}"}, {"authorization": "Bearer "},
        {"authorization": f"Bearer {KEY}x"}, {"authorization": "Bearer ключ"}, {"x-api-key": KEY},
    ):  # fmt: skip
        refused(new().respond(Request(V1, (), headers, NOW)), 401, "unauthorized")
        refused(new().respond(Request("/v1/analytics/nothing", (), headers, NOW)), 401, "unauthorized")


def test_paths() -> None:
    api: PerplexityApi = new()
    for path in (V1, V2):
        assert api.serves(path)
    for path in ("/v1/analytics/nothing", V1 + "/", "/v2/analytics/computer", "/v1/analytics/computer/usage/members"):
        assert api.serves(path)
        refused(call(api, path), 404, "not_found")
    for path in ("/v1/organizations/analytics/users", "/chat/completions", "/v3/analytics/computer/usage", "/"):
        assert not api.serves(path)


def test_an_unknown_member_gets_the_documented_error() -> None:
    api = new(removed_at=NOW)
    member = api.emails(NOW - timedelta(seconds=1))[1]
    expected = (
        b'{"error": {"message": "user_email does not match a member of this organization.", '
        b'"type": "invalid_request", "code": 400}}'
    )
    for address in ("someone@elsewhere.org", member.upper(), member):
        response = call(api, V1, dataset="skills", start_time=TODAY - DAY, user_email=address)
        assert (response.status, response.body) == (400, expected)


def test_a_member_who_leaves_stays_in_the_totals() -> None:
    left_at = at(TODAY - 3 * DAY)
    api = new(5, removed_at=left_at, late_data=False)
    before, after = api.emails(left_at - timedelta(seconds=1)), api.emails(NOW)
    (removed,) = set(before) - set(after)
    start = TODAY - 20 * DAY
    rows = member_counts(api, "credit_usage", start, TODAY)
    days = [day for day, address in rows if address == removed]
    assert days
    assert max(days) < TODAY - 3 * DAY
    assert (
        call(api, V1, left_at - timedelta(seconds=1), dataset="skills", start_time=start, user_email=removed).status
        == 200
    )
    hidden = new(5, removed_at=left_at, late_data=False, removed_rows=False)
    remaining = member_counts(hidden, "credit_usage", start, TODAY)
    assert remaining == {where: row for where, row in rows.items() if where[1] != removed}
    assert series(hidden, "credit_usage", start, TODAY) == series(api, "credit_usage", start, TODAY)


# --- freshness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", NINE)
def test_unsynced_hours_are_zero_first_and_fill_later(dataset: str) -> None:
    api = new(300, late_data=False)
    now = at(TODAY + 12 * HOUR + 600)
    fresh = series(api, dataset, TODAY, TODAY + DAY, now, bucket_width="1h")
    assert [bucket["start_time"] for bucket in fresh] == list(range(TODAY, TODAY + 12 * HOUR, HOUR))
    assert fresh[-1]["count"] == 0
    assert all(entries == [] for entries in fresh[-1]["by_categories"].values())
    later = series(api, dataset, TODAY, TODAY + 12 * HOUR, at(TODAY + 20 * HOUR), bucket_width="1h")
    assert later[-1]["count"] > 0
    settled = [old == new for old, new in zip(fresh, later, strict=True)]
    assert settled == sorted(settled, reverse=True)
    assert any(settled)


def test_a_fresh_day_is_partial_at_midnight_and_complete_three_hours_later() -> None:
    api = new(300, late_data=False)
    start = TODAY - 3 * DAY
    counts = [
        series(api, "credit_usage", start, start + DAY, at(start + DAY + hour * HOUR))[0]["count"] for hour in range(8)
    ]
    assert 0 < counts[0] < counts[-1]
    assert counts == sorted(counts)
    assert len(set(counts[3:])) == 1
    rows = [len(member_counts(api, "credit_usage", start, start + DAY, at(start + DAY + h * HOUR))) for h in (0, 7)]
    assert 0 < rows[0] <= rows[1]


def test_a_day_that_is_not_synced_at_all_is_omitted_by_v2_and_zero_in_v1() -> None:
    slow = new(sync_lag=(timedelta(days=2), timedelta(days=2)))
    assert member_counts(slow, "credit_usage", TODAY - DAY, TODAY) == {}
    (day,) = series(slow, "credit_usage", TODAY - DAY, TODAY)
    assert (day["count"], day["by_categories"]) == (0, {"Model": [], "Credit Source": []})


def test_the_watermark_frontier_withholds_buckets_that_are_zero_otherwise() -> None:
    clock, mark = new(300, late_data=False), new(300, late_data=False, frontier="watermark")
    for minutes in range(0, 2 * 1440, 97):
        now = at(TODAY + minutes * 60)
        query: dict[str, Any] = {
            "dataset": "credit_usage",
            "start_time": TODAY - DAY,
            "bucket_width": "1h",
            "limit": 168,
        }
        shown, withheld = got(call(clock, V1, now, **query)), got(call(mark, V1, now, **query))
        assert not withheld["has_more"]
        count = len(withheld["data"])
        assert withheld["data"] == shown["data"][:count]
        assert all(bucket["count"] == 0 for bucket in shown["data"][count:])
        assert 0 <= len(shown["data"]) - count <= 6


def test_the_watermark_never_moves_back() -> None:
    api = new(frontier="watermark", sync_interval=timedelta(minutes=30), sync_lag=(timedelta(0), timedelta(hours=5)))
    query: dict[str, Any] = {"dataset": "skills", "start_time": TODAY - DAY, "bucket_width": "1h", "limit": 168}
    ends = [len(got(call(api, V1, at(TODAY + minutes * 60), **query))["data"]) for minutes in range(0, 2880, 10)]
    assert ends == sorted(ends)
    assert len(set(ends)) > 20


def test_a_late_day_grows_once_and_only_grows() -> None:
    api, never = new(400, late_share=0.5), new(400, late_data=False)
    grown = 0
    for back in range(2, 12):
        start = TODAY - back * DAY
        reads = [series(api, "credit_usage", start, start + DAY, at(start + DAY + h * HOUR))[0]["count"]
                 for h in range(3, 48)]  # fmt: skip
        final = series(never, "credit_usage", start, start + DAY)[0]["count"]
        assert reads == sorted(reads)
        assert reads[-1] == final
        assert len(set(reads)) <= 2
        grown += len(set(reads)) == 2
        late = len(set(reads)) == 2
        first, last = (
            series(api, "credit_usage", start + 12 * HOUR, start + 13 * HOUR, at(now), bucket_width="1h")[0]["count"]
            for now in (start + DAY + 3 * HOUR, start + 3 * DAY)
        )
        assert (0 < first < last) if late else first == last
    assert 0 < grown < 10


def test_the_shrink_fault_shrinks_one_day_from_a_moment_on() -> None:
    victim = TODAY - 5 * DAY
    since = NOW - timedelta(hours=1)
    for share in (0.5, 0.0):
        api = new(100, late_data=False, shrink_date=at(victim).date(), shrink_to=share, shrink_since=since)
        for dataset in NINE:
            before = series(api, dataset, victim - DAY, victim + 2 * DAY, since - timedelta(seconds=1))
            after = series(api, dataset, victim - DAY, victim + 2 * DAY)
            assert [before[0], before[2]] == [after[0], after[2]]
            assert after[1]["count"] < before[1]["count"]
            assert (after[1]["count"] == 0) is (share == 0.0)
        members_left = member_counts(api, "credit_usage", victim, victim + DAY)
        assert bool(members_left) is (share > 0)
    always = new(100, shrink_date=date(2026, 11, 1), shrink_to=0)
    assert series(always, "credit_usage", 1793491200, 1793577600)[0]["count"] == 0


def test_no_use_before_the_first_day() -> None:
    api = new(usage_since=at(TODAY - 3 * DAY))
    counts = [bucket["count"] > 0 for bucket in series(api, "credit_usage", TODAY - 6 * DAY, TODAY)]
    assert counts == [False, False, False, True, True, True]


# --- shapes and spelling --------------------------------------------------------------------------------------------


def test_the_legacy_shape() -> None:
    old, current = new(shape="legacy", datasets=7), new(datasets=7)
    for dataset in SEVEN:
        query: dict[str, Any] = {"dataset": dataset, "start_time": TODAY - 3 * DAY, "end_time": TODAY}
        flat, keyed = got(call(old, V1, **query)), got(call(current, V1, **query))
        assert list(flat) == ["data", "has_more", "next_page"]
        for one, other in zip(flat["data"], keyed["data"], strict=True):
            axes = list(other["by_categories"].values())
            assert "by_categories" not in one
            assert one["by_category"] == axes[-1]
            assert one["count"] == other["count"]
    zero = got(call(new(0, shape="legacy"), V1, dataset="credit_usage", start_time=TODAY - DAY))["data"][0]
    assert (zero["count"], zero["by_category"]) == (0, [])


def test_datasets_and_labels() -> None:
    for api, names, by_member in ((new(), NINE, ("credit_usage", "query_volume")),
                                  (new(datasets=7), SEVEN, ("credit_usage",))):  # fmt: skip
        for name in NINE:
            v1 = call(api, V1, dataset=name, start_time=TODAY - DAY).status
            v2 = call(api, V2, dataset=name, group_by="user_email", start_time=TODAY - DAY).status
            assert (v1 == 200, v2 == 200) == (name in names, name in by_member)
    api = new(query_volume_axis="Kind", daily_active_users_axis="Seat", source_labels=("Paid", "Promo"), models=("m",))
    labels = {name: got(call(api, V1, dataset=name, start_time=TODAY - DAY))["categories"] for name in NINE}
    assert labels["credit_usage"] == ["Model", "Credit Source"]
    assert (labels["query_volume"], labels["daily_active_users"]) == (["Kind"], ["Seat"])
    assert labels["connectors"] == ["Connector"]
    assert labels["artifacts"] == ["Artifact Type"]
    seen = {entry["category"] for bucket in series(api, "credit_usage", TODAY - 5 * DAY, TODAY)
            for entries in bucket["by_categories"].values() for entry in entries}  # fmt: skip
    assert seen == {"m", "Paid", "Promo"}


def test_settings_for_parameters() -> None:
    query = [("dataset", "skills"), ("start_time", str(TODAY - 40 * DAY)), ("end_time", str(TODAY))]
    assert got(call_pairs(new(), V1, [*query, ("group_by", "x")])) == got(call_pairs(new(), V1, query))
    refused(call_pairs(new(unknown_parameter="reject"), V1, [*query, ("group_by", "x")]), 400, "bad_request")
    repeated = [("dataset", "nonsense"), *query]
    assert got(call_pairs(new(), V1, repeated)) == got(call_pairs(new(), V1, query))
    refused(call_pairs(new(repeated_parameter="reject"), V1, repeated), 400, "bad_request")
    clamp = new(limit_out_of_range="clamp")
    for limit, size in (("1000", 31), ("0", 1), ("-9", 1), ("31", 31)):
        assert len(got(call_pairs(clamp, V1, [*query, ("limit", limit)]))["data"]) == size
    refused(call_pairs(clamp, V1, [*query, ("limit", "many")]), 400, "bad_request")
    strict = new(equal_bounds="reject")
    refused(call(strict, V1, dataset="skills", start_time=TODAY, end_time=TODAY), 400, "invalid_request")
    assert call(strict, V1, dataset="skills", start_time=TODAY, end_time=TODAY + 1).status == 200
    unknown_in_v2: dict[str, Any] = {"dataset": "credit_usage", "group_by": "user_email", "start_time": TODAY - DAY}
    assert call(new(), V2, **unknown_in_v2, bucket_width="1h", user_email="x").status == 200


def test_default_and_largest_pages() -> None:
    for path, width, default, largest in ((V1, "1d", 7, 31), (V1, "1h", 24, 168)):
        query: dict[str, Any] = {"dataset": "skills", "start_time": TODAY - 40 * DAY, "bucket_width": width}
        assert len(got(call(new(), path, **query))["data"]) == default
        assert len(got(call(new(), path, **query, limit=largest))["data"]) == largest
    big = new(2000)
    query = {"dataset": "credit_usage", "group_by": "user_email", "start_time": TODAY - 3 * DAY}
    for size in (50, 100):
        page = got(call(big, V2, **query) if size == 50 else call(big, V2, **query, limit=size))
        assert sum(len(day["results"]) for day in page["data"]) == size
        assert page["has_more"]


def test_a_v2_page_spans_days_and_a_day_spans_pages() -> None:
    walked = pages(new(60), V2, dataset="credit_usage", group_by="user_email", start_time=TODAY - 9 * DAY)
    per_page = [[day["start_time"] for day in page["data"]] for page in walked]
    assert any(len(days) > 1 for days in per_page)
    assert any(one[-1] == other[0] for one, other in itertools.pairwise(per_page))
    rows = member_counts(new(60), "credit_usage", TODAY - 9 * DAY, TODAY)
    assert len({address for _, address in rows}) <= 60
    assert all(sum(day == start for start, _ in rows) < 60 for day, _ in rows)


@pytest.mark.parametrize("pretty", [False, True])
def test_truth_equals_the_bytes_of_the_body(pretty: bool) -> None:
    api = new(pretty=pretty)
    for path, extra in ((V1, {}), (V2, {"group_by": "user_email"})):
        query: dict[str, Any] = {"dataset": "credit_usage", "start_time": TODAY - 2 * DAY, "end_time": TODAY, **extra}
        truth = api.truth(path, [(name, str(value)) for name, value in query.items()], NOW)
        body = call(api, path, **query, limit=31 if path == V1 else 100).body
        joint = b",\n    " if pretty else b","
        assert joint.join(truth) in body
        assert (b"\n" in body) is pretty
        if pretty and path == V2:
            document = json.loads(body)
            categories = json.dumps(document["categories"])
            document["categories"] = "@"
            assert body.decode() == json.dumps(document, indent=2, ensure_ascii=False).replace('"@"', categories)


def test_titles_are_written_with_and_without_escapes() -> None:
    bodies = {
        quirks: b"".join(
            item
            for dataset in ("spaces", "workflows", "skills", "artifacts", "task_durations")
            for item in new(
                300, spelling_quirks=quirks, extra_field_share=0
            ).truth(V1, [("dataset", dataset), ("start_time", str(TODAY - 20 * DAY))], NOW)
        )
        for quirks in (True, False)
    }  # fmt: skip
    assert b"\\u" in bodies[True]
    assert b"\\/" in bodies[True]
    assert b"/" in bodies[True].replace(b"\\/", b"")
    assert not bodies[True].isascii()
    assert b"\\u" not in bodies[False]
    assert json.loads(b"[" + bodies[True].replace(b"}{", b"},{") + b"]") == json.loads(
        b"[" + bodies[False].replace(b"}{", b"},{") + b"]"
    )


def test_titles_may_collide() -> None:
    for collide in (True, False):
        (day,) = series(new(2000, colliding_titles=collide), "spaces", TODAY - 4 * DAY, TODAY - 3 * DAY)
        titles = [entry["category"] for entry in day["by_categories"]["Space"]]
        assert (titles.count("Research") == 2) is collide


def test_a_small_share_of_buckets_has_an_unknown_field() -> None:
    known = {"start_time", "end_time", "count", "by_categories"}
    odd = [set(bucket) - known for bucket in series(new(), "credit_usage", TODAY - 60 * DAY, TODAY, bucket_width="1h")]
    assert 0.005 < sum(map(bool, odd)) / len(odd) < 0.05
    assert not any(set(b) - known for b in series(new(extra_field_share=0), "skills", TODAY - 60 * DAY, TODAY))
    rows = member_counts(new(300, extra_field_share=0.2), "credit_usage", TODAY - 3 * DAY, TODAY)
    odd_rows = [row for row in rows.values() if set(row) - {"user_email", "count", "by_categories"}]
    assert 0 < len(odd_rows) < len(rows)


@pytest.mark.parametrize(
    "knobs",
    [
        {"shape": "new"}, {"datasets": 8}, {"frontier": "x"}, {"late_share": 1.5}, {"shrink_to": -1},
        {"model_unattributed": (0.5, 0.2)}, {"sync_lag": (timedelta(hours=2), timedelta(hours=1))},
    ],
)  # fmt: skip
def test_settings_are_checked(knobs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(knobs))):
        PerplexitySettings(**knobs)


def test_addresses_are_unique_and_their_order_is_not_the_rows_order() -> None:
    api = new(500, removed_at=None)
    assert len(set(api.emails(NOW))) == 500
    assert api.emails(NOW) != sorted(api.emails(NOW))


@pytest.mark.parametrize("dataset", ["credit_usage", "spaces"])
def test_a_series_costs_nearly_the_same_for_any_number_of_members(dataset: str) -> None:
    hours = [("start_time", str(TODAY - 90 * DAY)), ("end_time", str(TODAY)), ("bucket_width", "1h")]

    def series(members: int) -> int:
        return len(new(members).truth(V1, [("dataset", dataset), *hours], NOW))

    assert series(10_000) == 2160
    assert growth(lambda: series(1000), lambda: series(10_000)) < 8


def test_a_day_costs_as_much_as_it_has_members() -> None:
    day = [("start_time", str(TODAY - 4 * DAY)), ("end_time", str(TODAY - 3 * DAY))]

    def rows(members: int) -> int:
        (bucket,) = new(members).truth(V2, [("dataset", "credit_usage"), ("group_by", "user_email"), *day], NOW)
        return len(json.loads(bucket)["results"])

    assert rows(10_000) > 2000
    assert growth(lambda: rows(1000), lambda: rows(10_000)) < 40
