# SPDX-License-Identifier: Apache-2.0
"""A vendor that serves a window wrongly in one way or several, and what must become of it.

The truth is made up here, for each dataset of the catalogue, and served as pages. Mutations change what is served:
buckets, rows, pages, watermarks, cursors, for good or on the first attempt only. Left out are changes that nobody could
notice, since the response is then the true one of another organization: a row that is gone, or moved by a whole bucket,
where rows are not promised for every bucket; a number that is another; a row that comes again two pages later.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.window_reader import WindowReader
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.hooks import get_hook
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, DAY, Dataset, TimestampFormat, Vendor
from airflow_provider_aianalytics.vendors.registry import VENDORS

FIRST = date(2026, 9, 1)
DATASETS = [(vendor, dataset) for vendor in VENDORS.values() for dataset in vendor.datasets.values()]
Item = dict[str, Any]
Lines = dict[date, Counter[str]]


@dataclass
class Served:
    """A window as the vendor serves it.

    :param pages: the items of each page.
    :param watermarks: one a page, ``None`` where the vendor has none.
    :param ends: what a page says of the next: ``(has_more, next_page)``.
    :param bodies: a page's bytes where they are no page.
    """

    pages: list[list[Any]]
    watermarks: list[str | None]
    ends: list[tuple[bool | None, str | None]] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)
    is_changed: bool = False
    """Whether a bucket of a series is gone or has moved: two such changes can make another organization's truth."""


@dataclass(frozen=True)
class Case:
    """One window: what is asked, what is true, and what is served on the first and on later attempts."""

    vendor: Vendor
    dataset: Dataset
    width: str | None
    window: Window
    read_at: datetime
    truth: Lines
    whole: list[date]
    """The days that the vendor's data covers."""
    attempts: tuple[Served, Served]
    mutations: tuple[str, ...]


# --- the truth --------------------------------------------------------------------------------------------------------


def make(seed: int, mutations: int | None = None) -> Case:
    """The case of a seed, with so many of its mutations; all of them by default."""
    draw = random.Random(seed)
    vendor, dataset = draw.choice(DATASETS)
    width = draw.choice([w for w in dataset.bucket_widths if w != "1m"] or [None])
    days = 1 if dataset.window.end is None else draw.randint(1, 3)
    window = Window(_midnight(FIRST), _midnight(FIRST + days * DAY))
    read_at = _midnight(FIRST + days * DAY) + draw.choice([timedelta(hours=1), timedelta(hours=34), 5 * DAY, 60 * DAY])
    covered = days
    watermark = None
    if dataset.availability.kind == "watermark":
        covered = draw.randint(0, days)
        watermark = _rfc3339(_midnight(FIRST + covered * DAY) + draw.choice([timedelta(0), timedelta(hours=5)]))
    items = _items(draw, dataset, width, window)
    size = draw.randint(1, max(1, len(items)))
    pages = [items[at : at + size] for at in range(0, len(items), size)] or [[]]
    served = Served(pages, [watermark] * len(pages))
    truth = _lines(dataset, window, pages)
    changed, later = _copy(served), served
    steps = draw.randint(0, 2) if mutations is None else mutations
    names = []
    for _ in range(steps):
        name, mutate = draw.choice(MUTATIONS)
        mutate(draw, dataset, changed)
        names.append(name)
    if draw.random() < 0.5:
        later = changed
    return Case(
        vendor=vendor,
        dataset=dataset,
        width=width,
        window=window,
        read_at=read_at,
        truth=truth,
        whole=[FIRST + number * DAY for number in range(covered)],
        attempts=(changed, later),
        mutations=tuple(names),
    )


