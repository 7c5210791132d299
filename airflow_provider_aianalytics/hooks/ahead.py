# SPDX-License-Identifier: Apache-2.0
"""Reading one ahead, so that nobody waits for the vendor while there is work, nor the vendor for the work."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, the next one fetched by a thread while the caller works on the last.

    An error comes where it would have come: behind the items before it. Closing it early waits for the one item that
    is being fetched, and fetches no other.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
