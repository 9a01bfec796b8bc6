"""The people of one company are one buying situation: one page, one energy, one owner (Q8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from baton.contracts import AccountAssigned, Contact, LeadHeld, LeadReceived, LeadTouched, Owner
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench
from baton.scoring.domain.account import SUBJECT

LEAD = "0198c0de-0000-7000-8000-00000000000{}"
ACME = "5b0f3c8a-7f0e-5d3e-9a55-0c8f1de0a7b1"
READY = {"product": "planning", "horizon": "now", "will_talk": True}


@pytest.fixture
async def web(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """Of one company: a head who told the problem, an assistant who told the cause, a test; and somebody else's."""
    token = ensure_admin_token(bench.engine.settings.home)
    await received(bench, 1, "Ada", {**READY, "cause": "told", "problem": "known"}, job_title="Head of Operations")
    await received(bench, 2, "Bo", {"cause": "event"}, job_title="Assistant")
    await received(bench, 3, "Cy", {"cause": "event", "problem": "known"}, is_test=True)
    await received(bench, 4, "Dee", {}, account="other")
    transport = httpx.ASGITransport(create_app(bench.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def received(
    bench: Bench,
    number: int,
    name: str,
    answers: dict[str, Any],
    account: str = ACME,
    is_test: bool = False,
    **more: Any,
) -> None:
    now = bench.clock.now()
    contact = Contact(email=f"{name}@acme.example", full_name=name, company="Acme", company_domain="acme.example",
                      country="DE", account_id=account, **more)  # fmt: skip
    said = [{"question": question, "value": value, "occurred_at": now} for question, value in answers.items()]
    body = LeadReceived(
        source="web", contact=contact, properties={"employees": 300}, answers=said, occurred_at=now, is_test=is_test
    )
    await bench.hear(body, subject=LEAD.format(number))


def owner(rep: str) -> Owner:
    return Owner(id=rep, name=rep.title(), zone="Europe/Berlin", calendar="always")


async def handed(bench: Bench, number: int, rep: str, routed: Any) -> None:
    await bench.hear(routed(owner(rep), bench.clock.now()), subject=LEAD.format(number))


async def shown(web: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await web.get(f"/scoring/v1/accounts/{ACME}")).json()
    return found


async def test_a_company_shows_its_people_with_role_authority_and_problem(web: httpx.AsyncClient, bench: Bench) -> None:
    now = bench.clock.now()
    call = {"rep": "bo", "channel": "call", "direction": "out", "outcome": "reached"}
    await bench.hear(LeadTouched(**call, authority="confirmed", occurred_at=now), subject=LEAD.format(1))
    await bench.hear(LeadTouched(**call, occurred_at=now + timedelta(hours=1)), subject=LEAD.format(1))
    account = await shown(web)
    assert (account["name"], account["domain"], account["people_known"]) == ("Acme", "acme.example", 3)
    ada, bo = account["people"]
    assert (ada["name"], ada["role"], ada["authority"], ada["problem"]) == (
        "Ada", "Head of Operations", "confirmed", "known",
    )  # fmt: skip
    assert (bo["name"], bo["role"], bo["authority"], bo["problem"]) == ("Bo", "Assistant", "unknown", None)
    assert (ada["state"], bo["state"]) == ("qualified", "nurtured")
    assert ada["score"] > bo["score"]


async def test_its_energy_is_that_of_the_strongest_answers_of_all(web: httpx.AsyncClient, bench: Bench) -> None:
    energy = (await shown(web))["energy"]
    # Ada's own is 1.5 * 1.5 + 3; with the event that Bo told of it is 3 * 3 + 3.
    assert (energy["points"], energy["temperature"]) == (12.0, "hot")
    assert {part["id"]: (part["value"], part["said_by"]) for part in energy["parts"]} == {
        "cause": (3.0, LEAD.format(2)), "problem": (1.0, LEAD.format(1)), "horizon": (3.0, LEAD.format(1)),
    }  # fmt: skip
    assert [one["energy"] for one in (await shown(web))["people"]] == [5.25, None]
    alone = (await web.get("/scoring/v1/accounts/other")).json()["energy"]
    assert (alone["points"], alone["temperature"], alone["missing"]) == (None, "unknown", ["cause", "problem"])


async def test_its_owner_is_who_got_its_newest_lead_unless_somebody_is_named(
    web: httpx.AsyncClient, bench: Bench, routed: Any
) -> None:
    assert (await shown(web))["owner"] is None
    await handed(bench, 1, "maja", routed)
    account = await shown(web)
    assert (account["owner"]["id"], account["owner"]["because"]) == ("maja", "newest_lead")
    assert (account["people"][0]["state"], account["people"][0]["owner"]["id"]) == ("routed", "maja")
    said = {"account_id": ACME, "by": "boss", "assigned_at": bench.clock.now()}
    await bench.hear(AccountAssigned(owner=owner("jon"), **said), subject=SUBJECT + ACME)
    assert (await shown(web))["owner"]["id"] == "jon"
    page = await web.get(f"/scoring/accounts/{ACME}")
    assert page.status_code == 200
    assert all(word in page.text for word in ("Ada", "Head of Operations", "named by boss", "Jon", "12"))
    await bench.hear(AccountAssigned(owner=None, **said), subject=SUBJECT + ACME)
    assert (await shown(web))["owner"]["id"] == "maja"
    await bench.hear(LeadHeld(round=1, reason="manager"), subject=LEAD.format(1))
    account = await shown(web)
    assert (account["people"][0]["state"], account["people"][0]["owner"]) == ("held", None)


async def test_nobody_is_shown_of_an_unknown_company(web: httpx.AsyncClient) -> None:
    for path in ("/scoring/v1/accounts/none", "/scoring/accounts/none"):
        assert (await web.get(path)).status_code == 404
