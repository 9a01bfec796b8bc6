"""One run: what follows from a seed. `python -m tests.simulation.run --seconds 600` tries many, `--seed 17` replays."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from baton.runtime.observe import set_up_logs
from tests.simulation.checks import digest_of, facts_of, faults_of
from tests.simulation.people import People
from tests.simulation.turns import settle
from tests.simulation.world import SERVICES, World, determined

MOST_TIMERS = 400
"""Instants at which something falls due until everything rests; the most seen was about a third of it."""


@dataclass(frozen=True)
class Outcome:
    """What came of a seed."""

    seed: int
    digest: str
    wrong: tuple[str, ...]
    facts: int
    leads: int
    crashes: int
    faults: int

    @property
    def is_good(self) -> bool:
        """True if every promise was kept."""
        return not self.wrong


def simulate(seed: int) -> Outcome:
    """Run the five services through the troubles of this seed, heal everything, and judge."""
    chance = random.Random(seed)
    with determined(chance):
        return asyncio.run(_simulate(seed, chance))


async def _simulate(seed: int, chance: random.Random) -> Outcome:
    world = World(chance)
    world.turns.fault_rate = chance.choice((0.0, 0.01, 0.04, 0.1))
    world.turns.stop_rate = chance.choice((0.1, 0.4, 0.8))
    people = People(world)
    await world.begin()
    for name in SERVICES:
        if chance.random() < 0.4:
            world.add(name)
    await _trouble(world, people, steps=chance.choice((150, 300, 600)))
    await world.heal()
    await people.settle()
    if not world.wrong:
        await _rest(world, far=chance.random() < 0.25)
    wrong = world.wrong or [*people.refused, *faults_of(world, people.accepted)]
    outcome = Outcome(
        seed, digest_of(world), tuple(wrong), len(facts_of(world)), len(people.accepted), world.crashes, world.turns.faults
    )
    await world.end()
    return outcome


async def _trouble(world: World, people: People, steps: int) -> None:
    """Everything at once, in any order."""
    chance = world.chance
    crash_rate = chance.choice((0.0, 0.01, 0.03))
    for _ in range(steps):
        if world.wrong:
            return
        draw = chance.random()
        if draw < crash_rate:
            await world.crash(chance.choice(world.replicas))
        elif draw < 0.10:
            people.act()
            await settle()
        elif draw < 0.15:
            _pass_time(world)
        elif draw < 0.155:
            world.bus.repeat()
        elif draw < 0.6 and world.turns.waiting:
            await world.turns.release()
        else:
            await world.step()


def _pass_time(world: World) -> None:
    """A moment, mostly; sometimes until something is due, give or take; seldom hours."""
    chance = world.chance
    draw = chance.random()
    due = world.next_due()
    if draw < 0.2 and due is not None and due < world.clock.now() + timedelta(days=2):
        world.clock.move_to(max(world.clock.now(), due + timedelta(seconds=chance.uniform(-3.0, 3.0))))
    elif draw < 0.25:
        world.clock.advance(timedelta(minutes=chance.uniform(1, 300)))
    else:
        world.clock.advance(timedelta(seconds=chance.uniform(0.01, 2.5)))


async def _rest(world: World, *, far: bool) -> None:
    """Let all drain; `far`: let time pass as long as anything is due at all, and see that it ends."""
    if not await world.drain():
        world.wrong.append("it does not drain")
    for _ in range(MOST_TIMERS):
        due = world.next_due()
        if due is None or world.wrong or not (far or due <= world.clock.now()):
            return
        world.clock.move_to(max(world.clock.now(), due) + timedelta(seconds=3 if due > world.clock.now() else 3))
        if not await world.drain():
            world.wrong.append("it does not drain")
    world.wrong.append("it does not come to rest")


def many(seeds: Iterable[int], seconds: float) -> Iterator[Outcome]:
    """Yield the outcomes of `seeds`, until the time is over."""
    until = time.monotonic() + seconds
    for seed in seeds:
        if time.monotonic() >= until:
            return
        yield simulate(seed)


def main() -> int:
    """Try seeds for a while, or replay one; say what was found."""
    parser = argparse.ArgumentParser(description="Deterministic simulation of the five services.")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("BATON_SIM_SECONDS", "600")))
    parser.add_argument("--first", type=int, default=int(os.environ.get("BATON_SIM_SEED", "1")))
    parser.add_argument("--seed", type=int, help="replay this one")
    asked = parser.parse_args()
    set_up_logs("error")
    seeds = [asked.seed] if asked.seed is not None else range(asked.first, 2**31)
    began, bad, done, facts = time.monotonic(), 0, 0, 0
    for outcome in many(seeds, asked.seconds):
        done, facts = done + 1, facts + outcome.facts
        bad += not outcome.is_good
        if asked.seed is not None or not outcome.is_good:
            print(outcome.seed, outcome.digest[:16], outcome, *outcome.wrong, sep="\n  ", flush=True)
    spent = time.monotonic() - began
    print(f"{done} seeds from {asked.first}, {facts} facts, {spent:.0f} s, {done / spent * 60:.0f} a minute, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
