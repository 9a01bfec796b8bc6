"""What happens to the services, one step after the other: work, people, time, and everything that goes wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.simulation.people import People
from tests.simulation.shortcuts import SETTINGS
from tests.simulation.turns import settle
from tests.simulation.world import SERVICES, World

SIZES = ((25, (1, 2)), (70, (1, 4)), (240, (2, 6)))
"""Steps, and how many leads come in at first."""
SIZE_WEIGHTS = (75, 20, 5)
"""Most are small: in a given time many small schedules find more than few large ones (docs/simulation.md)."""


@dataclass(frozen=True)
class Rates:
    """How often, in a mishap, what goes wrong."""

    crash: float = 0.0
    stall: float = 0.0
    call: float = 0.0
    jump: float = 0.0


RATES = (
    Rates(),
    Rates(crash=0.5, stall=0.1, call=0.1),
    Rates(crash=0.2, stall=0.8, call=0.1),
    Rates(crash=0.1, stall=0.1, call=0.6),
    Rates(crash=0.1, stall=0.1, call=0.3, jump=0.7),
    Rates(crash=0.5, stall=0.5, call=0.5, jump=0.1),
)
LONGEST_JUMP = timedelta(hours=6)


class Troubles:
    """Everything at once, in any order."""

    def __init__(self, world: World, people: People) -> None:
        chance = world.chance
        self._world = world
        self._people = people
        self._chance: random.Random = chance
        self._rates = chance.choice(RATES)
        self._steps, arrivals = chance.choices(SIZES, SIZE_WEIGHTS)[0]
        self._arrivals = chance.randint(*arrivals)
        self._mishaps = chance.choice((0.05, 0.12, 0.18))

    async def run(self) -> None:
        """Until the steps of this seed are done, or something has gone wrong for good."""
        self._people.arrive(self._arrivals)
        for _ in range(self._steps):
            if self._world.wrong:
                return
            await self._step()

    async def _step(self) -> None:
        draw = self._chance.random()
        if draw < self._mishaps:
            await self._mishap()
        elif draw < self._mishaps + 0.08:
            self._people.act()
            await settle()
        elif draw < self._mishaps + 0.12:
            self._pass_time()
        else:
            await self._go_on()

    async def _go_on(self) -> None:
        """Somebody takes his next step."""
        for _ in range(self._chance.randint(1, 3)):
            await self._world.turns.release()
        await self._world.step()

    async def _mishap(self) -> None:
        """One of the rarer troubles."""
        chance, world, rates = self._chance, self._world, self._rates
        if chance.random() < rates.crash:
            await world.crash(chance.choice(world.replicas))
        if chance.random() < rates.stall:
            await self._stall()
        if chance.random() < rates.call:
            await self._close_call()
        if chance.random() < rates.jump:
            await self._jump()
        if chance.random() < 0.2:
            world.happened["stretch repeated"] += 1
            world.bus.repeat()

    async def _stall(self) -> None:
        """A process, or one call of it, takes longer than a lease; others take over, and perhaps go away again."""
        chance, world, turns = self._chance, self._world, self._world.turns
        names = [name for name, turn in turns.waiting if not turn.done() and ":" in name]
        if not names:
            return
        world.happened["stall"] += 1
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
            for _ in range(chance.randint(4, 12)):
                await self._go_on()
            if chance.random() < 0.3 and others[0] in world.replicas:
                await world.leave(others[0])
        turns.stalled = None

    async def _close_call(self) -> None:
        """Somebody is called just in time, and the clock runs out before anybody has read of it."""
        world = self._world
        due = self._people.call_in_time()
        await settle()
        if due is None:
            return
        world.happened["called just in time"] += 1
        written = world.bus.size("leads.intake")
        world.turns.stalled = "sla-monitor"
        for _ in range(40):
            if world.bus.size("leads.intake") > written:
                break
            await self._go_on()
        world.turns.stalled = None
        late = due + timedelta(seconds=self._chance.uniform(0.0, 6.0))
        world.clock.move_to(max(late, world.clock.now()))

    async def _jump(self) -> None:
        """The clock of a store, or of all of them, is hours off; perhaps it is put right within a minute."""
        chance, world = self._chance, self._world
        hit = SERVICES if chance.random() < 0.3 else chance.choices(SERVICES, (1, 1, 1, 6, 1))
        by = self._distance(hit)
        for name in hit:
            world.jump(name, by)
        world.happened["clock forwards" if by > timedelta() else "clock back"] += 1
        if chance.random() < 0.4:
            return
        for _ in range(chance.randint(3, 12)):
            world.clock.advance(timedelta(seconds=chance.uniform(0.5, 4.5)))
            for replica in world.of("sla-monitor"):
                replica.start("work")
            await self._go_on()
        for name in hit:
            world.jump(name, -by)
        world.happened["clock put right"] += 1

    def _distance(self, hit: Sequence[str]) -> timedelta:
        """How far a clock jumps: mostly to just behind the next deadline, else anywhere."""
        chance, judge = self._chance, self._world.databases["sla-monitor"]
        ((due,),) = judge.rows("SELECT min(due_at) FROM obligation WHERE state IN ('open', 'at_risk')")
        if "sla-monitor" in hit and due is not None and chance.random() < 0.6:
            ahead = timedelta(microseconds=max(0, due - judge.microseconds()))
            return ahead + timedelta(seconds=chance.uniform(10, 600))
        by = timedelta(seconds=10) + LONGEST_JUMP * chance.random() ** 3
        return by if chance.random() < 0.4 else -by

    def _pass_time(self) -> None:
        """A moment, mostly; sometimes until something is due, give or take; seldom hours."""
        chance, clock = self._chance, self._world.clock
        draw = chance.random()
        due = self._world.next_due()
        if draw < 0.2 and due is not None and due < clock.now() + timedelta(days=2):
            clock.move_to(max(clock.now(), due + timedelta(seconds=chance.uniform(-3.0, 3.0))))
        elif draw < 0.25:
            clock.advance(timedelta(minutes=chance.uniform(1, 300)))
        else:
            clock.advance(timedelta(seconds=chance.uniform(0.01, 2.5)))
