"""Five services, some of them twice, with everything they stand on: what can happen to them, one step at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from baton.contracts import TOPICS
from baton.intake.reception import Reception
from baton.playbook.loading import load
from baton.runtime import ids
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.failures import Fenced, NotNow
from baton.runtime.handler import Service
from baton.runtime.run import build_service
from baton.runtime.settings import Settings
from tests.simulation.bus import SimBus
from tests.simulation.store import Database, SimStore
from tests.simulation.turns import Turns, settle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
LANES = 3
SETTINGS = Settings(home=Path("/nowhere"), partitions=LANES, playbook=Path("deploy/playbook").resolve())
ROUNDS = 300
"""More rounds than any backlog needs that shrinks at all."""

_load = cache(load)


@contextmanager
def determined(chance: random.Random) -> Iterator[None]:
    """Chance comes from the seed, and the playbook is read once a process."""

    def uuid7(now: datetime, noise: bytes | None = None) -> str:
        return ids.uuid7(now, noise or chance.randbytes(10))

    watching = "baton.playbook.watching"
    with (
        patch("baton.intake.reception.uuid7", uuid7),
        patch(f"{watching}.load", _load),
        patch(f"{watching}.Watch._look", lambda _: ()),  # nobody changes it: why read it for every replica
        patch(f"{watching}.Watch._digest", lambda _: ""),
    ):
        yield


class Replica:
    """One process of one service: its engine without the endless loops, whose rounds the scheduler starts."""

    def __init__(self, world: World, name: str, number: int) -> None:
        self.world = world
        self.name = f"{name}:{number}"
        self.service: Service[Any, Any] = build_service(name, SETTINGS)
        self.database = world.databases[name]
        store = SimStore(self.database, world.turns)
        self.engine = Engine(self.service, SETTINGS, store, world.bus, world.clock, alone=False)
        self.engine.owner = self.engine.lanes.owner = self.name
        self.reception = self._reception() if name == "intake" else None
        self._seen = world.clock.monotonic()
        self._is_prepared = False
        self._has_playbook = name != "routing"
        self._tasks: dict[str, asyncio.Task[None]] = {}
        for nth, batch in enumerate(self.engine._batches):
            self._begin(f"micro_batch_{nth}", batch.run)

    def _reception(self) -> Reception:
        intake: Any = self.service
        return Reception(self.engine, intake.book, intake.settings, intake.metrics)

    # -- rounds: what the loops of worker, relay and engine do once -------------------------------------------------

    async def work(self) -> int:
        try:
            return await self.engine.worker.once(0)
        except NotNow:
            await self.engine.worker.let_go()
            return 0

    async def publish(self) -> int:
        try:
            return await self.engine.relay.once() if self.service.says else 0
        except (NotNow, Fenced):
            return 0

    async def tend(self) -> int:
        lanes, now = self.engine.lanes, self.world.clock.monotonic()
        try:
            if not self._is_prepared:
                await lanes.prepare(list(self.service.hears), alone=False)
                self._is_prepared = True
            await lanes.tend()
            self._seen = now
        except NotNow:
            if now - self._seen > SETTINGS.lease_seconds and lanes.held:
                lanes.held = {}
                lanes.generation += 1
        return 0

    async def take_playbook(self) -> int:
        if not self._has_playbook:
            routing: Any = self.service
            try:
                await routing.take_playbook(self.engine, routing.watch.current)
                self._has_playbook = True
            except NotNow:
                return 0
        return 0

    # -- how it is driven -------------------------------------------------------------------------------------------

    def start(self, what: str) -> None:
        """Begin a round unless one of its kind is under way, or it stands still."""
        if self.world.turns.is_stalled(f"{self.name} {what}"):
            return
        if what not in self._tasks or self._tasks[what].done():
            self._begin(what, getattr(self, what))

    def _begin(self, what: str, work: Callable[[], Awaitable[Any]]) -> None:
        async def watched() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as problem:  # noqa: BLE001  (whatever ends a loop stops the service)
                self.world.wrong.append(f"{self.name} stopped in {what}: {type(problem).__name__}: {problem}"[:600])

        self._tasks[what] = asyncio.create_task(watched(), name=f"{self.name} {what}")

    async def end(self) -> None:
        """Fall over where it stands: nothing of it happens any more, and its leases run on."""
        for task in self._tasks.values():
            task.cancel()
        await settle()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


ROUNDS_OF = ("work", "work", "work", "work", "publish", "publish", "publish", "tend", "take_playbook")


class World:
    """Everything there is in one run."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.clock = FixedClock(START)
        self.turns = Turns(chance)
        self.bus = SimBus(self.turns, self.clock)
        self.databases = {name: Database(name) for name in SERVICES}
        self.replicas: list[Replica] = []
        self.wrong: list[str] = []
        self.crashes = 0
        self._numbers = 0

    async def begin(self) -> None:
        """Make the topics, and one replica of each service."""
        await self.bus.prepare(list(TOPICS), LANES)
        for name in SERVICES:
            self.add(name)

    def add(self, name: str) -> Replica:
        """Another replica of a service starts."""
        self._numbers += 1
        replica = Replica(self, name, self._numbers)
        self.replicas.append(replica)
        return replica

    def of(self, name: str) -> list[Replica]:
        """The replicas of a service that live."""
        return [replica for replica in self.replicas if replica.service.name == name]

    async def crash(self, replica: Replica) -> None:
        """It falls over; another takes its place unless there is one."""
        self.crashes += 1
        self.replicas.remove(replica)
        await replica.end()
        if not self.of(replica.service.name):
            self.add(replica.service.name)

    async def leave(self, replica: Replica) -> None:
        """It stops politely: others have its lanes at once."""
        self.replicas.remove(replica)
        await replica.end()
        calm, self.turns.is_calm = self.turns.is_calm, True
        await replica.engine.lanes.leave()
        self.turns.is_calm = calm

    async def step(self) -> None:
        """Some round of some replica begins."""
        self.chance.choice(self.replicas).start(self.chance.choice(ROUNDS_OF))
        await settle()

    def next_due(self) -> datetime | None:
        """The earliest timer that is set anywhere."""
        soonest = "SELECT min(due_at) FROM timer WHERE due_at IS NOT NULL"
        found = [database.rows(soonest)[0][0] for database in self.databases.values()]
        microseconds = min((due for due in found if due is not None), default=None)
        return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)

    async def heal(self) -> None:
        """All faults end, all leases of the fallen run out."""
        await self.turns.calm()
        await settle()
        self.clock.advance(timedelta(seconds=SETTINGS.lease_seconds + 1))

    async def drain(self) -> bool:
        """Let everybody work until nobody has anything left to do; False if that does not come."""
        idle = 0
        for nth in range(ROUNDS):
            for replica in self.replicas:
                if nth < 3:  # leases of the fallen are taken over, shares evened out; later only the facts move
                    replica.start("tend")
                replica.start("take_playbook")
            await settle()
            busy = 0
            for replica in self.replicas:
                replica.engine.timers.look_again()
                busy += await self._all_of(replica)
            idle = 0 if busy else idle + 1
            if self.wrong or idle == 2:  # one idle round may only have found out where things stand
                return not self.wrong
        return False

    async def _all_of(self, replica: Replica) -> int:
        done = 0
        for round_ in (replica.work, replica.publish):
            try:
                done += await round_()
            except Exception as problem:  # noqa: BLE001  (whatever ends a loop stops the service)
                self.wrong.append(f"{replica.name} stopped: {type(problem).__name__}: {problem}"[:600])
        return done

    async def end(self) -> None:
        """Let go of every task."""
        for replica in self.replicas:
            await replica.end()
