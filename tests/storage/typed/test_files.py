# SPDX-License-Identifier: Apache-2.0
"""Parquet and CSV hold what NDJSON holds, to the last digit, for every dataset and every reader."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import logging
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import msgspec
import polars
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest
import zstandard

from airflow_provider_aianalytics.exceptions import InvalidArgumentError, MalformedResponseError
from airflow_provider_aianalytics.extraction.paginator import Page
from airflow_provider_aianalytics.extraction.query import Query, build_query
from airflow_provider_aianalytics.extraction.records import Batch, split_by_day
from airflow_provider_aianalytics.extraction.windows import Period, plan
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.simulator.claude_enterprise.settings import ClaudeSettings
from airflow_provider_aianalytics.simulator.perplexity.settings import PerplexitySettings
from airflow_provider_aianalytics.storage.encoders import formats, parquet
from airflow_provider_aianalytics.storage.encoders.base import Content, DayFile
from airflow_provider_aianalytics.storage.encoders.day_files import open_day_file
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 4)  # a Wednesday: every dataset has some use

CLAUDE, OTHER = CLAUDE_ENTERPRISE.datasets, PERPLEXITY.datasets
CUTS: dict[str, Query] = {
    **{f"{dataset.vendor}.{dataset.name}": build_query(dataset) for dataset in (*CLAUDE.values(), *OTHER.values())},
    "cost_by_all": build_query(
        CLAUDE["cost_report"], bucket_width="1h", group_by=("model", "product", "cost_type", "token_type")
    ),
    "user_cost_by_model": build_query(CLAUDE["user_cost_report"], group_by=("model", "cost_type")),
    "users_by_group": build_query(CLAUDE["users"], group_by=("rbac_group_id",)),
    "cost_by_actor": build_query(CLAUDE["cost"], group_by=("actor", "organization_id")),
    "credits_by_hour": build_query(OTHER["credit_usage"], bucket_width="1h"),
}
every_cut = pytest.mark.parametrize("cut", CUTS)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(seed=5, members=40, now=NOW)  # it serves no request, only the truth


def day_of(simulator: Simulator, query: Query, day: date = DAY, version: str = "2026-10-21") -> list[Batch]:
    """The records of one day, as a read of it gives them."""
    (window,) = plan(query.dataset, Period.of(day), now=NOW).windows
    items = simulator.truth(query.dataset.path, query.parameters(window), version=version)
    page = Page(window, 1, b"", [msgspec.Raw(item) for item in items], None, None, read_at=window.end)
    return list(split_by_day(page, query))


def batch(*records: str | bytes, prefix: str = "") -> Batch:
    raws = [msgspec.Raw(record.encode() if isinstance(record, str) else record) for record in records]
    return Batch(DAY, b'{"_date":"2026-11-04",' + prefix.encode(), raws)


def write(
    path: Path, name: str, dataset: Dataset, content: list[Batch], compression: str = "none"
) -> tuple[Path, Content]:
    with open_day_file(path, FileFormat(name, compression), dataset) as file:
        for part in content:
            file.write(part)
        return path, file.finish()


def lines_of(content: list[Batch]) -> list[dict[str, Any]]:
    """The records as NDJSON has them, numbers exact."""
    return [json.loads(line, parse_float=Decimal) for part in content for line in b"".join(part.lines()).splitlines()]


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    return pyarrow.parquet.ParquetFile(path).read().to_pylist()


def csv_rows(path: Path, columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """The rows of a CSV file, each cell as its column has it."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, strict=True)
    assert header == [column.name for column in columns]
    return [
        {column.name: from_csv(text, column.type) for column, text in zip(columns, row, strict=True)} for row in rows
    ]


def from_csv(text: str, kind: ColumnType) -> Any:
    if text == "":
        return None
    match kind:
        case ColumnType.INTEGER:
            return int(text)
        case ColumnType.CENTS:
            assert not set(text) - set("-.0123456789")
            return Decimal(text)
        case ColumnType.NUMBER:
            assert not set(text) - set("-.0123456789")
            return float(text)
        case ColumnType.BOOLEAN:
            return {"true": True, "false": False}[text]
        case ColumnType.DATE:
            return date.fromisoformat(text)
        case ColumnType.TIMESTAMP:
            assert text.endswith("Z")
            return datetime.fromisoformat(text)
        case _:
            return text


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of a record by its path; nulls and empty objects say nothing."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif value is not None:
        yield path, value


