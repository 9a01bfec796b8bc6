"""Whatever the order in which publishers are heard, and however often, routing ends in the same state."""

from __future__ import annotations

import random
from typing import Any

import pytest

from baton.routing import store
from baton.runtime.batch import Batch, run_batch
from baton.runtime.bus.port import Record
from baton.runtime.envelope import data_of, headers_of, to_wire
from baton.runtime.ids import event_id
from baton.runtime.store.tables import runtime_tables
from baton.runtime.testing import Bench


def story(facts: Any) -> dict[str, list[tuple[Any, Any]]]:
    """What each publisher said about five leads, in its own order: (lead, fact, when)."""
    one, two, three, four, five = (facts.lead_id(n) for n in range(1, 6))
    return {
        "scoring": [
            (one, facts.qualified(), 0),
            (two, facts.qualified(), 0),
            (three, facts.qualified(), 0),
            (three, facts.disqualified(), 6),
            (four, facts.qualified(intake_sequence=1), 0),
            (five, facts.qualified(), 0),
            (two, facts.qualified(2, intake_sequence=2, statuses_from=facts.at(5)), 30),
        ],
        "intake": [
            (four, facts.status(-9, "lost"), 0),
            (one, facts.status(3, "opportunity"), 3),
            (one, facts.status(2, "accepted"), 4),
            (two, facts.status(4, "accepted"), 4),
            (two, facts.status(5, "recycle", reason="wrong_time"), 5),
            (three, facts.status(2, "accepted"), 3),
            (two, facts.status(40, "won"), 40),
            (five, facts.status(9, "accepted"), 9),
        ],
        "sla-monitor": [
            (one, facts.breached("ada"), 4),
            (five, facts.stopped("cy", then="gone_dark"), 8),
        ],
    }  # fmt: skip


EXPECTED = {1: "opportunity", 2: "won", 3: "disqualified", 4: "routed", 5: "accepted"}


@pytest.mark.parametrize("seed", range(12))
async def test_any_interleaving_of_the_publishers_ends_in_the_same_fates(
    facts: Any, playbook: Any, open_bench: Any, seed: int
) -> None:
    waiting = story(facts)
    chance = random.Random(seed)
    async with open_bench(playbook) as bench:
        while any(waiting.values()):
            publisher = chance.choice([name for name, left in waiting.items() if left])
            lead_id, fact, hours = waiting[publisher].pop(0)
            await bench.publish(fact, subject=lead_id, at=facts.at(hours))
            if chance.random() < 0.5:
                await bench.settle()
        await bench.settle()
        rows = await bench.engine.read(lambda tx: store.fates(tx, bench.engine.service.tables, "", 100))
        assert {int(row["lead_id"][-1]): row["fate"] for row in rows} == EXPECTED
        books = await bench.engine.read(bench.engine.service.books_now)
        assert sum(books.load.values()) == 3, (
            "opportunity, routed and accepted are somebody's load; the others nobody's"
        )
        routed = [(f.subject, f.body["round"]) for f in await bench.said("lead.routed")]
        assert len(routed) == len(set(routed))


def log(facts: Any, seed: int) -> list[Record]:
    """One fixed input order over all topics: forty facts about fifteen leads."""
    chance, sequences, records = random.Random(seed), dict[tuple[str, str], int](), []
    for offset in range(40):
        lead_id = facts.lead_id(chance.randrange(15))
        if ("scoring", lead_id) not in sequences:
            source, fact = "scoring", facts.qualified(fields={"employees": chance.choice([5, 5000])})
        else:
            source = "intake"
            fact = facts.status(
                chance.randrange(30), chance.choice(["accepted", "opportunity", "won", "lost", "recycle"])
            )
        sequence = sequences[source, lead_id] = sequences.get((source, lead_id), 0) + 1
        headers = headers_of(
            service=source,
            event_id=event_id(source, lead_id, sequence),
            type=fact.type,
            subject=lead_id,
            sequence=sequence,
            at=facts.monday,
            now=facts.monday,
            cause_id="test",
            playbook=None,
            trace=None,
        )
        records.append(Record(fact.topic, 0, offset, lead_id, to_wire(headers), data_of(fact)))
    return records


async def poll(bench: Bench, batch: Batch) -> None:
    """One transaction over just these records."""
    service, now = bench.engine.service, bench.clock.now()
    tables = runtime_tables(service.metadata)
    await bench.engine.store.write(lambda tx: run_batch(service, tables, tx, batch, lambda _: now, 1))


@pytest.mark.parametrize("seed", range(3))
async def test_how_the_log_is_cut_into_batches_does_not_change_a_byte(
    facts: Any, playbook: Any, open_bench: Any, seed: int
) -> None:
    records, said = log(facts, seed), []
    for cut in (1, 7, 500):
        async with open_bench(playbook, name=f"cut-{cut}", partitions=1) as bench:
            for start in range(0, len(records), cut):
                await poll(bench, Batch(records=records[start : start + cut]))
            said.append([(f.id, f.sequence, f.headers, f.value) for f in await bench.said()])
    assert said[0] == said[1] == said[2]
    assert len(said[0]) >= 20


async def test_the_log_fed_twice_says_everything_once(facts: Any, playbook: Any, open_bench: Any) -> None:
    async with open_bench(playbook) as bench:
        for publisher, told in story(facts).items():
            for lead_id, fact, hours in told:
                await bench.publish(fact, subject=lead_id, at=facts.at(hours), source=publisher)
        await bench.settle()
        before = [(f.id, f.value) for f in await bench.said()]
        bench._sequences.clear()
        for publisher, told in story(facts).items():
            for lead_id, fact, hours in told:
                await bench.publish(fact, subject=lead_id, at=facts.at(hours), source=publisher)
        await bench.settle()
        assert [(f.id, f.value) for f in await bench.said()] == before


async def test_two_processes_share_one_set_of_books(bench: Bench, facts: Any) -> None:
    """What another process wrote is taken from the row, not from memory."""
    await bench.hear(facts.qualified(), subject=facts.lead_id(1))
    service: Any = bench.engine.service
    other = type(service)(service.watch, bench.engine.settings)
    mine = await bench.engine.store.write(lambda tx: service.books(tx).books)
    theirs = await bench.engine.store.write(lambda tx: other.books(tx).books)
    assert (theirs.version, theirs.document(), theirs.roster.hash) == (mine.version, mine.document(), mine.roster.hash)

    def rolled_back(tx: Any) -> None:
        other.keep(tx, {}, other.decide(*_claim(facts, other, tx)).books, facts.monday)
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        await bench.engine.store.write(rolled_back)
    again = await bench.engine.store.write(lambda tx: other.books(tx).books)
    assert again.document() == mine.document(), "what was rolled back is forgotten"


def _claim(facts: Any, service: Any, tx: Any) -> tuple[Any, Any, Any, Any]:
    from baton.runtime.handler import Command

    lead_id = facts.lead_id(1)
    command = Command("c", lead_id, "claim", {"rep": "dee"})
    return service.load(tx, [lead_id])[lead_id], service.books(tx), command, facts.monday
