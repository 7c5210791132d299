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
    """Do some work for each item, several at a time.

    :param work: called in threads.
    :param workers: the most threads.
    :param name: the prefix of the threads' names.
    :param on_interrupt: called when an exception reaches this thread, so that the work can end early.
    :param is_stopped: whether the work is stopped; a signal handler can set this without an exception.
    :param grace: seconds to wait for the threads after that.
    :return: the results in the order of the items.
    :raises InterruptedError: when the work was stopped and did not end in time.
    :raises BaseException: the error of the first item that has one, after all work is done; or the interruption.
    """
    todo = deque(enumerate(items))
    number = len(todo)
    done: SimpleQueue[tuple[int, Result | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        while todo:
            try:
                index, item = todo.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                done.put((index, work(item), None))
            except BaseException as error:
                done.put((index, None, error))

    threads = [threading.Thread(target=run, name=f"{name}-{n}", daemon=True) for n in range(min(workers, number))]
    try:
        for thread in threads:
            thread.start()
        outcomes = sorted((_next(done, is_stopped, grace) for _ in range(number)), key=lambda outcome: outcome[0])
    except BaseException:
        todo.clear()
        on_interrupt()
        _join(threads, grace)
        raise
    for _, _, error in outcomes:
        if error is not None:
            raise error
    return [result for _, result, _ in outcomes]  # type: ignore[misc]


def _next(done: SimpleQueue[Item], is_stopped: Callable[[], bool], grace: float) -> Item:
    stopped_at: float | None = None
    while True:
        try:
            return done.get(timeout=POLL_INTERVAL)
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
