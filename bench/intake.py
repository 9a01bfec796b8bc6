"""What intake takes in: single leads beside an endpoint that stores nothing, batches beside a bare intake that does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench import client, cpu, leads
from bench.table import Row, paired
from bench.watch import Quiet
from bench.world import TOKEN, World, opened_world

SECONDS = 4.0
CONNECTIONS = 32
BATCH, BATCHES, BATCH_CONNECTIONS = 200, 60, 4
WARM_SECONDS = 1.0
OURS, THEIRS = "/intake/v1/leads", "/leads"
Pairs = list[tuple[float, float]]


@dataclass(frozen=True)
class Door:
    """Something that takes leads in: the name of its process, its port and path."""

    process: str
    port: int
    path: str

    def request(self, run: str, count: int) -> bytes:
        """Return a request with so many new leads."""
        body = leads.body(f"{run}-{self.process}", count)
        return client.request_of(self.path, body, TOKEN if self.path == OURS else "")


async def measure(pairs: int) -> list[Row]:
    """Alternate intake and what limits it; both are up, the other one idle."""
    async with opened_world() as world, _doors(world) as (intake, endpoint, bare):
        return await _singles(world, intake, endpoint, pairs) + await _batches(world, intake, bare, pairs)


@asynccontextmanager
async def _doors(world: World) -> AsyncIterator[tuple[Door, Door, Door]]:
    await world.start_baton("intake")
    await world.start_relay("intake")
    port = await world.start_endpoint()
    intake = Door("intake", world.ports["intake"], OURS)
    doors = (intake, Door("endpoint", port, THEIRS), Door("bare-intake", world.ports["bare-intake"], THEIRS))
    for door in doors:
        await _for_a_while(world, door, "warm", WARM_SECONDS)
    try:
        yield doors
    finally:
        world.stop(*list(world.running))


async def _singles(world: World, intake: Door, endpoint: Door, pairs: int) -> list[Row]:
    rates: Pairs = []
    own: Pairs = []
    whole: Pairs = []
    for number in range(pairs):
        ours = await _for_a_while(world, intake, f"one{number}", SECONDS)
        bare = await _for_a_while(world, endpoint, f"one{number}", SECONDS)
        for found, of_ours, of_bare in zip((rates, own, whole), ours, bare, strict=True):
            found.append((of_ours, of_bare))
    return [
        paired("intake, one lead a request, durable", "requests/s", "≥ 50 % of an endpoint that stores nothing", rates),
        paired("intake, one lead a request, its own processor time", "ms/lead", None, own),
        paired("intake, one lead a request, with Postgres, Kafka and the client", "ms/lead", None, whole),
    ]


async def _for_a_while(world: World, door: Door, run: str, seconds: float) -> tuple[float, float, float]:
    """Return requests a second, and processor ms a request: the door's own, and everybody's."""
    # Made beforehand: the generator shares two cores with what it measures.
    made = [door.request(run, 1) for _ in range(round(6000 * seconds))]
    before = cpu.spent(world)
    until = time.monotonic() + seconds

    def requests() -> Iterator[bytes]:
        for request in made:
            if time.monotonic() >= until:
                return
            yield request

    load = await client.send(door.port, requests(), CONNECTIONS)
    if load.refused:
        raise RuntimeError(f"{door.process} refused {load.refused} requests")
    used = cpu.between(before, cpu.spent(world))
    each = 1000 / load.answered
    return load.answered / load.seconds, used[door.process] * each, sum(used.values()) * each


async def _batches(world: World, intake: Door, bare: Door, pairs: int) -> list[Row]:
    outboxes = (Quiet(world, {"intake": True}, "leads."), Quiet(world, {"bare_intake": True}, "bare."))
    taken: Pairs = []
    drained: Pairs = []
    try:
        for number in range(-1, pairs):
            ours = await _many(intake, f"many{number}", outboxes[0])
            theirs = await _many(bare, f"many{number}", outboxes[1])
            if number >= 0:  # the first only warms
                taken.append((ours[0], theirs[0]))
                drained.append((ours[1], theirs[1]))
    finally:
        for outbox in outboxes:
            await outbox.close()
    return [
        paired(f"intake, batches of {BATCH}, accepted", "leads/s", "≥ 8000", taken),
        paired(f"intake, batches of {BATCH}, accepted and published", "leads/s", None, drained),
    ]


async def _many(door: Door, run: str, outbox: Quiet) -> tuple[float, float]:
    """Return leads a second until all were accepted, and until all were published too."""
    await outbox.wait()
    made = [door.request(run, BATCH) for _ in range(BATCHES)]
    started = time.monotonic()
    load = await client.send(door.port, iter(made), BATCH_CONNECTIONS)
    if load.refused:
        raise RuntimeError(f"{door.process} refused {load.refused} batches")
    amount = load.answered * BATCH
    return amount / load.seconds, amount / (await outbox.wait() - started)
