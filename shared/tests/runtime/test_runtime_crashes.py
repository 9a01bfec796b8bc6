"""Every crash point: the process ends before, in or after any call of store or bus, an heir takes over, nothing shows.

The work is one of each kind: facts of two publishers about one lead, books shared between leads, a command among the
batches, a wake-up and a deadline among them, a job, and the relay. It is first done in peace, with its calls counted;
then once for each call and each way to die at it.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import pytest
from shared.tests.runtime.conftest import START
from shared.tests.runtime.toy import Extra, Number, Toy
from shared.tests.runtime.toy import testing_migrate as make_tables
from sqlalchemy import Connection, select, text

from baton.runtime import testing
from baton.runtime.bus.embedded import EmbeddedBus, EmbeddedReader
from baton.runtime.bus.port import Outgoing
from baton.runtime.clock import FixedClock
from baton.runtime.failures import BrokenInvariant
from baton.runtime.store import open_store
from baton.runtime.store.port import Store
from baton.runtime.testing import Bench

T = TypeVar("T")
WAYS = ("before", "inside", "after")
LANES = 4


class Died(BaseException):
    """The process is no more. No `except Exception` on its way may notice."""


class Fate:
    """Counts the calls of a life, and ends it at one of them."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        """Of each call so far: the ways in which one can die at it."""
        self.call = -1
        self.way = ""
        self.is_armed = False

    def begin(self, *ways: str) -> None:
        """Another call; one may die before it."""
        if self.is_armed:
            self.calls.append(ways)
        self.maybe("before")

    def strikes(self, way: str) -> bool:
        """True at the chosen call in the chosen way."""
        return self.is_armed and len(self.calls) == self.call and way == self.way

    def maybe(self, way: str) -> None:
        """Die here, if this is where it shall be."""
        if self.strikes(way):
            raise Died


class Mortal:
    """A real store whose process may die before a transaction, with it open, or after its COMMIT, unanswered."""

    def __init__(self, store: Store, fate: Fate) -> None:
        self._store, self._fate, self.dialect = store, fate, store.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        self._fate.begin(*WAYS)

        def dying(tx: Connection) -> T:
            result = work(tx)
            self._fate.maybe("inside")
            return result

        result = await self._store.write(dying)
        self._fate.maybe("after")
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        self._fate.begin("before")
        return await self._store.read(work)

    async def close(self) -> None:
        await self._store.close()


class MortalBus:
    """The embedded log; whoever publishes may die before it, with half of it sent, or before the acknowledgement."""

    def __init__(self, bus: EmbeddedBus, fate: Fate) -> None:
        self._bus, self._fate = bus, fate

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        await self._bus.prepare(topics, lanes)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self._fate.begin(*WAYS)
        if self._fate.strikes("inside"):
            await self._bus.publish(records[: len(records) // 2])
            raise Died
        await self._bus.publish(records)
        self._fate.maybe("after")

    async def reader(self, patience: float = 0.0) -> EmbeddedReader:
        return await self._bus.reader(patience)

    async def close(self) -> None:
        await self._bus.close()


async def one_life(bench: Bench) -> None:
    """Do everything there is to do, from wherever a former life left it; ends when nothing is left."""
    for _ in range(2):
        await bench.engine.lanes.tend()
        await bench.settle()
        with contextlib.suppress(BrokenInvariant):  # its sender was not answered and sends it again: it is known
            await bench.command("add", "a", 1000, id="once")
        for timer, payload, tries in await bench.engine.read(bench.engine.jobs._due):
            await bench.engine.jobs._one(timer, payload, tries)
        bench.clock.advance(timedelta(hours=2))
        await bench.advance(timedelta(seconds=5))
        while await bench.engine.relay.once():
            continue


async def inputs(bench: Bench) -> None:
    """Two topics about one lead, the books between two; 60 sets a deadline; a wake-up and a job. Some is said twice."""
    await bench.command("wait", "a", ("wake", START + timedelta(minutes=1)))
    await bench.command("fetch", "a", "it")
    for n in (1, 60, 2):
        await bench.publish(Number(n=n), subject="a")
        await bench.publish(Number(n=n * 10), subject="b")
    for subject in "ab":
        await bench.publish(Extra(n=7), subject=subject, source="extras")
    await bench.publish(Extra(n=7), subject="a", source="extras", sequence=1)


async def outcome(bench: Bench) -> dict[str, Any]:
    """What the stores and the log say in the end, by what must not depend on who died."""
    tables = bench.engine.service.metadata.tables
    said = await bench.said()
    sequences: dict[str, list[int]] = {}
    for fact in said:
        sequences.setdefault(fact.subject, []).append(fact.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values()), sequences
    page = tables["page"].c
    pages = await bench.engine.read(
        lambda tx: tx.execute(select(page.lane, page.position, page.size).order_by(page.position)).all()
    )
    for lane in range(LANES):
        of_lane = [row for row in pages if row.lane == lane]
        assert [row.position for row in of_lane] == list(accumulate(row.size for row in of_lane)), (
            "positions with a gap"
        )
    assert sum(row.size for row in pages) == len(said)
    published = await first_seen(bench)
    assert published == {subject: [f.id for f in said if f.subject == subject] for subject in sequences}
    toy, grand = tables["toy"].c, tables["grand"].c
    return {
        "because": Counter((fact.subject, fact.body["because"]) for fact in said),
        "totals": dict(await bench.engine.read(lambda tx: tx.execute(select(toy.subject, toy.total)).all())),
        "books": await bench.engine.read(lambda tx: tx.execute(select(grand.total)).scalar()),
        "timers": await bench.timers(),
        "parked": await bench.engine.parked.list(),
        "unread": await bench.engine.worker.lag(),
    }


async def first_seen(bench: Bench) -> dict[str, list[str]]:
    """Event ids per subject, in the order in which the log first shows them."""
    reader = await bench.engine.bus.reader()
    await reader.assign({("toys.sums", lane): 0 for lane in range(LANES)})
    order: dict[str, list[str]] = {}
    while polled := await reader.poll(500, 0):
        for record in (record for records in polled.values() for record in records):
            identity = dict(record.headers)["ce_id"].decode()
            if identity not in order.setdefault(record.key, []):
                order[record.key].append(identity)
    await reader.close()
    return order


@pytest.fixture
def fate(monkeypatch: pytest.MonkeyPatch) -> Fate:
    """Benches opened from now on are mortal."""
    fate = Fate()
    monkeypatch.setattr(testing, "open_store", lambda url: Mortal(open_store(url), fate))
    monkeypatch.setattr(testing, "EmbeddedBus", lambda path: MortalBus(EmbeddedBus(path), fate))

    async def is_there(_service: str, _url: str) -> None:
        """The first life has made the tables."""

    monkeypatch.setattr(testing, "migrate_now", is_there)
    return fate


async def empty(url: str) -> None:
    """A fresh database takes longer to make than to clear."""
    store = open_store(url)
    for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
        await store.write(lambda tx, statement=statement: tx.execute(text(statement)))  # type: ignore[misc]
    await store.close()


async def lived_through(
    home: Path, url: str | None, fate: Fate, call: int = -1, way: str = ""
) -> tuple[dict[str, Any], bool]:
    """The outcome where the process dies at `call` in this `way` (-1: never), and whether it came to that."""
    fate.is_armed, fate.calls, fate.call, fate.way = False, [], call, way
    if url is not None:
        await empty(url)
    home.mkdir()
    await make_tables(url or f"sqlite:///{home / 'toy.db'}")
    clock = FixedClock(START)
    async with Bench.of(Toy(), home, clock, database_url=url, partitions=LANES) as bench:
        await inputs(bench)
        fate.is_armed = True
        try:
            await one_life(bench)
        except Died:
            fate.is_armed = False
        else:
            fate.is_armed = False
            return await outcome(bench), False
    async with Bench.of(Toy(), home, clock, database_url=url, partitions=LANES) as heir:
        await one_life(heir)
        return await outcome(heir), True


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", WAYS)
async def test_whatever_call_a_process_dies_at_its_heir_makes_it_as_if_nothing_had_been(
    tmp_path: Path, database_url: str | None, fate: Fate, way: str
) -> None:
    in_peace, _ = await lived_through(tmp_path / "peace", database_url, fate)
    points = [number for number, ways in enumerate(fate.calls, start=1) if way in ways]
    assert in_peace["because"]["a", "deadline"] == 1
    assert in_peace["because"].total() == 12
    assert (in_peace["timers"], in_peace["parked"]) == ([], [])
    deaths = 0
    for call in points:
        after_a_death, died = await lived_through(tmp_path / f"{call}", database_url, fate, call, way)
        assert after_a_death == in_peace, f"{way} call {call}"
        deaths += died
    assert deaths >= len(points) - 1  # a command sent again is refused before its transaction is full
