"""Deadlines wait with their lead, and clocks that jump are told and do no harm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.toy import Number, Sum, Toy
from sqlalchemy import select, update

from baton.runtime.batch import Batch, TimerRow
from baton.runtime.bus.port import Outgoing
from baton.runtime.clock import FixedClock
from baton.runtime.handler import Cause, Decision, Heard
from baton.runtime.testing import Bench


class Mendable(Toy):
    """Chokes on a number that says it is poison until it is mended; 61 clears the deadline, 60 sets it."""

    is_mended = False

    def decide(self, state, books, cause: Cause, now):  # type: ignore[no-untyped-def]
        if self.is_mended and isinstance(cause, Heard) and getattr(cause.body, "poison", False):
            return self._added(state, books, cause.body.n, cause.type, now)
        decision: Decision[Sum] = super().decide(state, books, cause, now)
        return decision


async def pass_hours(bench: Bench) -> None:
    """Time passes, then the service has a look for as long as a deadline's grace takes."""
    bench.clock.advance(timedelta(hours=5))
    await bench.advance(timedelta(seconds=6))


async def whys(bench: Bench) -> list[tuple[str, str]]:
    return [(fact.subject, fact.body["because"]) for fact in await bench.said()]


async def test_a_deadline_waits_while_a_fact_of_its_lead_is_parked_and_is_then_judged_with_it(open_bench: Open) -> None:
    async with open_bench(toy := Mendable()) as bench:
        for subject in ("parked", "free"):
            await bench.hear(Number(n=60), subject=subject)
        await bench.hear(Number(n=61, poison=True), subject="parked")  # would clear the deadline, could it be read
        await pass_hours(bench)
        assert await whys(bench) == [("parked", "toy.number"), ("free", "toy.number"), ("free", "deadline")]
        toy.is_mended = True
        [poison] = await bench.engine.parked.list()
        await bench.engine.parked.replay(poison["id"], "test")
        await pass_hours(bench)
        assert (await whys(bench))[3:] == [("parked", "toy.number")]


async def test_a_deadline_whose_evidence_was_discarded_fires_once(bench: Bench) -> None:
    await bench.hear(Number(n=60), subject="a")
    await bench.hear(Number(n=61, poison=True), subject="a")
    await pass_hours(bench)
    assert await whys(bench) == [("a", "toy.number")]
    [poison] = await bench.engine.parked.list()
    await bench.engine.parked.discard(poison["id"], "test", "cannot be mended")
    await pass_hours(bench)
    await pass_hours(bench)
    assert await whys(bench) == [("a", "toy.number"), ("a", "deadline")]


async def test_a_deadline_waits_for_a_gap_too_and_the_missing_fact_decides(bench: Bench) -> None:
    await bench.hear(Number(n=60), subject="a", sequence=1)
    await bench.hear(Number(n=1), subject="a", sequence=3)
    await pass_hours(bench)
    await bench.hear(Number(n=61), subject="a", sequence=2)
    await pass_hours(bench)
    assert [why for _, why in await whys(bench)] == ["toy.number"] * 3


async def test_a_fact_parked_in_the_very_batch_of_a_deadline_holds_it(bench: Bench, clock: FixedClock) -> None:
    await bench.hear(Number(n=60), subject="a")
    clock.advance(timedelta(hours=2))
    await bench.engine.lanes.tend()
    await bench.publish(Number(n=61, poison=True), subject="a")
    worker = bench.engine.worker
    reader = await bench.engine.bus.reader()
    await reader.assign(worker.places)
    records = [record for found in (await reader.poll(10, 0)).values() for record in found]
    timer = bench.engine.service.metadata.tables["timer"].c
    query = select(timer.subject, timer.kind, timer.due_at, timer.version)
    [row] = await bench.engine.read(lambda tx: tx.execute(query).all())
    await worker._process(Batch(records, [TimerRow(*row)]))
    assert await whys(bench) == [("a", "toy.number")]
    assert await bench.engine.read(lambda tx: tx.execute(query).all()) == [row]


