"""A subject that is erased is wiped at once, whatever waits of it, and nothing that comes later brings it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel
from shared.tests.runtime.conftest import Open
from shared.tests.runtime.toy import Extra, Number, Toy
from sqlalchemy import Connection, delete, select

from baton.runtime.bus.port import Outgoing
from baton.runtime.partition import lane_of

SUBJECT = "somebody"


class Ended(BaseModel):
    """The subject is to be forgotten."""

    type: ClassVar[str] = "toy.ended"
    topic: ClassVar[str] = "toys.numbers"


class Forgetful(Toy):
    """A toy that forgets."""

    hears: Mapping[str, Mapping[str, type[BaseModel]]] = {
        **Toy.hears,
        "toys.numbers": {**Toy.hears["toys.numbers"], Ended.type: Ended},
    }
    erased_by = frozenset({Ended.type})

    def forget(self, tx: Connection, subjects: Sequence[str], now: datetime) -> None:
        tx.execute(delete(self.toy).where(self.toy.c.subject.in_(subjects)))


async def rows(bench: Any, table: str) -> list[Any]:
    found = bench.engine.service.metadata.tables[table]
    return list(await bench.engine.read(lambda tx: tx.execute(select(found)).all()))


async def test_an_erasure_overtakes_what_is_parked_and_what_is_missing(open_bench: Open) -> None:
    async with open_bench(Forgetful()) as bench:
        await bench.hear(Number(n=1), subject=SUBJECT)
        await bench.hear(Number(n=2, poison=True), subject=SUBJECT)
        await bench.hear(Number(n=3), subject=SUBJECT)
        await bench.hear(Extra(n=9), subject=SUBJECT, sequence=5)
        assert len(await rows(bench, "parked")) == 3
        await bench.hear(Ended(), subject=SUBJECT, sequence=9)
        assert [await rows(bench, name) for name in ("parked", "toy", "timer")] == [[], [], []]
        assert [(row.erased_at is not None) for row in await rows(bench, "subject")] == [True]


async def test_facts_of_an_erased_subject_are_counted_and_dropped_in_any_order(open_bench: Open) -> None:
    async with open_bench(Forgetful()) as bench:
        await bench.hear(Ended(), subject=SUBJECT, sequence=4)
        for sequence in (2, 7, 5):
            await bench.hear(Number(n=1), subject=SUBJECT, sequence=sequence)
        await bench.hear(Extra(n=1), subject=SUBJECT, sequence=3)
        assert [await rows(bench, name) for name in ("parked", "toy", "journal")] == [[], [], []]
        metric = bench.engine.service.registry.get_sample_value
        assert metric("baton_erased_facts_dropped_total") == 4
        assert metric("baton_erasures_total") == 1


async def test_what_was_said_of_an_erased_subject_keeps_its_place_and_loses_its_data(open_bench: Open) -> None:
    async with open_bench(Forgetful()) as bench:
        await bench.hear(Number(n=1), subject=SUBJECT)
        await bench.hear(Number(n=2), subject=SUBJECT)
        before = await bench.said()
        await bench.hear(Number(n=5), subject="another")
        await bench.hear(Ended(), subject=SUBJECT)
        after = await bench.said()
        mine = [fact for fact in after if fact.subject == SUBJECT]
        assert [(fact.id, fact.sequence) for fact in mine] == [(fact.id, fact.sequence) for fact in before]
        assert {fact.headers.get("ce_erased") for fact in mine} == {"true"}
        assert [fact.value for fact in mine] == [b"{}", b"{}"], "of a type nobody describes nothing is left"
        (other,) = [fact for fact in after if fact.subject == "another"]
        assert other.body["sum"] == 5


async def test_a_record_nobody_can_decode_is_not_kept_under_the_key_of_who_is_erased(open_bench: Open) -> None:
    def junk(subject: str) -> Outgoing:
        return Outgoing("toys.numbers", lane_of(subject, 4), subject, (), b"what somebody typed")

    async with open_bench(Forgetful()) as bench:
        await bench.engine.bus.publish([junk(SUBJECT), junk("another")])
        await bench.settle()
        assert {row.subject for row in await rows(bench, "parked")} == {SUBJECT, "another"}
        await bench.hear(Ended(), subject=SUBJECT)
        assert [row.subject for row in await rows(bench, "parked")] == ["another"]
        await bench.engine.bus.publish([junk(SUBJECT)])
        await bench.settle()
        assert [row.subject for row in await rows(bench, "parked")] == ["another"]
        assert bench.engine.service.registry.get_sample_value("baton_erased_facts_dropped_total") == 1
        await bench.publish(Number(n=1), subject="third")
        await bench.engine.bus.publish([junk("third")])
        await bench.publish(Ended(), subject="third")  # all in one transaction
        await bench.settle()
        assert [row.subject for row in await rows(bench, "parked")] == ["another"]
