"""The mechanism of docs/architecture.md on a service without a domain, on both stores."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import permutations

import pytest
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.toy import Extra, Ignored, Number
from sqlalchemy import select, update

from baton.runtime.batch import Batch
from baton.runtime.bus.port import Outgoing
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Refused
from baton.runtime.failures import BrokenInvariant, Fenced
from baton.runtime.pace import Pace
from baton.runtime.testing import Bench


async def sums(bench: Bench) -> list[tuple[str, int, str]]:
    return [(fact.subject, fact.body["sum"], fact.body["because"]) for fact in await bench.said()]


async def test_a_fact_is_folded_kept_and_answered_with_facts(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a")
    await bench.hear(Number(n=2), subject="a")
    assert await sums(bench) == [("a", 1, "toy.number"), ("a", 3, "toy.number")]
    first, second = await bench.said()
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.headers["ce_source"] == "urn:baton:toy"
    assert first.headers["ce_sequence"] == "0000000001"


async def test_a_fact_heard_again_changes_nothing(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a", sequence=1)
    await bench.hear(Number(n=1), subject="a", sequence=1)
    assert len(await bench.said()) == 1
    assert b"baton_duplicates_dropped_total 1.0" in bench.engine.metrics_text()


async def test_the_guard_counts_types_that_the_service_does_not_hear(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a", sequence=1)
    await bench.hear(Ignored(), subject="a", sequence=2)
    await bench.hear(Number(n=2), subject="a", sequence=3)
    assert [total for _, total, _ in await sums(bench)] == [1, 3]


async def test_a_gap_waits_and_goes_on_by_itself_once_it_is_filled(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a", sequence=1)
    await bench.hear(Number(n=4), subject="a", sequence=3)
    await bench.hear(Extra(n=100), subject="a", source="extras", sequence=1)
    await bench.hear(Number(n=8), subject="a", sequence=4)
    assert [total for _, total, _ in await sums(bench)] == [1, 101]  # a gap holds up its own publisher only
    assert [row["reason"] for row in await bench.engine.parked.list()] == ["gap", "behind"]
    await bench.hear(Number(n=2), subject="a", sequence=2)
    assert [total for _, total, _ in await sums(bench)] == [1, 101, 103, 107, 115]
    assert await bench.engine.parked.list() == []


async def test_poison_is_parked_its_neighbours_go_on_and_its_lead_waits_in_order(bench: Bench) -> None:
    await bench.publish(Number(n=1), subject="a")
    await bench.publish(Number(n=0, poison=True), subject="a")
    await bench.publish(Number(n=2), subject="a")
    await bench.publish(Number(n=9), subject="b")
    await bench.settle()
    assert sorted(await sums(bench)) == [("a", 1, "toy.number"), ("b", 9, "toy.number")]
    poison, behind = await bench.engine.parked.list()
    assert (poison["reason"], poison["error"], behind["reason"]) == ("poison", "RuntimeError", "behind")
    shown = await bench.engine.parked.show(poison["id"])
    assert shown is not None
    assert "in decide" in shown["stack"]
    with pytest.raises(Refused) as still:
        await bench.engine.parked.replay(poison["id"], "test")
    assert still.value.refusal.status == 409
    done = await bench.engine.parked.discard(poison["id"], "test", "cannot be mended")
    assert done is not None
    assert done["left"] == 0
    assert ("a", 3, "toy.number") in await sums(bench)
    later = await bench.engine.parked.show(poison["id"])
    assert later is not None
    [told] = later["discarded"]
    assert (told["subject"], told["reason"], told["by"], told["why"]) == ("a", "poison", "test", "cannot be mended")


async def test_what_stands_behind_a_parked_fact_cannot_be_replayed_before_it(bench: Bench) -> None:
    await bench.hear(Number(n=0, poison=True), subject="a")
    await bench.hear(Number(n=2), subject="a")
    _, behind = await bench.engine.parked.list()
    with pytest.raises(Refused, match="Not its turn"):
        await bench.engine.parked.replay(behind["id"], "test")


async def test_poison_that_was_mended_is_replayed_with_what_waited_behind_it(open_bench: Open) -> None:
    async with open_bench() as bench:
        await bench.hear(Number(n=5, poison=True), subject="a")
        await bench.hear(Number(n=2), subject="a")
        service = bench.engine.service
        decide = service.decide
        service.decide = lambda state, books, cause, now: decide(  # type: ignore[method-assign]
            state, books, _mended(cause), now
        )
        [poison, _] = await bench.engine.parked.list()
        done = await bench.engine.parked.replay(poison["id"], "test")
        assert done is not None
        assert (done["done"], done["left"]) == ("replayed", 0)
        assert [total for _, total, _ in await sums(bench)] == [5, 7]


def _mended(cause: object) -> object:
    from dataclasses import replace

    from baton.runtime.handler import Heard

    return replace(cause, body=Number(n=cause.body.n)) if isinstance(cause, Heard) else cause


async def test_a_fact_the_store_refuses_is_found_by_halving_and_parked_alone(bench: Bench) -> None:
    for n in range(7):
        await bench.publish(Number(n=n, unstorable=n == 3), subject=f"s{n}")
    await bench.settle()
    assert len(await bench.said()) == 6
    [parked] = await bench.engine.parked.list()
    assert (parked["subject"], parked["reason"]) == ("s3", "poison")


async def test_a_record_whose_headers_say_nothing_is_parked_at_once(bench: Bench) -> None:
    await bench.engine.bus.publish([Outgoing("toys.numbers", 0, "a", (), b"{}")])
    await bench.settle()
    [parked] = await bench.engine.parked.list()
    assert (parked["reason"], parked["error"]) == ("undecodable", "no header ce_id")


async def test_wrong_data_is_parked_without_its_values(bench: Bench) -> None:
    class Wrong(Ignored):
        type = "toy.number"
        n: str = "secret@example.com"

    await bench.hear(Wrong(), subject="a")
    [parked] = await bench.engine.parked.list()
    assert parked["error"] == "ValidationError: n: int_parsing"


async def test_too_much_parking_stops_the_process(bench: Bench) -> None:
    for n in range(11):
        await bench.publish(Number(n=n, poison=True), subject=f"s{n}")
    with pytest.raises(BrokenInvariant, match="more than 10"):
        await bench.settle()


async def test_a_late_joiner_takes_its_first_sequence_as_base_only_where_the_log_was_cut(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a", sequence=7)
    assert [row["reason"] for row in await bench.engine.parked.list()] == ["gap"]
    bench.engine.worker._truncated = frozenset(("toys.numbers", lane) for lane in range(4))
    await bench.hear(Number(n=1), subject="b", sequence=7)
    assert await sums(bench) == [("b", 1, "toy.number")]
    assert b"baton_sequence_bases_total 1.0" in bench.engine.metrics_text()


async def test_a_command_is_answered_after_commit_and_its_facts_stand_in_sequence(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a")
    reply = await bench.command("add", "a", 4)
    assert reply.body == {"sum": 5}
    assert [fact.sequence for fact in await bench.said()] == [1, 2]


async def test_a_refused_command_changes_nothing(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a")
    with pytest.raises(Refused) as refused:
        await bench.command("refuse", "a")
    assert refused.value.refusal.status == 409
    await bench.command("add", "a", 1)
    assert [total for _, total, _ in await sums(bench)] == [1, 2]


async def test_the_same_command_id_never_publishes_twice(bench: Bench) -> None:
    await bench.command("add", "a", 1, id="once")
    with pytest.raises(BrokenInvariant):
        await bench.command("add", "a", 1, id="once")
    assert len(await bench.said()) == 1


async def test_a_deadline_waits_for_its_inputs_and_fires_once(bench: Bench, clock: FixedClock) -> None:
    await bench.hear(Number(n=60), subject="a")
    clock.advance(timedelta(hours=1, seconds=1))
    bench.engine.timers.look_again()
    await bench.settle()
    assert [why for _, _, why in await sums(bench)] == ["toy.number"]
    await bench.advance(timedelta(seconds=5))
    await bench.advance(timedelta(hours=5))
    assert [why for _, _, why in await sums(bench)] == ["toy.number", "deadline"]


async def test_a_deadline_that_passed_during_an_outage_sees_the_facts_accepted_before_it(
    open_bench: Open, clock: FixedClock
) -> None:
    async with open_bench() as bench:
        await bench.hear(Number(n=60), subject="a")
        await bench.hear(Number(n=60), subject="b")
    clock.advance(timedelta(minutes=30))
    async with open_bench() as bench:  # down for hours; the fact that clears the deadline came in before it
        bench._sequences["toys.numbers", "a"] = 1
        await bench.publish(Number(n=61), subject="a", source="toys.numbers")
        clock.advance(timedelta(hours=9))
        await bench.engine.lanes.tend()
        await bench.advance(timedelta(seconds=1))
        await bench.advance(timedelta(seconds=5))
        assert [(s, why) for s, _, why in await sums(bench)][2:] == [("a", "toy.number"), ("b", "deadline")]


async def test_a_jump_of_the_clock_fires_no_deadline_at_once(bench: Bench, clock: FixedClock) -> None:
    await bench.hear(Number(n=60), subject="a")
    await bench.advance(timedelta(minutes=1))
    clock.jump_to(clock.now() + timedelta(hours=3))
    await bench.engine.lanes.tend()
    bench.engine.timers.look_again()
    await bench.settle()
    await bench.advance(timedelta(seconds=20))
    assert [why for _, _, why in await sums(bench)] == ["toy.number"]
    await bench.advance(timedelta(seconds=70))
    assert [why for _, _, why in await sums(bench)] == ["toy.number", "deadline"]


async def test_a_wake_up_does_not_wait_and_can_be_moved(bench: Bench, clock: FixedClock) -> None:
    await bench.command("wait", "a", ("wake", clock.now() + timedelta(minutes=5)))
    await bench.command("wait", "a", ("wake", clock.now() + timedelta(minutes=9)))
    await bench.advance(timedelta(minutes=6))
    assert await bench.said() == []
    await bench.advance(timedelta(minutes=4))
    assert [why for _, _, why in await sums(bench)] == ["wake"]
    assert await bench.timers() == []


async def test_a_job_runs_outside_and_its_answer_comes_back_as_a_cause(bench: Bench) -> None:
    await bench.command("fetch", "a", "x")
    jobs = bench.engine.jobs
    [(timer, payload, tries)] = await bench.engine.read(jobs._due)
    await jobs._one(timer, payload, tries)
    await bench.settle()
    assert await sums(bench) == [("a", 0, "job got x")]
    assert await bench.engine.read(jobs._due) == []


async def test_whoever_lost_the_lane_writes_nothing(bench: Bench) -> None:
    await bench.publish(Number(n=1), subject="a")
    lane = bench.engine.service.metadata.tables["lane"]
    await bench.engine.store.write(lambda tx: tx.execute(update(lane).values(epoch=lane.c.epoch + 1)))
    await bench.settle()
    assert await bench.said() == []
    await bench.engine.lanes.tend()
    await bench.settle()
    assert len(await bench.said()) == 1


async def test_places_move_by_equality(bench: Bench) -> None:
    await bench.hear(Number(n=1), subject="a")
    worker = bench.engine.worker
    await bench.publish(Number(n=2), subject="a")
    place = next(place for place, offset in worker.places.items() if offset == 1)
    worker.places[place] = 0  # as if a record had been thrown away without seeking back
    reader = await bench.engine.bus.reader()
    await reader.assign({place: 1})
    records = (await reader.poll(10, 0))[place]
    with pytest.raises(Fenced):
        await worker._process(Batch(records))
    assert len(await bench.said()) == 1


async def test_records_that_were_read_and_thrown_away_are_never_skipped(bench: Bench) -> None:
    """`next_off <= first` would let the place jump over them: in chaos it took minutes to lose a fact that way."""
    await bench.hear(Number(n=1), subject="a")
    worker = bench.engine.worker
    await bench.publish(Number(n=2), subject="a")
    await bench.publish(Number(n=3), subject="a")
    place = next(place for place, offset in worker.places.items() if offset == 1)
    worker.places[place] = 2  # as if the record at 1 had been read, and lost while the lane changed hands
    reader = await bench.engine.bus.reader()
    await reader.assign({place: 2})
    records = (await reader.poll(10, 0))[place]
    with pytest.raises(Fenced):
        await worker._process(Batch(records))
    await worker._reassign()
    await bench.settle()
    assert [total for _, total, _ in await sums(bench)] == [1, 3, 6]


async def test_the_relay_publishes_in_order_and_numbers_what_it_published(bench: Bench) -> None:
    for n in range(20):
        await bench.publish(Number(n=n), subject=f"s{n % 5}")
    await bench.settle()
    while await bench.engine.relay.once():
        continue
    reader = await bench.engine.bus.reader()
    lanes = [("toys.sums", lane) for lane in range(4)]
    await reader.assign(dict.fromkeys(lanes, 0))
    seen: dict[str, list[int]] = {}
    while polled := await reader.poll(500, 0):
        for records in polled.values():
            for record in records:
                seen.setdefault(record.key, []).append(int(dict(record.headers)["ce_sequence"]))
    assert seen == {f"s{n}": [1, 2, 3, 4] for n in range(5)}
    assert await bench.engine.relay.pending() == 0


async def test_the_events_of_the_journal_can_be_read_page_by_page_in_order_per_subject(bench: Bench) -> None:
    for n in range(30):
        await bench.publish(Number(n=n), subject=f"s{n % 3}")
    await bench.settle()
    assert await bench.engine.events(None, 100, 0) == []
    while await bench.engine.relay.once():
        continue
    import json

    seen: dict[str, list[str]] = {}
    cursor = None
    while lines := await bench.engine.events(cursor, 7, 0):
        for line in lines:
            event = json.loads(line)
            seen.setdefault(event["subject"], []).append(event["sequence"])
        cursor = event["cursor"]
    assert seen == {f"s{n}": [f"{i:010d}" for i in range(1, 11)] for n in range(3)}
    with pytest.raises(ValueError, match="cursor"):
        await bench.engine.events("nonsense", 7, 0)


_DIGESTS: dict[str, str] = {}


@pytest.mark.parametrize("cut", [1, 7, 500])
async def test_how_the_input_is_cut_into_batches_changes_no_byte(open_bench: Open, cut: int) -> None:
    """One fixed input order over all lanes; the facts and their ids depend on the order alone."""
    async with open_bench() as bench:
        for n in range(80):
            await bench.publish(Number(n=n), subject=f"s{n % 9}")
        reader = await bench.engine.bus.reader()
        await bench.engine.worker.once(0)
        places = {("toys.numbers", lane): 0 for lane in range(4)}
        await reader.assign(places)
        polled = await reader.poll(500, 0)
        order = sorted((record for records in polled.values() for record in records), key=lambda r: (r.offset, r.lane))
    async with open_bench() as bench:
        place = bench.engine.service.metadata.tables["place"]
        await bench.engine.store.write(lambda tx: tx.execute(update(place).values(next_off=0)))
        for table in ("subject", "journal", "toy", "grand"):
            await bench.engine.store.write(
                lambda tx, table=table: tx.execute(bench.engine.service.metadata.tables[table].delete())
            )
        await bench.engine.worker._reassign()
        for start in range(0, len(order), cut):
            await bench.engine.worker._process(Batch(order[start : start + cut]))
        said = [(fact.subject, fact.id, fact.sequence, fact.value) for fact in await bench.said()]
    digest = hashlib.sha256(repr(sorted(said)).encode()).hexdigest()
    assert len(said) == 80
    assert _DIGESTS.setdefault("one input", digest) == digest


async def test_two_publishers_about_one_subject_agree_in_the_end_in_any_interleaving(open_bench: Open) -> None:
    async with open_bench() as bench:
        for i, order in enumerate(o for o in permutations(["n1", "n2", "x1"]) if o.index("n1") < o.index("n2")):
            for step in order:
                body = Number(n=int(step[1])) if step[0] == "n" else Extra(n=10)
                await bench.hear(body, subject=f"s{i}", source="n" if step[0] == "n" else "x")
        toy = bench.engine.service.metadata.tables["toy"]
        totals = await bench.engine.read(lambda tx: list(tx.execute(select(toy.c.total)).scalars()))
    assert totals == [13, 13, 13]


def test_batches_shrink_while_transactions_are_long_and_grow_while_they_are_quick() -> None:
    pace = Pace()
    pace.limit = 200
    pace.note(200, took=2.0)
    pace.note(100, took=2.0)
    assert pace.limit == 50
    pace.note(50, took=2.0)
    assert pace.limit == 50
    for _ in range(9):
        pace.note(pace.limit, took=0.2)
    assert pace.limit == 500
    pace.note(3, took=0.01)
    pace.note(500, took=0.3)
    assert pace.limit == 500


def test_a_loop_rests_for_as_long_as_it_worked_unless_it_is_behind() -> None:
    pace, patient = Pace(), Pace(patience=0.2)
    pace.note(3, took=0.01)
    patient.note(3, took=0.01)
    assert (pace.rest, patient.rest) == (0.01, 0.2)
    patient.note(0, took=0.01)  # only timers, or what jobs have answered: nothing to gather more of
    assert patient.rest == 0.01
    pace.note(3, took=3.0)
    assert pace.rest == 0.1
    pace.note(pace.limit, took=0.01)
    patient.note(patient.limit, took=0.01)
    assert (pace.rest, patient.rest) == (0.0, 0.0)
