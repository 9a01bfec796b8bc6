"""Several engines over one Postgres database and one log, and stores and buses that can be told to be away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from shared.tests.runtime.toy import Toy, testing_migrate
from sqlalchemy import Connection

from baton.runtime.bus.embedded import EmbeddedBus, EmbeddedReader
from baton.runtime.bus.port import Bus, Outgoing, Record, TopicLane
from baton.runtime.clock import Clock
from baton.runtime.engine import Engine
from baton.runtime.failures import NotNow
from baton.runtime.settings import Settings
from baton.runtime.store import open_store
from baton.runtime.store.port import Store

T = TypeVar("T")
LANES = 6


class Switchable:
    """A real store that says NotNow while it is `away`, and nothing at all while it is frozen."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thawed = asyncio.Event()
        self._thawed.set()
        self.dialect = store.dialect
        self.away = False

    async def write(self, work: Callable[[Connection], T]) -> T:
        await self._check()
        return await self._store.write(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        await self._check()
        return await self._store.read(work)

    async def freeze(self, seconds: float) -> None:
        """Whoever works on it stands still for so long with what it has read, as under SIGSTOP."""
        self._thawed.clear()
        await asyncio.sleep(seconds)
        self._thawed.set()

    async def close(self) -> None:
        await self._store.close()

    async def _check(self) -> None:
        await self._thawed.wait()
        if self.away:
            raise NotNow("the store is away")


class Deaf(EmbeddedReader):
    """Reads as a Kafka client does: without a broker it finds nothing, and only questions fail."""

    def __init__(self, bus: EmbeddedBus, switch: SwitchableBus) -> None:
        super().__init__(bus)
        self._switch = switch

    async def poll(self, limit: int, wait: float) -> dict[TopicLane, list[Record]]:
        if self._switch.away:
            await asyncio.sleep(wait)
            return {}
        return await super().poll(limit, wait)

    async def ends(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        if self._switch.away:
            raise NotNow("the broker is away")
        return await super().ends(lanes)


class SwitchableBus:
    """The embedded log behind a broker that can be told to be away."""

    def __init__(self, bus: EmbeddedBus) -> None:
        self._bus = bus
        self.away = False

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        await self._bus.prepare(topics, lanes)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if self.away:
            raise NotNow("the broker is away")
        await self._bus.publish(records)

    async def reader(self, patience: float = 0.0) -> EmbeddedReader:
        return Deaf(self._bus, self)

    async def close(self) -> None:
        await self._bus.close()


class Crowd:
    """A database and a log, and the engines over them."""

    def __init__(self, url: str, bus: Bus, home: Path, lease_seconds: float) -> None:
        self.url = url
        self.bus = bus
        self._settings = Settings(home=home, database_url=url, partitions=LANES, lease_seconds=lease_seconds)
        self._stores: list[Store] = []

    def engine(self, toy: Toy | None = None, clock: Clock | None = None, store: Store | None = None) -> Engine:
        """Return another replica, not started."""
        made = store or open_store(self.url)
        self._stores.append(made)
        return Engine(toy or Toy(), self._settings, made, self.bus, clock or Clock(), alone=False)

    async def ready(self, toy: Toy | None = None, clock: Clock | None = None, store: Store | None = None) -> Engine:
        """Return another replica that has taken its share of the lanes, but runs no tasks."""
        engine = self.engine(toy, clock, store)
        await engine.lanes.prepare(list(engine.service.hears), alone=False)
        await engine.lanes.tend()
        return engine

    async def close(self) -> None:
        for store in self._stores:
            await store.close()
        await self.bus.close()


@contextlib.asynccontextmanager
async def crowd_on(url: str, home: Path, *, bus: Bus | None = None, lease_seconds: float = 3.0) -> AsyncIterator[Crowd]:
    """Open a database (made by the toy's migration) and a log for several engines."""
    await testing_migrate(url)
    log = bus or EmbeddedBus(home / "bus.db")
    await log.prepare(["toys.numbers", "toys.extras", "toys.sums"], LANES)
    crowd = Crowd(url, log, home, lease_seconds)
    try:
        yield crowd
    finally:
        await crowd.close()


def stop_abruptly(engine: Engine) -> list[asyncio.Task[None]]:
    """Cancel an engine's tasks where they stand, without leave(): its lanes stay taken until the lease runs out."""
    for task in engine._tasks:
        task.cancel()
    return engine._tasks
