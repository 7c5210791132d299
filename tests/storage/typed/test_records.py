# SPDX-License-Identifier: Apache-2.0
"""Whatever a vendor sends, typed rows keep all of it: in a column, or else in ``_extra``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.typed.breakdown import BreakdownReader
from airflow_provider_aianalytics.storage.typed.rows import Columns, RecordReader
from airflow_provider_aianalytics.vendors.base import Column, ColumnType
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

DAY = date(2026, 11, 4)
Json = dict[str, Any]


def batch(*records: bytes) -> Batch:
    return Batch(DAY, b'{"_date":"2026-11-04",', [msgspec.Raw(record) for record in records])


def rows(reader: RecordReader | BreakdownReader, columns: Columns) -> list[Json]:
    names = [column.name for column in reader.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


class Number(str):
    """A number as it is spelled."""

    __slots__ = ()


def exactly(data: str) -> Any:
    """JSON with its numbers as spelled, so that a string and a number are never taken for each other."""
    return json.loads(data, parse_float=Number, parse_int=Number)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of a record by path; nulls and empty objects say nothing."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif value is not None:
        yield path, value


def same(cell: Any, sent: Any, kind: ColumnType) -> bool:
    """Whether a cell holds exactly what was sent."""
    match kind:
        case ColumnType.STRING:
            return bool(cell == sent) and not isinstance(sent, Number)
        case ColumnType.INTEGER:
            return isinstance(sent, Number) and cell == Decimal(sent) and -(2**63) <= cell < 2**63
        case ColumnType.NUMBER:
            return isinstance(sent, Number) and cell == float(sent)
        case ColumnType.CENTS:
            return Decimal(cell) == Decimal(sent) and not set(cell) - set("-.0123456789")
        case ColumnType.DATE:
            return bool(cell.isoformat() == sent)
        case ColumnType.TIMESTAMP if isinstance(sent, Number):
            return bool(cell == datetime.fromtimestamp(int(sent), UTC))
        case ColumnType.TIMESTAMP:
            moment = datetime.fromisoformat(sent if "T" in sent else f"{sent}T00:00:00Z")
            return bool(cell == moment) and cell.utcoffset() == moment.astimezone(UTC).utcoffset()
        case _:
            return cell is sent


def check(record: str, row: Json, columns: tuple[Column, ...]) -> None:
    kinds = {tuple(column.path.split(".")): column for column in columns[1:-1]}
    extra_fields = dict(leaves(exactly(row["_extra"] or "{}")))
    in_columns = {path for path, column in kinds.items() if row[column.name] is not None}
    sent = dict(leaves(exactly(record)))
    assert not in_columns & extra_fields.keys()
    assert in_columns | extra_fields.keys() == sent.keys()
    for path, value in sent.items():
        if path in in_columns:
            assert same(row[kinds[path].name], value, kinds[path].type)
        else:
            assert extra_fields[path] == value


def text() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


numbers = st.one_of(
    st.integers(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
)
moments = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat), st.dates().map(date.isoformat), st.just("2026-02-30")
)
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=7).map(str)
scalars = st.one_of(st.none(), st.booleans(), numbers, text(), moments, amounts)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text(), inner, max_size=3), max_leaves=6
)


def records_like(tree: Json) -> st.SearchStrategy[Json]:
    """Objects with the names of a record's tree, each with what it should hold or anything, and other names."""
    known = {
        name: anything | (records_like(inner) if inner else scalars)
        for name, inner in tree.items()
        if name not in ("email", "starting_date", "ending_date")
    }
    others = st.dictionaries(text().filter(lambda name: name not in known and name != "email"), anything, max_size=2)
    return st.tuples(st.fixed_dictionaries({}, optional=known), others).map(lambda two: {**two[0], **two[1]})


def tree_of(columns: tuple[Column, ...]) -> Json:
    tree: Json = {}
    for column in columns:
        branch = tree
        for name in column.path.split("."):
            branch = branch.setdefault(name, {})
    return tree


@pytest.mark.parametrize("name", ["user_cost_report", "summaries", "cost", "artifacts", "skills", "chat_projects"])
def test_nothing_a_vendor_sends_is_lost(name: str) -> None:
    dataset = CLAUDE_ENTERPRISE.datasets[name]
    reader = RecordReader(dataset)

    @given(st.lists(records_like(tree_of(dataset.columns)), min_size=1, max_size=3), st.booleans())
    def holds(records: list[Json], ascii_only: bool) -> None:
        lines = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
        try:
            read = rows(reader, reader.read([batch(*(record.encode() for record in lines))]))
        except MalformedResponseError as error:
            assert "digits before the point" in str(error)  # noqa: PT017
            return
        assert len(read) == len(records)
        for record, row in zip(lines, read, strict=True):
            assert row["_date"] == DAY
            check(record, row, reader.columns)

    holds()


