"""A lead that goes on as another one is nobody's; restored, it is again where it was."""

from __future__ import annotations

from typing import Any

import pytest

from baton.contracts import LeadMerged, LeadUpdated
from baton.runtime.failures import Refused
from baton.runtime.handler import Command
from baton.runtime.testing import Bench

HANDED = ("lead.routed", "lead.reassigned", "lead.held", "lead.recycled")
OTHER = "0190bbbb-0000-7000-8000-00000000000f"


def merged(facts: Any, hours: float) -> LeadMerged:
    return LeadMerged(into=OTHER, because="by_hand", occurred_at=facts.at(hours))


def updated(facts: Any, country: str = "DE", **more: Any) -> LeadUpdated:
    contact = facts.contact(country, "20095").model_copy(update=more.pop("contact", {}))
    return LeadUpdated(source="web", occurred_at=facts.at(0), contact=contact, **more)


async def load_of(bench: Bench) -> dict[str, int]:
    service: Any = bench.engine.service
    books = await bench.engine.read(service.books_now)
    return {rep: load for rep, load in books.load.items() if load}


async def state_of(bench: Bench, lead_id: str) -> Any:
    service: Any = bench.engine.service
    return (await bench.engine.read(lambda tx: service.load(tx, [lead_id])))[lead_id]


async def test_a_merged_lead_is_nobodys_load_and_restored_its_owner_has_it_again_with_a_new_clock(
    desk: Bench, facts: Any
) -> None:
    lead = facts.lead_id(1)
    await desk.hear(facts.qualified(), subject=lead)
    (routed,) = await desk.said("lead.routed")
    owner = routed.body["owner"]["id"]
    assert await load_of(desk) == {owner: 1}
    await desk.hear(merged(facts, 1), subject=lead, at=facts.at(1))
    state = await state_of(desk, lead)
    assert (state.fate, state.bearer, state.stints[-1].ended) == ("merged", None, "merged")
    assert await load_of(desk) == {}
    await desk.hear(updated(facts, restored=OTHER), subject=lead)
    (again,) = await desk.said("lead.reassigned")
    assert (again.body["owner"]["id"], again.body["reason"], again.body["attempt"]) == (owner, "restored", 1)
    assert (again.body["restored_sequence"], (await state_of(desk, lead)).fate) == (2, "routed")
    assert await load_of(desk) == {owner: 1}
    service: Any = desk.engine.service
    credit = (await desk.engine.read(service.books_now)).credits
    assert sum(sum(pool.values()) for pool in credit.values()) == pytest.approx(0, abs=1e-6)
    assert [f.body["owner"]["id"] for f in await desk.said("lead.routed")] == [owner]


async def test_what_crosses_a_merge_on_the_way_counts_once_it_is_undone(desk: Bench, facts: Any) -> None:
    late, held, recycled = (facts.lead_id(n) for n in (1, 2, 3))
    await desk.hear(merged(facts, 1), subject=late)
    await desk.hear(facts.qualified(), subject=late)
    assert not await desk.said(*HANDED)
    await desk.hear(updated(facts, restored=OTHER), subject=late)
    assert [f.type for f in await desk.said(*HANDED)] == ["lead.routed"]
    await desk.hear(facts.qualified(country="BR"), subject=held)
    await desk.hear(merged(facts, 1), subject=held)
    assert (await state_of(desk, held)).is_waiting is False
    await desk.hear(updated(facts, "BR", restored=OTHER), subject=held)
    assert (await state_of(desk, held)).is_waiting
    await desk.hear(facts.qualified(), subject=recycled)
    await desk.hear(merged(facts, 1), subject=recycled)
    await desk.hear(facts.stopped("ada"), subject=recycled)
    assert not await desk.said("lead.recycled")
    await desk.hear(updated(facts, restored=OTHER), subject=recycled)
    assert [f.subject for f in await desk.said("lead.recycled")] == [recycled]


async def test_nobody_claims_a_merged_lead_and_he_is_told_where_it_went(desk: Bench, facts: Any) -> None:
    lead = facts.lead_id(1)
    await desk.hear(facts.qualified(), subject=lead)
    await desk.hear(merged(facts, 1), subject=lead)
    with pytest.raises(Refused) as refused:
        await desk.engine.command(Command("c", lead, "claim", {"rep": "bo"}))
    refusal = refused.value.refusal
    assert (refusal.status, refusal.extra) == (409, {"merged_into": OTHER})


async def test_the_survivor_keeps_its_owner_and_has_the_contact_of_both(desk: Bench, facts: Any) -> None:
    lead = facts.lead_id(1)
    await desk.hear(facts.qualified(), subject=lead)
    (routed,) = await desk.said("lead.routed")
    await desk.hear(updated(facts, absorbed=OTHER, contact={"phone": "+4930123456"}), subject=lead)
    state = await state_of(desk, lead)
    assert (state.work.owner.id, state.qualified.contact.phone) == (routed.body["owner"]["id"], "+4930123456")
    await desk.hear(updated(facts, restored=OTHER), subject=lead)
    assert (await state_of(desk, lead)).qualified.contact.phone is None
    assert len(await desk.said(*HANDED)) == 1
