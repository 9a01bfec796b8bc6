"""Who leaves the house, or is off and not to be waited for: his leads go to others, all of them, and once each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from baton.contracts import TimeOff
from baton.routing.store_waking import MOST_WOKEN
from baton.runtime.failures import Refused
from baton.runtime.testing import Bench


async def load_of(bench: Bench) -> dict[str, int]:
    books = await bench.engine.read(bench.engine.service.books_now)  # type: ignore[attr-defined]
    return {rep: load for rep, load in books.load.items() if load}


async def test_all_open_leads_of_a_leaver_go_to_others_a_few_at_a_time(bench: Bench, facts: Any) -> None:
    leads = [facts.lead_id(number) for number in range(3 * (MOST_WOKEN + 5))]
    for lead in leads:
        await bench.publish(facts.qualified(), subject=lead)
    await bench.settle()
    mine = [fact.subject for fact in await bench.said("lead.routed") if fact.body["owner"]["id"] == "ada"]
    assert len(mine) == MOST_WOKEN + 5
    await bench.hear(facts.status(1, "accepted"), subject=mine[0])
    reply = await bench.command("departure", "ada")
    assert (reply.status, reply.body["open_leads"]) == (202, len(mine))
    first = [row for row in await bench.timers() if row[1] == "wake"]
    assert len(first) == MOST_WOKEN, "no more than a batch in one transaction"
    await bench.settle()
    moved = await bench.said("lead.reassigned")
    assert sorted(fact.subject for fact in moved) == sorted(mine)
    assert {fact.body["reason"] for fact in moved} == {"departure"}
    assert {fact.body["owner"]["id"] for fact in moved} == {"bo", "cy"}
    assert sum((await load_of(bench)).values()) == len(leads)
    assert "ada" not in await load_of(bench)


async def test_a_lead_of_a_leaver_nobody_can_have_is_held_and_waits(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(country="US"), subject=facts.lead)
    assert [fact.body["owner"]["id"] for fact in await bench.said("lead.routed")] == ["bo"]
    await bench.command("departure", "bo")
    await bench.settle()
    held = await bench.said("lead.held")
    assert [(fact.body["reason"], fact.body["previous_owner"]) for fact in held] == [("manager", "bo")]
    assert await load_of(bench) == {}


async def test_who_is_off_hands_over_what_he_has_not_accepted_when_it_begins(bench: Bench, facts: Any) -> None:
    for number in range(6):
        await bench.hear(facts.qualified(), subject=facts.lead_id(number))
    mine = [fact.subject for fact in await bench.said("lead.routed") if fact.body["owner"]["id"] == "ada"]
    await bench.hear(facts.status(1, "accepted"), subject=mine[0])
    off = TimeOff(starts_at=facts.at(2), ends_at=facts.at(50), hand_over=True)
    await bench.command("time_off", "ada", off)
    assert await bench.said("lead.reassigned") == []
    await bench.advance(timedelta(hours=3))
    moved = await bench.said("lead.reassigned")
    assert [(fact.subject, fact.body["reason"]) for fact in moved] == [(lead, "absence") for lead in mine[1:]]
    assert (await load_of(bench))["ada"] == 1


async def test_an_absence_that_is_only_one_moves_nothing(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.command("time_off", "ada", TimeOff(starts_at=facts.at(-1), ends_at=facts.at(50)))
    await bench.settle()
    assert await bench.said("lead.reassigned") == []
    with pytest.raises(Refused, match="Unknown rep"):
        await bench.command("departure", "nobody")


async def test_a_rejected_or_recycled_lead_is_given_back_once(bench: Bench, facts: Any) -> None:
    for number in range(3):
        await bench.hear(facts.qualified(), subject=facts.lead_id(number))
    await bench.command("reject", facts.lead_id(0), {"rep": "ada"})
    await bench.hear(facts.status(1, "recycle"), subject=facts.lead_id(1))
    await bench.hear(facts.status(2, "recycle"), subject=facts.lead_id(1))
    books = await bench.engine.read(bench.engine.service.books_now)  # type: ignore[attr-defined]
    assert [books.turns_of("north", rep).given_back for rep in ("ada", "bo", "cy")] == [1, 1, 0]
    assert sum(round(credit * 10**9) for credit in books.credits["north"].values()) == 0
