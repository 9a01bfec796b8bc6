"""What a million leads in the stores change: a lead's cost, a page of reporting, a deadline, a still second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import cpu
from bench.fill import NEW_ID, fill, fill_counts
from bench.growth import Pace, compared, paces
from bench.roads import baton
from bench.table import Row, paired, single
from bench.world import SERVICES, TOKEN, World, opened_world

SIZES = (10_000, 100_000, 1_000_000)
PAGES = ("/", "/follow-up", "/leads", "/leads?fate=routed", "/leads?source=website", "/leads/{lead}")
LOOKS = 20
DUE = 500
STILL_SECONDS = 15.0
FIRED_WITHIN = 60.0
_MAKE_DUE = f"""
WITH chosen AS (SELECT {NEW_ID} AS id FROM generate_series($1::int, $2::int) AS g),
timers AS (UPDATE timer SET due_at = now() - interval '1 minute'
           FROM chosen WHERE subject = id AND kind = 'due.first_response')
UPDATE obligation SET due_at = now() - interval '1 minute'
FROM chosen WHERE lead_id = id AND promise = 'first_response'
"""
_STILL_DUE = "SELECT count(*) FROM timer WHERE kind = 'due.first_response' AND due_at < now()"


async def measure(pairs: int) -> list[Row]:
    """Return what a lead costs with 100,000 in the stores, beside 10,000."""
    return await _grown(pairs, SIZES[:2])


async def measure_million(pairs: int) -> list[Row]:
    """Return the same with a million, and what pages and deadlines cost then. Filling takes most of its time."""
    return await _grown(pairs, (SIZES[0], SIZES[-1]))


async def _grown(pairs: int, sizes: Sequence[int]) -> list[Row]:
    """Fill the stores step by step and measure at each; the first step is what the others are compared with."""
    flows: list[Pace] = []
    ticks: list[tuple[list[float], list[float]]] = []
    more: list[Row] = []
    is_whole = sizes[-1] == SIZES[-1]
    async with opened_world() as world:
        async with baton(world):
            pass  # its first leads are what is copied
        for filled, size in zip((0, *sizes), sizes, strict=False):
            await fill(world, filled + 1, size)
            if size == SIZES[-1]:
                await fill_counts(world)
            async with baton(world) as road:
                flows.append(await paces(road, f"stores{size}", pairs))
                if size == SIZES[-1]:
                    more += await _pages(world, next(iter(road.hand_offs.arrived)))
            if is_whole:
                ticks.append(await _clocks(world, pairs, filled + 1))
                await _leave_unheard(world, "leads.sla")
    more += _clock_rows(ticks) if is_whole else []
    return [
        *(row for size, flow in zip(sizes[1:], flows[1:], strict=True) for row in _flow(size, flow, flows[0])),
        *more,
    ]


def _flow(size: int, flow: Pace, first: Pace) -> list[Row]:
    what = f"{size:,} leads in the stores beside {SIZES[0]:,}"
    reporting = ("reporting", "postgres reporting")
    costs = list(zip(flow.costs(*reporting), first.costs(*reporting), strict=True))
    return [*compared(what, flow, first), paired(f"reporting, {what}, processor time", "ms/lead", "flat", costs)]


async def _pages(world: World, lead: str) -> list[Row]:
    """Return how long reporting's pages take, one at a time."""
    rows = []
    base = f"http://127.0.0.1:{world.ports['reporting']}/reporting"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as browser:
        for page in PAGES:
            waits = []
            for _ in range(LOOKS + 1):
                started = time.perf_counter()
                (await browser.get(base + page.format(lead=lead))).raise_for_status()
                waits.append((time.perf_counter() - started) * 1000)
            rows.append(single(f"reporting page {page}, {SIZES[-1]:,} leads", "ms", "≤ 100", waits[1:]))
    return rows


async def _clocks(world: World, pairs: int, first: int) -> tuple[list[float], list[float]]:
    """Return processor ms a still second, and for each deadline that falls due: of the monitor and its database."""
    await world.start_baton("sla-monitor")
    connection = await asyncpg.connect(world.database("sla_monitor"))
    try:
        await asyncio.sleep(5.0)  # it claims its lanes and reads its inputs to their ends
        still = [await _used_while(world, asyncio.sleep(STILL_SECONDS / pairs)) for _ in range(pairs)]
        seconds = [used * 1000 / (STILL_SECONDS / pairs) for used, _ in still]
        fired = []
        for number in range(pairs):
            used, took = await _used_while(world, _fire(connection, first + DUE * number))
            fired.append((used - took * sum(seconds) / len(seconds) / 1000) / DUE * 1000)
        return seconds, fired
    finally:
        await connection.close()
        world.stop("sla-monitor")


async def _fire(connection: asyncpg.Connection, first: int) -> None:
    await connection.execute(_MAKE_DUE, first, first + DUE - 1)
    async with asyncio.timeout(FIRED_WITHIN):
        while await connection.fetchval(_STILL_DUE):
            await asyncio.sleep(0.2)


async def _leave_unheard(world: World, topic: str) -> None:
    """Put all places at the topic's ends: of copies nobody but the monitor has whole documents to go on with."""
    consumer = AIOKafkaConsumer(bootstrap_servers=world.kafka.bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic, lane) for lane in range(world.lanes)])
    finally:
        await consumer.stop()
    for service in SERVICES:
        connection = await asyncpg.connect(world.database(service.replace("-", "_")))
        places = [(end, topic, place.partition) for place, end in ends.items()]
        await connection.executemany("UPDATE place SET next_off = $1 WHERE topic = $2 AND lane = $3", places)
        await connection.close()


async def _used_while(world: World, work: Awaitable[None]) -> tuple[float, float]:
    before, started = cpu.spent(world), time.monotonic()
    await work
    used = cpu.between(before, cpu.spent(world))
    return used["sla-monitor"] + used["postgres sla_monitor"], time.monotonic() - started


def _clock_rows(ticks: Sequence[tuple[list[float], list[float]]]) -> list[Row]:
    (few_still, few_fired), *_, (many_still, many_fired) = ticks
    what = f"{SIZES[-1]:,} open obligations beside {SIZES[0]:,}"
    return [
        paired(f"SLA, nothing due, {what}", "ms/s", "flat", list(zip(many_still, few_still, strict=True))),
        paired(f"SLA, a deadline due, {what}", "ms", "flat", list(zip(many_fired, few_fired, strict=True))),
    ]