def as_typed(value: Any, kind: ColumnType) -> Any:
    match kind:
        case ColumnType.CENTS:
            return Decimal(value)
        case ColumnType.NUMBER:
            return float(value)
        case ColumnType.DATE:
            return date.fromisoformat(value)
        case ColumnType.TIMESTAMP if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC)
        case ColumnType.TIMESTAMP:
            return datetime.fromisoformat(value)
        case _:
            return value


def record_again(row: dict[str, Any], columns: tuple[Column, ...]) -> dict[tuple[str, ...], Any]:
    """The leaves of the record that a row was made of, from its columns and ``_extra``."""
    extra = json.loads(row["_extra"] or "{}", parse_float=Decimal)
    found = dict(leaves(extra))
    for column in columns[:-1]:
        if row[column.name] is not None:
            path = tuple(column.path.split("."))
            assert path not in found
            found[path] = row[column.name]
    return found


def test_every_dataset_of_the_catalogue_is_here() -> None:
    assert len({(cut.dataset.vendor, cut.dataset.name) for cut in CUTS.values()}) == 24


@every_cut
def test_the_three_formats_agree_and_nothing_is_lost(tmp_path: Path, simulator: Simulator, cut: str) -> None:
    dataset = CUTS[cut].dataset
    content = day_of(simulator, CUTS[cut])
    records = lines_of(content)
    assert records
    columns = typed_columns(dataset)
    _, in_ndjson = write(tmp_path / "n", "ndjson", dataset, content)
    parquet, in_parquet = write(tmp_path / "p", "parquet", dataset, content)
    text, in_csv = write(tmp_path / "c", "csv", dataset, content)
    rows = parquet_rows(parquet)
    assert csv_rows(text, columns) == rows
    assert in_ndjson.rows == len(records)
    assert in_parquet.rows == in_csv.rows == len(rows)
    assert in_ndjson.total == in_parquet.total == in_csv.total
    totals = [row for row in rows if row.get("row_type", "total") == "total"]
    assert len(totals) == len(records)
    known = {tuple(column.path.split(".")): column for column in columns[:-1]}
    for column in columns:
        if column.type in (ColumnType.CENTS, ColumnType.INTEGER):
            sent = sum(Decimal(dict(leaves(record)).get(tuple(column.path.split(".")), 0)) for record in records)
            assert sum(row[column.name] or 0 for row in totals) == sent
    if not dataset.breakdown:
        for row, record in zip(rows, records, strict=True):
            assert record_again(row, columns) == {
                path: as_typed(value, known[path].type) if path in known else value for path, value in leaves(record)
            }


@pytest.mark.parametrize("shape", ["current", "legacy"])
@pytest.mark.parametrize("name", OTHER)
def test_breakdowns_are_rows_that_add_up_to_their_bucket(
    tmp_path: Path, name: str, shape: Literal["current", "legacy"]
) -> None:
    simulator = Simulator(
        seed=5, members=40, now=NOW, perplexity=PerplexitySettings(shape=shape, extra_field_share=0.3)
    )
    content = day_of(simulator, build_query(OTHER[name]))
    records = lines_of(content)
    path, _ = write(tmp_path / "p", "parquet", OTHER[name], content)
    rows = parquet_rows(path)
    starts = [number for number, row in enumerate(rows) if row["row_type"] == "total"]
    for record, start, end in zip(records, starts, [*starts[1:], len(rows)], strict=True):
        total, parts = rows[start], rows[start + 1 : end]
        assert (total["axis"], total["category"], total["count"]) == (None, None, record["count"])
        axes = record.get("by_categories") or {}
        if "by_category" in record:
            axes = {**axes, "by_category": record["by_category"]}
        assert axes
        expected = []
        for axis, entries in axes.items():
            expected += [("category", axis, entry["category"], entry["count"]) for entry in entries]
            rest = record["count"] - sum(entry["count"] for entry in entries)
            expected.append(("unattributed", axis, None, rest))
        assert [(row["row_type"], row["axis"], row["category"], row["count"]) for row in parts] == expected
        known = {"_date", "start_time", "end_time", "user_email", "count", "by_categories", "by_category"}
        assert json.loads(total["_extra"] or "{}") == {k: v for k, v in record.items() if k not in known}
        for row in parts:
            assert all(row[key] == total[key] for key in ("_date", "start_time", "end_time"))
            assert row.get("user_email") == total.get("user_email")


