# SPDX-License-Identifier: Apache-2.0
"""How Perplexity's numbers are spelled as JSON, byte for byte (contract sections 2.2, 2.3, 3 and 5)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import cache

from ..http import Response
from .data import Dataset, Organization, Usage, draws, email
from .settings import PerplexitySettings

_WORDS = 2**32
_JSON_HEADERS = {"content-type": "application/json"}


def page(
    dataset: Dataset, items: Sequence[str], cursor: str | None, settings: PerplexitySettings, v2: bool
) -> Response:
    """The envelope of one page; ``categories`` is missing only in the legacy shape of v1 (2.2, 2.3)."""
    gap, newline = (" ", "\n") if settings.pretty else ("", "")
    fields = []
    if v2 or settings.shape == "current":
        labels = json.dumps([axis.label for axis in dataset.axes], ensure_ascii=False)
        fields.append(f'"categories":{gap}{labels}')
    fields.append(f'"data":{gap}{_array(items, 2, settings)}')
    fields.append(f'"has_more":{gap}{"true" if cursor else "false"}')
    fields.append(f'"next_page":{gap}{json.dumps(cursor)}')
    body = "{" + newline + f",{newline}".join((gap * 2) + field for field in fields) + newline + "}"
    return Response(200, body.encode(), dict(_JSON_HEADERS))


def bucket(org: Organization, dataset: Dataset, start: int, end: int, usage: Usage) -> str:
    """One v1 bucket as it stands in ``data``."""
    fields: dict[str, object] = {"start_time": start, "end_time": end, "count": usage.count}
    lists = _lists(dataset, usage)
    if org.settings.shape == "legacy":
        # Of the two axes of credits, revision A showed the credit source alone.
        fields["by_category"] = list(lists.values())[-1]
    else:
        fields["by_categories"] = lists
    _add_extra_field(fields, org, dataset.name, start, end)
    return _spell(fields, 4, dataset, org.settings)


def member_row(org: Organization, dataset: Dataset, day: int, member: int, usage: Usage) -> str:
    """One v2 row as it stands in ``results``."""
    fields: dict[str, object] = {"user_email": email(org, member), "count": usage.count}
    fields["by_categories"] = _lists(dataset, usage)
    _add_extra_field(fields, org, dataset.name, day, member)
    return _spell(fields, 8, dataset, org.settings)


def member_day(start: int, end: int, rows: Sequence[str], settings: PerplexitySettings) -> str:
    """One v2 bucket with some rows, as it stands in ``data``."""
    if not settings.pretty:
        return f'{{"start_time":{start},"end_time":{end},"results":{_array(rows, 6, settings)}}}'
    inner = " " * 6
    results = _array(rows, 6, settings)
    return f'{{\n{inner}"start_time": {start},\n{inner}"end_time": {end},\n{inner}"results": {results}\n    }}'


def _lists(dataset: Dataset, usage: Usage) -> dict[str, list[dict[str, object]]]:
    """Every axis with its used categories, the largest first; an unused axis has an empty list (2.2)."""
    lists: dict[str, list[dict[str, object]]] = {}
    for axis, counts in zip(dataset.axes, usage.axes, strict=True):
        used = [(count, title) for title, count in zip(axis.titles, counts, strict=True) if count]
        used.sort(key=lambda pair: -pair[0])
        lists[axis.label] = [{"category": title, "count": count} for count, title in used]
    return lists


def _add_extra_field(fields: dict[str, object], org: Organization, *key: object) -> None:
    share = org.settings.extra_field_share
    if share and draws(1, org.seed, "extra", *key)[0] < share * _WORDS:
        fields["attribution"] = {"version": 2, "is_estimated": False, "note": None}


def _spell(fields: dict[str, object], depth: int, dataset: Dataset, settings: PerplexitySettings) -> str:
    if settings.pretty:
        text = json.dumps(fields, ensure_ascii=False, indent=2).replace("\n", "\n" + " " * depth)
    else:
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    if settings.spelling_quirks:
        for plain, odd in _quirks(dataset):
            text = text.replace(plain, odd)
    return text


@cache
def _quirks(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """The titles that are spelled with escapes although they need none; which, depends on the title alone."""
    found = []
    for title in (title for axis in dataset.axes for title in axis.titles):
        plain = json.dumps(title, ensure_ascii=False)
        if zlib.crc32(title.encode()) % 2:
            odd = json.dumps(title).replace("/", "\\/")
            if odd != plain:
                found.append((plain, odd))
    return tuple(found)


def _array(items: Sequence[str], depth: int, settings: PerplexitySettings) -> str:
    if not settings.pretty or not items:
        return "[" + ",".join(items) + "]"
    inner = "\n" + " " * (depth + 2)
    return "[" + inner + f",{inner}".join(items) + "\n" + " " * depth + "]"
