# SPDX-License-Identifier: Apache-2.0
"""The JSON of buckets, rows and pages (contract sections 2.2, 2.3, 3 and 5)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import cache

from ..http import Response
from ..json_text import compact, pretty
from .organization import WORDS, Dataset, Organization, email, random_words
from .settings import PerplexitySettings
from .usage import Usage


def page(
    dataset: Dataset, items: Sequence[str], cursor: str | None, settings: PerplexitySettings, v2: bool
) -> Response:
    """The envelope of one page; only the legacy shape of v1 has no ``categories`` (2.2, 2.3)."""
    blank, newline = (" ", "\n") if settings.pretty else ("", "")
    indent = newline + 4 * blank
    data = f"[{indent}{f',{indent}'.join(items)}{newline}{2 * blank}]" if items else "[]"
    fields = {"data": data, "has_more": "true" if cursor else "false", "next_page": json.dumps(cursor)}
    if v2 or settings.shape == "current":
        fields = {"categories": json.dumps([axis.label for axis in dataset.axes], ensure_ascii=False), **fields}
    lines = [f'{2 * blank}"{name}":{blank}{value}' for name, value in fields.items()]
    body = f"{{{newline}{f',{newline}'.join(lines)}{newline}}}"
    return Response(200, body.encode(), {"content-type": "application/json"})


def bucket(org: Organization, dataset: Dataset, start: int, end: int, usage: Usage) -> str:
    """One v1 bucket: an item of ``data``."""
    fields: dict[str, object] = {"start_time": start, "end_time": end, "count": usage.count}
    categories = _categories_by_axis(dataset, usage)
    if org.settings.shape == "legacy":
        # Revision A had one axis; of the two axes of credits it was the credit source.
        fields["by_category"] = list(categories.values())[-1]
    else:
        fields["by_categories"] = categories
    _add_extra_field(fields, org, dataset.name, start, end)
    return _item(_encode(fields, dataset, org.settings), org.settings)


def member_row(org: Organization, dataset: Dataset, day: int, member: int, usage: Usage) -> str:
    """One v2 row, as compact JSON for :func:`member_day`."""
    fields: dict[str, object] = {"user_email": email(org, member), "count": usage.count}
    fields["by_categories"] = _categories_by_axis(dataset, usage)
    _add_extra_field(fields, org, dataset.name, day, member)
    return _encode(fields, dataset, org.settings)


def member_day(start: int, end: int, rows: Sequence[str], settings: PerplexitySettings) -> str:
    """One v2 bucket with some of its rows: an item of ``data``."""
    return _item(f'{{"start_time":{start},"end_time":{end},"results":[{",".join(rows)}]}}', settings)


def _categories_by_axis(dataset: Dataset, usage: Usage) -> dict[str, list[dict[str, object]]]:
    """Each axis with its categories that were used, the largest first; an unused axis has an empty list (2.2)."""
    found: dict[str, list[dict[str, object]]] = {}
    for axis, counts in zip(dataset.axes, usage.axes, strict=True):
        used = [(count, title) for title, count in zip(axis.titles, counts, strict=True) if count]
        used.sort(key=lambda pair: -pair[0])
        found[axis.label] = [{"category": title, "count": count} for count, title in used]
    return found


def _add_extra_field(fields: dict[str, object], org: Organization, *key: object) -> None:
    share = org.settings.extra_field_share
    if share and random_words(1, org.seed, "extra", *key)[0] < share * WORDS:
        fields["attribution"] = {"version": 2, "is_estimated": False, "note": None}


def _encode(fields: dict[str, object], dataset: Dataset, settings: PerplexitySettings) -> str:
    text = compact(fields)
    if settings.spelling_quirks:
        for literal, escaped in _escaped_titles(dataset):
            text = text.replace(literal, escaped)
    return text


def _item(text: str, settings: PerplexitySettings) -> str:
    return pretty(text, 2) if settings.pretty else text


@cache
def _escaped_titles(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """The titles that are written with JSON escapes that they do not need, as literal and escaped JSON strings."""
    pairs = []
    for title in (title for axis in dataset.axes for title in axis.titles):
        literal, escaped = compact(title), json.dumps(title).replace("/", "\\/")
        if zlib.crc32(title.encode()) % 2 and literal != escaped:
            pairs.append((literal, escaped))
    return tuple(pairs)