def _items(draw: random.Random, dataset: Dataset, width: str | None, window: Window) -> list[Item]:
    step = BUCKET_WIDTHS[width or "1d"]
    starts = [window.start + step * number for number in range((window.end - window.start) // step)]
    people = [f"person-{number}" for number in range(draw.randint(0, 4))]
    if dataset.bounds is None:
        return [_row(dataset, draw, who) for who in people]
    if dataset.is_series:
        rows = [[_row(dataset, draw, "")] if draw.random() < 0.7 else [] for _ in starts]
        buckets = [_bounds(dataset, start, start + step) for start in starts]
        if dataset.results is None:
            return [{**bucket, **_row(dataset, draw, "")} for bucket in buckets]
        return [{**bucket, dataset.results: found} for bucket, found in zip(buckets, rows, strict=True)]
    if dataset.results is not None:
        found = [(start, [_row(dataset, draw, who) for who in people if draw.random() < 0.6]) for start in starts]
        return [{**_bounds(dataset, start, start + step), dataset.results: rows} for start, rows in found if rows]
    return [
        {**_row(dataset, draw, who), **_bounds(dataset, start, start + step)}
        for start in starts
        for who in people or ["somebody"]
        if draw.random() < 0.6
    ]


def _row(dataset: Dataset, draw: random.Random, who: str) -> Item:
    key = next((name for name in dataset.row_key if name not in (dataset.bounds or ())), "who")
    key, _, inner = key.partition(".")
    row: Item = {}
    if who:
        row[key] = {"type": "x", inner or "user_id": who, "name": who} if inner or key == "group" else who
    number = draw.randint(0, 9)
    measure = dataset.measure or "count"
    for part in reversed(measure.split(".")[1:]):
        number = {part: number}  # type: ignore[assignment]
    return {**row, measure.split(".")[0]: number, "more": draw.choice([None, "x", {"y": 1.0}])}


def _bounds(dataset: Dataset, start: datetime, end: datetime) -> Item:
    assert dataset.bounds is not None
    if dataset.window.time_format is TimestampFormat.EPOCH:
        return dict(zip(dataset.bounds, (int(start.timestamp()), int(end.timestamp())), strict=True))
    return dict(zip(dataset.bounds, map(_rfc3339, (start, end)), strict=True))


def _lines(dataset: Dataset, window: Window, pages: list[list[Item]]) -> Lines:
    """The rows of each day, without the stamp and a bucket's bounds."""
    lines: Lines = {day: Counter() for day in window.days()}
    for item in (item for page in pages for item in page):
        if dataset.bounds is None:
            day = window.start.date()
        else:
            start = item[dataset.bounds[0]]
            day = (datetime.fromtimestamp(start, UTC) if isinstance(start, int) else _moment(start)).date()
        rows = item[dataset.results] if dataset.results else [item]
        lines[day].update(json.dumps(row, sort_keys=True) for row in rows)
    return lines


# --- what can go wrong ------------------------------------------------------------------------------------------------


def _copy(served: Served) -> Served:
    return Served(json.loads(json.dumps(served.pages)), list(served.watermarks))


def _place(draw: random.Random, served: Served) -> tuple[int, int] | None:
    places = [(page, at) for page, items in enumerate(served.pages) for at in range(len(items))]
    return draw.choice(places) if places else None


def _drop_bucket(draw: random.Random, dataset: Dataset, served: Served) -> None:
    if dataset.is_series and not served.is_changed and (place := _place(draw, served)):
        del served.pages[place[0]][place[1]]
        served.is_changed = True


def _double_item(draw: random.Random, dataset: Dataset, served: Served) -> None:
    if (dataset.row_key or dataset.is_series) and (place := _place(draw, served)):
        page, at = place
        onto = draw.choice([page, min(page + 1, len(served.pages) - 1)])
        served.pages[onto].insert(draw.randint(0, len(served.pages[onto])), served.pages[page][at])


def _double_item_with_other_counts(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """An item comes again as it is after a correction, here or on the next page."""
    if dataset.row_key and dataset.results is None and (place := _place(draw, served)):
        page, at = place
        onto = draw.choice([page, min(page + 1, len(served.pages) - 1)])
        again = _corrected(served.pages[page][at], (*_fields(dataset), *(dataset.bounds or ())))
        person = next((name for name in dataset.row_key if "." in name), "").partition(".")[0]
        if draw.random() < 0.3:
            again = dict(reversed(again.items()))
        if draw.random() < 0.3 and person in again:
            again[person] = {**again[person], "name": "renamed"}
        served.pages[onto].insert(draw.randint(0, len(served.pages[onto])), again)


def _fields(dataset: Dataset) -> tuple[str, ...]:
    return tuple(name.partition(".")[0] for name in dataset.row_key)


def _corrected(value: Any, unchanged: tuple[str, ...] = ()) -> Any:
    if isinstance(value, dict):
        return {name: each if name in unchanged else _corrected(each) for name, each in value.items()}
    return value + 1 if type(value) is int else value


def _double_row(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """A row comes twice in its bucket, as it was or as it is after a correction."""
    if dataset.results and (place := _place(draw, served)):
        rows = served.pages[place[0]][place[1]][dataset.results]
        if rows:
            rows.append(draw.choice([dict(rows[0]), _corrected(rows[0], _fields(dataset))]))


def _shift(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """An item's bounds are moved: off the grid, or in a series by whole buckets."""
    if dataset.bounds is None or not (place := _place(draw, served)):
        return
    steps = [timedelta(minutes=30), timedelta(minutes=-30), timedelta(seconds=1)]
    if dataset.is_series and not served.is_changed:
        served.is_changed = True
        steps += [DAY, -DAY, timedelta(hours=1), 7 * DAY]
    _move(dataset, served, place, by=draw.choice(steps), both=True)


def _stretch(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """A bucket is longer or shorter than the width: two merged, one split, another width."""
    if dataset.bounds is not None and (place := _place(draw, served)):
        by = draw.choice([DAY, 4 * DAY, timedelta(hours=1), timedelta(minutes=-1), timedelta(hours=-23)])
        _move(dataset, served, place, by=by, both=False)


def _move(dataset: Dataset, served: Served, place: tuple[int, int], *, by: timedelta, both: bool) -> None:
    assert dataset.bounds is not None
    item = served.pages[place[0]][place[1]]
    for name in dataset.bounds if both else dataset.bounds[1:]:
        value = item.get(name)
        if isinstance(value, int):
            item[name] = value + int(by.total_seconds())
        elif value is not None:
            item[name] = _rfc3339(_moment(value) + by)


def _respell(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """The bounds of a bucket are the same moments in another spelling."""
    if dataset.bounds is None or dataset.results is None or not (place := _place(draw, served)):
        return
    item = served.pages[place[0]][place[1]]
    for name in dataset.bounds:
        if isinstance(item[name], str):
            item[name] = draw.choice(
                [
                    item[name].replace("Z", "+00:00"),
                    item[name].replace("Z", ".000000Z"),
                    _moment(item[name]).astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
                ]
            )


def _reorder(draw: random.Random, dataset: Dataset, served: Served) -> None:
    for page in served.pages:
        draw.shuffle(page)


def _double_page(draw: random.Random, dataset: Dataset, served: Served) -> None:
    if (dataset.row_key and dataset.results is None) or dataset.is_series:
        at = draw.randrange(len(served.pages))
        served.pages.insert(at, json.loads(json.dumps(served.pages[at])))
        served.watermarks.insert(at, served.watermarks[at])


def _drop_page(draw: random.Random, dataset: Dataset, served: Served) -> None:
    if dataset.is_series and not served.is_changed and len(served.pages) > 1:
        served.is_changed = True
        at = draw.randrange(len(served.pages))
        del served.pages[at], served.watermarks[at]


def _empty_page(draw: random.Random, dataset: Dataset, served: Served) -> None:
    at = draw.randint(0, len(served.pages) - 1)
    served.pages.insert(at, [])
    served.watermarks.insert(at, served.watermarks[at])


def _refresh(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """The data is refreshed between two pages."""
    if dataset.availability.kind == "watermark" and len(served.pages) > 1:
        at = draw.randrange(1, len(served.pages))
        later = draw.choice([None, _rfc3339(_midnight(FIRST + 30 * DAY))])
        served.watermarks[at:] = [later] * (len(served.pages) - at)


def _end(draw: random.Random, dataset: Dataset, served: Served) -> None:
    """A chain without a proper end, or a cursor behind it."""
    served.ends = [draw.choice([(True, None), (False, "behind"), (True, "c1"), (None, "c0")])]


def _garbage(draw: random.Random, dataset: Dataset, served: Served) -> None:
    body = draw.choice(
        [b"", b"[]", b"{}", b'{"data":null}', b'{"data":[1]}', b'{"data":[{}', b"<html>", b'{"data":{}}']
    )
    served.bodies[draw.randrange(len(served.pages))] = body


Mutation = Callable[[random.Random, Dataset, Served], None]
MUTATIONS: list[tuple[str, Mutation]] = [
    (mutate.__name__.strip("_"), mutate)
    for mutate in (
        _drop_bucket,
        _double_item,
        _double_item_with_other_counts,
        _double_row,
        _shift,
        _stretch,
        _respell,
        _reorder,
        _double_page,
        _drop_page,
        _empty_page,
        _refresh,
        _end,
        _garbage,
    )
]


# --- what becomes of it -----------------------------------------------------------------------------------------------


def outcome(case: Case) -> tuple[Lines | None, str]:
    """The days that count as complete with their rows, or ``None`` and the error that was raised instead."""
    hook = get_hook(case.vendor, "none", clock=None)
    attempt = -1

    def fetch_page(paginator: CursorPaginator, parameters: tuple[tuple[str, str], ...], backoff: Backoff) -> Page:
        nonlocal attempt
        cursor = dict(parameters).get(case.dataset.wire.cursor_parameter)
        attempt += cursor is None
        paginator.requests += 1
        body = _body(case, case.attempts[min(attempt, 1)], 0 if cursor is None else int(cursor[1:]))
        return parse_page(Response(200, {}, body), paginator, case.vendor, now=case.read_at)

    hook.fetch_page = fetch_page  # type: ignore[method-assign]
    try:
        return _read(case, hook), ""
    except AIAnalyticsError as error:
        return None, str(error)


def _read(case: Case, hook: AnalyticsHook) -> Lines:
    query = build_query(case.dataset, bucket_width=case.width)
    reader = WindowReader(query, case.window)
    found: Lines = {}
    for page in hook.iter_pages(query, case.window):
        if page.number == 1:
            found = {day: Counter() for day in case.window.days()}
        for batch in reader.add_page(page):
            found[batch.day].update(json.dumps(json.loads(bytes(row)), sort_keys=True) for row in batch.records)
    return {day: found[day] for day in case.window.days() if reader.covers(day) and not reader.capped[day]}


def _body(case: Case, served: Served, number: int) -> bytes:
    if number in served.bodies:
        return served.bodies[number]
    is_last = number >= len(served.pages) - 1
    more, cursor = not is_last, None if is_last else f"c{number + 1}"
    if is_last and served.ends:
        more, cursor = served.ends[0]  # type: ignore[assignment]
        cursor = "c99" if cursor == "behind" else cursor
    body: Item = {"data": served.pages[min(number, len(served.pages) - 1)], "next_page": cursor}
    if case.dataset.has_more and more is not None:
        body["has_more"] = more
    if case.dataset.availability.kind == "watermark":
        body["data_refreshed_at"] = served.watermarks[min(number, len(served.watermarks) - 1)]
    return json.dumps(body).encode()


def wrong(case: Case, found: Lines | None = None) -> str:
    """Why the outcome is wrong; empty if it is the truth, or incomplete, or a typed error.

    :param found: the outcome, where it is known.
    """
    if found is None:
        found, _ = outcome(case)
    for day, lines in (found or {}).items():
        if day not in case.whole:
            return f"{day} is complete, though the vendor's data does not cover it"
        if lines != case.truth[day]:
            expected = sorted(case.truth[day].elements())
            return f"{day} is complete with {sorted(lines.elements())}, but the truth is {expected}"
    return ""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=UTC)


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
