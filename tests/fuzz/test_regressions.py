# SPDX-License-Identifier: Apache-2.0
"""What fuzzing found stays found, and its seeds hold what it wants to hold."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import EVERY, TARGETS, seeds

FOUND: dict[str, list[bytes]] = {"split": [], "flatten": []}


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_was_found(name: str) -> None:
    every = [*seeds(name), *FOUND[name]]
    assert {seed[0] for seed in every} == set(range(len(EVERY)))
    for data in every:
        TARGETS[name](data)
        for cut in range(0, len(data), max(1, len(data) // 20)):
            TARGETS[name](data[:cut])
            TARGETS[name](data[:cut] + b"\xff" + data[cut:])
