"""Replicas over one Postgres database, under load, that are stopped in mid-work and started again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from shared.tests.runtime.crowd import LANES, Crowd, Switchable, crowd_on, stop_abruptly
from shared.tests.runtime.toy import Extra, Number, Toy
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from baton.runtime.bus.kafka import KafkaBus
from baton.runtime.bus.port import Outgoing
from baton.runtime.engine import Engine
from baton.runtime.envelope import data_of, headers_of, to_wire
from baton.runtime.failures import BrokenInvariant, NotNow
from baton.runtime.handler import Command
from baton.runtime.ids import event_id
from baton.runtime.partition import lane_of
from baton.runtime.store import open_store, upsert

SUBJECTS = [f"lead-{n}" for n in range(120)]
LEASE = 0.6


@pytest.fixture
async def crowd(postgres: Any, tmp_path: Path) -> AsyncIterator[Crowd]:
    async with crowd_on(str(postgres.new_database()), tmp_path, lease_seconds=LEASE) as crowd:
        toy = Toy()  # the books' row is there before anybody works by them, as a service's own start sees to
        engine = crowd.engine(toy)
        await engine.store.write(lambda tx: upsert(tx, toy.grand, [{"id": 1, "total": 0}]))
        yield crowd


class Load:
    """Two publishers that speak about the same subjects, each in sequence; remembers what it all adds up to."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self._crowd = crowd
        self._chance = random.Random(seed)
        self._sequences: Counter[tuple[str, str]] = Counter()
        self._now = crowd.engine().clock.now()
        self.totals: Counter[str] = Counter()
        self.facts: Counter[str] = Counter()

    async def publish(self, count: int) -> None:
        """Put `count` facts on the log at once; one time in four again, as a relay does whose reply was lost."""
        page = [self._one() for _ in range(count)]
        await self._crowd.bus.publish(page)
        if self._chance.random() < 0.25:
            await self._crowd.bus.publish(page)

    def _one(self) -> Outgoing:
        subject, number = self._chance.choice(SUBJECTS), self._chance.randrange(1, 100)
        said: list[tuple[str, Number | Extra]] = [("n", Number(n=number)), ("x", Extra(n=number))]
        publisher, body = self._chance.choice(said)
        self._sequences[publisher, subject] += 1
        self.totals[subject] += number
        self.facts[subject] += 1
        sequence = self._sequences[publisher, subject]
        headers = headers_of(
            service=publisher,
            event_id=event_id(publisher, subject, sequence),
            type=body.type,
            subject=subject,
            sequence=sequence,
            at=self._now,
            now=self._now,
            cause_id="load",
            playbook=None,
            trace=None,
        )
        return Outgoing(body.topic, lane_of(subject, LANES), subject, to_wire(headers), data_of(body))

    async def command(self, engine: Engine) -> None:
        """Let somebody add a number by hand, who asks again until he is answered."""
        subject, number = self._chance.choice(SUBJECTS), self._chance.randrange(1, 100)
        command = Command(event_id("command", sum(self.facts.values()), subject), subject, "add", number)
        for _ in range(20):
            with suppress(NotNow):  # a connection from the pool that has been cut since: nothing was begun
                await engine.command(command)
                break
        self.totals[subject] += number
        self.facts[subject] += 1


async def drained(crowd: Crowd, engine: Engine, seconds: float) -> bool:
    """Wait until everything on the log was read and everything said was published."""
    place = engine.service.metadata.tables["place"].c
    until = asyncio.get_running_loop().time() + seconds
    reader = await crowd.bus.reader()
    try:
        while asyncio.get_running_loop().time() < until:
            rows = await engine.read(lambda tx: tx.execute(select(place.topic, place.lane, place.next_off)).all())
            ends = await reader.ends([(row.topic, row.lane) for row in rows])
            is_read = all(ends[row.topic, row.lane] == row.next_off for row in rows)
            if is_read and await engine.relay.pending() == 0:
                return True
            await asyncio.sleep(0.05)
        return False
    finally:
        await reader.close()


