# SPDX-License-Identifier: Apache-2.0
"""The paginator follows a chain of pages to its end, never in circles, and restarts at most twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import CursorExpiredError, MalformedResponseError
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

START = datetime(2026, 9, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=31))
QUERY = build_query(CLAUDE_ENTERPRISE.dataset("user_cost_report"), group_by=["model"], filters={"speeds": ["fast"]})


def new_walk() -> CursorPaginator:
    return CursorPaginator(QUERY, WINDOW)


def page(*rows: str, cursor: str | None = None, has_more: bool | None = None) -> Page:
    items = [msgspec.Raw(row.encode()) for row in rows]
    return Page(WINDOW, 1, b"", items, next_cursor=cursor, has_more=has_more, read_at=WINDOW.end)


def cursor_of(paginator: CursorPaginator) -> str | None:
    return dict(paginator.parameters).get("page")


expired = CursorExpiredError("the cursor has expired")


class TestTheEnd:
    def test_one_page(self) -> None:
        paginator = new_walk()
        assert not paginator.done
        assert not paginator.has_cursor
        paginator.advance(page('{"a":1}', has_more=False))
        assert paginator.done

    def test_pages_without_has_more_continue_by_their_cursor(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', cursor="two", has_more=None))
        assert not paginator.done
        assert cursor_of(paginator) == "two"
        paginator.advance(page('{"a":2}', cursor=None, has_more=None))
        assert paginator.done

    def test_an_empty_page_with_a_cursor_is_not_the_end(self) -> None:
        paginator = new_walk()
        paginator.advance(page(cursor="two", has_more=True))
        paginator.advance(page(cursor="three", has_more=True))
        assert not paginator.done
        assert paginator.number == 3
        paginator.advance(page(has_more=False))
        assert paginator.done

    def test_an_empty_cursor_is_no_cursor(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', cursor=""))
        assert paginator.done

    def test_an_empty_page_without_a_cursor_is_the_end(self) -> None:
        paginator = new_walk()
        paginator.advance(page())
        assert paginator.done


class TestBrokenChains:
    def test_has_more_without_a_cursor_is_an_error(self) -> None:
        paginator = new_walk()
        with pytest.raises(MalformedResponseError, match="next_page"):
            paginator.advance(page('{"a":1}', has_more=True))
        assert not paginator.done

    def test_a_repeated_cursor_is_an_error(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', cursor="same"))
        with pytest.raises(MalformedResponseError, match="cursor"):
            paginator.advance(page('{"a":2}', cursor="same"))
        assert not paginator.done

    def test_a_cursor_of_an_earlier_page_is_an_error(self) -> None:
        paginator = new_walk()
        for row, cursor in enumerate(("b", "c", "d")):
            paginator.advance(page(f'{{"a":{row}}}', cursor=cursor))
        with pytest.raises(MalformedResponseError, match="page 4"):
            paginator.advance(page('{"a":9}', cursor="b"))

    def test_a_page_served_twice_with_another_cursor_is_an_error(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', '{"a":2}', cursor="two"))
        with pytest.raises(MalformedResponseError, match="twice"):
            paginator.advance(page('{"a":1}', '{"a":2}', cursor="three"))

    def test_a_last_page_served_twice_is_not_an_end(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', '{"a":2}', cursor="two"))
        with pytest.raises(MalformedResponseError, match="twice"):
            paginator.advance(page('{"a":1}', '{"a":2}'))
        assert not paginator.done

    def test_pages_that_share_only_the_first_row_are_different(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', '{"a":2}', cursor="two"))
        paginator.advance(page('{"a":1}', '{"a":3}'))
        assert paginator.done

    def test_the_message_names_vendor_dataset_and_window(self) -> None:
        with pytest.raises(MalformedResponseError) as broken:
            new_walk().advance(page(has_more=True))
        for word in ("claude_enterprise", "user_cost_report", "2026-09-01", "2026-10-02"):
            assert word in str(broken.value)


class TestRestarts:
    def test_it_restarts_from_page_one_at_most_twice(self) -> None:
        paginator = new_walk()
        first = paginator.parameters
        for _ in range(2):
            paginator.advance(page('{"a":1}', cursor="two"))
            paginator.restart(expired)
            assert paginator.parameters == first
            assert paginator.number == 1
        paginator.advance(page('{"a":1}', cursor="two"))
        with pytest.raises(CursorExpiredError) as raised:
            paginator.restart(expired)
        assert raised.value is expired

    def test_pages_may_repeat_after_a_restart(self) -> None:
        paginator = new_walk()
        paginator.advance(page('{"a":1}', cursor="two"))
        paginator.advance(page('{"a":2}', cursor="three"))
        paginator.restart(expired)
        paginator.advance(page('{"a":1}', cursor="two"))
        paginator.advance(page('{"a":2}', cursor="three"))
        paginator.advance(page('{"a":3}'))
        assert paginator.done

    def test_requests_before_a_restart_are_counted(self) -> None:
        paginator = new_walk()
        paginator.requests += 2
        paginator.restart(expired)
        assert paginator.requests == 2


@given(
    chain=st.lists(st.lists(st.integers(), max_size=3), min_size=1, max_size=12),
    expiries=st.lists(st.integers(0, 11), max_size=2),
    says_more=st.booleans(),
)
def test_only_the_cursor_differs_between_the_requests_of_a_chain(
    chain: list[list[int]], expiries: list[int], says_more: bool
) -> None:
    """A server that knows its pages by their cursors, and forgets a cursor now and then."""
    pages = {
        number: page(
            *(f'{{"page":{number},"row":{row}}}' for row in rows),
            cursor=f"cursor {number + 1}" if number + 1 < len(chain) else None,
            has_more=number + 1 < len(chain) if says_more else None,
        )
        for number, rows in enumerate(chain)
    }
    paginator = new_walk()
    first = paginator.parameters
    assert "page" not in dict(first)
    visited: list[int] = []
    for _ in range(100):
        assert paginator.parameters[: len(first)] == first
        assert [name for name, _ in paginator.parameters[len(first) :]] in ([], ["page"])
        number = int((cursor_of(paginator) or "cursor 0").removeprefix("cursor "))
        if number in expiries and number:
            expiries.remove(number)
            paginator.restart(expired)
            visited.clear()
            continue
        assert paginator.number == number + 1
        visited.append(number)
        paginator.advance(pages[number])
        if paginator.done:
            break
    assert visited == list(range(len(chain)))
