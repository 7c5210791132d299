# SPDX-License-Identifier: Apache-2.0
"""From pages to lines: whatever the vendor sent, byte for byte, one record a line, behind the stamp of its day."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.records import Batch, split_by_day
from airflow_provider_aianalytics.extraction.responses import Response, parse_page
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

VENDORS = {"claude": CLAUDE_ENTERPRISE, "perplexity": PERPLEXITY}
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
EPOCH = 1788220800  # 2026-09-01
NUMBERS = ["0", "-0", "1.0", "1E400", "-1e-400", "1e+5", "0.10", "123456789012345678901234567890", "41280.000000"]


def read(
    body: str | bytes, dataset: str = "users", *, vendor: str = "claude", days: int = 1, **options: Any
) -> list[Batch]:
    row = VENDORS[vendor].dataset(dataset)
    paginator = CursorPaginator(build_query(row, **options), Window(FIRST, FIRST + timedelta(days=days)))
    data = body.encode() if isinstance(body, str) else body
    page = parse_page(Response(200, {}, data), paginator, VENDORS[vendor], now=FIRST)
    return list(split_by_day(page, paginator.query))


def lines_of(parts: Iterable[Batch]) -> list[bytes]:
    content = b"".join(chain.from_iterable(part.lines() for part in parts))
    assert content == b"" or content.endswith(b"\n")
    return content.split(b"\n")[:-1]


def exactly(text: str | bytes) -> Any:
    """JSON parsed with every number as it was written."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))


# --- JSON of any kind and any layout --------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
strings = st.builds(lambda text, ascii_only: json.dumps(text, ensure_ascii=ascii_only), texts, st.booleans())
scalars = st.sampled_from([*NUMBERS, "null", "true", "false", '"\\u000a\\/\\b"', '"\\r\\n"', '"a},{"']) | strings


def _array(space: str, items: list[str]) -> str:
    return f"[{space}" + f",{space}".join(items) + (f"{space}]" if items else "]")


def _object(space: str, items: dict[str, str]) -> str:
    inside = f",{space}".join(f"{key}:{space}{value}" for key, value in items.items())
    return f"{{{space}{inside}{space if items else ''}}}"


def objects(space: str) -> st.SearchStrategy[str]:
    values = st.recursive(
        scalars,
        lambda inner: (
            st.builds(_array, st.just(space), st.lists(inner, max_size=3))
            | st.builds(_object, st.just(space), st.dictionaries(strings, inner, max_size=3))
        ),
        max_leaves=6,
    )
    return st.builds(_object, st.just(space), st.dictionaries(strings, values, max_size=4))


layouts = st.sampled_from(["", " ", "\n", "\r\n", "\n    ", "\r\n\t", "\r"])
written = layouts.flatmap(lambda space: st.lists(objects(space), max_size=5))


