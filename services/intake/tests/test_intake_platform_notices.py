"""Meta, LinkedIn and HubSpot by the example playbook: from their notices to whole leads, by a stand-in for each."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from services.intake.tests.platform import Platform, Said, platform
from services.intake.tests.posting import sign_hubspot

SECRETS = {
    "BATON_META_APP_SECRET": "meta-app-secret",
    "BATON_META_TOKEN": "meta-token",
    "BATON_LINKEDIN_CLIENT_SECRET": "linkedin-client-secret",
    "BATON_LINKEDIN_TOKEN": "linkedin-token",
    "BATON_HUBSPOT_TOKEN": "hubspot-token",
}
URL = "http://localhost/intake/v1/hooks/hubspot-subscription"


@pytest.fixture
def kept() -> Iterator[Platform]:
    with platform() as standing_in:
        yield standing_in


@pytest.fixture
async def door(desk: Any, kept: Platform, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk that fetches from the stand-in."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def stand_in(sources: dict[str, Any]) -> None:
        for source in sources["sources"]:
            if "fetch" in source:
                source["fetch"]["base_url"] = kept.url

    desk.change_sources(stand_in)
    return desk


async def knock(desk: Any, source: str, body: Any, **headers: str) -> dict[str, Any]:
    raw = orjson.dumps(body)
    secret = SECRETS.get("BATON_META_APP_SECRET", "").encode()
    if source == "meta-lead-ads":
        headers = {"X_Hub_Signature_256": "sha256=" + hmac.digest(secret, raw, "sha256").hex()}
    elif source == "linkedin":
        key = SECRETS["BATON_LINKEDIN_CLIENT_SECRET"].encode()
        headers = {"X_LI_Signature": hmac.digest(key, b"hmacsha256=" + raw, "sha256").hex()}
    else:
        headers = {name.replace("-", "_"): value for name, value in sign_hubspot(raw, url=URL).items()}
    answer = await desk.post(f"hooks/{source}", raw=raw, who=None, **headers)
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()
    return summary


async def facts(desk: Any, number: int, *types: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(15):
        while len(said := await desk.said(*types)) < number:
            await asyncio.sleep(0.05)
    await desk.elements()
    return list(said)


def meta(*leads: str) -> dict[str, Any]:
    changes = [
        {"field": "leadgen", "value": {"leadgen_id": lead, "page_id": "1", "form_id": "2", "created_time": 1789999992}}
        for lead in leads
    ]
    return {"object": "page", "entry": [{"id": "1", "time": 1789999997, "changes": changes}]}


async def test_metas_notices_become_leads_with_everything_that_was_asked(door: Any, kept: Platform) -> None:
    answers = [
        {"name": "email", "values": ["lucas@example.com"]},
        {"name": "full_name", "values": ["Lucas Moreau"]},
        {"name": "phone_number", "values": ["+33199001234"]},
        {"name": "job_title", "values": ["COO"]},
        {"name": "how_many_warehouses?", "values": ["3"]},
    ]
    kept.says(
        "/v24.0/77", {"created_time": "2026-09-21T14:13:12+0000", "id": "77", "form_id": "2", "field_data": answers}
    )
    kept.says("/v24.0/78", Said(400, {"error": {"code": 190, "message": "expired"}}))
    body = meta("77", "78")
    body["entry"] += [
        {"id": "1", "time": 1},
        {"id": "1", "changes": [{"field": "leadgen"}, {"field": "feed", "value": {}}]},
    ]
    summary = await knock(door, "meta-lead-ads", body)
    assert (summary["quarantined"], summary["ignored"]) == (2, 2)
    (fact,) = await facts(door, 1)
    contact = fact["contact"]
    assert (contact["email"], contact["full_name"], contact["phone"]) == (
        "lucas@example.com",
        "Lucas Moreau",
        "+33199001234",
    )
    assert (contact["job_title"], fact["external_id"], fact["occurred_at"]) == ("COO", "77", "2026-09-21T14:13:12Z")
    assert "3" in fact["properties"].values()
    assert {asked.query["access_token"] for asked in kept.asked} == {"meta-token"}
    async with asyncio.timeout(15):
        while [item["cause"] for item in (await door.get("quarantine"))["items"]] != ["not_fetched"]:
            await asyncio.sleep(0.05)
    assert (await knock(door, "meta-lead-ads", meta("77")))["duplicate"] == 1
    held = [row.body for row in await door.rows("raw")]
    assert not any(b"meta-token" in body for body in held)


async def test_linkedins_answers_are_joined_to_the_forms_questions(door: Any, kept: Platform) -> None:
    texts = ["Nadia", "Haddad", "nadia@example.com", "Haddad Partners"]
    answers = [
        {"questionId": number, "answerDetails": {"textQuestionAnswer": {"answer": text}}}
        for number, text in enumerate(texts, 1)
    ]
    fields = ("FIRST_NAME", "LAST_NAME", "WORK_EMAIL", "COMPANY_NAME")
    questions = [{"questionId": n, "name": f"Q{n}", "predefinedField": field} for n, field in enumerate(fields, 1)]
    response = {
        "id": "aa-11-5",
        "submittedAt": 1789999979000,
        "testLead": True,
        "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3162,1)",
        "formResponse": {"answers": answers, "consentResponses": [{"consentId": 9, "accepted": True}]},
    }
    kept.says("/rest/leadFormResponses/aa-11-5", response)
    kept.says("/rest/leadForms/3162", {"id": 3162, "content": {"questions": questions}})
    notice = {
        "type": "LEAD_ACTION",
        "leadGenFormResponse": "urn:li:leadGenFormResponse:aa-11-5",
        "leadAction": "CREATED",
        "occurredAt": 1789999980000,
    }
    await knock(door, "linkedin", notice)
    (fact,) = await facts(door, 1)
    contact = fact["contact"]
    assert [contact[name] for name in ("first_name", "last_name", "email", "company")] == texts
    assert (fact["external_id"], fact["is_test"]) == ("aa-11-5", True)
    assert (fact["consent"]["purpose"], fact["consent"]["evidence"]) == ("marketing", "9")
    assert kept.asked[0].headers["linkedin-version"]
    assert kept.asked[0].headers["authorization"] == "Bearer linkedin-token"
    assert (await knock(door, "linkedin", notice))["duplicate"] == 1


def hub(number: int, kind: str, object_id: int, **more: Any) -> dict[str, Any]:
    return {
        "eventId": number,
        "subscriptionId": 5,
        "portalId": 62515,
        "appId": 1160452,
        "subscriptionType": kind,
        "occurredAt": 1789999995000 + number,
        "attemptNumber": 0,
        "objectId": object_id,
        "changeSource": "CRM_UI",
        **more,
    }


async def test_hubspots_batch_is_a_call_for_each_contact_and_deal_and_none_for_its_own_writes(
    door: Any, kept: Platform
) -> None:
    ours = (await door.post("leads", {"source": "web", "contact": {"email": "own@example.com"}})).json()[0]["lead_id"]
    properties = {"email": "kim@example.com", "firstname": "Kim", "lastname": "Lee", "company": "Lee Ltd"}
    kept.says("/crm/v3/objects/contacts/7", {"id": "7", "updatedAt": "2026-09-21T14:13:15Z", "properties": properties})
    kept.says("/crm/v3/objects/contacts/8", {"id": "8", "properties": {"baton_lead_id": ours}})
    deal = {"dealstage": "closedwon", "amount": "900", "deal_currency_code": "EUR", "hubspot_owner_id": "41000001"}
    results = {"contacts": {"results": [{"id": "7", "type": "deal_to_contact"}]}}
    kept.says(
        "/crm/v3/objects/deals/3",
        {"id": "3", "updatedAt": "2026-09-21T14:13:16Z", "properties": deal, "associations": results},
    )
    batch = [
        hub(1, "contact.creation", 7),
        hub(2, "contact.propertyChange", 7, propertyName="company", propertyValue="Lee Ltd"),
        hub(3, "contact.propertyChange", 7, propertyName="phone", propertyValue="1"),
        hub(4, "contact.creation", 8, changeSource="INTEGRATION", sourceId="1160452"),
        hub(
            5, "contact.propertyChange", 8, propertyName="hs_lead_status", propertyValue="CONNECTED", sourceId="1160452"
        ),
        hub(6, "contact.propertyChange", 8, propertyName="hs_lead_status", propertyValue="UNQUALIFIED"),
        hub(7, "contact.propertyChange", 7, propertyName="lifecyclestage", propertyValue="subscriber"),
        hub(8, "deal.propertyChange", 3, propertyName="dealstage", propertyValue="closedwon"),
        hub(9, "company.creation", 12),
    ]
    summary = await knock(door, "hubspot-subscription", batch)
    assert (summary["quarantined"], summary["ignored"]) == (6, 3)
    statuses = {fact["raw"]: fact for fact in await facts(door, 2, "lead.status_reported")}
    assert (statuses["UNQUALIFIED"]["subject"], statuses["UNQUALIFIED"]["status"]) == (ours, "junk")
    won = statuses["closedwon"]
    assert (won["status"], won["value"], won["currency"], won["owner"]) == ("won", 900.0, "EUR", "anna")
    received = [fact for fact in await door.said("lead.received") if fact["contact"]["email"] == "kim@example.com"]
    assert [won["subject"]] == [fact["subject"] for fact in received]
    assert sorted(asked.path for asked in kept.asked) == [
        "/crm/v3/objects/contacts/7",
        "/crm/v3/objects/contacts/8",
        "/crm/v3/objects/deals/3",
    ]
    async with asyncio.timeout(15):
        while (await door.elements())["quarantined"]:
            await asyncio.sleep(0.05)
    assert await door.said("lead.updated") == []
