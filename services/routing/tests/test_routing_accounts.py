"""Whose a company is: who was named, else who got its newest lead (Q8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from baton.contracts import Contact
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench

ACME = "5b0f3c8a-7f0e-5d3e-9a55-0c8f1de0a7b1"
RULES = [
    {"id": "german", "label": "German", "match": {"country": ["DE"]}, "pool": "north", "policy": "plain",
     "prefer": ["account_owner"]},
    {"id": "rest", "label": "All others", "pool": "south", "policy": "plain"},
]  # fmt: skip


@pytest.fixture
def playbook(make: Any) -> Any:
    return make(rules=RULES)


@pytest.fixture
async def web(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    token = ensure_admin_token(bench.engine.settings.home)
    transport = httpx.ASGITransport(create_app(bench.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def routed_to(bench: Bench, facts: Any, number: int) -> str:
    contact: Contact = facts.contact().model_copy(update={"account_id": ACME})
    await bench.hear(facts.qualified(contact=contact), subject=facts.lead_id(number))
    owner: str = (await bench.said("lead.routed"))[-1].body["owner"]["id"]
    return owner


async def test_who_is_named_gets_the_companys_leads_until_nobody_is(
    web: httpx.AsyncClient, bench: Bench, facts: Any
) -> None:
    first = await routed_to(bench, facts, 1)
    path = f"/routing/v1/accounts/{ACME}"
    assert (await web.get(path)).json() == {
        "account_id": ACME, "owner": first, "by_hand": False, "assigned_at": None, "assigned_by": None,
        "is_followed": True,
    }  # fmt: skip
    other = "dee"  # of another pool: named is named
    for _ in range(2):
        answer = await web.put(f"{path}/owner", json={"rep": other})
        assert (answer.status_code, answer.json()) == (200, {"account_id": ACME, "owner": other, "is_followed": True})
    (said,) = await bench.said("account.assigned")
    assert (said.subject, said.body["owner"]["id"], said.body["by"]) == (f"account:{ACME}", other, "admin")
    assert [await routed_to(bench, facts, number) for number in (2, 3)] == [other, other]
    trace = (await bench.said("lead.routed"))[-1].body["trace"]
    assert trace["preferred"] == [{"by": "account_owner", "rep": other}]
    shown = (await web.get(path)).json()
    assert (shown["owner"], shown["by_hand"], shown["assigned_by"]) == (other, True, "admin")
    assert (await web.put(f"{path}/owner", json={"rep": None})).json()["owner"] is None
    shown = (await web.get(path)).json()
    assert (shown["owner"], shown["by_hand"]) == (other, False), "he got the newest lead"
    assert len(await bench.said("account.assigned")) == 2


async def test_only_who_can_work_is_named(web: httpx.AsyncClient, bench: Bench, facts: Any) -> None:
    path = f"/routing/v1/accounts/{ACME}/owner"
    assert (await web.put(path, json={"rep": "nobody"})).status_code == 422
    await bench.command("put", "bo", facts.rep("bo", active=False))
    assert (await web.put(path, json={"rep": "bo"})).status_code == 409
    for body in ({}, {"rep": 5}, {"rep": "ada", "more": 1}):
        assert (await web.put(path, json=body)).status_code == 422
    assert (await web.put("/routing/v1/accounts/acme/owner", json={"rep": "ada"})).status_code == 404
    assert await bench.said("account.assigned") == []


async def test_one_who_is_named_and_cannot_have_a_lead_is_passed_over_with_the_reason(
    web: httpx.AsyncClient, bench: Bench, facts: Any
) -> None:
    await web.put(f"/routing/v1/accounts/{ACME}/owner", json={"rep": "eli"})
    assert await routed_to(bench, facts, 1) == "eli"
    assert await routed_to(bench, facts, 2) != "eli"
    trace = (await bench.said("lead.routed"))[-1].body["trace"]
    assert trace["preferred"] == [{"by": "account_owner", "rep": "eli", "objection": "at capacity: 1 of 1 open"}]
