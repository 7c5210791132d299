# SPDX-License-Identifier: Apache-2.0
"""A cache of query results, bounded by bytes, so that later pages do not compute them again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from .reports import Unit


class AnswerCache:
    """The latest query results.

    :param max_bytes: the largest total size of the records, in bytes.
    """

    def __init__(self, max_bytes: int = 96_000_000) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, tuple[list[Unit], int]] = OrderedDict()
        self._size = 0
        # The server's thread and callers of Simulator.truth use it at the same time.
        self._lock = threading.Lock()

    def get(self, key: Hashable, render: Callable[[], list[Unit]]) -> list[Unit]:
        """The cached result of a key; it is rendered if the cache does not have it."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
            units = render()
            size = sum(len(item) + 33 for unit in units for item in unit)
            self._entries[key] = (units, size)
            self._size += size
            while self._size > self._max_bytes and len(self._entries) > 1:
                _, (_, freed) = self._entries.popitem(last=False)
                self._size -= freed
            return units
