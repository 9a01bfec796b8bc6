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
from tests.simulation.world import SERVICES, SETTINGS, World, determined

RATES = ((0.0, 0.0, 0.0), (0.5, 0.1, 0.1), (0.2, 0.5, 0.1), (0.1, 0.1, 0.6), (0.5, 0.5, 0.5))
"""How often a process falls over, how often one stands still, how often a call is made just in time."""
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
    await _trouble(world, people, steps=chance.choice((60, 120, 240)))
    await world.heal()
    await people.settle()
    if not world.wrong:
        await _rest(world, far=chance.random() < 0.25)
    wrong = world.wrong or [*people.refused, *faults_of(world, people.accepted)]
    outcome = Outcome(
        seed,
        digest_of(world),
        tuple(wrong),
        len(facts_of(world)),
        len(people.accepted),
        world.crashes,
        world.turns.faults,
    )
    await world.end()
    return outcome


async def _trouble(world: World, people: People, steps: int) -> None:
    """Everything at once, in any order."""
    chance = world.chance
    crash_rate, stall_rate, call_rate = chance.choice(RATES)
    if chance.random() < 0.7:
        await _lull(world, people)
    for _ in range(steps):
        draw = chance.random()
        if world.wrong:
            return
        elif draw < 0.05:
            await _mishap(world, people, crash_rate, stall_rate, call_rate)
        elif draw < 0.13:
            people.act()
            await settle()
        elif draw < 0.17:
            _pass_time(world)
        else:
            await _go_on(world)


async def _lull(world: World, people: People) -> None:
    """Some leads come in and find their owners in peace, so that there are clocks to be disturbed."""
    await world.turns.calm()
    people.arrive(world.chance.randint(2, 6))
    await settle()
    if not await world.drain():
        world.wrong.append("it does not drain")
    world.turns.is_calm = False


async def _go_on(world: World) -> None:
    """Somebody takes his next step."""
    for _ in range(world.chance.randint(1, 3)):
        await world.turns.release()
    await world.step()


async def _mishap(world: World, people: People, crash_rate: float, stall_rate: float, call_rate: float) -> None:
    """One of the rarer troubles."""
    chance = world.chance
    if chance.random() < crash_rate:
        await world.crash(chance.choice(world.replicas))
    if chance.random() < stall_rate:
        await _stall(world)
    if chance.random() < call_rate:
        await _close_call(world, people)
    if chance.random() < 0.2:
        world.bus.repeat()


async def _stall(world: World) -> None:
    """A process, or one call of it, takes longer than a lease; others take over, and perhaps go away again."""
    chance, turns = world.chance, world.turns
    names = [name for name, turn in turns.waiting if not turn.done() and ":" in name]
    if not names:
        return
    name = chance.choice(names)
    process = name.split(" ", maxsplit=1)[0]
    service = process.split(":", maxsplit=1)[0]
    turns.stalled = name if chance.random() < 0.5 else f"{process} "
    others = [replica for replica in world.of(service) if replica.name != process] or [world.add(service)]
    for _ in range(chance.randint(2, 4)):
        world.clock.advance(timedelta(seconds=chance.uniform(1.0, SETTINGS.lease_seconds + 1)))
        for replica in world.of(service):
            replica.start("tend")
            replica.start(chance.choice(("work", "publish")))
        for _ in range(chance.randint(5, 25)):
            await _go_on(world)
        if chance.random() < 0.3 and others[0] in world.replicas:
            await world.leave(others[0])
    turns.stalled = None


async def _close_call(world: World, people: People) -> None:
    """Somebody is called just in time, and the clock runs out before anybody has read of it."""
    due = people.call_in_time()
    await settle()
    if due is None:
        return
    written = world.bus.size("leads.intake")
    world.turns.stalled = "sla-monitor"
    for _ in range(40):
        if world.bus.size("leads.intake") > written:
            break
        await _go_on(world)
    world.turns.stalled = None
    late = due + timedelta(seconds=world.chance.uniform(0.0, 6.0))
    if late > world.clock.now():
        world.clock.move_to(late)


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
        world.clock.move_to(max(world.clock.now(), due) + timedelta(seconds=3))
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
    began, used, bad, done, facts = time.monotonic(), time.process_time(), 0, 0, 0
    for outcome in many(seeds, asked.seconds):
        done, facts = done + 1, facts + outcome.facts
        bad += not outcome.is_good
        if asked.seed is not None or not outcome.is_good:
            print(outcome.seed, outcome.digest[:16], outcome, *outcome.wrong, sep="\n  ", flush=True)
    spent = time.monotonic() - began
    used = time.process_time() - used
    print(f"{done} seeds from {asked.first}, {facts} facts, {bad} bad; {done / spent * 60:.0f} a minute", end=", ")
    print(f"{done / used * 60:.0f} a minute of processor time")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
