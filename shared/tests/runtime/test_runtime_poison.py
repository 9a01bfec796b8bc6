"""What cannot be handled is put aside alone, on whichever road it came."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.toy import Number, Sum, Toy, parked, totals

from baton.runtime.bus.port import Outgoing
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Refused
from baton.runtime.envelope import headers_of, to_wire
from baton.runtime.handler import Cause, Decision, Due, JobDone
from baton.runtime.testing import Bench


class Fussy(Toy):
    """Cannot take the answers of its jobs, or says of timers what no store will keep, until it is mended."""

    is_mended = False

    def decide(self, state: Sum, books: int, cause: Cause, now: datetime) -> Decision[Sum]:
        if not self.is_mended and isinstance(cause, JobDone):
            raise RuntimeError("this answer is poison")
        if not self.is_mended and isinstance(cause, Due):
            return Decision(replace(state, note="\x00"))
        return super().decide(state, books, cause, now)


async def test_a_jobs_answer_that_cannot_be_handled_is_parked_and_can_be_replayed(open_bench: Open) -> None:
    async with open_bench(toy := Fussy()) as bench:
        await bench.command("fetch", "a", "x")
        [(timer, payload, tries)] = await bench.engine.read(bench.engine.jobs._due)
        await bench.engine.jobs._one(timer, payload, tries)
        async with asyncio.timeout(10):
            await bench.settle()
        [row] = await bench.engine.parked.list()
        assert (row["subject"], row["reason"], row["error"]) == ("a", "timer", "RuntimeError")
        with pytest.raises(Refused, match="Still poison"):
            await bench.engine.parked.replay(row["id"], "test")
        toy.is_mended = True
        await bench.engine.parked.replay(row["id"], "test")
        assert [fact.body["because"] for fact in await bench.said()] == ["job got x"]


async def test_a_timer_whose_decision_cannot_be_stored_is_parked_alone(open_bench: Open, clock: FixedClock) -> None:
    async with open_bench(toy := Fussy()) as bench:
        await bench.command("wait", "a", ("wake", clock.now() + timedelta(minutes=5)))
        await bench.publish(Number(n=3), subject="b")
        clock.advance(timedelta(minutes=6))
        bench.engine.timers.look_again()
        await bench.settle()
        assert await totals(bench) == [3]
        assert await parked(bench) == [("a", "timer")]
        [row] = await bench.engine.parked.list()
        with pytest.raises(Refused, match="Still poison"):
            await bench.engine.parked.replay(row["id"], "test")
        toy.is_mended = True
        await bench.engine.parked.replay(row["id"], "test")
        assert [fact.body["because"] for fact in await bench.said()] == ["toy.number", "wake"]


async def test_facts_the_handler_refuses_and_facts_the_store_refuses_in_one_poll_are_all_parked(bench: Bench) -> None:
    for n in range(8):
        await bench.publish(Number(n=n, poison=n == 1, unstorable=n in (4, 5)), subject=f"s{n}")
    await bench.settle()
    assert sorted(await parked(bench)) == [("s1", "poison"), ("s4", "poison"), ("s5", "poison")]
    assert len(await bench.said()) == 5


async def test_a_number_no_column_can_hold_is_the_facts_fault_and_not_the_stores(bench: Bench) -> None:
    await bench.publish(Number(n=2**70), subject="a")
    await bench.publish(Number(n=1), subject="b")
    await bench.settle()
    assert await parked(bench) == [("a", "poison")]
    assert await totals(bench) == [1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ce_sequence": b"0"}, "ce_sequence"),
        ({"ce_sequence": b"-3"}, "ce_sequence"),
        ({"ce_sequence": b"99999999999999999999999"}, "ce_sequence"),
        ({"ce_subject": b"a\x00b"}, "NUL"),
        ({"ce_source": b"urn:baton:x\x00"}, "NUL"),
    ],
)
async def test_headers_no_row_can_hold_are_undecodable(bench: Bench, change: dict[str, bytes], error: str) -> None:
    now = bench.clock.now()
    good = headers_of(
        service="n", event_id="1", type="toy.number", subject="a", sequence=1, at=now, now=now, cause_id="t",
        playbook=None, trace=None,
    )  # fmt: skip
    headers = tuple({**dict(to_wire(good)), **change}.items())
    await bench.engine.bus.publish([Outgoing("toys.numbers", 0, "a\x00b", headers, b'{"n":1}')])
    await bench.hear(Number(n=2), subject="b")
    [row] = await bench.engine.parked.list()
    assert row["reason"] == "undecodable"
    assert error in row["error"]
    assert await totals(bench) == [2]
