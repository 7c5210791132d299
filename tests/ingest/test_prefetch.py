# SPDX-License-Identifier: Apache-2.0
"""One item ahead and no more, in order, with errors where they belong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from airflow_provider_aianalytics.ingest.prefetch import prefetch

MAX_INLINE_WAIT = 10.0


class Source:
    """Counts up, and lists the numbers that were read."""

    def __init__(self) -> None:
        self.requested: list[int] = []
        self._new = threading.Condition()

    def __iter__(self) -> Iterator[int]:
        for number in count(1):
            with self._new:
                self.requested.append(number)
                self._new.notify_all()
            yield number

    def is_asked_for(self, number: int) -> bool:
        with self._new:
            return self._new.wait_for(lambda: number in self.requested, MAX_INLINE_WAIT)


@pytest.mark.parametrize("items", [[], [1], [1, 2, 3, 0, 5]])
def test_all_items_come_in_order(items: list[int]) -> None:
    assert list(prefetch(iter(items))) == items


def test_the_next_item_is_fetched_while_the_caller_works() -> None:
    source = Source()
    items = prefetch(iter(source))
    for number in (1, 2, 3):
        assert next(items) == number
        assert source.is_asked_for(number + 1)
        assert source.requested == list(range(1, number + 2))  # and none beyond it
    items.close()


def test_an_error_comes_behind_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third")

    got = prefetch(failing())
    assert [next(got), next(got)] == [1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(got)


def test_closing_early_fetches_no_other_and_leaves_no_thread() -> None:
    source = Source()
    items = prefetch(iter(source))
    assert next(items) == 1
    items.close()
    assert source.requested in ([1], [1, 2])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
