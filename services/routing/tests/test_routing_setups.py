"""Whose a lead is before rotation is asked, and how a house hands out: queues, calls first, fallbacks (H1, H2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from baton.contracts import Contact
from baton.runtime.failures import Refused
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench

HANDED = ("lead.routed", "lead.reassigned", "lead.held")
RULES = [
    {"id": "named", "label": "Named by the lead", "match": {"country": ["US"]}, "pool": "north", "policy": "plain",
     "prefer": ["lead.job_title", "previous_owner", "account_owner"]},
    {"id": "call", "label": "To be called first", "match": {"country": ["GB"]}, "pool": "desk", "policy": "fast",
     "qualifies": True},
    {"id": "british", "label": "The British", "match": {"country": ["GB"]}, "pool": "south", "policy": "plain"},
    {"id": "nordic", "label": "In their language", "match": {"country": ["SE"]}, "pool": "north", "policy": "plain",
     "must_have": {"languages": "region"}, "best_fit": {"skills": "city"}},
    {"id": "queue", "label": "Taken by whoever is free", "match": {"country": ["FR"]}, "pool": "taken",
     "policy": "plain"},
    {"id": "rest", "label": "All others", "pool": "tiny", "policy": "plain"},
]  # fmt: skip
POOLS = [
    {"id": "north", "label": "The north", "members": [{"rep": "ada"}, {"rep": "bo"}, {"rep": "cy"}]},
    {"id": "south", "label": "The south", "select": {"teams": ["south"]}},
    {"id": "desk", "label": "The desk", "members": [{"rep": "bo"}]},
    {"id": "taken", "label": "The queue", "members": [{"rep": "ada"}, {"rep": "cy"}], "rotation": "pull"},
    {"id": "tiny", "label": "Tiny", "members": [{"rep": "eli"}], "fallback": "desk"},
]


@pytest.fixture
def playbook(make: Any) -> Any:
    """Rules that name people, rules that ask for languages, a queue, a team that qualifies, a pool with a fallback."""
    book = make(pools=POOLS, rules=RULES)
    known = {field.name for field in book.definition.fields}
    fields = [one.model_dump(mode="json", by_alias=True) for one in book.definition.fields]
    for name in ("job_title", "region", "city"):
        if name not in known:
            fields.append({"name": name, "type": "string", "from": f"contact.{name}"})
    definition = type(book.definition).model_validate_json(
        __import__("orjson").dumps(book.definition.model_dump(mode="json", by_alias=True) | {"fields": fields})
    )
    return type(book)(book.models.model_copy(update={"definition": definition}), book.roster)


async def owners(bench: Bench) -> list[tuple[str, str | None]]:
    """Type and owner of every hand-over and hold, in order."""
    said = await bench.said(*HANDED)
    return [(fact.type, (fact.body.get("owner") or {}).get("id") or fact.body.get("reason")) for fact in said]


def someone(facts: Any, country: str, **more: Any) -> Contact:
    return facts.contact(country).model_copy(update=more)  # type: ignore[no-any-return]


async def heard(bench: Bench, facts: Any, number: int, country: str, round_: int = 1, **contact: Any) -> None:
    person = someone(facts, country, **contact)
    await bench.hear(
        facts.qualified(round_, country, contact=person, fields={"country": country}), subject=facts.lead_id(number)
    )


async def test_whom_the_lead_names_gets_it_and_the_rotation_owes_nothing_for_it(bench: Bench, facts: Any) -> None:
    await heard(bench, facts, 1, "US", job_title="CY@house.example")
    await heard(bench, facts, 2, "US", job_title="nobody we know")
    routed = await bench.said("lead.routed")
    assert [fact.body["owner"]["id"] for fact in routed] == ["cy", "ada"]
    assert routed[0].body["trace"]["preferred"] == [{"by": "lead.job_title", "rep": "cy"}]
    books = await bench.engine.read(bench.engine.service.books_now)  # type: ignore[attr-defined]
    assert books.turns_of("north", "cy") == (1, 0, 0), "only the second lead was of the rotation"


async def test_a_company_stays_with_who_has_it_unless_he_cannot(bench: Bench, facts: Any) -> None:
    for number in (1, 2, 3):
        await heard(bench, facts, number, "US", account_id="acme")
    assert {owner for _, owner in await owners(bench)} == {"ada"}
    await bench.command("put", "ada", facts.rep("ada", active=False))
    await heard(bench, facts, 4, "US", account_id="acme")
    last = (await bench.said("lead.routed"))[-1].body
    assert last["owner"]["id"] == "bo"
    assert last["trace"]["preferred"] == [{"by": "account_owner", "rep": "ada", "objection": "inactive"}]
    await bench.command("put", "ada", facts.rep("ada"), id="back")
    await heard(bench, facts, 5, "US", account_id="acme")
    assert (await owners(bench))[-1] == ("lead.routed", "bo")


async def test_leads_of_one_company_in_one_batch_stay_together(bench: Bench, facts: Any) -> None:
    for number in range(1, 7):
        body = facts.qualified(1, "US", contact=someone(facts, "US", account_id="acme"), fields={"country": "US"})
        await bench.publish(body, subject=facts.lead_id(number))
    await bench.settle()
    assert {owner for _, owner in await owners(bench)} == {"ada"}


async def test_a_returning_lead_goes_to_who_had_it_before(bench: Bench, facts: Any) -> None:
    await heard(bench, facts, 1, "US")
    await heard(bench, facts, 2, "US")
    await bench.hear(facts.status(1, "recycle"), subject=facts.lead_id(2))
    person = someone(facts, "US")
    again = facts.qualified(2, "US", contact=person, fields={"country": "US"}, intake_sequence=1)
    await bench.hear(again, subject=facts.lead_id(2))
    assert await owners(bench) == [("lead.routed", "ada"), ("lead.routed", "bo"), ("lead.routed", "bo")]


async def test_only_who_speaks_the_language_gets_it_and_best_who_knows_the_matter(bench: Bench, facts: Any) -> None:
    for rep, skills in (("bo", []), ("cy", ["knots"])):
        await bench.command("put", rep, facts.rep(rep, languages=["sv"], skills=skills))
    for number in (1, 2):
        await heard(bench, facts, number, "SE", region="SV", city="Knots")
    await heard(bench, facts, 3, "SE", region="FI")
    assert await owners(bench) == [("lead.routed", "cy"), ("lead.routed", "cy"), ("lead.held", "nobody_eligible")]
    first = (await bench.said("lead.routed"))[0].body["trace"]["candidates"]
    assert {one["rep"]: one.get("objection") for one in first} == {
        "cy": None, "bo": "others fit better", "ada": "languages: not sv"}  # fmt: skip
    await bench.command("put", "ada", facts.rep("ada", languages=["fi"]))
    await bench.settle()
    assert (await owners(bench))[-1] == ("lead.routed", "ada"), "woken by the rep who learned it"


async def test_a_pool_where_nobody_can_falls_back_and_wakes_when_the_fallback_has_room(
    bench: Bench, facts: Any
) -> None:
    await bench.command("put", "eli", facts.rep("eli", team="south", capacity=0))
    await heard(bench, facts, 1, "DE")
    assert (await owners(bench))[-1] == ("lead.routed", "bo")
    trace = (await bench.said("lead.routed"))[-1].body["trace"]
    assert (trace["pool"], trace["passed_over"]) == ("desk", ["tiny"])
    await bench.command("put", "bo", facts.rep("bo", calendar="berlin", capacity=1))
    await heard(bench, facts, 2, "DE")
    held = (await bench.said("lead.held"))[-1].body
    assert (held["pool"], sorted(held["objections"])) == ("tiny", ["bo", "eli"])
    await bench.hear(facts.status(2, "lost"), subject=facts.lead_id(1))
    assert (await owners(bench))[-1] == ("lead.routed", "bo")


async def test_a_team_that_qualifies_by_phone_hands_on_by_the_other_rules(bench: Bench, facts: Any) -> None:
    lead = facts.lead_id(1)
    await heard(bench, facts, 1, "GB")
    await bench.command("hand_on", lead, {"to": None})
    assert await owners(bench) == [("lead.routed", "bo"), ("lead.reassigned", "dee")]
    handed = (await bench.said("lead.reassigned"))[0].body
    assert (handed["reason"], handed["rule"]["id"], handed["policy"]) == ("hand_on", "british", "plain")
    with pytest.raises(Refused, match="Nothing to hand on"):
        await bench.command("hand_on", lead, {"to": None}, id="again")
    await bench.command("reject", lead, {"rep": "dee"})
    assert (await owners(bench))[-1] == ("lead.reassigned", "eli"), "not back to those who qualify"


@pytest.fixture
async def web(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    token = ensure_admin_token(bench.engine.settings.home)
    transport = httpx.ASGITransport(create_app(bench.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def test_who_takes_from_a_queue_gets_the_best_and_no_lead_goes_twice(
    bench: Bench, facts: Any, web: httpx.AsyncClient
) -> None:
    for number in range(1, 8):
        score = facts.qualified().score.model_copy(update={"total": 10.0 * (number % 4)})
        body = facts.qualified(1, "FR", score=score, contact=someone(facts, "FR"), fields={"country": "FR"})
        await bench.hear(body, subject=facts.lead_id(number))
    assert {reason for _, reason in await owners(bench)} == {"queued"}
    asked = [web.post("/routing/v1/pools/taken/next", json={"rep": rep}) for rep in ("ada", "cy") * 4]
    answers = [answer.json() for answer in await asyncio.gather(*asked)]
    taken = [one["lead_id"] for one in answers if one["lead_id"]]
    assert sorted(taken) == sorted(map(facts.lead_id, range(1, 8)))
    assert sum(one["lead_id"] is None for one in answers) == 1
    routed = await bench.said("lead.routed")
    assert sorted(fact.subject for fact in routed) == sorted(taken)
    scores = [fact.body["score"]["total"] for fact in routed]
    assert scores[:2] == [30.0, 20.0] or scores[0] == 30.0


async def test_a_queue_is_only_for_its_people_and_only_queues_are_taken_from(
    bench: Bench, facts: Any, web: httpx.AsyncClient
) -> None:
    await heard(bench, facts, 1, "FR")
    for pool, rep, status, title in (
        ("taken", "dee", 409, "Not in this queue"), ("taken", "nobody", 422, "Unknown rep"),
        ("north", "ada", 409, "Not a queue"), ("none", "ada", 404, "Unknown pool"),
    ):  # fmt: skip
        answer = await web.post(f"/routing/v1/pools/{pool}/next", json={"rep": rep})
        assert (answer.status_code, answer.json()["title"]) == (status, title)
    held = (await web.get("/routing/v1/held", params={"reason": "queued"})).json()["held"]
    assert [one["pool"] for one in held] == ["taken"]
