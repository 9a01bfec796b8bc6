"""However many leads wait that cannot use the room somebody found, the one that can is woken, and only such ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from services.routing.tests.test_routing_holding import rouse

from baton.routing.domain.waiting import Stir
from baton.routing.store_waking import MOST_WOKEN, to_be_woken
from baton.routing.subjects import ACCOUNT
from baton.runtime.testing import Bench

MANY = MOST_WOKEN + 5
FULL = {"team": "x", "capacity": 0}


@pytest.fixture
async def waiting(facts: Any, make: Any, open_bench: Any, database_url: str | None) -> AsyncIterator[Bench]:
    """A pool of two who have no room, whose leads ask for a language or for one of them by name."""
    pools = [{"id": "all", "label": "All", "members": [{"rep": "ada"}, {"rep": "bo"}]}]
    rules = [
        {"id": "named", "label": "Named", "match": {"country": ["FR"]}, "pool": "all", "policy": "plain",
         "prefer": ["lead.job_title"], "must_have": {"languages": "region"}},
        {"id": "ours", "label": "Whose company it is", "match": {"country": ["US"]}, "pool": "all", "policy": "plain",
         "prefer": ["account_owner"]},
        {"id": "spoken", "label": "Spoken", "match": {"country": ["SE"]}, "pool": "all", "policy": "plain",
         "must_have": {"languages": "region"}},
        {"id": "rest", "label": "Rest", "pool": "all", "policy": "plain"},
    ]  # fmt: skip
    async with open_bench(make(pools=pools, rules=rules), database_url=database_url) as bench:
        for rep, languages in (("ada", ["sv"]), ("bo", ["fi"]), ("cy", [])):
            await bench.command("put", rep, facts.rep(rep, **FULL, languages=languages), id=f"full-{rep}")
        yield bench


async def hear(bench: Bench, facts: Any, number: int, country: str, **fields: Any) -> str:
    lead_id: str = facts.lead_id(number)
    contact = facts.contact(country).model_copy(update=fields)
    seen = {"country": country, **fields}
    seen.pop("account_id", None)
    body = facts.qualified(country=country, contact=contact, fields=seen)
    await bench.publish(body, subject=lead_id)
    return lead_id


async def owners(bench: Bench) -> dict[str, str]:
    return {fact.subject: fact.body["owner"]["id"] for fact in await bench.said("lead.routed", "lead.reassigned")}


async def test_a_language_nobody_has_room_for_does_not_keep_others_from_being_woken(waiting: Bench, facts: Any) -> None:
    for number in range(MANY):
        await hear(waiting, facts, number, "SE", region="SV")
    mine = await hear(waiting, facts, MANY, "SE", region="FI")
    await waiting.settle()
    await waiting.command("put", "bo", facts.rep("bo", team="x", capacity=1, languages=["fi"]))
    await rouse(waiting)
    assert await owners(waiting) == {mine: "bo"}


async def test_who_is_preferred_gets_his_lead_from_behind_all_others(waiting: Bench, facts: Any) -> None:
    for number in range(MANY):
        await hear(waiting, facts, number, "FR", region="SV", job_title="ada")
    mine = await hear(waiting, facts, MANY, "FR", region="SV", job_title="cy")
    await waiting.settle()
    await waiting.command("put", "cy", facts.rep("cy", team="x", capacity=1))
    await rouse(waiting)
    assert await owners(waiting) == {mine: "cy"}, "he is in no pool at all"


async def test_leads_he_has_had_do_not_keep_him_from_those_behind_them(waiting: Bench, facts: Any) -> None:
    await waiting.command("put", "bo", facts.rep("bo", team="x", languages=["fi"]), id="roomy")
    for number in range(MANY):
        lead_id = await hear(waiting, facts, number, "DE")
    await waiting.settle()
    await waiting.command("put", "bo", facts.rep("bo", team="x", capacity=0, languages=["fi"]), id="full again")
    for number in range(MANY):
        lead_id = facts.lead_id(number)
        await waiting.command("reassign", lead_id, {})
    mine = await hear(waiting, facts, MANY, "DE")
    await waiting.settle()
    await waiting.command("put", "bo", facts.rep("bo", team="x", capacity=1, languages=["fi"]), id="room")
    await rouse(waiting)
    assert (await owners(waiting))[mine] == "bo"


async def test_a_company_that_is_somebody_s_by_now_wakes_its_own_leads(waiting: Bench, facts: Any) -> None:
    for number in range(MANY):
        await hear(waiting, facts, number, "US", account_id="other")
    mine = [await hear(waiting, facts, MANY + number, "US", account_id="acme_1") for number in range(2)]
    await waiting.settle()
    await waiting.command("put", "cy", facts.rep("cy", team="x", capacity=2))
    await rouse(waiting)
    assert await owners(waiting) == {}
    await waiting.command("assign", ACCOUNT + "acme_1", {"rep": "cy"})
    await rouse(waiting)
    assert await owners(waiting) == dict.fromkeys(mine, "cy")


async def test_all_of_a_kind_go_when_there_is_room_for_all(waiting: Bench, facts: Any) -> None:
    for number in range(3 * MOST_WOKEN):
        await hear(waiting, facts, number, "SE", region="SV" if number % 2 else "FI")
    await waiting.settle()
    for rep, language in (("bo", "fi"), ("ada", "sv")):
        await waiting.command("put", rep, facts.rep(rep, team="x", capacity=900, languages=[language]), id=f"all-{rep}")
    for _ in range(6):
        await rouse(waiting)
    found = await owners(waiting)
    assert len(found) == 3 * MOST_WOKEN


async def test_how_many_are_woken_is_bounded_by_kinds_and_not_by_how_many_wait(waiting: Bench, facts: Any) -> None:
    for number in range(5 * MOST_WOKEN):
        await hear(waiting, facts, number, "SE", region=("SV", "FI", "NO")[number % 3])
    await waiting.settle()
    service: Any = waiting.engine.service
    roster = (await waiting.engine.read(service.books_now)).roster
    woken = await waiting.engine.read(lambda tx: to_be_woken(tx, service.tables, [Stir("all", "bo")], roster))
    assert woken == [facts.lead_id(number) for number in range(1, 3 * MOST_WOKEN, 3)]
    assert await waiting.engine.read(lambda tx: to_be_woken(tx, service.tables, [Stir("all", "cy")], roster)) == []
