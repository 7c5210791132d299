# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to a table, in whatever order: whole days, nothing lost, mixed or in the clear."""

from __future__ import annotations

import logging
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.model.sequences import KINDS, LANDED, MOST_CALLS, OWNED, check_both, sequence
from tests.model.small_store import Objects
from tests.model.world import DAYS, Kind, Landing, World

MEMORY = Path("/dev/shm")

kinds = st.sampled_from((*KINDS, *OWNED))
landings = st.builds(
    Landing,
    kind=kinds,
    day=st.sampled_from(DAYS),
    version=st.integers(0, 3),
    keep_revisions=st.booleans(),
    kill_at=st.integers(0, MOST_CALLS),
    applied=st.booleans(),
    raw_page=st.booleans(),
)


@pytest.fixture
def spool() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Table(RuleBasedStateMachine):
    """A table that is landed, restated, changed, damaged, and landed by two runs at once."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))

    @initialize(kind=kinds, compares=st.booleans())
    def begin(self, kind: Kind, compares: bool) -> None:
        self.kind = kind
        self.kinds = OWNED if kind in OWNED else KINDS
        self.world = World(self._folder, Objects(compares=compares))

    @rule(landing=landings, is_usual=st.integers(0, 4))
    def land(self, landing: Landing, is_usual: int) -> None:
        one = landing if is_usual == 0 and landing.kind in self.kinds else self._usual(landing)
        outcome = self.world.land(one)
        if outcome in LANDED:
            self.world.check_landed(one, outcome)

    def _usual(self, landing: Landing) -> Landing:
        return Landing(**{**vars_of(landing), "kind": self.kind})

    @rule(first=landings, second=landings, turns=st.lists(st.integers(0, 1), max_size=30))
    def land_two(self, first: Landing, second: Landing, turns: list[int]) -> None:
        known = [each if each.kind in self.kinds else self._usual(each) for each in (first, second)]
        pair = [Landing(**{**vars_of(each), "keep_revisions": True}) for each in known]
        check_both(self.world, pair, self.world.land_two(*pair, turns))

    @rule(number=st.integers(0, 99))
    def lose(self, number: int) -> None:
        if files := self.world.files():
            self.world.lose(files[number % len(files)])

    @rule(number=st.integers(0, 99))
    def corrupt(self, number: int) -> None:
        if files := self.world.files():
            self.world.corrupt(files[number % len(files)])

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.heal(self.kind)
        shutil.rmtree(self._folder)


def vars_of(landing: Landing) -> dict[str, object]:
    return {name: getattr(landing, name) for name in Landing.__dataclass_fields__}


Table.TestCase.settings = settings(
    max_examples=150, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTable = Table.TestCase


def test_random_sequences(spool: Path) -> None:
    for number in range(250):
        folder = spool / str(number)
        folder.mkdir()
        sequence(f"test-{number}", folder, kinds=(KINDS, OWNED)[number % 2])
        shutil.rmtree(folder)


BEFORE: dict[str, list[Landing | str]] = {
    "nothing": [],
    "a day": [Landing(version=0)],
    "a day and its revision": [Landing(version=0), Landing(version=1)],
    "a revision of a lost manifest": [Landing(version=0), Landing(version=1), f"v/_manifests/t/{DAYS[0]}.json"],
    "a day whose restatement died": [Landing(version=0), Landing(version=1, kill_at=9, applied=True)],
    "a first landing that died": [Landing(version=0, kill_at=7, applied=True)],
    "raw pages": [Landing(version=0, raw_page=True, kill_at=5, applied=True)],
}
THEN = {
    "another version": Landing(version=2),
    "the same version": Landing(version=0),
    "without revisions": Landing(version=2, keep_revisions=False),
}


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize("before", BEFORE)
def test_a_kill_at_every_single_call(spool: Path, before: str, then: str, applied: bool) -> None:
    for kill_at in range(1, 40):
        folder = spool / str(kill_at)
        folder.mkdir()
        world = World(folder)
        for step in BEFORE[before]:
            world.land(step) if isinstance(step, Landing) else world.lose(step)
        killed = Landing(**{**vars_of(THEN[then]), "kill_at": kill_at, "applied": applied})  # type: ignore[arg-type]
        outcome = world.land(killed)
        world.check()
        if outcome != "killed":
            break
        for version in (3, 2):
            again = Landing(version=version, keep_revisions=killed.keep_revisions)
            world.check_landed(again, world.land(again))
            world.check()
    else:
        pytest.fail("a landing has no end")
    assert kill_at > 3


@pytest.mark.parametrize("kinds", [(KINDS[0], KINDS[4]), OWNED[:2], OWNED[2:4]], ids=["hidden", "owner", "secret"])
@pytest.mark.parametrize("seed", range(3))
def test_two_first_runs_never_both_win(spool: Path, seed: int, kinds: tuple[Kind, Kind]) -> None:
    rng = random.Random(seed)
    won = []
    for number in range(60):
        folder = spool / str(number)
        folder.mkdir()
        world = World(folder, Objects(compares=number % 2 == 0))
        outcomes = world.land_two(*(Landing(kind=kind) for kind in kinds), [rng.randrange(2) for _ in range(30)])
        won.append(sum(outcome in LANDED for outcome in outcomes))
        world.check()
    assert max(won) == 1
    assert 1 in won


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif("SEQUENCES" not in os.environ, reason="make soak says how many")
def test_a_soak(spool: Path) -> None:
    seed = os.environ.get("SEED") or str(random.randrange(10**6))
    print(f"SEED={seed} repeats these sequences")  # noqa: T201
    for number in range(int(os.environ["SEQUENCES"])):
        folder = spool / str(number)
        folder.mkdir()
        sequence(f"{seed}-{number}", folder, kinds=(KINDS, OWNED)[number % 2])
        shutil.rmtree(folder)


FOUND = ["20261126a-30114", "20261126b-35566", "a-760", "20261127a-45209"]
"""Seeds that once found something: a damaged copy listed beside the good one of its name; a revision in the clear."""


@pytest.mark.parametrize("seed", FOUND)
def test_what_a_soak_has_found(spool: Path, seed: str) -> None:
    sequence(seed, spool)
