# SPDX-License-Identifier: Apache-2.0
"""Random sequences from a seed: what ``make soak`` runs by the hundred thousand.

python -m tests.model.sequences --sequences 100000 --seed 1
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tests.model.small_store import Objects
from tests.model.world import DAYS, Kind, Landing, World

MOST_CALLS = 22
LANDED = ("created", "revised", "unchanged")
KINDS = (
    Kind(),
    Kind(compression="gzip"),
    Kind(format="csv"),
    Kind(cut="model"),
    Kind(hides=True),
    Kind(hides=True, compression="gzip"),
)
OWNED = (
    Kind(organization="a"),
    Kind(organization="b"),
    Kind(organization="a", secret="1"),
    Kind(organization="a", secret="2"),
    Kind(organization="b", hides=True),
)
"""What differs by what only an answer or a connection tells."""


class SequenceError(AssertionError):
    """An invariant does not hold; the message repeats the sequence."""


def landing(rng: random.Random, usual: Kind, kinds: Sequence[Kind]) -> Landing:
    return Landing(
        kind=usual if rng.random() < 0.8 else rng.choice(kinds),
        day=rng.choice(DAYS),
        version=rng.randrange(4),
        keep_revisions=rng.random() < 0.85,
        kill_at=rng.randint(1, MOST_CALLS) if rng.random() < 0.4 else 0,
        applied=rng.random() < 0.5,
        raw_page=rng.random() < 0.2,
    )


def step(world: World, rng: random.Random, usual: Kind, kinds: Sequence[Kind]) -> None:
    match rng.choices(("land", "two", "lose", "corrupt"), (12, 4 if world.objects.compares else 1, 2, 1))[0]:
        case "land":
            one = landing(rng, usual, kinds)
            settle(world, one, world.land(one))
        case "two":
            # Two that keep revisions: what a run without them replaces is not to be found again.
            pair = [
                Landing(kind=each.kind, day=each.day, version=each.version, kill_at=each.kill_at, applied=each.applied)
                for each in (landing(rng, usual, kinds), landing(rng, usual, kinds))
            ]
            turns = [rng.randrange(2) for _ in range(40)]
            outcomes = world.land_two(*pair, turns)
            check_both(world, pair, outcomes)
        case what:
            files = world.files()
            if files:
                getattr(world, what)(rng.choice(files))
    world.check()


def settle(world: World, one: Landing, outcome: str) -> None:
    if outcome in LANDED:
        world.check_landed(one, outcome)


def check_both(world: World, pair: list[Landing], outcomes: list[str]) -> None:
    done = [(one, outcome) for one, outcome in zip(pair, outcomes, strict=True) if outcome in LANDED]
    if not world.objects.compares:
        world.forget_contents()
        return
    if "killed" in outcomes:
        return
    for one, outcome in done:
        world.check_landed(one, outcome, alone=False)
    if len(done) == 2 and not world.damaged:
        assert done[0][0].kind == done[1][0].kind, "two first runs have both won"


def sequence(seed: str, spool: Path, steps: int = 7, kinds: Sequence[Kind] = KINDS) -> World:
    """One sequence, its invariants checked after each step.

    :raises SequenceError: with what happened, when one does not hold.
    """
    rng = random.Random(seed)
    world = World(spool, Objects(compares=rng.random() < 0.85))
    usual = rng.choice(kinds)
    try:
        for _ in range(rng.randint(2, steps)):
            step(world, rng, usual, kinds)
        world.heal(usual)
    except (AssertionError, TimeoutError) as error:
        raise SequenceError(f"seed {seed!r}: {error}\n" + "\n".join(world.log)) from error
    return world