async def published(crowd: Crowd) -> dict[str, list[int]]:
    """What stands on the log, per subject: its sequences as first seen; later copies are the same facts."""
    reader = await crowd.bus.reader()
    lanes = [("toys.sums", lane) for lane in range(LANES)]
    left = await reader.ends(lanes)
    await reader.assign(dict.fromkeys(lanes, 0))
    seen: dict[tuple[str, int], str] = {}
    order: dict[str, list[int]] = defaultdict(list)
    while any(left.values()):
        for place, records in (await reader.poll(2000, 0.1)).items():
            left[place] -= len(records)
            for record in records:
                headers = dict(record.headers)
                sequence, identity = int(headers["ce_sequence"]), headers["ce_id"].decode()
                assert seen.setdefault((record.key, sequence), identity) == identity, "one sequence, two facts"
                if sequence > len(order[record.key]):
                    order[record.key].append(sequence)
    await reader.close()
    return order


async def check(crowd: Crowd, engine: Engine, load: Load, *, total: bool = True) -> None:
    """No fact lost, none counted twice, the sequence of each subject without a gap, on the log as in the journal."""
    tables = engine.service.metadata.tables
    toy, journal, page, grand = (tables[name].c for name in ("toy", "journal", "page", "grand"))
    rows = await engine.read(lambda tx: tx.execute(select(toy.subject, toy.total)).all())
    assert dict(rows) == dict(load.totals)
    if total:
        assert await engine.read(lambda tx: tx.execute(select(grand.total)).scalar()) == load.totals.total()
    said = await engine.read(
        lambda tx: tx.execute(select(journal.subject, journal.sequence).order_by(journal.id)).all()
    )
    sequences: dict[str, list[int]] = defaultdict(list)
    for subject, sequence in said:
        sequences[subject].append(sequence)
    assert sequences == {subject: list(range(1, count + 1)) for subject, count in load.facts.items()}
    assert await published(crowd) == sequences
    count = select(journal.lane, func.count()).group_by(journal.lane)
    highest = select(page.lane, func.max(page.position)).group_by(page.lane)
    counted, last = [await engine.read(lambda tx, q=q: dict(tx.execute(q).all())) for q in (count, highest)]
    assert counted == last, "positions have a gap"
    assert await engine.parked.list() == []


