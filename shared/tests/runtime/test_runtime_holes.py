"""A poll that begins too far on: records a client has lost track of are read again, never skipped."""

from __future__ import annotations

import pytest
from shared.tests.runtime.toy import Number

from baton.runtime.bus.port import Bus, Reader, Record, TopicLane
from baton.runtime.testing import Bench


def let_readers_skip(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reader of the bus begins one record too far on, once."""
    make = bus.reader

    async def skipping_reader(patience: float = 0.0) -> Reader:
        reader = await make()
        poll, skipped = reader.poll, list[bool]()

        async def skipping(limit: int, wait: float) -> dict[TopicLane, list[Record]]:
            found = await poll(limit, wait)
            if skipped or not found:
                return found
            skipped.append(True)
            return {place: records[1:] for place, records in found.items() if records[1:]}

        monkeypatch.setattr(reader, "poll", skipping)
        return reader

    monkeypatch.setattr(bus, "reader", skipping_reader)


async def test_a_hole_that_two_readers_found_one_after_the_other_is_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what one reader finds missing twice is: seeds 312 and 490 of the simulation lost a fact each."""
    let_readers_skip(bench.engine.bus, monkeypatch)
    for n in (1, 2, 3):
        await bench.publish(Number(n=n), subject="a")
    assert await bench.engine.worker.once(0) == 0
    await bench.engine.worker.let_go()  # as when the broker goes away
    await bench.engine.worker.once(0)
    await bench.settle()
    assert [fact.body["sum"] for fact in await bench.said()] == [1, 3, 6]
