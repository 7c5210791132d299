# SPDX-License-Identifier: Apache-2.0
"""Threads that never keep a process from ending.

Airflow ends a task by an exception in its main thread. A pool of ``concurrent.futures`` then waits for its threads,
also when the interpreter exits, so a thread that waits for a network hangs the task until it is killed. These are
daemons, and the main thread waits in one call that an exception can leave at any time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

POLL_INTERVAL = 0.5
"""Seconds between two checks whether the work is stopped."""
GRACE = 5.0
"""Seconds that threads are given to end by themselves after an exception in the main thread."""


def run_parallel(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    name: str,
    on_interrupt: Callable[[], None] = lambda: None,
    is_stopped: Callable[[], bool] = lambda: False,
    grace: float = 0.0,
) -> list[Result]:
    """Do some work for each item, several at a time. No other item is started after an error.

    :param work: called in threads.
    :param workers: the most threads.
    :param name: the prefix of the threads' names.
    :param on_interrupt: called when an exception reaches this thread, so that the work can end early.
    :param is_stopped: whether the work is stopped; a signal handler can set this without an exception.
    :param grace: seconds to wait for the threads after that.
    :return: the results in the order of the items.
    :raises InterruptedError: when the work was stopped and did not end in time.
    :raises BaseException: the error of the first item that has one, after the work under way; or the interruption.
    """
    todo = deque(enumerate(items))
    results: dict[int, Result] = {}
    errors: dict[int, BaseException] = {}
    ended: SimpleQueue[None] = SimpleQueue()

    def run() -> None:
        while todo:
            try:
                index, item = todo.popleft()
            except IndexError:  # another thread was faster
                break
            try:
                results[index] = work(item)
            except BaseException as error:
                todo.clear()
                errors[index] = error
        ended.put(None)

    threads = [threading.Thread(target=run, name=f"{name}-{n}", daemon=True) for n in range(min(workers, len(todo)))]
    try:
        for thread in threads:
            thread.start()
        for _ in threads:
            _wait(ended, is_stopped, grace)
    except BaseException:
        todo.clear()
        on_interrupt()
        _join(threads, grace)
        raise
    if errors:
        raise errors[min(errors)]
    return [results[index] for index in sorted(results)]


def _wait(ended: SimpleQueue[None], is_stopped: Callable[[], bool], grace: float) -> None:
    stopped_at: float | None = None
    while True:
        try:
            return ended.get(timeout=POLL_INTERVAL)
        except Empty:
            if not is_stopped():
                continue
            stopped_at = stopped_at or time.monotonic()
            if time.monotonic() - stopped_at >= grace:
                raise InterruptedError("threads did not end in time") from None


def _join(threads: Iterable[threading.Thread], grace: float) -> None:
    deadline = time.monotonic() + grace
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
