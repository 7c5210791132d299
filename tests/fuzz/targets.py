# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed, and what must hold of it. The oracle is the standard library's JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.window_reader import WindowReader
from airflow_provider_aianalytics.extraction.windows import Period, plan
from airflow_provider_aianalytics.simulator import ClaudeSettings, PerplexitySettings, Simulator
from airflow_provider_aianalytics.storage.typed.breakdown import BreakdownReader
from airflow_provider_aianalytics.storage.typed.rows import RecordReader
from airflow_provider_aianalytics.vendors.base import Dataset, Vendor
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
D = date(2026, 11, 10)
EVERY: tuple[tuple[Vendor, Dataset], ...] = tuple(
    (vendor, dataset) for vendor in (CLAUDE_ENTERPRISE, PERPLEXITY) for dataset in vendor.datasets.values()
)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def oracle(data: bytes) -> Any:
    """JSON with numbers as written, and objects with all of their pairs."""
    return json.loads(data, parse_int=str, parse_float=str, parse_constant=_no_constant, object_pairs_hook=tuple)


def split(data: bytes) -> None:
    """The first byte chooses the dataset, the rest is the body of an answer."""
    if not data:
        return
    vendor, dataset = EVERY[data[0] % len(EVERY)]
    query = build_query(dataset)
    (window,) = plan(dataset, Period.of(D), now=NOW).windows
    paginator = CursorPaginator(query, window)
    body = data[1:]
    try:
        page = parse_page(Response(200, {}, body), paginator, vendor, now=NOW)
        batches = list(WindowReader(query, window).add_page(page))
        paginator.advance(page)
    except AIAnalyticsError:
        return
    expected = dict(json.loads(body))
    items = expected["data"] if expected.get("data") is not None else expected["summaries"]
    assert len(page.items) == len(items)
    rows = [row for item in items for row in (item[dataset.results] if dataset.results else [item])]
    lines = [line for batch in batches for line in b"".join(batch.lines()).splitlines()]
    assert len(lines) == len(rows) == sum(len(batch.records) for batch in batches)
    for line in lines:
        assert oracle(line)[0] == ("_date", str(D))
    landed_rows = sorted(repr(dict(oracle(line))) for line in lines)
    assert len(landed_rows) == len(rows)
    if dataset.results is None and b"\\u" not in body:  # half a surrogate pair is replaced
        sent = sorted(repr({"_date": str(D)} | dict(row)) for row in _items(body))
        assert landed_rows == sent


def _items(body: bytes) -> list[Any]:
    expected = dict(oracle(body))
    found = expected["data"] if expected.get("data") is not None else expected["summaries"]
    assert isinstance(found, list)
    return found


def flatten(data: bytes) -> None:
    """The first byte chooses the dataset, each line of the rest is a record."""
    if not data:
        return
    _, dataset = EVERY[data[0] % len(EVERY)]
    records = []
    for line in data[1:].split(b"\n"):
        try:  # what the page splitter lets pass
            line.decode()
            (raw,) = msgspec.json.decode(b"[" + line + b"]", type=list[msgspec.Raw])
            if not bytes(raw).startswith(b"{"):
                return
        except (ValueError, msgspec.DecodeError, RecursionError):
            return
        records.append(raw)
    day = datetime(2026, 11, 10, tzinfo=UTC)
    batch = Batch(D, b'{"_date":"2026-11-10",', records, day, day + timedelta(days=1))
    reader = BreakdownReader(dataset) if dataset.breakdown else RecordReader(dataset)
    try:
        columns = reader.read([batch])
    except AIAnalyticsError:
        return
    lengths = {len(column) for column in columns}
    assert len(columns) == len(reader.columns)
    assert len(lengths) == 1
    (length,) = lengths
    if dataset.breakdown:
        assert length >= len(records)
        return
    assert length == len(records)
    for record, row in zip(records, zip(*columns, strict=True), strict=True):
        cells = dict(zip((column.name for column in reader.columns), row, strict=True))
        _check_kept(bytes(record), cells)


def _check_kept(record: bytes, cells: dict[str, Any]) -> None:
    """No value of a record is gone: there are as many leaves in the columns and in ``_extra`` as it had."""
    extra = cells["_extra"]
    landed_cells = sum(value is not None for name, value in cells.items() if name not in ("_date", "_extra"))
    try:
        sent = json.loads(record)
    except ValueError as error:
        raise AssertionError(f"no JSON was taken for a record: {record!r}") from error
    extra_cells = _leaves(json.loads(extra)) if extra is not None else 0
    if b"email" in record or b"_date" in record or b"starting_" in record:
        return  # fields with two names
    assert landed_cells + extra_cells >= _leaves(sent) or _has_twice(record), (record, cells)


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    return value is not None


def _has_twice(record: bytes) -> bool:
    twice = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.append(len(dict(found)) < len(found))
        return dict(found)

    json.loads(record, object_pairs_hook=pairs)
    return any(twice)


TARGETS: dict[str, Callable[[bytes], None]] = {"split": split, "flatten": flatten}


def seeds(name: str) -> Iterator[bytes]:
    """What the simulator answers, for each dataset, in both shapes of either vendor."""
    for claude, perplexity in ((ClaudeSettings(), PerplexitySettings()), (ClaudeSettings(era="A"), None)):
        simulator = Simulator(
            seed=3, members=6, now=NOW, claude=claude, perplexity=perplexity or PerplexitySettings(shape="legacy")
        )
        for number, (_, dataset) in enumerate(EVERY):
            (window,) = plan(dataset, Period.of(D), now=NOW).windows
            try:
                items = simulator.truth(dataset.path, build_query(dataset).parameters(window))[:2]
            except ValueError:
                continue  # the older shape does not have it
            if name == "split":
                yield bytes([number]) + b'{"data":[' + b",".join(items) + b'],"has_more":false,"next_page":null}'
                continue
            if dataset.results:
                items = [json.dumps(row).encode() for item in items for row in json.loads(item)[dataset.results]][:2]
            yield bytes([number]) + b"\n".join(items)
