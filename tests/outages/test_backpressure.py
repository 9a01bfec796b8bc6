"""More than can be stored just now: Baton says so early, and its memory knows a bound."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import psycopg

from tests.outages.conftest import World

PAGE = 250
GROWTH = 130.0
"""Megabytes. Intake may hold 32 of bodies and 5,000 elements, and Python gives little back to the system."""
CROWD = 300
LATEST = 20.0
"""Seconds. Five of waiting for one's turn, five of waiting for the lock, twice where one's turn came just before the
lock was refused; the rest is for a busy machine."""


def lead(run: str, number: int) -> dict[str, Any]:
    """Somebody who is not ready: scored and nurtured, so that few facts follow."""
    contact = {"email": f"{run}{number}@{run}.example"}
    return {"source": "outages", "external_id": f"{run}-{number}", "contact": contact}


def pages(one: Callable[[str, int], dict[str, Any]], run: str, total: int, size: int = PAGE) -> list[bytes]:
    return [json.dumps([one(run, n) for n in range(first, first + size)]).encode() for first in range(0, total, size)]


class Crowd:
    """Many clients at once, and how each was answered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    async def post(self, door: str, bodies: Sequence[bytes], at_once: int) -> list[bytes]:
        """Post all, so many at once, without patience; returns those that were not taken in."""
        headers = {"Authorization": f"Bearer {self._world.baton.token}", "Content-Type": "application/json"}
        limits = httpx.Limits(max_connections=at_once)
        gate, left = asyncio.Semaphore(at_once), []
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60) as client:

            async def one(body: bytes) -> None:
                async with gate:
                    begun = time.monotonic()
                    answer = await client.post(self._world.baton.url(f"/intake/v1/{door}"), content=body)
                    self.seconds.append(time.monotonic() - begun)
                    self.statuses[answer.status_code] += 1
                    if answer.status_code != 202:
                        assert answer.headers["Retry-After"] == "2", answer.text
                        left.append(body)

            await asyncio.gather(*map(one, bodies))
        return left


def take_in(world: World, door: str, bodies: Sequence[bytes]) -> None:
    """Post all as a sender does: again until it is taken."""
    left = list(bodies)
    while left:
        left = asyncio.run(Crowd(world).post(door, left, 4))


def test_intake_refuses_early_while_its_store_is_held_and_what_it_refused_is_safe_to_repeat(world: World) -> None:
    take_in(world, "leads", pages(lead, "warm", 500))
    before, crowd = world.rss("intake"), Crowd(world)
    bodies = pages(lead, "crowd", CROWD * 100, 100)  # six times what may wait
    with psycopg.connect(world.database("intake")) as holder:
        holder.execute("LOCK TABLE journal")
        left = asyncio.run(crowd.post("leads", bodies, CROWD))
        peak = world.rss("intake")
    print(f"{dict(crowd.statuses)}, slowest {max(crowd.seconds):.1f} s, {before:.0f} MB before, {peak:.0f} MB after")
    assert crowd.statuses.keys() <= {202, 503}
    assert len(left) == CROWD
    assert max(crowd.seconds) < LATEST
    assert sorted(crowd.seconds)[CROWD // 2] < 10
    assert peak - before < GROWTH
    take_in(world, "leads", left)
    known = "SELECT count(*), count(DISTINCT external_id) FROM lead WHERE external_id LIKE 'crowd-%'"
    assert world.rows("intake", known) == [(CROWD * 100, CROWD * 100)]
    received = "SELECT count(*) FROM journal WHERE type = 'lead.received' AND subject IN "
    leads = "(SELECT lead_id FROM lead WHERE external_id LIKE 'crowd-%')"
    assert world.one("intake", received + leads) == CROWD * 100
