"""More than can be stored or published just now: Baton says so early, and its memory knows a bound."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import psycopg

from tests.faults import reader
from tests.journeys.running import eventually
from tests.outages.conftest import World

LEADS = 20_000
"""What 5.6 a second are in an hour."""
PAGE = 250
GROWTH = 130.0
"""Megabytes. Intake may hold 32 of bodies and 5,000 elements, and Python gives little back to the system."""
GROWTH_OF_HALF = 20.0
"""Megabytes, for the second half of what is posted while nothing can be published: 1 was seen."""
CROWD = 300
LATEST = 20.0
"""Seconds. Five of waiting for one's turn, five of waiting for the lock, twice where one's turn came just before the
lock was refused; the rest is for a busy machine."""


def lead(run: str, number: int) -> dict[str, Any]:
    """Somebody who is not ready: scored and nurtured, so that few facts follow."""
    contact = {"email": f"{run}{number}@{run}.example"}
    return {"source": "outages", "external_id": f"{run}-{number}", "contact": contact}


def engaged(run: str, number: int) -> dict[str, Any]:
    about = {"system": "outages", "id": f"{run}-{number}"}
    return {"lead": about, "kind": "page_view", "what": "home", "occurred_at": "2026-01-05T10:00:00Z"}


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


def test_an_hour_without_kafka_and_a_consumer_without_its_database_cost_disk_and_no_memory(world: World) -> None:
    bodies, told = pages(lead, "hour", LEADS), pages(engaged, "hour", PAGE)
    before, scoring_before = world.rss("intake"), world.rss("scoring")
    with world.no_database("scoring"):
        with world.no_broker():
            take_in(world, "leads", bodies[: len(bodies) // 2])
            midway = world.rss("intake")
            take_in(world, "leads", bodies[len(bodies) // 2 :])
            take_in(world, "activities", told)
            during = world.rss("intake")
            assert world.unpublished("intake") >= LEADS + PAGE
            assert world.baton.get("/intake/readyz")["ready"]
        eventually(lambda: not world.unpublished("intake"), "intake has published all", 120)
        assert world.baton.ask("GET", "/scoring/readyz").status_code == 503
        after, scoring_without = world.rss("intake"), world.rss("scoring")
    drained = world.await_quiet(300)
    print(f"intake {before:.0f} MB before, {midway:.0f} and {during:.0f} MB without Kafka, {after:.0f} MB after it had")
    print(f"scoring {scoring_before:.0f} MB before, {scoring_without:.0f} MB without its database")
    print(f"all was read {drained:.0f} s after scoring had it again")
    assert max(midway, during, after) - before < GROWTH
    assert during - midway < GROWTH_OF_HALF
    assert scoring_without - scoring_before < GROWTH
    hour = {lead_id for (lead_id,) in world.rows("intake", "SELECT lead_id FROM lead WHERE external_id LIKE 'hour-%'")}
    found = told_in_order(world, hour)
    assert found.keys() == hour
    assert len(hour) == LEADS
    assert found.total() >= LEADS + PAGE


def told_in_order(world: World, leads: set[str]) -> Counter[str]:
    """How much intake's topic tells of each lead; fails where something came before its predecessor."""
    seen: Counter[str] = Counter()
    for record in reader.raw(world.kafka.bootstrap, ["leads.intake"]):
        if record.key().decode() in leads:
            said = reader.said_by(record)
            assert said.sequence <= seen[said.subject] + 1, said
            seen[said.subject] = max(seen[said.subject], said.sequence)
    return seen
