"""What CRMs report back, by the example playbook: statuses and touches of the right lead, by the right rep."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Any

import orjson
import pytest

SECRETS = {
    "BATON_SALESFORCE_RELAY_TOKEN": "relay-token",
    "BATON_PIPEDRIVE_LOGIN": "baton:pipe",
    "BATON_ESPOCRM_WEBHOOK": "hook7:espo-key",
}
ANNA = "005Qv00000A1aAAAAZ"
"""anna of the example roster, as Salesforce knows her."""
RECORD = "00Q5g00000XyZaBEAV"


@pytest.fixture
async def crm(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return desk


async def lead(desk: Any) -> str:
    answer = await desk.post("leads", {"source": "web", "contact": {"email": "ann@example.com"}})
    lead_id: str = answer.json()[0]["lead_id"]
    return lead_id


def change(entity: str = "Lead", origin: str = "soap/64.0;client=UI", number: int = 1, **fields: Any) -> dict[str, Any]:
    """A change event as the relay posts it. `record`, `kind` and `records` are of its header."""
    records = fields.pop("records", [RECORD])
    header = {
        "entityName": entity,
        "recordIds": records,
        "changeType": fields.pop("kind", "UPDATE"),
        "changeOrigin": f"com/salesforce/api/{origin}",
        "transactionKey": f"0002-{number}",
        "sequenceNumber": 1,
        "commitTimestamp": 1_790_000_000_000,
        "commitUser": ANNA,
        "changedFields": list(fields),
    }
    return {"data": {"payload": {"ChangeEventHeader": header, **fields}, "event": {"replayId": number}}}


async def salesforce(desk: Any, event: dict[str, Any]) -> dict[str, Any]:
    answer = await desk.post(
        "hooks/salesforce-cdc", event, who=None, Authorization="Bearer " + SECRETS["BATON_SALESFORCE_RELAY_TOKEN"]
    )
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()
    return summary


async def pipedrive(desk: Any, event: dict[str, Any]) -> dict[str, Any]:
    login = b64encode(SECRETS["BATON_PIPEDRIVE_LOGIN"].encode()).decode()
    answer = await desk.post("hooks/pipedrive", event, who=None, Authorization=f"Basic {login}")
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()
    return summary


async def espocrm(desk: Any, events: list[dict[str, Any]]) -> dict[str, Any]:
    name, _, key = SECRETS["BATON_ESPOCRM_WEBHOOK"].partition(":")
    raw = orjson.dumps(events)
    signed = b64encode(f"{name}:{hmac.digest(key.encode(), raw, 'sha256').hex()}".encode()).decode()
    answer = await desk.post("hooks/espocrm", raw=raw, who=None, Signature=signed)
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()
    return summary


async def test_what_baton_wrote_comes_to_nothing_and_makes_the_record_known(crm: Any) -> None:
    ours = await lead(crm)
    made = change(origin="rest/64.0;client=baton", kind="CREATE", Status="Open", Baton_Lead_Id__c=ours)
    summary = await salesforce(crm, made)
    assert (summary["status"], summary["lead_id"], summary["ignored"]) == ("ignored", ours, 1)
    assert await crm.said("lead.status_reported") == []
    await salesforce(crm, change(number=2, Status="Working - Contacted", OwnerId=ANNA))
    (fact,) = await crm.said("lead.status_reported")
    assert (fact["subject"], fact["status"], fact["raw"]) == (ours, "accepted", "Working - Contacted")
    assert (fact["owner"], fact["system"]) == ("anna", "salesforce")
    assert crm.metric("baton_intake_ignored_total", source="salesforce-cdc", reason="echo") == 1
    repeated = await salesforce(crm, change(number=2, Status="Working - Contacted", OwnerId=ANNA))
    assert repeated["duplicate"] == 1


async def test_a_status_that_comes_before_the_record_is_known_waits_for_it(crm: Any) -> None:
    ours = await lead(crm)
    assert (await salesforce(crm, change(Status="Unqualified")))["quarantined"] == 1
    await salesforce(crm, change(number=2, origin="rest/64.0;client=baton", kind="CREATE", Baton_Lead_Id__c=ours))
    (fact,) = await crm.said("lead.status_reported")
    assert (fact["subject"], fact["status"], fact["reason"]) == (ours, "junk", "never_fits")
    assert (await crm.elements())["quarantined"] == 0


async def test_one_change_of_several_records_is_a_status_for_each(crm: Any) -> None:
    ours = await lead(crm)
    other = (await crm.post("leads", {"source": "web", "contact": {"email": "bo@example.com"}})).json()[0]["lead_id"]
    for number, (record, lead_id) in enumerate((("00Q1", ours), ("00Q2", other))):
        made = change(number=number, origin="rest/64;client=baton", records=[record], Baton_Lead_Id__c=lead_id)
        await salesforce(crm, made)
    summary = await salesforce(crm, change(number=9, records=["00Q1", "00Q2"], Status="Working - Contacted"))
    assert summary["accepted"] == 2
    assert {fact["subject"] for fact in await crm.said("lead.status_reported")} == {ours, other}


async def test_a_call_logged_in_the_crm_is_a_touch_by_the_rep(crm: Any) -> None:
    ours = await lead(crm)
    await salesforce(crm, change(origin="rest/64;client=baton", Baton_Lead_Id__c=ours))
    call = change(
        "Task",
        number=2,
        kind="CREATE",
        records=["00T1"],
        WhoId=RECORD,
        TaskSubtype="Call",
        OwnerId=ANNA,
        Subject="First call",
        CallDisposition="reached",
    )
    assert (await salesforce(crm, call))["accepted"] == 1
    (fact,) = await crm.said("lead.touched")
    assert (fact["subject"], fact["rep"], fact["channel"], fact["direction"]) == (ours, "anna", "call", "out")
    assert (fact["outcome"], fact["occurred_at"]) == ("reached", "2026-09-21T14:13:20Z")


async def test_a_change_without_its_fields_is_kept_for_people_and_one_of_no_concern_is_not(crm: Any) -> None:
    assert (await salesforce(crm, change(kind="GAP_UPDATE")))["quarantined"] == 1
    assert (await salesforce(crm, change(Rating="Hot")))["ignored"] == 1
    assert (await salesforce(crm, change(kind="DELETE")))["ignored"] == 1


def piped(entity: str, action: str = "change", number: int = 1, *, user: int = 111, source: str = "app",
          previous: Any = None, **data: Any) -> dict[str, Any]:  # fmt: skip
    meta = {
        "action": action,
        "entity": entity,
        "version": "2.0",
        "id": f"event-{number}",
        "user_id": user,
        "timestamp": "2026-09-21T14:13:18.123Z",
        "change_source": source,
        "attempt": 1,
    }
    return {"meta": meta, "data": {"id": "adf2-77", **data}, "previous": previous or {}}


async def test_pipedrive_reports_takeovers_deals_and_calls(crm: Any) -> None:
    ours = await lead(crm)
    echo = piped("lead", "create", user=900001, source="api", origin_id=ours)
    assert (await pipedrive(crm, echo))["status"] == "ignored"
    await pipedrive(crm, piped("lead", number=2, previous={"owner_id": 1}, owner_id=112, is_archived=False))
    await pipedrive(crm, piped("deal", number=3, origin_id=ours, status="won", value=900, currency="EUR", stage_id=4))
    done = {"type": "call", "done": True, "lead_id": "adf2-77", "owner_id": 112, "subject": "Call"}
    await pipedrive(crm, piped("activity", number=4, **done))
    assert (await pipedrive(crm, piped("lead", number=5, previous={"title": "x"}, title="y")))["ignored"] == 1
    statuses = [
        (f["subject"], f["status"], f.get("owner"), f.get("value"), f.get("stage"))
        for f in await crm.said("lead.status_reported")
    ]
    assert statuses == [(ours, "accepted", "112", None, None), (ours, "won", None, 900.0, "4")]
    (touch,) = await crm.said("lead.touched")
    assert (touch["subject"], touch["rep"], touch["channel"]) == (ours, "112", "call")
    retried = await pipedrive(crm, piped("lead", number=2, previous={"owner_id": 1}, owner_id=112, is_archived=False))
    assert retried["duplicate"] == 1


async def test_espocrm_reports_statuses_and_calls_in_batches(crm: Any) -> None:
    ours = await lead(crm)
    summary = await espocrm(
        crm,
        [
            {"id": "e1", "batonLeadId": ours, "createdById": "baton-api-user", "status": "New"},
            {"id": "e1", "status": "In Process", "assignedUserId": "u1"},
            {
                "id": "c1",
                "parentType": "Lead",
                "parentId": "e1",
                "status": "Held",
                "assignedUserId": "u1",
                "name": "Call",
            },
            {"id": "e1", "description": "met at the fair"},
            {"id": "e9", "status": "Who knows"},
        ],
    )
    assert summary == {
        "status": "accepted", "lead_id": ours, "event_id": summary["event_id"],
        "accepted": 2, "duplicate": 0, "quarantined": 1, "ignored": 2,
    }  # fmt: skip
    (status,) = await crm.said("lead.status_reported")
    assert (status["status"], status["owner"], status["occurred_at"]) == ("accepted", "u1", "2026-09-21T14:13:20Z")
    assert [touch["channel"] for touch in await crm.said("lead.touched")] == ["call"]


async def test_our_own_id_that_is_none_of_ours_is_not_believed(crm: Any) -> None:
    stranger = piped("deal", number=1, origin_id="something-else", status="won")
    assert (await pipedrive(crm, stranger))["quarantined"] == 1
    assert await crm.said("lead.status_reported") == []


async def test_a_record_that_is_somebody_elses_stays_so(crm: Any) -> None:
    ours = await lead(crm)
    other = (await crm.post("leads", {"source": "web", "contact": {"email": "bo@example.com"}})).json()[0]["lead_id"]
    await salesforce(crm, change(origin="rest/64;client=baton", Baton_Lead_Id__c=ours))
    await salesforce(crm, change(number=2, origin="rest/64;client=baton", Baton_Lead_Id__c=other))
    await salesforce(crm, change(number=3, Status="Working - Contacted"))
    assert [fact["subject"] for fact in await crm.said("lead.status_reported")] == [ours]
