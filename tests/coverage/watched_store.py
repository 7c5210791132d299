# SPDX-License-Identifier: Apache-2.0
"""An object store that remembers what was requested."""

from __future__ import annotations

import threading
import time
from datetime import date
from typing import Any, ClassVar

from fsspec.implementations.memory import MemoryFileSystem

FIRST = date(2026, 10, 30)


class WatchedStore(MemoryFileSystem):  # type: ignore[misc]
    """Takes a millisecond a read, and counts."""

    protocol = "watched"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.listed: list[str] = []
        self.read: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def ls(self, path: str, detail: bool = True, **more: Any) -> Any:
        self.listed.append(path)
        return super().ls(path, detail=detail, **more)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: Any) -> Any:
        with self._lock:
            self.read.append(path)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(0.001)
        with self._lock:
            self._at_once -= 1
        return super().cat_file(path, start, end, **more)