entries = st.lists(
    st.fixed_dictionaries(
        {"category": text() | st.none(), "count": st.integers(-5, 2**62) | anything}, optional={"more": anything}
    )
    | anything,
    max_size=3,
)


@given(
    st.fixed_dictionaries(
        {"start_time": st.integers(0, 10**9), "count": st.integers(0, 100) | anything},
        optional={
            "by_categories": st.dictionaries(text(), entries | anything, max_size=3) | anything,
            "by_category": entries | anything,
            "other": anything,
        },
    )
)
def test_every_axis_adds_up_whatever_is_sent(record: Json) -> None:
    reader = BreakdownReader(PERPLEXITY.datasets["member_credit_usage"])
    try:
        read = rows(reader, reader.read([batch(json.dumps(record).encode())]))
    except MalformedResponseError as error:
        assert "64 bits" in str(error)  # noqa: PT017
        return
    total, *parts = read
    assert (total["row_type"], total["axis"], total["category"]) == ("total", None, None)
    assert all(row["axis"] is not None and row["start_time"] == total["start_time"] for row in parts)
    by_axis: dict[str, list[Json]] = {}
    for row in parts:
        by_axis.setdefault(row["axis"], []).append(row)
    for axis_rows in by_axis.values():
        residuals = [row["count"] for row in axis_rows if row["row_type"] == "unattributed"]
        if total["count"] is not None and None not in residuals:
            labels = sum(row["row_type"] == "unattributed" for row in axis_rows)
            assert sum(row["count"] for row in axis_rows) == total["count"] * labels
    # Titles, counts and whatever came with them, from the rows and from what is left.
    left = json.loads(total["_extra"] or "{}")
    for name in ("by_categories", "by_category"):
        if isinstance(record.get(name), list):
            lists = {name: (record[name], left.get(name, []))}
        elif isinstance(record.get(name), dict):
            lists = {axis: (sent, left.get(name, {}).get(axis, [])) for axis, sent in record[name].items()}
        else:
            assert left.get(name) == record.get(name)
            continue
        for axis, (sent, aside) in lists.items():
            if not isinstance(sent, list):
                assert aside == sent
                continue
            written = [
                {"category": row["category"], "count": row["count"], **json.loads(row["_extra"] or "{}")}
                for row in by_axis[axis]
                if row["row_type"] == "category"
            ]
            for entry in sent:
                assert entry in written or entry in aside or _with_whole_count(entry) in written
            if sum(row["row_type"] == "unattributed" for row in by_axis[axis]) == 1:
                assert len(written) + len(aside) == len(sent)


def _with_whole_count(entry: Json) -> Json:
    """A count that is written ``80.0`` or ``"80"`` is 80."""
    return {**entry, "count": int(Decimal(str(entry["count"])))}


@pytest.mark.parametrize("record", [b"[]", b"1", b'"x"', b"{", b'{"a":}', b""])
@pytest.mark.parametrize("dataset", [CLAUDE_ENTERPRISE.datasets["users"], PERPLEXITY.datasets["skills"]])
def test_what_is_no_object_is_a_typed_error(record: bytes, dataset: Any) -> None:
    reader = BreakdownReader(dataset) if dataset.breakdown else RecordReader(dataset)
    with pytest.raises(MalformedResponseError):
        reader.read([batch(record)])


def test_records_of_many_batches_keep_their_order_and_their_day() -> None:
    reader = RecordReader(CLAUDE_ENTERPRISE.datasets["skills"])
    content = [batch(*(b'{"skill_name":"%d","new":%d}' % (number, number) for number in range(at, at + 3)))
               for at in (0, 3)]  # fmt: skip
    read = rows(reader, reader.read([*content, batch()]))
    assert [row["skill_name"] for row in read] == list("012345")
    assert [row["_extra"] for row in read] == [f'{{"new":{number}}}' for number in range(6)]
    assert reader.unknown == {"new"}


@pytest.mark.parametrize(
    ("written", "integer"),
    [
        (b"100", 100),
        (b"100.0", 100),
        (b"1e3", 1000),
        (b"-12.50e1", -125),
        (b"9007199254740993.0", 9007199254740993),
        (b"9223372036854775807.000", 2**63 - 1),
        (b"9223372036854775808.0", None),
        (b"1.5", None),
        (b"1e-1", None),
        (b"1e400", None),
        (b"1e999999999999999999999", None),
        (b'"7"', None),
        (b"true", None),
    ],
)
def test_a_whole_number_is_an_integer_however_it_is_written(written: bytes, integer: int | None) -> None:
    """What is none, or has more than 64 bits, stays as it was sent."""
    reader = RecordReader(CLAUDE_ENTERPRISE.datasets["users"])
    record = b'{"web_search_count":%s}' % written
    (row,) = rows(reader, reader.read([batch(record)]))

    assert row["web_search_count"] == integer
    assert row["_extra"] == (record.decode() if integer is None else None)
