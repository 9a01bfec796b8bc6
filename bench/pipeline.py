"""The whole way of a lead, and the hand-off as a CRM sees it, beside the bare relay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles

import orjson

from bench import client, cpu, leads
from bench.table import Row, paired
from bench.watch import HandOffs, Quiet, quiet_baton, quiet_relay, watched
from bench.world import TOKEN, World

BATCH = 100
CONNECTIONS = 4
DRAINED_WITHIN = 0.25
IDLE_SECONDS = 5.0
SHARED = ("kafka", "postgres", cpu.CLIENT)


@dataclass(frozen=True)
class Road:
    """One of the two pipelines."""

    name: str
    port: int
    path: str
    token: str
    quiet: Quiet
    hand_offs: HandOffs

    def request(self, run: str, count: int) -> bytes:
        """Return a request with so many new leads."""
        return client.request_of(self.path, leads.body(run, count), self.token)

    def concerns(self, program: str) -> bool:
        """False for programs and databases of the other pipeline."""
        return program in SHARED or ("bare" in program) == (self.name == "relay")


@asynccontextmanager
async def warm_baton(world: World) -> AsyncIterator[Road]:
    """Yield Baton, which runs, warm."""
    async with watched(world, "leads.routing") as routed:
        road = Road("baton", world.ports["intake"], "/intake/v1/leads", TOKEN, quiet_baton(world), routed)
        async with _warm(road):
            yield road


@asynccontextmanager
async def warm_relay(world: World) -> AsyncIterator[Road]:
    """Yield the bare relay, which runs, warm."""
    async with watched(world, "bare.routing") as relayed:
        road = Road("relay", world.ports["bare-intake"], "/leads", "", quiet_relay(world), relayed)
        async with _warm(road):
            yield road


@asynccontextmanager
async def _warm(road: Road) -> AsyncIterator[None]:
    """The first leads compile rules and open connections; nobody waits for them."""
    try:
        await drain(road, "warm", 400)
        await _trickle(road, "warm", 5.0, 2.0)
        yield
    finally:
        await road.quiet.close()


async def measure(world: World, pairs: int, amount: int, seconds: float) -> list[Row]:
    """Return hand-off latencies idle and at 10/s, and leads a second through the whole pipeline."""
    async with warm_baton(world) as baton, warm_relay(world) as relay:
        rows = await _hand_offs(baton, relay, pairs, seconds)
        return rows + await _throughput(baton, relay, pairs, amount)


async def processor_times(world: World, amount: int) -> list[cpu.Run]:
    """Return what a quiet second costs, and what each of `amount` leads costs on either pipeline."""
    async with warm_baton(world) as baton, warm_relay(world) as relay:
        before = cpu.spent(world)
        await asyncio.sleep(IDLE_SECONDS)
        idle = cpu.between(before, cpu.spent(world))
        runs = [cpu.Run("a second, idle", idle, IDLE_SECONDS, lambda name: True)]
        for road in (baton, relay):
            before = cpu.spent(world)
            seconds = await drain(road, "processor", amount)
            title = f"a lead, {road.name} ({amount / seconds:.0f}/s)"
            runs.append(cpu.Run(title, cpu.between(before, cpu.spent(world)), amount, road.concerns))
    return runs


async def _hand_offs(baton: Road, relay: Road, pairs: int, seconds: float) -> list[Row]:
    rows = []
    for rate, label in ((1.0, "idle (1/s)"), (10.0, "at 10/s")):
        found = []
        for number in range(pairs):
            run = f"r{rate:g}-{number}"
            found.append((await _trickle(baton, run, rate, seconds), await _trickle(relay, run, rate, seconds)))
        for index, name, target in ((0, "p50", None), (1, "p99", "≤ 3 × the relay's, < 1 s")):
            figures = [(ours[index] * 1000, bare[index] * 1000) for ours, bare in found]
            rows.append(paired(f"hand-off {name}, {label}", "ms", target, figures))
    return rows


async def _trickle(road: Road, run: str, rate: float, seconds: float) -> tuple[float, float]:
    """Send single leads at a steady rate; return median and 99th percentile of sending → hand-off readable."""
    sent: dict[str, float] = {}
    pending = []
    start = time.monotonic()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
        request = road.request(f"{road.name}-{run}", 1)
        pending.append(asyncio.create_task(client.send(road.port, _once(request), 1, keep=True)))
    for load in await asyncio.gather(*pending):
        for at, answer in load.answers:
            sent[orjson.loads(answer)[0]["lead_id"]] = at
    waits = await road.hand_offs.of(sent)
    return _percentiles(waits)


def _percentiles(waits: list[float]) -> tuple[float, float]:
    cuts = quantiles(waits, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _once(request: bytes) -> Iterator[bytes]:
    return iter([request])


async def _throughput(baton: Road, relay: Road, pairs: int, amount: int) -> list[Row]:
    found = []
    for number in range(pairs):
        run = f"whole-{number}"
        found.append((amount / await drain(baton, run, amount), amount / await drain(relay, run, amount)))
    label = "whole pipeline, received → routed → SLA open → reported"
    return [paired(label, "leads/s", "≥ 1000, ≥ 50 % of the bare relay", found)]


async def drain(road: Road, run: str, amount: int) -> float:
    """Send `amount` leads as fast as they are taken; return the seconds until all are dealt with everywhere."""
    requests = [road.request(f"{road.name}-{run}", BATCH) for _ in range(amount // BATCH)]
    before = len(road.hand_offs.arrived)
    start = time.monotonic()
    load = await client.send(road.port, iter(requests), CONNECTIONS)
    if load.refused:
        raise RuntimeError(f"{road.name} refused {load.refused} of {len(requests)} requests")
    end = await road.quiet.wait()
    await asyncio.sleep(DRAINED_WITHIN)
    handed = len(road.hand_offs.arrived) - before
    if handed != amount:
        raise RuntimeError(f"{road.name} handed over {handed} of {amount} leads: the rows would compare different work")
    return end - start
