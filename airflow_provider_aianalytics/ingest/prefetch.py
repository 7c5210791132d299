# SPDX-License-Identifier: Apache-2.0
"""Fetching the next page while the last one is worked on."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")

AHEAD = 2
"""Items that are fetched at most before the caller has worked on them, so that the thread never idles."""


def prefetch(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, the next one fetched by a thread while the caller works on the last.

    An error comes where it would have come: behind the items before it. Closing it early waits for the one item that
    is being fetched, and fetches no other.

    :param items: as a generator gives them: behind an error or the end there is nothing more to fetch.
    """
    fetched: SimpleQueue[tuple[Item | None, BaseException | None]] = SimpleQueue()
    room = threading.Semaphore(AHEAD)
    closed = threading.Event()

    def fetch() -> None:
        while True:
            room.acquire()
            if closed.is_set():
                return
            try:
                item = next(items, None)
            except BaseException as error:
                fetched.put((None, error))
                return
            fetched.put((item, None))
            if item is None:
                return

    thread = threading.Thread(target=fetch, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = fetched.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
            room.release()
    finally:
        closed.set()
        room.release()
        thread.join()
