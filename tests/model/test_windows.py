# SPDX-License-Identifier: Apache-2.0
"""A wrong response never lands as complete: it is the truth, or marked incomplete, or a typed error."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.model import windows
from tests.support import report_lines

SEED = int(os.environ.get("SEED") or 20261126)


def run(count: int) -> tuple[list[str], Counter[str]]:
    """Try so many windows.

    :return: the wrong ones, each with its seed and the fewest mutations that make it wrong, and what became of all.
    """
    failures, outcomes = [], Counter[str]()
    for seed in range(SEED, SEED + count):
        case = windows.make(seed)
        found, _ = windows.outcome(case)
        reason = windows.wrong(case, found or {})
        if reason:
            smaller = [windows.make(seed, steps) for steps in range(len(case.mutations))]
            case = next((one for one in smaller if windows.wrong(one)), case)
            failures.append(
                f"SEED={seed} {case.dataset} {case.width} {case.mutations}: {windows.wrong(case) or reason}"
            )
            if len(failures) == 5:
                break
        outcomes["error" if found is None else "complete" if len(found) == len(case.truth) else "incomplete"] += 1
    report_lines.append(
        f"{count:,} windows from SEED={SEED}: {outcomes['complete']:,} complete, {outcomes['incomplete']:,} marked "
        f"incomplete, {outcomes['error']:,} refused with a typed error; wrong and complete: {len(failures)}"
    )
    return failures, outcomes


def test_no_wrong_window_is_complete() -> None:
    failures, outcomes = run(10_000)

    assert failures == []
    assert min(outcomes.values()) > 500, outcomes
    assert len(outcomes) == 3


def test_a_window_without_a_mutation_is_the_truth() -> None:
    for seed in range(SEED, SEED + 1000):
        case = windows.make(seed, 0)
        found, error = windows.outcome(case)
        is_old = (case.read_at - case.window.end).days >= 5
        if is_old:
            assert found == {day: case.truth[day] for day in case.whole}, (seed, case.dataset, error)


@pytest.mark.slow
def test_a_million_windows() -> None:
    count = int(os.environ.get("WINDOWS") or 1_000_000)
    failures, _ = run(count)

    assert failures == []