async def test_a_deadline_that_waits_keeps_nobody_busy(bench: Bench) -> None:
    for subject in "ab":
        await bench.hear(Number(n=60), subject=subject)
    await bench.hear(Number(n=61, poison=True), subject="a")
    await pass_hours(bench)
    bench.engine.timers.look_again()
    assert await bench.engine.worker.once(0) == 0
    _, soonest = await bench.engine.read(bench.engine.timers._look)
    assert soonest is None
    assert await bench.engine.read(lambda tx: bench.engine.timers._select(tx, bench.clock.now())) == []
    assert ("b", "deadline") in await whys(bench)


async def test_what_belongs_to_nobody_holds_no_deadline(bench: Bench) -> None:
    await bench.hear(Number(n=60), subject="a")
    await bench.engine.bus.publish([Outgoing("toys.numbers", 0, "a", (), b"{}")])
    await bench.settle()
    await pass_hours(bench)
    assert ("a", "deadline") in await whys(bench)


@pytest.mark.parametrize(
    ("by", "jumps"), [(timedelta(hours=3), 1), (timedelta(hours=-3), 1), (timedelta(seconds=3), 0)]
)
async def test_a_jump_of_the_clock_is_counted(bench: Bench, clock: FixedClock, by: timedelta, jumps: int) -> None:
    for at in (clock.now(), clock.now() + by):
        clock.jump_to(at)
        bench.engine.timers.look_again()
        await bench.engine.worker.once(0)
    assert f"baton_clock_jumps_total {jumps}.0".encode() in bench.engine.metrics_text()


async def test_a_clock_set_back_does_not_keep_the_dead_alive(bench: Bench, clock: FixedClock) -> None:
    tables = bench.engine.service.metadata.tables
    lane, member = tables["lane"], tables["member"]
    until = clock.now() + timedelta(seconds=bench.engine.lanes.ttl)
    # Somebody else has all lanes, and dies; then the clock is set back by hours.
    await bench.engine.store.write(lambda tx: tx.execute(update(lane).values(owner="dead", until=until)))
    await bench.engine.store.write(lambda tx: tx.execute(member.insert().values(owner="dead", until=until)))
    await bench.engine.lanes.tend()
    assert not bench.engine.lanes.held
    clock.jump_to(clock.now() - timedelta(hours=2))
    await bench.engine.lanes.tend()
    assert len(bench.engine.lanes.held) == bench.engine.lanes.count


async def test_no_deadline_fires_by_a_clock_that_has_been_put_right_since(bench: Bench, clock: FixedClock) -> None:
    """It was found by a clock hours ahead; the transaction's own says that it is not yet time."""
    await bench.hear(Number(n=60), subject="a")
    [(subject, kind, due_at)] = await bench.timers()
    timer = TimerRow(subject, kind, due_at, await version_of(bench))
    clock.move_to(due_at + timedelta(seconds=1))
    await bench.engine.worker._process(Batch(timers=[timer]))
    assert [why for _, why in await whys(bench)] == ["toy.number"]
    clock.move_to(due_at + timedelta(seconds=2))
    await bench.engine.worker._process(Batch(timers=[timer]))
    assert [why for _, why in await whys(bench)] == ["toy.number", "deadline"]


async def version_of(bench: Bench) -> int:
    timer = bench.engine.service.metadata.tables["timer"]
    return int(await bench.engine.read(lambda tx: tx.execute(select(timer.c.version)).scalar_one()))


async def test_who_stood_still_while_asking_for_the_time_asks_again(bench: Bench, clock: FixedClock) -> None:
    """What he was told is what the time was then, perhaps by a clock that has been put right since (seed 185)."""
    await bench.hear(Number(n=60), subject="a")
    clock.advance(timedelta(hours=5))
    bench.engine.timers.look_again()
    seen, told = bench.engine.timers._watch._last, iter([0.0, 3600.0])
    clock.monotonic = lambda: next(told, 3600.0)  # type: ignore[method-assign]
    reader = await bench.engine.bus.reader()
    assert await bench.engine.timers.due(reader, {}) == []
    assert bench.engine.timers._watch._last == seen
    assert bench.engine.timers._not_before is None
