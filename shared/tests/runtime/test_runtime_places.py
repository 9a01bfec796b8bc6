"""Places move with their lanes, logs keep what is written, cursors lead nowhere wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from shared.tests.runtime.toy import Number
from sqlalchemy import Connection, select

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.bus.port import Outgoing
from baton.runtime.events import read_cursor, write_cursor
from baton.runtime.failures import Fenced
from baton.runtime.fence import Move, pass_fence
from baton.runtime.journal import put_out
from baton.runtime.partition import lane_of
from baton.runtime.store.tables import runtime_tables
from baton.runtime.testing import Bench


async def test_a_place_moves_only_with_its_lane(bench: Bench) -> None:
    engine = bench.engine
    epochs = {lane: lease.epoch for lane, lease in engine.lanes.held.items() if lane != 2}

    def pass_it(tx: Connection) -> None:
        move = Move(("toys.numbers", 2), 0, 5)
        pass_fence(tx, owner=engine.lanes.owner, epochs=epochs, moves=[move], ttl=3, clock=bench.clock)

    with pytest.raises(Fenced):
        await engine.store.write(pass_it)


async def test_a_topic_made_while_another_is_written_is_there_afterwards(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    await bus.prepare(["t"], 2)
    for n in range(40):
        one = Outgoing("t", 0, "k", (), b"1")
        await asyncio.gather(bus.publish([one]), bus.prepare([f"t{n}"], 2), bus.publish([one]))
        await bus.publish([Outgoing(f"t{n}", 1, "k", (), b"1")])
        assert bus.end_of((f"t{n}", 1)) == 1
    await bus.close()


@pytest.mark.parametrize("position", [2**63, 10**40])
async def test_a_cursor_beyond_all_numbers_is_no_cursor(bench: Bench, position: int) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await bench.engine.events(write_cursor([position, 0, 0, 0]), 10, 0)


async def test_a_cursor_beyond_the_end_is_an_empty_page(bench: Bench) -> None:
    assert read_cursor(write_cursor([2**40] * 4), 4) == [2**40] * 4
    assert await bench.engine.events(write_cursor([2**40] * 4), 10, 0) == []


async def test_facts_that_are_put_out_again_are_published_again_and_stop_nobody_who_reads_them(bench: Bench) -> None:
    engine, journal = bench.engine, bench.engine.service.metadata.tables["journal"]
    for n in range(40):
        await bench.publish(Number(n=n), subject="a")
    await bench.settle()
    while await engine.relay.once():
        continue
    again = select(journal.c.id, journal.c.lane).where(journal.c.sequence.between(3, 36)).order_by(journal.c.id)
    tables = runtime_tables(engine.service.metadata)
    await engine.store.write(lambda tx: put_out(tx, tables, [(row.id, row.lane) for row in tx.execute(again)]))
    assert await engine.relay.pending() == 34
    while await engine.relay.once():
        continue
    reader = await engine.bus.reader()
    lane = lane_of("a", 4)
    await reader.assign({("toys.sums", lane): 40})
    assert len((await reader.poll(500, 0))["toys.sums", lane]) == 34
    sequences, cursor = [], None
    while lines := await engine.events(cursor, 5, 0):
        events = [orjson.loads(line) for line in lines]
        sequences += [int(event["sequence"]) for event in events]
        cursor = events[-1]["cursor"]
    assert sequences == [*range(1, 41), *range(3, 37)]
