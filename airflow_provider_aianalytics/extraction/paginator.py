# SPDX-License-Identifier: Apache-2.0
"""Follows the cursor through the pages of a window, as a state machine without a transport."""

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
    :param number: its position in the chain. 1 starts the window, and restarts it after the cursor expired: discard the
        earlier pages of the window then.
    :param body: the bytes as the vendor sent them, decompressed.
    :param items: the items, as raw slices of the body.
    :param next_cursor: the cursor of the next page; ``None`` ends the chain.
    :param has_more: the page's field, ``None`` when the API has no such field.
    :param data_refreshed_at: the vendor's watermark as text, ``None`` without one.
    :param organization_id: the organization's id, if the page has it.
    :param requests: the requests for the window so far, including retries and restarts.
    :param where: vendor, dataset, window and page, for messages.
    :param read_at: when it was received, UTC; for a saved page, when the earlier try received it.
    :param inconsistency: how its data differs from that of the pages before, though they were read again; ``None`` if
        it does not. Days of inconsistent pages are incomplete.
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
    inconsistency: str | None = field(kw_only=True, default=None)


@dataclass(slots=True)
class CursorPaginator:
    """Follows the cursors of one window: determines the next request, and whether the chain is complete.

    A page without a cursor, or with ``has_more`` false, is the last. Engagement pages have no ``has_more``, and an
    empty page with a cursor is not the last (contract section 5).

    Send a request with :attr:`parameters`, then call :meth:`advance` with its page, or :meth:`restart` when the cursor
    expired. The window is complete only when :attr:`done` is true.
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
        """The parameters of the next request. Only the cursor differs from page to page (contract section 5)."""
        parameters = self.query.parameters(self.window)
        return (
            parameters
            if self._cursor is None
            else (*parameters, (self.query.dataset.wire.cursor_parameter, self._cursor))
        )

    def advance(self, page: Page) -> Page:
        """Add a page, and follow its cursor.

        :return: the page; inconsistent if no restart remains and its data still differs from the pages before.
        :raises MalformedResponseError: when a cursor is missing or repeated, so that the window cannot be completed.
        :raises CursorExpiredError: when the data changed since the pages before.
        """
        change = self._change(page)
        if change is not None:
            if self._restarts < MAX_RESTARTS:
                raise CursorExpiredError(change, where=self.where)
            page = replace(page, inconsistency=change)
        # has_more=false ends the chain even if the page has a cursor.
        cursor = None if page.has_more is False else page.next_cursor or None
        if cursor is None and page.has_more:
            raise self._malformed("the page has has_more=true and no next_page")
        self._empty_pages = 0 if page.items else self._empty_pages + 1
        if self._empty_pages > MAX_EMPTY_PAGES:
            raise self._malformed(f"more than {MAX_EMPTY_PAGES} empty pages in succession")
        if page.items:
            # Rows are unique in a window, so pages with equal first and last rows are the same page.
            ends = hash((len(page.items), bytes(page.items[0]), bytes(page.items[-1])))
            if ends in self._seen_pages:
                raise self._malformed("the vendor served the same page twice")
            self._seen_pages.add(ends)
        if cursor is None:
            self.done = True
            return page
        if cursor in self._seen_cursors:
            raise self._malformed("the cursor of an earlier page was repeated")
        self._seen_cursors.add(cursor)
        self._cursor = cursor
        self.number += 1
        return page

    def _change(self, page: Page) -> str | None:
        """How the data changed since the pages before, ``None`` if it did not."""
        if self.number == 1:
            self._watermark = page.data_refreshed_at
        if page.data_refreshed_at != self._watermark:
            return f"the data was refreshed between two pages ({self._watermark}, then {page.data_refreshed_at})"
        dataset = self.query.dataset
        if dataset.results is None and dataset.row_key and self._repeated.add_page(page.items):
            return "a row was served twice, as when the data changes between two pages"
        return None

    def restart(self, cause: CursorExpiredError) -> None:
        """Restart the window from page one, at most twice.

        :param cause: the error of the request, raised again when no restart remains.
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

    def _malformed(self, message: str) -> MalformedResponseError:
        return MalformedResponseError(
            message, where=self.where, hint="Nothing of this window was saved; a retry reads it again"
        )
