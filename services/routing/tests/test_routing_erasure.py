"""An erased lead leaves nothing at routing but balanced books, and what decisions were made by ends with its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from baton.contracts import LeadErased
from baton.runtime.failures import Refused
from baton.runtime.testing import Bench


def erased(bench: Bench) -> LeadErased:
    return LeadErased(requested_at=bench.clock.now(), gone_by=bench.clock.now() + timedelta(days=30))


async def rows(bench: Bench, table: str) -> list[Any]:
    found = bench.engine.service.metadata.tables[table]
    return list(await bench.engine.read(lambda tx: tx.execute(select(found)).all()))


async def loads(bench: Bench) -> dict[str, int]:
    service: Any = bench.engine.service
    books = await bench.engine.read(service.books_now)
    return {rep: number for rep, number in books.load.items() if number}


async def test_the_load_of_an_erased_lead_is_given_back_and_whoever_waited_for_it_is_routed(
    bench: Bench, facts: Any
) -> None:
    first, second = facts.lead_id(1), facts.lead_id(2)
    for lead in (first, second):
        await bench.hear(facts.qualified(), subject=lead)
        await bench.command("reassign", lead, {"to": "dee"})
    assert (await loads(bench))["dee"] == 2
    await bench.hear(erased(bench), subject=first)
    assert (await loads(bench))["dee"] == 1
    assert [row.lead_id for row in await rows(bench, "lead")] == [second]
    assert {row.lead_id for row in await rows(bench, "decision")} == {second}
    with pytest.raises(Refused):
        await bench.command("claim", first, {"rep": "dee"})


async def test_a_lead_that_is_erased_before_it_is_qualified_is_never_routed(bench: Bench, facts: Any) -> None:
    lead = facts.lead_id(1)
    await bench.hear(erased(bench), subject=lead)
    await bench.hear(facts.qualified(), subject=lead)
    assert await bench.said("lead.routed", "lead.held") == []
    assert await loads(bench) == {}


async def test_what_decisions_were_made_by_is_deleted_past_its_time(bench: Bench, facts: Any) -> None:
    service: Any = bench.engine.service
    await bench.hear(facts.qualified(), subject=facts.lead_id(1))
    bench.clock.advance(timedelta(days=364))
    await bench.hear(facts.qualified(), subject=facts.lead_id(2))
    assert await service.delete_old_decisions(bench.engine) == 0
    bench.clock.advance(timedelta(days=2))
    assert await service.delete_old_decisions(bench.engine) == 1
    assert {row.lead_id for row in await rows(bench, "decision")} == {facts.lead_id(2)}
    assert len(await rows(bench, "lead")) == 2
