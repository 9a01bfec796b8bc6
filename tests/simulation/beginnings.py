"""Worlds that some time has passed in, in peace: where most seeds begin, so that not each makes its own past."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from sqlite3 import Connection

from baton.runtime.bus.port import Record, TopicLane
from tests.simulation.officer import Officer
from tests.simulation.people import People
from tests.simulation.shortcuts import determined
from tests.simulation.turns import settle
from tests.simulation.world import SERVICES, START, World

BEGINNINGS = 12
"""How many there are. Making one costs what three small seeds cost; a process makes each when it first needs it."""


@dataclass(frozen=True)
class Beginning:
    """All that is left of a past when every process is started anew."""

    at: datetime
    data: dict[str, Connection]
    log: dict[TopicLane, list[Record]]
    written_at: dict[TopicLane, list[datetime]]
    people: People

    def world(self, chance: random.Random) -> tuple[World, People]:
        """Return the world as it was then, with nobody in it, and the people who remember it."""
        world = World(chance, self.at, self.data)
        for place, records in self.log.items():
            world.bus.log[place] = list(records)
            world.bus.written_at[place] = list(self.written_at.get(place, ()))
        return world, self.people.moved(world)


@cache
def beginning(number: int) -> Beginning:
    """Return one of them: up to six leads have come in, and have found their owners; some were called since."""
    chance = random.Random(f"beginning {number}")
    with determined(chance):
        return asyncio.run(_made(number, chance))


async def _made(number: int, chance: random.Random) -> Beginning:
    world = World(chance, START + timedelta(hours=7 * number))
    people = People(world, Officer(world))
    await world.begin()
    await world.turns.calm()
    people.arrive(number % 7)
    await settle()
    await _drained(world)
    for _ in range(number % 5):
        world.clock.advance(timedelta(minutes=chance.uniform(0, 20)))
        people.act()
        await settle()
        await _drained(world)
    await people.settle()
    await world.end()
    data = {name: world.databases[name].copy() for name in SERVICES}
    log = {place: list(records) for place, records in world.bus.log.items()}
    return Beginning(world.clock.now(), data, log, dict(world.bus.written_at), people)


async def _drained(world: World) -> None:
    if not await world.drain():
        raise AssertionError(f"a beginning in peace does not drain: {world.wrong}")