def test_odd_breakdowns_lose_no_count(tmp_path: Path) -> None:
    content = [
        batch(
            '{"start_time":1,"end_time":2,"count":10,"by_categories":{"A":[{"category":"x","count":3},'
            '{"category":"x","count":4},{"category":"","count":1}],"B":[]}}',
            '{"start_time":1,"end_time":2,"count":0}',
            '{"start_time":1,"end_time":2,"count":5,"by_categories":{}}',
            '{"start_time":1,"end_time":2,"count":5,"by_categories":{"A":[{"category":"y","count":9,"share":1.50},'
            '{"category":null,"count":2},7],"C":"none"},"by_category":[{"category":"z","count":5}],"new":[1, 2]}',
            '{"start_time":1,"end_time":2,"count":1.0,"by_categories":{"A":[{"category":"x","count":3}]}}',
        )
    ]
    path, _ = write(tmp_path / "p", "parquet", OTHER["spaces"], content)
    names = ("row_type", "axis", "category", "count", "_extra")
    assert [tuple(row[name] for name in names) for row in parquet_rows(path)] == [
        ("total", None, None, 10, None),
        ("category", "A", "x", 3, None),
        ("category", "A", "x", 4, None),
        ("category", "A", "", 1, None),
        ("unattributed", "A", None, 2, None),
        ("unattributed", "B", None, 10, None),
        ("total", None, None, 0, None),
        ("total", None, None, 5, None),
        ("total", None, None, 5,
         '{"new":[1, 2],"by_categories":{"A":[7],"C":"none"}}'),
        ("category", "A", "y", 9, '{"share":1.50}'),
        ("category", "A", None, 2, None),
        ("unattributed", "A", None, None, None),
        ("category", "by_category", "z", 5, None),
        ("unattributed", "by_category", None, 0, None),
        ("total", None, None, 1, None),
        ("category", "A", "x", 3, None),
        ("unattributed", "A", None, -2, None),
    ]  # fmt: skip


@pytest.mark.parametrize("era", ["A", "B", "C"])
@pytest.mark.parametrize("name", ["users", "summaries", "chat_projects", "user_cost_report", "user_usage_report"])
def test_all_dated_shapes_fill_the_same_columns(tmp_path: Path, name: str, era: Literal["A", "B", "C"]) -> None:
    query, found = build_query(CLAUDE[name]), []
    for shape in (era, "C"):
        simulator = Simulator(seed=5, members=40, now=NOW, claude=ClaudeSettings(era=shape, unknown_fields=0.0))
        content = day_of(simulator, query)
        path, _ = write(tmp_path / f"{shape}{len(found)}", "parquet", CLAUDE[name], content)
        found.append(parquet_rows(path))
    for older, present in zip(*found, strict=True):
        assert older["_extra"] is None
        for column in ("user_email_address", "actor_email_address", "created_by_email_address", "starting_at"):
            if (name, era, column) != ("chat_projects", "A", "created_by_email_address"):  # not there yet
                assert older.get(column) == present.get(column)


def test_a_deprecated_copy_of_a_field_is_not_kept_twice_and_another_value_is_kept(tmp_path: Path) -> None:
    content = [
        batch(
            '{"user":{"id":"u","email_address":"a@x","email":"a@x"}}',
            '{"user":{"id":"u","email_address":"a@x","email":"b@x"}}',
            '{"user":{"id":"u","email_address":null,"email":"b@x"}}',
            '{"user":{"id":"u","email":null}}',
            '{"user":null,"chat_metrics":null}',
        )
    ]
    path, _ = write(tmp_path / "p", "parquet", CLAUDE["users"], content)
    assert [(row["user_email_address"], row["_extra"]) for row in parquet_rows(path)] == [
        ("a@x", None),
        ("a@x", '{"user":{"email":"b@x"}}'),
        ("b@x", None),
        (None, None),
        (None, None),
    ]