def with_vendor_date(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose own ``_date`` has the name it lands under."""
    name = "vendor_date"
    while name in record:
        name = f"_{name}"
    return {name if field == "_date" else field: value for field, value in record.items()}


class TestSnapshots:
    STAMP = b'{"_date":"2026-09-01",'

    @given(st.lists(objects(""), max_size=6))
    def test_a_compact_record_is_landed_byte_for_byte(self, records: list[str]) -> None:
        lines = lines_of(read('{"data":[' + ",".join(records) + "]}"))
        assert len(lines) == len(records)
        for line, record in zip(lines, records, strict=True):
            if "_date" not in json.loads(record):
                assert line == (self.STAMP + record[1:].encode() if record != "{}" else self.STAMP[:-1] + b"}")

    @given(written, st.sampled_from(["", "\n", "\r\n  "]))
    def test_any_record_in_any_layout_is_one_line_of_the_same_values(self, records: list[str], between: str) -> None:
        lines = lines_of(read(f'{{{between}"data":[{between}' + f"{between},{between}".join(records) + "]}"))
        assert len(lines) == len(records)
        for line, record in zip(lines, records, strict=True):
            assert line.startswith(b'{"_date":"2026-09-01"')
            assert exactly(line) == {"_date": "2026-09-01", **with_vendor_date(exactly(record))}
            assert b"\r" not in line

    @pytest.mark.parametrize("name", ["_date", r"\u005fdate", r"_d\u0061te", r"\u005F\u0064\u0061\u0074\u0065"])
    def test_a_field_named_date_is_renamed_however_it_is_escaped(self, name: str) -> None:
        (line,) = lines_of(read('{"data":[{"' + name + '":1,"x":2}]}'))
        assert line == b'{"_date":"2026-09-01","vendor_date":1,"x":2}'

    @pytest.mark.parametrize("empty", ["{}", "{ }", "{\n}", "{\r\n\t}", "{" + " " * 40 + "}"])
    def test_an_empty_record_lands_with_only_its_day(self, empty: str) -> None:
        full = '{"user":{"id":"user_1"}}'
        lines = lines_of(read('{"data":[' + f"{full},{empty}" + "]}"))
        assert [json.loads(line) for line in lines] == [
            {"_date": "2026-09-01", "user": {"id": "user_1"}},
            {"_date": "2026-09-01"},
        ]

    def test_an_empty_page_is_an_empty_batch_of_its_day(self) -> None:
        (batch,) = read('{"data":[],"next_page":null}')
        assert batch.day == date(2026, 9, 1)
        assert batch.records == []
        assert list(batch.lines()) == []

    @pytest.mark.parametrize("item", ["1", "null", '"text"', "[]", "[{}]", "true"])
    def test_an_item_that_is_no_object_is_malformed(self, item: str) -> None:
        with pytest.raises(MalformedResponseError, match="not an object"):
            read(f'{{"data":[{{"a":1}},{item}]}}')


class TestBuckets:
    """Reports of the organization: one line for each row of a bucket, with the bucket's bounds."""

    @staticmethod
    def bucket(day: int, *rows: str, extra: str = "") -> str:
        return (
            f'{{"starting_at":"2026-09-{day:02}T00:00:00Z","ending_at":"2026-09-{day + 1:02}T00:00:00+00:00",{extra}'
            f'"results":[{",".join(rows)}]}}'
        )

    def test_rows_have_the_bounds_of_their_bucket_unchanged(self) -> None:
        parts = read('{"data":[' + self.bucket(1, '{"amount":"1.50"}', '{"amount":"0.0"}') + "]}", "cost_report")
        start = b'{"_date":"2026-09-01","starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00+00:00",'
        assert lines_of(parts) == [start + b'"amount":"1.50"}', start + b'"amount":"0.0"}']
        assert (parts[0].start, parts[0].end) == (FIRST, FIRST + timedelta(days=1))

    def test_the_bounds_come_first_wherever_the_vendor_puts_them(self) -> None:
        body = (
            '{"data":[{"results":[{"amount":"1"}],"note":"n","ending_at":"2026-09-02T00:00:00Z",'
            '"starting_at":"2026-09-01T00:00:00Z"}]}'
        )
        (line,) = lines_of(read(body, "cost_report"))
        assert list(json.loads(line)) == ["_date", "starting_at", "ending_at", "note", "amount"]

    @given(st.lists(st.tuples(st.integers(1, 9), st.lists(objects(""), max_size=3)), max_size=6))
    def test_every_bucket_is_a_batch_of_its_day_also_an_empty_one(self, buckets: list[tuple[int, list[str]]]) -> None:
        assume(not any("_date" in exactly(row) for _, rows in buckets for row in rows))  # these are renamed
        body = '{"data":[' + ",".join(self.bucket(day, *rows) for day, rows in buckets) + "]}"
        parts = read(body, "cost_report", days=10)
        assert [(part.day.day, len(part.records)) for part in parts] == [(day, len(rows)) for day, rows in buckets]
        landed = [exactly(line) for line in lines_of(parts)]
        bounds = [
            {
                "_date": f"2026-09-{day:02}",
                "starting_at": f"2026-09-{day:02}T00:00:00Z",
                "ending_at": f"2026-09-{day + 1:02}T00:00:00+00:00",
                **exactly(row),
            }
            for day, rows in buckets
            for row in rows
        ]
        assert landed == bounds

    @given(layouts.flatmap(lambda space: st.tuples(objects(space), st.lists(objects(space), min_size=1, max_size=3))))
    def test_unknown_fields_of_a_bucket_are_kept_in_any_layout(self, given_: tuple[str, list[str]]) -> None:
        unknown, rows = given_
        assume(not any("_date" in exactly(row) for row in rows))  # these are renamed
        body = '{"data":[' + self.bucket(1, *rows, extra=f'"new_field":{unknown},') + "]}"
        lines = lines_of(read(body, "cost_report"))
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows, strict=True):
            expected = {"new_field": exactly(unknown), **exactly(row)}
            assert {name: value for name, value in exactly(line).items() if name in expected} == expected

    @pytest.mark.parametrize(
        "bucket",
        [
            "7",
            "[]",
            "{}",
            '{"results":[]}',
            '{"starting_at":null,"ending_at":null,"results":[]}',
            '{"starting_at":"2026-09-01T00:00:00Z","results":[]}',
            '{"ending_at":"2026-09-02T00:00:00Z","results":[]}',
            '{"starting_at":"2026-09-01T00:00:00","ending_at":"2026-09-02T00:00:00","results":[]}',
            '{"starting_at":"soon","ending_at":"later","results":[]}',
            '{"starting_at":1788220800,"ending_at":1788307200,"results":[]}',
            '{"starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00Z"}',
            '{"starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00Z","results":null}',
            '{"starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00Z","results":{}}',
            '{"starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00Z","results":[1]}',
            '{"starting_at":"2026-09-02T00:00:00Z","ending_at":"2026-09-03T00:00:00Z","results":[]}',
            '{"starting_at":"2026-08-31T23:59:59Z","ending_at":"2026-09-01T00:00:00Z","results":[]}',
            '{"starting_at":"0001-01-01T00:00:00+14:00","ending_at":"2026-09-01T00:00:00Z","results":[]}',
        ],
    )
    def test_a_bucket_that_cannot_be_placed_is_malformed(self, bucket: str) -> None:
        with pytest.raises(MalformedResponseError):
            read(f'{{"data":[{bucket}]}}', "cost_report")


