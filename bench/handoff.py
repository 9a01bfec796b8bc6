"""How long from sending one lead until its hand-off can be read from Kafka: what a CRM sees."""

from __future__ import annotations

import asyncio
import random
import time
from statistics import quantiles

import orjson

from bench import client
from bench.roads import Road

LINES = 16


async def one_at_a_time(road: Road, run: str, seconds: float) -> list[float]:
    """Send a lead, wait for its hand-off and a moment more, for so long; return the waits in seconds.

    The moment is of random length, so that no poll of a pipeline is met in step.
    """
    chance, waits = random.Random(run), []
    until = time.monotonic() + seconds
    async with client.lines_to(road.port, 1) as (line,):
        while time.monotonic() < until:
            sent = time.monotonic()
            waits += await road.hand_offs.of({await _lead_id(line, road.request(run, 1)): sent})
            await asyncio.sleep(chance.uniform(0.05, 0.25))
    return waits


async def at_rate(road: Road, run: str, rate: float, seconds: float) -> list[float]:
    """Send single leads at a steady rate; return the waits in seconds.

    Each counts from when it was to be sent: a pipeline that makes senders wait does not look quicker for it.
    """
    sent: dict[str, float] = {}
    requests = [road.request(run, 1) for _ in range(round(rate * seconds))]
    start = time.monotonic()

    async def work(line: client.Line, offset: int) -> None:
        for number in range(offset, len(requests), LINES):
            planned = start + number / rate
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            sent[await _lead_id(line, requests[number])] = planned

    async with client.lines_to(road.port, LINES) as lines:
        await asyncio.gather(*(work(line, offset) for offset, line in enumerate(lines)))
    return await road.hand_offs.of(sent)


async def _lead_id(line: client.Line, request: bytes) -> str:
    is_accepted, answer = await line.ask(request)
    if not is_accepted:
        raise RuntimeError(f"a lead was refused: {answer[:200]!r}")
    return str(orjson.loads(answer)[0]["lead_id"])


def percentiles(waits: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in milliseconds."""
    cuts = quantiles(waits, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000
