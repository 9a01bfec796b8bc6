"""Five services, some of them twice, with everything they stand on: what can happen to them, one step at a time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import Any

from baton.contracts import TOPICS
from baton.intake.reception import Reception
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.failures import Fenced, NotNow
from baton.runtime.handler import Service
from baton.runtime.lanes import SET_BACK
from baton.runtime.settings import Settings
from tests.simulation.bus import SimBus
from tests.simulation.clock import StoreClock
from tests.simulation.shortcuts import SETTINGS, build
from tests.simulation.store import Database, SimStore
from tests.simulation.turns import Turns, settle

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
TEND_SECONDS = SETTINGS.lease_seconds / 6
"""As the engine does."""
ROUNDS = 300
"""More rounds than any backlog needs that shrinks at all."""
IDLY = 0.1
"""How often a round begins that has nothing to do; there are many of those in life, and little to be found in them."""


class Replica:
    """One process of one service: its engine without the endless loops, whose rounds the scheduler starts."""

    def __init__(self, world: World, name: str, number: int) -> None:
        self.world = world
        self.name = f"{name}:{number}"
        self.service: Service[Any, Any] = build(name, world.settings)
        self.database = world.databases[name]
        self.clock = world.clocks[name]
        store = SimStore(self.database, world.turns)
        self.engine = Engine(self.service, world.settings, store, world.bus, self.clock, alone=False)
        self.engine.owner = self.engine.lanes.owner = self.name
        self.reception = self._reception() if name == "intake" else None
        self._seen = world.clock.monotonic()
        self._tended: float | None = None
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
        self._tended = now
        try:
            if not self._is_prepared:
                await lanes.prepare(list(self.service.hears), alone=False)
                self._is_prepared = True
            await lanes.tend()
            self._seen = now
        except NotNow:
            self._tended = None
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

    def chores(self) -> list[str]:
        """The rounds that have something to do, as far as one can see from above."""
        found = []
        now = self.world.clock.monotonic()
        if self._tended is None or now - self._tended >= TEND_SECONDS:
            found.append("tend")
        if self.has_unread() or (self.database.due_at is not None and self.database.due_at <= self.clock.now()):
            found.append("work")
        if self.database.has_outbox:
            found.append("publish")
        if not self._has_playbook:
            found.append("take_playbook")
        return found

    def has_unread(self) -> bool:
        """True if there is anything on the bus that this service has not read."""
        log, places = self.world.bus.log, self.database.places
        return any(
            len(log[topic, lane]) > places.get((topic, lane), 0)
            for topic in self.service.hears
            for lane in range(self.world.settings.partitions)
        )

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


ROUNDS_OF = ("work", "publish", "tend")


class World:
    """Everything there is in one run."""

    def __init__(
        self,
        chance: random.Random,
        at: datetime = START,
        data: Mapping[str, Connection] | None = None,
        settings: Settings = SETTINGS,
    ) -> None:
        """Begins at `at`, with `data` in the stores (as `Database.copy` gave it) or with nothing."""
        self.chance = chance
        self.settings = settings
        self.clock = FixedClock(at)
        """The one true time, by which people live."""
        self.turns = Turns(chance)
        self.clocks = {name: StoreClock(self.clock) for name in SERVICES}
        self.bus = SimBus(self.turns, self.clocks["sla-monitor"])
        kept = data or {}
        self.databases = {name: Database(name, self.clocks[name], kept.get(name)) for name in SERVICES}
        self.replicas: list[Replica] = []
        self.wrong: list[str] = []
        self.happened: Counter[str] = Counter()
        """Troubles by kind, beside the faults of `turns`."""
        self.began: dict[str, list[datetime]] = {name: [] for name in SERVICES}
        """When replicas were started, by the true time."""
        self.is_quiet = False
        """Every lane has its owner, and nobody comes or goes any more: leases need no looking after."""
        self._numbers = 0

    async def begin(self) -> None:
        """Make the topics, and one replica of each service."""
        await self.bus.prepare(list(TOPICS), self.settings.partitions)
        for name in SERVICES:
            self.add(name)

    def add(self, name: str) -> Replica:
        """Another replica of a service starts."""
        self._numbers += 1
        self.began[name].append(self.clock.now())
        replica = Replica(self, name, self._numbers)
        self.replicas.append(replica)
        return replica

    def of(self, name: str) -> list[Replica]:
        """The replicas of a service that live."""
        return [replica for replica in self.replicas if replica.service.name == name]

    async def crash(self, replica: Replica) -> None:
        """It falls over; another takes its place unless there is one."""
        self.happened["crash"] += 1
        self.replicas.remove(replica)
        if not self.of(replica.service.name):
            self.add(replica.service.name)
        await replica.end()

    def jump(self, name: str, by: timedelta) -> None:
        """The clock of this service's store jumps. Who has not looked at it yet cannot know: as if he began now."""
        self.clocks[name].jump(by)
        if any(replica.engine.timers._watch._last is None for replica in self.of(name)):
            self.began[name].append(self.clock.now())

    async def leave(self, replica: Replica) -> None:
        """It stops politely: others have its lanes at once."""
        self.happened["stop"] += 1
        self.replicas.remove(replica)
        await replica.end()
        calm, self.turns.is_calm = self.turns.is_calm, True
        await replica.engine.lanes.leave()
        self.turns.is_calm = calm

    async def step(self) -> None:
        """Some round of some replica begins: mostly one that has something to do."""
        busy = [(replica, chores) for replica in self.replicas if (chores := replica.chores())]
        if not busy or self.chance.random() < IDLY:
            busy = [(replica, list(ROUNDS_OF)) for replica in self.replicas]
        replica, chores = self.chance.choice(busy)
        replica.start(self.chance.choice(chores))
        await settle()

    def next_due(self) -> datetime | None:
        """When the earliest timer that is set anywhere falls due, by the true time."""
        found = [
            database.due_at - self.clocks[name].offset
            for name, database in self.databases.items()
            if database.due_at is not None
        ]
        return min(found, default=None)

    async def heal(self) -> None:
        """All faults end, all leases of the fallen run out. Clocks that have jumped stay where they are."""
        await self.turns.calm()
        await settle()
        has_jumped = any(len(clock.jumps) > 1 for clock in self.clocks.values())
        longest = timedelta(seconds=SETTINGS.lease_seconds + 1)
        if not has_jumped:
            self.clock.advance(longest)
            return
        # A lease from before a clock was set back is free at once, or respected for at most this long: looked at first.
        for replica in self.replicas:
            await self._do(replica, replica.tend)
        self.clock.advance(longest + SET_BACK)

    async def drain(self) -> bool:
        """Let everybody work until nobody has anything left to do; False if that does not come."""
        idle = 0
        for nth in range(ROUNDS):
            busy = 0
            for replica in self.replicas:
                busy += await self._chores_of(replica, may_tend=nth < 3)
            idle = 0 if busy else idle + 1
            if self.wrong or idle == 2:  # one idle round may only have found out where things stand
                return not self.wrong
        return False

    async def _chores_of(self, replica: Replica, *, may_tend: bool) -> int:
        """Do what there is to do; return how much that was. Shares are evened out in the first rounds only."""
        chores = replica.chores()
        if may_tend and not self.is_quiet and ("tend" in chores or replica.database.has_free_lanes()):
            await self._do(replica, replica.tend)
        if "take_playbook" in chores:
            await self._do(replica, replica.take_playbook)
        done = 0
        if "work" in chores:
            replica.engine.timers.look_again()
            done += await self._do(replica, replica.work)
        if replica.database.has_outbox:
            done += await self._do(replica, replica.publish)
        return done

    async def _do(self, replica: Replica, round_: Callable[[], Awaitable[int]]) -> int:
        try:
            return await round_()
        except Exception as problem:  # noqa: BLE001  (whatever ends a loop stops the service)
            self.wrong.append(f"{replica.name} stopped: {type(problem).__name__}: {problem}"[:600])
            return 0

    async def end(self) -> None:
        """Let go of every task."""
        for replica in self.replicas:
            await replica.end()
