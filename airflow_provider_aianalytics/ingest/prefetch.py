# SPDX-License-Identifier: Apache-2.0
"""WindowReader one ahead, so that nobody waits for the vendor while there is work, nor the vendor for the work."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, the next one fetched by a thread while the caller works on the last.

    An error comes where it would have come: behind the items before it. Closing it early waits for the one item that
    is being fetched, and fetches no other.

    :param items: as a generator gives them: behind an error or the end there is nothing more to fetch.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def fetch() -> Future[Item | None]:
        return thread.submit(next, items, None)

    # Two are asked for, so that the thread goes on by itself while the caller takes up the first.
    coming = deque((fetch(), fetch()))
    try:
        while (item := coming.popleft().result()) is not None:
            yield item
            coming.append(fetch())
    finally:
        thread.shutdown(cancel_futures=True)
