# SPDX-License-Identifier: Apache-2.0
"""The chain of a window's pages, as a state machine apart from any transport."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from airflow_provider_aianalytics.exceptions import CursorExpiredError, MalformedResponseError
from airflow_provider_aianalytics.extraction.query import Query
from airflow_provider_aianalytics.extraction.window_check import RepeatedRows
from airflow_provider_aianalytics.extraction.windows import Window

MAX_RESTARTS = 2
MAX_EMPTY_PAGES = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One response of a window's chain.

    :param window: the window it belongs to.
    :param number: its place in the chain; 1 begins the window, also when it begins again after the cursor expired:
        what was read of the window before must then be dropped.
    :param body: the bytes as the vendor sent them, decompressed.
    :param items: the answered items, as raw slices of the body.
    :param next_cursor: the cursor of the next page; ``None`` ends the chain.
    :param has_more: what the page says, ``None`` where the API does not say it.
    :param data_refreshed_at: the vendor's watermark as spelled, ``None`` where there is none.
    :param organization_id: the organization as the vendor names it, where it does.
    :param requests: the requests spent on the window so far, retries and restarts included.
    :param where: vendor, dataset, window and page, for messages.
    :param read_at: when it came, UTC; a page that an earlier try kept came then.
    :param is_consistent: whether it belongs to the same answer as the pages before; if not, no day of it is complete.
    """

    window: Window
    number: int
    body: bytes
    items: list[msgspec.Raw]
    next_cursor: str | None
    has_more: bool | None
    data_refreshed_at: str | None = None
    organization_id: str | None = None
    requests: int = 1
    where: str = ""
    read_at: datetime = field(kw_only=True)
    is_consistent: bool = field(kw_only=True, default=True)


@dataclass(slots=True)
class CursorPaginator:
    """One window's chain of pages: which request comes next, and whether the chain ended properly.

    The cursor decides where the chain goes, unless the page says that nothing follows: engagement pages have no
    ``has_more``, and an empty page with a cursor is not the end (contract section 5).

    Ask for :attr:`parameters`, then tell what came of it: :meth:`advance` for a page, :meth:`restart` for an expired
    cursor. The window counts only when :attr:`done` is true.
    """

    query: Query
    window: Window
    number: int = 1
    done: bool = False
    requests: int = 0
    _cursor: str | None = None
    _seen_cursors: set[str] = field(default_factory=set)
    _seen_pages: set[int] = field(default_factory=set)
    _restarts: int = 0
    _empty_pages: int = 0
    _watermark: str | None = None
    _repeated: RepeatedRows = field(init=False)

    def __post_init__(self) -> None:
        self._repeated = RepeatedRows(self.query.dataset)

    @property
    def where(self) -> str:
        return f"{self.query.dataset} {self.window} page {self.number}"

    @property
    def has_cursor(self) -> bool:
        return self._cursor is not None

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The parameters of the next request; identical on every page but for the cursor (contract section 5)."""
        first = self.query.parameters(self.window)
        return first if self._cursor is None else (*first, (self.query.dataset.wire.cursor_parameter, self._cursor))

    def advance(self, page: Page) -> Page:
        """Take a page and decide where the chain goes.

        :return: the page; not consistent if the restarts are used up and it still differs from those before.
        :raises MalformedResponseError: when the chain leads nowhere or goes in circles: that is not an end.
        :raises CursorExpiredError: when it is not of the same answer as the pages before.
        """
        change = self._change(page)
        if change is not None:
            if self._restarts < MAX_RESTARTS:
                raise CursorExpiredError(change, where=self.where)
            page = replace(page, is_consistent=False)
        # Where the vendor says that nothing follows, a cursor beside it leads nowhere.
        cursor = None if page.has_more is False else page.next_cursor or None
        if cursor is None and page.has_more:
            raise self._broken("the page says has_more and names no next_page")
        self._empty_pages = 0 if page.items else self._empty_pages + 1
        if self._empty_pages > MAX_EMPTY_PAGES:
            raise self._broken(f"more than {MAX_EMPTY_PAGES} empty pages came one after the other")
        if page.items:
            # Rows name their member, skill or moment, so two pages with the same ends are one page served twice.
            ends = hash((len(page.items), bytes(page.items[0]), bytes(page.items[-1])))
            if ends in self._seen_pages:
                raise self._broken("the vendor served the same page twice")
            self._seen_pages.add(ends)
        if cursor is None:
            self.done = True
            return page
        if cursor in self._seen_cursors:
            raise self._broken("the cursor of an earlier page came back")
        self._seen_cursors.add(cursor)
        self._cursor = cursor
        self.number += 1
        return page

    def _change(self, page: Page) -> str | None:
        """Why a page is not of the same answer as those before, ``None`` if it is."""
        if self.number == 1:
            self._watermark = page.data_refreshed_at
        if page.data_refreshed_at != self._watermark:
            return f"the data was refreshed between two pages ({self._watermark}, then {page.data_refreshed_at})"
        dataset = self.query.dataset
        if dataset.results is None and dataset.row_key and self._repeated.add_page(page.items):
            return "a row came twice, as when the data changes between two pages"
        return None

    def restart(self, cause: CursorExpiredError) -> None:
        """Begin the window again from page one, at most twice.

        :param cause: the vendor's answer, raised again when the restarts are used up.
        """
        if self._restarts == MAX_RESTARTS:
            raise cause
        self._restarts += 1
        self._cursor = None
        self._seen_cursors.clear()
        self._seen_pages.clear()
        self._empty_pages = 0
        self._repeated.clear()
        self.number = 1

    def _broken(self, what: str) -> MalformedResponseError:
        return MalformedResponseError(
            what, where=self.where, hint="Nothing of this window was kept; a retry reads it again"
        )