def test_what_has_no_column_is_kept_as_spelled_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = (
        '{"user":{"id":7,"nick":"\\u00e9"},"chat_metrics":{"message_count":1.5,"novel":{"a":[1.50,null]}},'
        '"web_search_count":9223372036854775808,"last_activity_date":"2026-02-30","claude_tag_metrics":[],"x":null}'
    )
    extra = (
        '{"user":{"id":7,"nick":"\\u00e9"},"chat_metrics":{"message_count":1.5,"novel":{"a":[1.50,null]}},'
        '"web_search_count":9223372036854775808,"last_activity_date":"2026-02-30","claude_tag_metrics":[],"x":null}'
    )
    with caplog.at_level(logging.WARNING, logger="airflow_provider_aianalytics"):
        path, _ = write(tmp_path / "p", "parquet", CLAUDE["users"], [batch(*[record] * 3)] * 200)
    rows = parquet_rows(path)
    assert len(rows) == 600
    for row in rows:
        assert row["_extra"] == extra
        assert {name for name, value in row.items() if value is not None} == {"_date", "_extra"}
    (line,) = [entry.getMessage() for entry in caplog.records if "_extra" in entry.getMessage()]
    for name in ("user.nick", "chat_metrics.novel", "web_search_count", "claude_tag_metrics", "x"):
        assert name in line


def test_a_buckets_own_fields_reach_its_rows(tmp_path: Path) -> None:
    prefix = '"starting_at":"2026-11-01T01:00:00Z","ending_at":"2026-11-01T02:00:00+00:00","note":{"n":1.0},'
    content = [batch('{"amount":"1"}', '{"amount":"2","new":3}', prefix=prefix)]
    path, _ = write(tmp_path / "p", "parquet", CLAUDE["cost_report"], content)
    rows = parquet_rows(path)
    assert {row["starting_at"] for row in rows} == {datetime(2026, 11, 1, 1, tzinfo=UTC)}
    assert {row["ending_at"] for row in rows} == {datetime(2026, 11, 1, 2, tzinfo=UTC)}
    assert [row["_extra"] for row in rows] == ['{"note":{"n":1.0}}', '{"note":{"n":1.0},"new":3}']


AMOUNTS = {
    '"41280.000000"': "41280.000000",
    '"0.000000000001"': "0.000000000001",
    '"-0.5"': "-0.5",
    "1.5e2": "150",
    '"1E-7"': "0.0000001",
    "-25E-13": None,
    '"2500E-14"': "0.000000000025",
    '"1.0000000000000000"': "1",
    '"0007.10"': "7.1",
    '"0e999999"': "0",
    "90071992547409931.25": "90071992547409931.25",
    '"99999999999999999999999999.999999999999"': "99999999999999999999999999.999999999999",
    '"-99999999999999999999999999.999999999999"': "-99999999999999999999999999.999999999999",
    '"100000000000000000000000000"': None,
    "1e26": None,
    "1e999999999": None,
    "1e-999999999": None,
    '"1e99999999999999999999"': None,
    '"0.0000000000001"': None,
}
NO_AMOUNTS = ('"NaN"', '"Infinity"', '"1_000"', '" 1 "', '"\u0661"', '""', '"n/a"', "true", "[1]", '{"usd":1}')


