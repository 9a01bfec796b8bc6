"""Looking at the pipelines from outside: when a hand-off can be read, and when everything has been dealt with."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.world import SERVICES, STAGES, World

LOOK_EVERY = 0.1
_UNPUBLISHED = {
    "leads.": "SELECT coalesce(sum(size), 0) FROM page WHERE position IS NULL",
    "bare.": "SELECT count(*) FROM journal WHERE position IS NULL",
}
"""How many facts wait to be published, by the prefix of a pipeline's topics."""
PATIENCE = 60.0
"""Seconds for which what is left to do may stay the same before we call it stuck."""


class HandOffs:
    """When each record with a lead's id could first be read from a topic: what a CRM sees."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.arrived: dict[str, float] = {}

    async def read(self) -> None:
        """Read for ever."""
        while True:
            polled = await self._consumer.getmany(timeout_ms=500)
            now = time.monotonic()
            for records in polled.values():
                for record in records:
                    self.arrived.setdefault(record.key.decode(), now)

    async def of(self, leads: Mapping[str, float], patience: float = 20.0) -> list[float]:
        """Return the seconds from each lead's sending to its hand-off, once all have arrived. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while not leads.keys() <= self.arrived.keys():
                await asyncio.sleep(0.02)
        return sorted(self.arrived[lead] - sent for lead, sent in leads.items())


@asynccontextmanager
async def watched(world: World, topic: str) -> AsyncIterator[HandOffs]:
    """Watch a topic from its present end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=world.kafka.bootstrap, fetch_max_wait_ms=500)
    await consumer.start()
    consumer.assign([TopicPartition(topic, lane) for lane in range(world.lanes)])
    await consumer.seek_to_end()
    seen = HandOffs(consumer)
    reading = asyncio.create_task(seen.read())
    try:
        yield seen
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await consumer.stop()


class Quiet:
    """Knows when a pipeline has dealt with everything: all that was said is published, and all of that is read."""

    def __init__(self, world: World, databases: Mapping[str, bool], prefix: str) -> None:
        """`databases` says of each whether it publishes."""
        self._world, self._databases, self._prefix = world, databases, prefix
        self._connections: dict[str, asyncpg.Connection] = {}

    async def wait(self) -> float:
        """Return the monotonic time at which it was first seen to be quiet. Raises RuntimeError: what does not move."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._world.kafka.bootstrap)
        await consumer.start()
        last: dict[str, int] = {}
        moved_at = time.monotonic()
        try:
            while True:
                at = time.monotonic()
                left = await self._left(consumer)
                if not left:
                    return at
                if left != last:
                    last, moved_at = left, at
                if at - moved_at > PATIENCE:
                    raise RuntimeError(f"nothing has moved for {PATIENCE:.0f} s: {left}")
                await asyncio.sleep(LOOK_EVERY)
        finally:
            await consumer.stop()

    async def _left(self, consumer: AIOKafkaConsumer) -> dict[str, int]:
        """Return how many facts wait to be published, or else to be read, by store and topic."""
        left: dict[str, int] = {}
        for name in (name for name, publishes in self._databases.items() if publishes):
            connection = await self._connection(name)
            waiting = await connection.fetchval(_UNPUBLISHED[self._prefix])
            if waiting:
                left[f"{name} publishes"] = waiting
        return left or await self._unread(consumer)

    async def _unread(self, consumer: AIOKafkaConsumer) -> dict[str, int]:
        left: dict[str, int] = {}
        for name in self._databases:
            rows = await (await self._connection(name)).fetch("SELECT topic, lane, next_off FROM place")
            read = {TopicPartition(row["topic"], row["lane"]): row["next_off"] for row in rows}
            topics = {place.topic for place in read if place.topic.startswith(self._prefix)}
            wanted = [TopicPartition(topic, lane) for topic in sorted(topics) for lane in range(self._world.lanes)]
            ends = await consumer.end_offsets(wanted) if wanted else {}
            for place, end in ends.items():
                if read.get(place, 0) < end:
                    label = f"{name} reads {place.topic}"
                    left[label] = left.get(label, 0) + end - read.get(place, 0)
        return left

    async def _connection(self, name: str) -> asyncpg.Connection:
        if name not in self._connections:
            self._connections[name] = await asyncpg.connect(self._world.database(name))
        return self._connections[name]

    async def close(self) -> None:
        """Let go of the databases."""
        for connection in self._connections.values():
            await connection.close()


def quiet_baton(world: World) -> Quiet:
    """Of Baton's five services."""
    names = {name.replace("-", "_"): name != "reporting" for name in SERVICES}
    return Quiet(world, names, "leads.")


def quiet_relay(world: World) -> Quiet:
    """Of the bare relay."""
    return Quiet(world, {f"bare_{stage}": stage != "reporting" for stage in STAGES}, "bare.")
