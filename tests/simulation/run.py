"""One run: what follows from a seed. `python -m tests.simulation.run --seed 17` replays it; `many.py` tries many."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from baton.runtime.observe import set_up_logs
from tests.simulation.beginnings import BEGINNINGS, Beginning, beginning
from tests.simulation.checks import faults_of
from tests.simulation.facts import digest_of, facts_of
from tests.simulation.officer import Officer
from tests.simulation.people import People
from tests.simulation.shortcuts import determined
from tests.simulation.troubles import Troubles
from tests.simulation.world import SERVICES, World

FROM_NOTHING = 0.06
"""Share of the seeds that begin with empty stores."""
TO_THE_END = 0.08
"""Share of the seeds in which time goes on until no timer is set at all: weeks, and as costly as five others."""
MOST_TIMERS = 400
"""Instants at which something falls due until everything rests."""


@dataclass(frozen=True)
class Outcome:
    """What came of a seed."""

    seed: int
    digest: str
    wrong: tuple[str, ...]
    facts: int
    leads: int
    faults: Mapping[str, int] = field(hash=False)
    """How often what was done to the services, by kind."""
    timers: int
    """Instants at which something fell due after all was healed."""

    @property
    def is_good(self) -> bool:
        """True if every promise was kept."""
        return not self.wrong


def simulate(seed: int) -> Outcome:
    """Run the five services through the troubles of this seed, heal everything, and judge."""
    chance = random.Random(seed)
    begun = None if chance.random() < FROM_NOTHING else beginning(chance.randrange(BEGINNINGS))
    with determined(chance):
        return asyncio.run(_simulate(seed, chance, begun))


async def _simulate(seed: int, chance: random.Random, begun: Beginning | None) -> Outcome:
    world, people = _world_of(chance, begun)
    world.turns.fault_rate = chance.choice((0.0, 0.01, 0.04, 0.1))
    world.turns.stop_rate = chance.choice((0.1, 0.4, 0.8))
    await world.begin()
    for name in SERVICES:
        if chance.random() < 0.4:
            world.add(name)
    await Troubles(world, people).run()
    await world.heal()
    await people.settle()
    to_the_end = chance.random() < TO_THE_END
    timers = 0 if world.wrong else await _rest(world, to_the_end=to_the_end)
    facts = facts_of(world)
    wrong = world.wrong or people.refused + faults_of(world, facts, people.accepted, is_at_rest=to_the_end)
    leads, faults = len(set(people.accepted.values())), world.happened + world.turns.faults
    outcome = Outcome(seed, digest_of(world), tuple(wrong), len(facts), leads, faults, timers)
    await world.end()
    return outcome


def _world_of(chance: random.Random, begun: Beginning | None) -> tuple[World, People]:
    if begun is not None:
        return begun.world(chance)
    world = World(chance)
    return world, People(world, Officer(world))


async def _rest(world: World, *, to_the_end: bool) -> int:
    """Let all drain; `to_the_end`: let time pass as long as anything is due at all, and see that it ends.

    Returns at how many instants something was due.
    """
    drained = await world.drain()
    world.is_quiet = not any(database.has_free_lanes() for database in world.databases.values())
    for nth in range(MOST_TIMERS):
        if not drained:
            world.wrong.append("it does not drain")
        due = world.next_due()
        if due is None or world.wrong or not (to_the_end or due <= world.clock.now()):
            return nth
        world.clock.move_to(max(world.clock.now(), due) + timedelta(seconds=3))
        drained = await world.drain()
    world.wrong.append("it does not come to rest")
    return MOST_TIMERS


def main() -> int:
    """Replay one seed and say what was found."""
    parser = argparse.ArgumentParser(description="Replay one seed of the simulation.")
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    set_up_logs("error")
    outcome = simulate(asked.seed)
    print(*(f"{name}: {value}" for name, value in vars(outcome).items() if name != "wrong"), *outcome.wrong, sep="\n")
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