@pytest.mark.parametrize("name", ["parquet", "csv"])
@pytest.mark.parametrize("text", AMOUNTS)
def test_an_amount_is_exact_or_an_error(tmp_path: Path, name: str, text: str) -> None:
    dataset = CLAUDE["skills"]  # has amounts and no measure
    content = [batch(f'{{"skill_name":"s","attributed_list_price":{text}}}')]
    fits = AMOUNTS[text]
    if fits is None:
        with pytest.raises(MalformedResponseError, match="digits before the point or 12 behind"):
            write(tmp_path / "f", name, dataset, content)
        return
    path, _ = write(tmp_path / "f", name, dataset, content)
    if name == "parquet":
        (row,) = parquet_rows(path)
        assert row["attributed_list_price_cents"] == Decimal(fits)
    else:
        assert path.read_text().splitlines()[1].split(",").count(fits) == 1


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_is_kept_aside(tmp_path: Path, text: str) -> None:
    content = [batch(f'{{"attributed_list_price":{text}}}')]
    path, _ = write(tmp_path / "p", "parquet", CLAUDE["skills"], content)
    (row,) = parquet_rows(path)
    assert row["attributed_list_price_cents"] is None
    assert row["_extra"] == f'{{"attributed_list_price":{text}}}'


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ('"2026-11-01T02:00:00+02:00"', datetime(2026, 11, 1, tzinfo=UTC)),
        ('"2026-11-01T00:00:00.123456Z"', datetime(2026, 11, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ('"2026-11-01T00:00:00.123456000Z"', datetime(2026, 11, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ('"2026-11-01"', datetime(2026, 11, 1, tzinfo=UTC)),
        ("1793491200", datetime(2026, 11, 1, tzinfo=UTC)),
        ('"2026-11-01T00:00:00.1234567Z"', None),
        ('"2026-11-01T00:00:00"', None),
        ('"2026-02-30T00:00:00Z"', None),
        ('"9999-12-31T23:59:59-01:00"', None),
        ("99999999999999", None),
        ("1.5", None),
    ],
)
def test_moments(tmp_path: Path, text: str, moment: datetime | None) -> None:
    content = [batch('{"project_id":"a","created_at":null}', f'{{"project_id":"b","created_at":{text}}}')]
    path, _ = write(tmp_path / "p", "parquet", CLAUDE["chat_projects"], content)
    first, row = parquet_rows(path)
    assert first["project_id"] == "a"
    assert row["project_id"] == "b"
    assert row["created_at"] == moment
    assert row["_extra"] == (None if moment else f'{{"created_at":{text}}}')


def test_csv_is_rfc_4180_with_null_and_empty_apart(tmp_path: Path) -> None:
    titles = ["a,b", 'say "hi"', "two\nlines", "cr\rlf\r\n", "", " padded ", "é\u2028", "=1+1"]
    content = [batch(*(json.dumps({"project_name": title}) for title in titles), '{"project_name":null}')]
    path, content_said = write(tmp_path / "c", "csv", CLAUDE["chat_projects"], content)
    data = path.read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["project_name"] for row in rows] == [*titles, ""]
    assert content_said.rows == len(rows) == len(titles) + 1
    columns = data.splitlines()[0].count(b",")
    assert b'\r\n2026-11-04,,""' + b"," * (columns - 2) + b"\r\n" in data
    assert data.endswith(b"\r\n2026-11-04" + b"," * columns + b"\r\n")


@pytest.mark.parametrize("name", ["parquet", "csv"])
@every_cut
def test_an_empty_day_has_its_columns(tmp_path: Path, name: str, cut: str) -> None:
    dataset = CUTS[cut].dataset
    path, content = write(tmp_path / "f", name, dataset, [batch()])
    names = [column.name for column in typed_columns(dataset)]
    assert content.rows == 0
    if name == "csv":
        assert path.read_bytes() == ",".join(names).encode() + b"\r\n"
    else:
        assert pyarrow.parquet.read_schema(path).names == names
        assert parquet_rows(path) == []


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_content_tells_of_the_bytes(tmp_path: Path, simulator: Simulator, compression: str) -> None:
    dataset = CLAUDE["users"]
    content = day_of(simulator, build_query(dataset))
    path, of_csv = write(tmp_path / "c", "csv", dataset, content, compression)
    data = path.read_bytes()
    if compression == "gzip":
        data = gzip.decompress(data)
    elif compression == "zstd":
        data = zstandard.ZstdDecompressor().stream_reader(data).read()
    assert (of_csv.bytes, of_csv.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    path, of_parquet = write(tmp_path / "p", "parquet", dataset, content, compression)
    data = path.read_bytes()
    assert (of_parquet.bytes, of_parquet.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    codec = pyarrow.parquet.ParquetFile(path).metadata.row_group(0).column(0).compression
    assert codec == {"gzip": "GZIP", "zstd": "ZSTD", "none": "UNCOMPRESSED"}[compression]
    assert FileFormat("parquet", compression).suffix == ".parquet"
    assert FileFormat("csv", compression).suffix == {"gzip": ".csv.gz", "zstd": ".csv.zst", "none": ".csv"}[compression]


@pytest.mark.parametrize("limit", ["GROUP_RECORDS", "GROUP_BYTES"])
@pytest.mark.parametrize("name", ["users", "user_cost_report"])
def test_equal_content_gives_equal_bytes_however_it_came(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, name: str, limit: str
) -> None:
    monkeypatch.setattr(parquet, limit, {"GROUP_RECORDS": 700, "GROUP_BYTES": 300_000}[limit])
    dataset = CLAUDE[name]
    records = [record for part in day_of(simulator, build_query(dataset)) for record in part.records] * 65
    assert len(records) > 1500
    found = set()
    for size in (1, 7, 300, len(records)):
        content = [batch(*map(bytes, records[at : at + size])) for at in range(0, len(records), size)]
        path, written = write(tmp_path / f"p{size}", "parquet", dataset, content, "gzip")
        assert written.rows == len(records)
        found.add((path.read_bytes(), written.sha256))
        assert sorted(tmp_path.iterdir()) == sorted({*tmp_path.glob("p*")} - {*tmp_path.glob("*.group")})
    assert len(found) == 1
    file = pyarrow.parquet.ParquetFile(path)
    assert file.num_row_groups > 2
    assert file.read().num_rows == len(records)


@pytest.mark.parametrize("name", ["users", "user_cost_report"])
def test_memory_does_not_grow_with_the_day(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(parquet, "GROUP_RECORDS", 1000)
    dataset = CLAUDE[name]
    records = [bytes(record) for part in day_of(simulator, build_query(dataset)) for record in part.records]
    part = batch(*(records * 10)[:250])

    def peak(pages: int) -> int:
        most = 0
        tracemalloc.start()
        before = pyarrow.total_allocated_bytes()
        with open_day_file(tmp_path / f"{pages}", FileFormat("parquet", "zstd"), dataset) as file:
            for _ in range(pages):
                file.write(part)
                most = max(most, pyarrow.total_allocated_bytes() - before)
            file.finish()
        python = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most + python

    peak(1)
    few, many = peak(10), peak(100)
    assert many < few * 1.3 + 500_000


@pytest.mark.parametrize("name", ["parquet", "csv"])
def test_a_file_given_up_leaves_nothing(tmp_path: Path, simulator: Simulator, name: str) -> None:
    for dataset in (CLAUDE["users"], CLAUDE["cost_report"]):
        file: DayFile = open_day_file(tmp_path / "f", FileFormat(name, "gzip"), dataset)
        file.write(batch(*['{"product":"chat"}'] * 300))
        file.discard()
        assert list(tmp_path.iterdir()) == []


def lake(folder: Path, simulator: Simulator, name: str, compression: str) -> tuple[Path, Decimal, int]:
    """Two days of a table, its amount in all and its rows."""
    table = folder / "user_cost_report"
    query = build_query(CLAUDE["user_cost_report"], group_by=("model",))
    amount, rows = Decimal(0), 0
    for day in (DAY, DAY + timedelta(days=1)):
        (table / f"date={day}").mkdir(parents=True)
        suffix = FileFormat(name, compression).suffix
        content = day_of(simulator, query, day)
        write(table / f"date={day}" / f"user_cost_report{suffix}", name, query.dataset, content, compression)
        amount += sum(Decimal(record["amount"]) for record in lines_of(content))
        rows += len(lines_of(content))
    return table, amount, rows


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_parquet_is_one_hive_table_to_every_reader(tmp_path: Path, simulator: Simulator, compression: str) -> None:
    table, amount, rows = lake(tmp_path, simulator, "parquet", compression)
    found = duckdb.sql(
        f"select sum(amount_cents), count(*), count(distinct date), bool_and(date = _date), "
        f"typeof(any_value(amount_cents)), typeof(any_value(starting_at)), typeof(any_value(_date)) "
        f"from '{table}/*/*.parquet'"
    ).fetchall()[0]
    assert found == (amount, rows, 2, True, "DECIMAL(38,12)", "TIMESTAMP WITH TIME ZONE", "DATE")
    frame = polars.scan_parquet(table).collect()
    assert frame.height == rows
    assert frame["amount_cents"].sum() == amount
    assert (frame["date"].cast(polars.String) == frame["_date"].cast(polars.String)).all()
    arrow = pyarrow.parquet.read_table(table)
    assert arrow.num_rows == rows
    assert pyarrow.compute.sum(arrow["amount_cents"]).as_py() == amount
    assert [str(day) for day in arrow["date"].to_pylist()] == [str(day) for day in arrow["_date"].to_pylist()]


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_csv_is_one_hive_table_to_its_readers(tmp_path: Path, simulator: Simulator, compression: str) -> None:
    table, amount, rows = lake(tmp_path, simulator, "csv", compression)
    files = f"{table}/*/*{FileFormat('csv', compression).suffix}"
    found = duckdb.sql(
        f"select sum(amount_cents::decimal(38, 12)), count(*), count(distinct date), bool_and(date = _date) "
        f"from read_csv('{files}', types={{'amount_cents': 'varchar'}})"
    ).fetchall()[0]
    assert found == (amount, rows, 2, True)
    frame = polars.scan_csv(files, schema_overrides={"amount_cents": polars.Decimal(38, 12)}).collect()
    assert (frame.height, frame["amount_cents"].sum()) == (rows, amount)
    if compression == "zstd":
        return  # pyarrow's datasets do not know zstd by its ending
    money = pyarrow.dataset.CsvFileFormat(
        convert_options=pyarrow.csv.ConvertOptions(column_types={"amount_cents": pyarrow.decimal128(38, 12)})
    )
    arrow = pyarrow.dataset.dataset(table, format=money, partitioning="hive").to_table()
    assert arrow.num_rows == rows
    assert pyarrow.compute.sum(arrow["amount_cents"]).as_py() == amount


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_ndjson_is_one_hive_table(tmp_path: Path, simulator: Simulator, compression: str) -> None:
    table, amount, rows = lake(tmp_path, simulator, "ndjson", compression)
    files = f"{table}/*/*{FileFormat('ndjson', compression).suffix}"
    found = duckdb.sql(
        f"select sum(amount::decimal(38, 12)), count(*), count(distinct date), bool_and(date = _date) "
        f"from read_json('{files}')"
    ).fetchall()[0]
    assert found == (amount, rows, 2, True)


def test_parquet_without_pyarrow_is_refused_when_the_dag_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'airflow-provider-aianalytics\[parquet\]'"):
        FileFormat("parquet", "gzip")
    FileFormat("csv", "gzip")


def test_pyarrow_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from airflow_provider_aianalytics.storage.encoders.formats import FileFormat; "
        "FileFormat('parquet', 'gzip'); sys.exit('pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_functions_of_pyarrow_are_not_imported(tmp_path: Path) -> None:
    """They take 50 ms; pandas, which pyarrow imports where it is installed, imports them too."""
    code = """
import sys
from datetime import date
from pathlib import Path
import msgspec, pyarrow.parquet
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.day_files import open_day_file
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ImportError

sys.meta_path.insert(0, NoPandas())
with open_day_file(Path(sys.argv[1]), FileFormat("parquet", "zstd"), CLAUDE_ENTERPRISE.dataset("users")) as file:
    for record in (b'{"user":{"id":"a"}}', b'{"web_search_count":1}'):
        file.write(Batch(date(2026, 11, 4), b'{"_date":"2026-11-04",', [msgspec.Raw(record)] * 1000))
    file.finish()
sys.exit("pyarrow.compute" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "day"], check=True)
