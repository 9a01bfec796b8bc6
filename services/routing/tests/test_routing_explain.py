"""`explain`: a decision recomputed from what it was made from, in words that are true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench


@pytest.fixture
async def web(desk: Bench) -> AsyncIterator[httpx.AsyncClient]:
    token = ensure_admin_token(desk.engine.settings.home)
    transport = httpx.ASGITransport(create_app(desk.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def explain(web: httpx.AsyncClient, lead: str, **query: Any) -> dict[str, Any]:
    answer = await web.get(f"/routing/v1/leads/{lead}/explain", params=query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_the_whole_decision_is_told_and_is_what_was_published(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead)
    (routed,) = await desk.said("lead.routed")
    told = await explain(web, facts.lead)
    assert told["reproduced"]
    assert told["differences"] == []
    assert told["owner"] == routed.body["owner"]["id"] == "ada"
    assert told["inputs_hash"] == routed.body["trace"]["inputs_hash"]
    outcomes = {one["rule"]: one["outcome"] for one in told["rules"]}
    assert outcomes == {"bavaria": "no_match", "big": "not_met", "north": "matched"}
    (big,) = [one for one in told["rules"] if one["rule"] == "big"]
    assert big["saw"] == {"country": "DE", "employees": 10}
    assert told["rules_not_reached"] == 2
    assert [one["rep"] for one in told["candidates"]] == ["ada", "bo", "cy"]
    assert told["runner_up"] == {"rep": "bo", "name": "Bo"}
    assert told["why"].startswith("Ada, because rule The north decided (country is DE) and of 3 people")


async def test_every_rep_hears_why_not_him(web: httpx.AsyncClient, desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead_id(0))
    await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead_id(1))
    second = await explain(web, facts.lead_id(1))
    assert second["owner"] == "bo"
    assert second["why_not"]["ada"] == "Ada was number 3: owed -0.67 leads, Bo +0.33."
    assert second["why_not"]["cy"] == "Cy was number 2: owed as much as Bo (+0.33), who comes first by id."
    assert second["would_differ"][0].startswith("Cy would have had it if Bo could not")
    dee = await explain(web, facts.lead_id(1), rep="dee")
    assert dee["why_not"] == {
        "dee": "Dee was not in The north, only in The south. Rule Bavaria leads there: postal_code is 20095, "
        "not 80000-87999."
    }
    nobody = await explain(web, facts.lead_id(1), rep="zoe")
    assert nobody["why_not"]["zoe"] == "There was no rep zoe when it was decided."


async def test_an_earlier_decision_is_explained_by_the_books_as_they_were(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    for number in range(4):
        await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead_id(number))
    await web.post(f"/routing/v1/leads/{facts.lead_id(0)}/reject", json={"rep": "ada"})
    first = await explain(web, facts.lead_id(0), decision=0)
    assert (first["owner"], first["reproduced"], first["outcome"]) == ("ada", True, "routed")
    newest = await explain(web, facts.lead_id(0))
    assert (newest["number"], newest["outcome"]) == (1, "reassigned")
    assert newest["why_not"]["ada"] == "Ada could not have it: had it and rejected it."
    assert [one["number"] for one in newest["decisions"]] == [0, 1]


async def test_a_held_lead_says_what_would_have_to_differ(web: httpx.AsyncClient, desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(country="BR"), subject=facts.lead)
    told = await explain(web, facts.lead)
    assert (told["owner"], told["reason"], told["reproduced"]) == (None, "no_rule", True)
    assert told["why"].startswith("Held: No rule matches.")
    assert "Rule Kept (north) would have decided, but country is BR, not FR." in told["would_differ"]


async def test_a_decision_that_is_not_reproduced_is_said_loudly_and_counted(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    service: Any = desk.engine.service
    await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead)
    kept = service.tables.decision
    (row,) = await desk.engine.read(lambda tx: [dict(r._mapping) for r in tx.execute(kept.select())])
    forged = {**row["answer"], "owner": "bo"}
    await desk.engine.store.write(lambda tx: tx.execute(update(kept).values(answer=forged)))
    told = await explain(web, facts.lead)
    assert not told["reproduced"]
    assert told["differences"] == ["the owner was bo and would be ada"]
    assert service.registry.get_sample_value("baton_explain_mismatches_total") == 1


async def test_what_cannot_be_explained_says_why(web: httpx.AsyncClient, desk: Bench, facts: Any) -> None:
    unknown = await web.get(f"/routing/v1/leads/{facts.lead_id(8)}/explain")
    assert (unknown.status_code, unknown.json()["title"]) == (404, "Unknown lead")
    await desk.hear(facts.qualified(country="DE"), subject=facts.lead)
    absent = await web.get(f"/routing/v1/leads/{facts.lead}/explain", params={"decision": 7})
    assert absent.json()["detail"] == "There are round 1 number 0."
    service: Any = desk.engine.service
    await desk.engine.store.write(lambda tx: tx.execute(service.tables.decision.delete()))
    gone = await web.get(f"/routing/v1/leads/{facts.lead}/explain")
    assert (gone.status_code, gone.json()["title"]) == (404, "No decision is kept")