class TestRowsThatSayTheirDay:
    @staticmethod
    def row(day: int, name: str) -> str:
        return (
            f'{{"actor":{{"name":{json.dumps(name)}}},"starting_at":"2026-09-{day:02}T00:00:00Z",'
            f'"ending_at":"2026-09-{day + 1:02}T00:00:00Z","amount":"1.50"}}'
        )

    @given(st.lists(st.tuples(st.integers(1, 9), texts), max_size=12))
    def test_rows_in_any_order_are_grouped_by_day(self, rows: list[tuple[int, str]]) -> None:
        sent = [self.row(day, name) for day, name in rows]
        parts = read('{"data":[' + ",".join(sent) + "]}", "user_cost_report", days=10)
        assert len({part.day for part in parts}) == len(parts) == len({day for day, _ in rows})
        for part in parts:
            expected = [
                b'{"_date":"2026-09-%02d",' % day + text[1:].encode()
                for (day, _), text in zip(rows, sent, strict=True)
                if day == part.day.day
            ]
            assert lines_of([part]) == expected

    def test_hours_of_a_day_are_one_batch_with_its_span(self) -> None:
        rows = [f'{{"start_time":{EPOCH + h * 3600},"end_time":{EPOCH + h * 3600 + 3600},"count":{h}}}' for h in (5, 2)]
        body = '{"data":[' + ",".join(rows) + "]}"
        (part,) = read(body, "skills", vendor="perplexity", bucket_width="1h")
        assert (part.start, part.end) == (FIRST + timedelta(hours=2), FIRST + timedelta(hours=6))
        assert [json.loads(line)["count"] for line in lines_of([part])] == [5, 2]

    def test_no_rows_no_batches(self) -> None:
        assert read('{"data":[],"has_more":false}', "user_cost_report") == []

    def test_the_older_names_of_summaries_bounds(self) -> None:
        body = '{"summaries":[{"starting_date":"2026-09-01","ending_date":"2026-09-02","x":1}]}'
        (line,) = lines_of(read(body, "summaries"))
        assert line == b'{"_date":"2026-09-01","starting_date":"2026-09-01","ending_date":"2026-09-02","x":1}'

    def test_both_names_at_once(self) -> None:
        body = (
            '{"data":[{"starting_date":"2026-09-01","ending_date":"2026-09-02",'
            '"starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00Z"}]}'
        )
        assert [part.day for part in read(body, "summaries")] == [date(2026, 9, 1)]

    @pytest.mark.parametrize(
        "row",
        [
            "[]",
            "null",
            "{}",
            '{"starting_at":null,"ending_at":null}',
            '{"starting_at":{"a":1},"ending_at":[]}',
            '{"starting_at":"2026-10-01T00:00:00Z","ending_at":"2026-10-02T00:00:00Z"}',
        ],
    )
    def test_a_row_that_cannot_be_placed_is_malformed(self, row: str) -> None:
        with pytest.raises(MalformedResponseError):
            read(f'{{"data":[{self.row(1, "a")},{row}]}}', "user_cost_report")

    @pytest.mark.parametrize(
        "start", ["null", '"2026-09-01"', "true", "1e30", "100000000000000000000", "1000000000000000000", "-1", "1.5"]
    )
    def test_seconds_that_are_no_moment_of_the_window_are_malformed(self, start: str) -> None:
        with pytest.raises(MalformedResponseError):
            read(f'{{"data":[{{"start_time":{start},"end_time":{start},"count":0}}]}}', "skills", vendor="perplexity")


class TestPerplexity:
    def test_a_bucket_is_a_line_in_both_shapes(self) -> None:
        new = f'{{"start_time":{EPOCH},"end_time":{EPOCH + 86400},"count":3,"by_categories":{{"Model":[]}}}}'
        old = f'{{"start_time":{EPOCH},"end_time":{EPOCH + 86400},"count":3,"by_category":[]}}'
        for bucket in (new, old):
            body = f'{{"categories":["Model"],"data":[{bucket}],"has_more":false,"next_page":null}}'
            lines = lines_of(read(body, "credit_usage", vendor="perplexity"))
            assert lines == [b'{"_date":"2026-09-01",' + bucket[1:].encode()]

    def test_a_member_is_a_line_with_the_days_bounds(self) -> None:
        member = '{"user_email":"m@example.com","count":120,"by_categories":{"Model":[],"Credit Source":[]}}'
        body = (
            f'{{"data":[{{"start_time":{EPOCH},"end_time":{EPOCH + 86400},"results":[{member}]}}],'
            '"has_more":false,"next_page":null}'
        )
        (line,) = lines_of(read(body, "member_credit_usage", vendor="perplexity"))
        bounds = f'{{"_date":"2026-09-01","start_time":{EPOCH},"end_time":{EPOCH + 86400},'
        assert line == (bounds + member[1:]).encode()
