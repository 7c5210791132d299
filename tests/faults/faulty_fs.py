# SPDX-License-Identifier: Apache-2.0
"""Stores and disks that fail at one step of one day's commit."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_aianalytics.storage.encoders import base
from tests.faults.fault_cases import DAYS


class StoreGoneError(OSError):
    """The store has gone away."""


def _full(*_: object) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _failing(
    write: Callable[..., Any], means: Callable[[str], bool], *, applied: bool, error: Callable[..., OSError]
) -> Any:
    def broken(*args: Any, **kwargs: Any) -> Any:
        target = [str(arg) for arg in args if isinstance(arg, (str, Path))][-1]
        if not means(target):
            return write(*args, **kwargs)
        if applied:
            write(*args, **kwargs)
        raise error("gone")

    return broken


def _nth(write: Callable[..., Any], nth: int, error: Callable[..., OSError], *, name: str = "") -> Any:
    calls = iter(range(1, 1000))

    def broken(*args: Any, **kwargs: Any) -> Any:
        if (not name or args[0].name == name) and next(calls) == nth:
            raise error()
        return write(*args, **kwargs)

    return broken


def _means(step: str, place: int) -> Callable[[str], bool]:
    day = str(DAYS[place])
    part = {"data": f"/date={day}/", "manifest": f"/{day}.json", "copy": f"/{day}/"}[step]
    return lambda target: part in target and ("/_revisions/" in target) == (step == "copy")


BREAKING: dict[str, tuple[str, bool]] = {
    "the store refuses the data": ("data", False),
    "the store takes the data and its answer is lost": ("data", True),
    "the store refuses the manifest": ("manifest", False),
    "the store takes the manifest and its answer is lost": ("manifest", True),
    "the store refuses the copy of the old data": ("copy", False),
    "the data cannot be renamed": ("data", False),
    "the manifest cannot be renamed": ("manifest", False),
    "the copy of the old data cannot be renamed": ("copy", False),
    "the disk is full while a page is written": ("page", False),
    "the disk is full when the data is synced": ("sync", False),
    "the disk is full at the manifest": ("write", False),
}
"""The step that fails, and whether it was done all the same."""


def is_remote(store: str) -> bool:
    return store.startswith("the store ")


@contextmanager
def breaking(store: str, place: int) -> Iterator[None]:
    """Let a store fail for the first, the middle or the last day, or page."""
    if not store:
        yield
        return
    step, applied = BREAKING[store]
    with ExitStack() as stack:

        def patch(owner: Any, name: str, broken: Any) -> None:
            stack.enter_context(mock.patch.object(owner, name, broken))

        match step:
            case "page":
                patch(base.DayFile, "write", _nth(base.DayFile.write, place + 1, _full))
            case "sync":
                patch(os, "fsync", _nth_day(place))
            case "write":
                patch(Path, "write_bytes", _nth(Path.write_bytes, place + 1, _full, name="manifest"))
            case _ if is_remote(store):
                for name in ("put_file", "pipe_file"):
                    write = getattr(MemoryFileSystem, name)
                    patch(
                        MemoryFileSystem,
                        name,
                        _failing(write, _means(step, place), applied=applied, error=StoreGoneError),
                    )
            case _:
                patch(os, "replace", _failing(os.replace, _means(step, place), applied=applied, error=StoreGoneError))
        yield


def _nth_day(place: int) -> Callable[[int], None]:
    """``os.fsync`` that fails for the file of one day while it is spooled."""
    sync = os.fsync

    def broken(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(f"/{DAYS[place]}"):
            raise _full()
        sync(descriptor)

    return broken
