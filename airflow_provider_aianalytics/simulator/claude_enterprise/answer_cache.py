# SPDX-License-Identifier: Apache-2.0
"""A small memory of whole answers, bounded by bytes, so that page two costs nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from .reports import Unit


class AnswerCache:
    """The answers asked for last.

    :param room: how many bytes of records to hold.
    """

    def __init__(self, room: int = 96_000_000) -> None:
        self._room = room
        self._entries: OrderedDict[Hashable, tuple[list[Unit], int]] = OrderedDict()
        self._size = 0
        # The server's thread and whoever asks for the truth meet here.
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], list[Unit]]) -> list[Unit]:
        """The answer under the key, made now if it is not held."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
            units = make()
            size = sum(len(item) + 33 for unit in units for item in unit)
            self._entries[key] = (units, size)
            self._size += size
            while self._size > self._room and len(self._entries) > 1:
                _, (_, freed) = self._entries.popitem(last=False)
                self._size -= freed
            return units
