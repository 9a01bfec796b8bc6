"""A platform's word that somebody is to be forgotten erases the person here, whatever happens in between."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import orjson
import pytest
from services.intake.tests.posting import sign_hubspot

CLIENT_SECRET = "linkedin-client-secret"
RESPONSE = "urn:li:leadGenFormResponse:aa-11-5"
URL = "http://localhost/intake/v1/hooks/hubspot-subscription"


async def linkedin(desk: Any, action: str, response: str = RESPONSE) -> dict[str, Any]:
    raw = orjson.dumps({"type": "LEAD_ACTION", "leadGenFormResponse": response, "leadAction": action})
    signed = hmac.digest(CLIENT_SECRET.encode(), b"hmacsha256=" + raw, "sha256").hex()
    answer = await desk.post("hooks/linkedin", raw=raw, who=None, X_LI_Signature=signed)
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()
    return summary


async def lead_from(desk: Any, source: str, id_: str) -> str:
    post = {"source": source, "external_id": id_, "contact": {"email": "ann@example.com", "full_name": "Ann Example"}}
    lead_id: str = (await desk.post("leads", post)).json()[0]["lead_id"]
    return lead_id


async def erased(desk: Any) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while not (facts := await desk.said("lead.erased")):
            await asyncio.sleep(0.05)
    fact: dict[str, Any] = facts[0]
    return fact


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_LINKEDIN_CLIENT_SECRET", CLIENT_SECRET)


@pytest.mark.usefixtures("_secrets")
async def test_linkedins_deleted_erases_the_person_and_keeps_nothing_of_the_job(desk: Any) -> None:
    lead_id = await lead_from(desk, "linkedin", "aa-11-5")
    summary = await linkedin(desk, "DELETED")
    assert (summary["status"], summary["lead_id"]) == ("accepted", lead_id)
    assert (await erased(desk))["subject"] == lead_id
    async with asyncio.timeout(15):
        while any(row.due_at is not None for row in await desk.rows("timer")):
            await asyncio.sleep(0.05)
    assert [row.payload for row in await desk.rows("timer")] == [None]
    for table in ("lead", "raw", "quarantine", "journal", "identity"):
        held = repr(await desk.rows(table))
        assert "ann@example.com" not in held
    assert await desk.elements() == {"received": 2, "accepted": 2, "duplicate": 0, "quarantined": 0}


@pytest.mark.usefixtures("_secrets")
async def test_whoever_is_stopped_before_the_erasure_does_it_after_a_restart(
    open_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk() as first:
        lead_id = await lead_from(first, "linkedin", "aa-11-5")

        async def stuck(*_: Any) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(first.service, "_erasing", type("Stuck", (), {"erase_known_by": stuck})())
        await linkedin(first, "DELETED")
        await asyncio.sleep(0.5)
        assert await first.said("lead.erased") == []
    async with open_desk() as second:
        assert (await erased(second))["subject"] == lead_id


@pytest.mark.usefixtures("_secrets")
async def test_a_stranger_is_forgotten_without_ado_and_a_strange_name_is_quarantined(desk: Any) -> None:
    assert (await linkedin(desk, "DELETED"))["status"] == "accepted"
    assert (await linkedin(desk, "DELETED", "urn:li:leadGenFormResponse:" + "x" * 400))["quarantined"] == 1
    assert (await linkedin(desk, "DELETED", "nonsense"))["quarantined"] == 1
    await asyncio.sleep(0.5)
    assert await desk.said() == []


async def test_hubspots_privacy_deletion_in_a_batch_erases_its_contact_alone(desk: Any) -> None:
    lead_id = await lead_from(desk, "hubspot-subscription", "501")
    other = await desk.post("leads", {"source": "web", "contact": {"email": "bo@example.com"}})
    event = {"portalId": 1, "subscriptionId": 2, "appId": 3, "occurredAt": 1_790_000_000_000}
    batch = [
        {**event, "eventId": 1, "subscriptionType": "contact.privacyDeletion", "objectId": 501},
        {**event, "eventId": 2, "subscriptionType": "company.creation", "objectId": 9},
    ]
    raw = orjson.dumps(batch)
    headers = {name.replace("-", "_"): value for name, value in sign_hubspot(raw, url=URL).items()}
    answer = await desk.post("hooks/hubspot-subscription", raw=raw, who=None, **headers)
    assert (answer.json()["accepted"], answer.json()["ignored"]) == (1, 1)
    assert (await erased(desk))["subject"] == lead_id
    shown = await desk.get(f"leads/{other.json()[0]['lead_id']}", who="reader")
    assert shown["contact"]["email"] == "bo@example.com"
