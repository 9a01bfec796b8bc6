"""The two pipelines a lead can take, each alone on the machine: Baton's five services, and the bare relay's stages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from bench import client, leads
from bench.watch import HandOffs, Quiet, quiet_baton, quiet_relay, watched
from bench.world import SERVICES, TOKEN, World

BATCH = 100
CONNECTIONS = 4
WARM_LEADS = 600
SETTLED_SECONDS = 0.5


@dataclass(frozen=True)
class Road:
    """A running pipeline: where leads go in, and how to see from outside what became of them."""

    name: str
    world: World
    port: int
    path: str
    token: str
    quiet: Quiet
    hand_offs: HandOffs

    def request(self, run: str, count: int) -> bytes:
        """Return a request with so many new leads."""
        return client.request_of(self.path, leads.body(f"{self.name}-{run}", count), self.token)


def on(name: str, world: World) -> AbstractAsyncContextManager[Road]:
    """Start the pipeline called `baton` or `relay`."""
    return baton(world) if name == "baton" else relay(world)


@asynccontextmanager
async def baton(world: World, replicas: int = 1) -> AsyncIterator[Road]:
    """Start Baton, warm it, yield it, and stop it."""
    await world.start_baton(*SERVICES, replicas=replicas)
    async with watched(world, "leads.routing") as routed:
        port = world.ports["intake"]
        async with _warm(Road("baton", world, port, "/intake/v1/leads", TOKEN, quiet_baton(world), routed)) as road:
            yield road


@asynccontextmanager
async def relay(world: World) -> AsyncIterator[Road]:
    """Start the bare relay, warm it, yield it, and stop it."""
    await world.start_relay()
    async with watched(world, "bare.routing") as relayed:
        port = world.ports["bare-intake"]
        async with _warm(Road("relay", world, port, "/leads", "", quiet_relay(world), relayed)) as road:
            yield road


@asynccontextmanager
async def _warm(road: Road) -> AsyncIterator[Road]:
    """The first leads compile rules and open connections; nobody waits for them."""
    try:
        await drain(road, "warm", WARM_LEADS)
        await asyncio.sleep(SETTLED_SECONDS)
        yield road
    finally:
        await road.quiet.close()
        road.world.stop(*list(road.world.running))


async def drain(road: Road, run: str, amount: int) -> float:
    """Send `amount` leads as fast as they are taken; return the seconds until all are dealt with everywhere.

    Raises RuntimeError unless every one was handed over: the roads would be compared for different work.
    """
    requests = [road.request(run, BATCH) for _ in range(amount // BATCH)]
    before = len(road.hand_offs.arrived)
    start = time.monotonic()
    load = await client.send(road.port, iter(requests), CONNECTIONS)
    if load.refused:
        raise RuntimeError(f"{road.name} refused {load.refused} of {len(requests)} requests")
    end = await road.quiet.wait()
    await asyncio.sleep(SETTLED_SECONDS)
    handed = len(road.hand_offs.arrived) - before
    if handed != amount:
        raise RuntimeError(f"{road.name} handed over {handed} of {amount} leads")
    return end - start