class Chaos:
    """Replicas come, fall over, and stand still longer than their lease; the database cuts everybody off."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self._crowd = crowd
        self._chance = random.Random(seed)
        self._freezing: list[asyncio.Task[None]] = []
        self._stores: dict[Engine, Switchable] = {}
        self.alive: list[Engine] = []
        self.fallen: list[Engine] = []
        self.frozen = 0

    async def come(self) -> None:
        store = Switchable(open_store(self._crowd.url))
        engine = self._crowd.engine(store=store)
        await engine.start()
        self._stores[engine] = store
        self.alive.append(engine)

    def fall(self) -> None:
        """The oldest falls over; the transaction it was in may yet come to pass."""
        stop_abruptly(self.alive[0])
        self.fallen.append(self.alive.pop(0))

    def freeze(self) -> None:
        """One stands still until another has its lanes, and then goes on with what it was about to write."""
        seconds = self._chance.uniform(1.2, 2.5) * LEASE
        self._freezing.append(asyncio.create_task(self._stores[self._chance.choice(self.alive)].freeze(seconds)))
        self.frozen += 1

    async def cut(self) -> None:
        """The database throws everybody out, in whatever transaction they are."""
        url = make_url(self._crowd.url).set(drivername="postgresql").render_as_string(hide_password=False)
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}".encode())

    async def settle(self) -> None:
        await asyncio.gather(*self._freezing)

    async def end(self) -> None:
        assert not any(engine.failed.done() for engine in [*self.alive, *self.fallen])
        for engine in self.fallen:
            await asyncio.gather(*engine._tasks, return_exceptions=True)
        for engine in self.alive:
            await engine.stop()


@pytest.mark.parametrize("seed", [1, 2])
async def test_replicas_that_fall_over_and_stand_still_lose_nothing_and_say_nothing_twice(
    crowd: Crowd, seed: int
) -> None:
    load, chaos, chance = Load(crowd, seed), Chaos(crowd, seed), random.Random(seed)
    clerk = await crowd.ready()  # takes people's commands, holds no lane for long
    for step in range(48):
        if len(chaos.alive) < 3 and step % 2 == 0:
            await chaos.come()
        await load.publish(chance.randrange(50, 100))
        await load.command(clerk)
        await asyncio.sleep(chance.uniform(0.0, 0.15))
        if step % 4 == 3:
            chaos.freeze()
        if step % 6 == 5:
            chaos.fall()
        if step % 9 == 8:
            await chaos.cut()
    await chaos.settle()
    if not chaos.alive:
        await chaos.come()
    assert await drained(crowd, chaos.alive[-1], 40)
    await check(crowd, chaos.alive[-1], load)
    assert (len(chaos.fallen), chaos.frozen) == (8, 12)
    await chaos.end()


async def test_lanes_are_shared_and_taken_over_when_a_replica_falls_silent(crowd: Crowd) -> None:
    one, two = crowd.engine(), crowd.engine()
    await one.start()
    assert len(one.lanes.held) == LANES
    await two.start()
    async with asyncio.timeout(5):
        while (len(one.lanes.held), len(two.lanes.held)) != (3, 3):
            await asyncio.sleep(0.02)
    assert set(one.lanes.held) | set(two.lanes.held) == set(range(LANES))
    stop_abruptly(one)
    load = Load(crowd, 7)
    await load.publish(300)
    assert await drained(crowd, two, 10)
    await check(crowd, two, load)
    assert len(two.lanes.held) == LANES
    await two.stop()


async def test_a_polite_stop_hands_the_lanes_over_without_waiting_for_the_lease(postgres: Any, tmp_path: Path) -> None:
    async with crowd_on(str(postgres.new_database()), tmp_path, lease_seconds=30) as crowd:
        one = crowd.engine()
        await one.start()
        load = Load(crowd, 3)
        await load.publish(200)
        await one.stop()
        two = crowd.engine()
        await two.start()
        assert len(two.lanes.held) == LANES
        assert await drained(crowd, two, 10)
        assert {s: t for s, t in load.totals.items() if t} == dict(load.totals)
        await two.stop()


@pytest.mark.parametrize("part", ["worker", "relay"])
async def test_a_loop_that_ends_as_if_cancelled_stops_the_service_and_does_not_just_stand_still(
    crowd: Crowd, part: str
) -> None:
    async def vanish(*_: Any) -> int:
        raise asyncio.CancelledError

    engine = crowd.engine()
    loop = getattr(engine, part)
    loop.once = vanish
    await engine.start()
    with pytest.raises(ExceptionGroup) as stopped:
        async with asyncio.timeout(20):
            await engine.failed
    assert [type(problem) for problem in stopped.value.exceptions] == [BrokenInvariant]
    del loop.once  # a stop publishes what is left
    await engine.stop()


async def test_a_broker_that_goes_away_under_load_costs_time_and_nothing_else(
    postgres: Any, mock_cluster: Any, tmp_path: Path
) -> None:
    for topic in ("toys.numbers", "toys.extras", "toys.sums"):
        mock_cluster.create_topic(topic, LANES)
    bus = KafkaBus(mock_cluster.bootstrap, fetch_wait_ms=10)
    async with crowd_on(str(postgres.new_database()), tmp_path, bus=bus, lease_seconds=LEASE) as crowd:
        load, engines = Load(crowd, 5), [crowd.engine(), crowd.engine()]
        for engine in engines:
            await engine.start()
        for step in range(6):
            await load.publish(100)
            if step % 2:
                mock_cluster.set_down()
                await load.command(engines[0])  # is accepted all the same: the journal keeps what it says
                await asyncio.sleep(1)
                mock_cluster.set_up()
        assert await drained(crowd, engines[0], 60)
        await check(crowd, engines[0], load, total=False)
        assert not any(engine.failed.done() for engine in engines)
        for engine in engines:
            await engine.stop()
