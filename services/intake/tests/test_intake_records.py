"""A CRM that took a lead says what it calls it (`lead.delivered`): by that record it is known from then on."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from services.intake.tests.test_intake_reported_back import (
    RECORD,
    SECRETS,
    change,
    espocrm,
    lead,
    pipedrive,
    salesforce,
)

from baton.contracts import LeadDelivered
from baton.runtime.bus.port import Outgoing
from baton.runtime.envelope import data_of, headers_of, to_wire
from baton.runtime.failures import NotNow
from baton.runtime.ids import event_id
from baton.runtime.partition import lane_of

PATIENCE = 60.0


@pytest.fixture
async def crm(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return desk


async def delivered(desk: Any, lead_id: str, endpoint: str, record: str | None, number: int = 1, **more: Any) -> None:
    """What routing says once an endpoint has taken the lead."""
    now = desk.clock.now()
    identity = event_id("delivered", lead_id, str(number))
    known = {"round": 1, "delivered_at": now, "delivered": "lead.routed", "delivered_id": identity}
    body = LeadDelivered(endpoint=endpoint, record_id=record, **known, **more)
    headers = headers_of(
        service="routing", event_id=identity, type=body.type, subject=lead_id, sequence=number, at=now, now=now,
        cause_id="test", playbook=None, trace=None,
    )  # fmt: skip
    lane = lane_of(lead_id, desk.engine.settings.partitions)
    await desk.engine.bus.publish([Outgoing(body.topic, lane, lead_id, to_wire(headers), data_of(body))])


async def known_by(desk: Any, key: str, lead_id: str | None) -> None:
    """Wait until the identity is the lead's."""
    until = time.monotonic() + PATIENCE
    while lead_id not in [row.lead_id for row in await desk.rows("identity") if row.key == key]:
        assert time.monotonic() < until, f"{key} is nobody's: {await desk.rows('identity')}"
        await asyncio.sleep(0.05)


async def test_a_change_of_a_record_finds_its_lead_though_our_id_is_not_in_it(crm: Any) -> None:
    ours = await lead(crm)
    await delivered(crm, ours, "salesforce", RECORD, system="salesforce")
    await known_by(crm, f"id:salesforce:{RECORD}", ours)
    assert (await salesforce(crm, change(number=2, Status="Working - Contacted")))["accepted"] == 1
    (fact,) = await crm.said("lead.status_reported")
    assert (fact["subject"], fact["status"], fact["system"]) == (ours, "accepted", "salesforce")
    assert crm.metric("baton_intake_ignored_total", source="salesforce-cdc", reason="link") == 0
    assert await crm.elements() == {"received": 2, "accepted": 2, "duplicate": 0, "quarantined": 0}


async def test_what_came_before_the_record_was_known_is_taken_in_then(crm: Any) -> None:
    ours = await lead(crm)
    meta = {"entity": "lead", "action": "change", "id": "m1", "timestamp": "2026-09-21T14:00:00Z", "user_id": 5}
    assert (await pipedrive(crm, {"meta": meta, "data": {"id": "adf21080", "is_archived": True}}))["quarantined"] == 1
    assert (await espocrm(crm, [{"id": "e7", "status": "Dead", "modifiedAt": "2026-09-21 14:00:00"}]))[
        "quarantined"
    ] == 1
    await delivered(crm, ours, "pipedrive", "adf21080")  # said before facts named the system
    await delivered(crm, ours, "our-crm", "e7", number=2, system="espocrm")
    await known_by(crm, "id:espocrm:e7", ours)
    await known_by(crm, "id:pipedrive:adf21080", ours)
    told = await crm.said("lead.status_reported")
    assert sorted((fact["subject"], fact["system"], fact["status"]) for fact in told) == [
        (ours, "espocrm", "junk"),
        (ours, "pipedrive", "recycle"),
    ]
    assert (await crm.elements())["quarantined"] == 0


async def test_a_record_that_is_somebody_elses_or_of_a_system_nobody_reports_from_changes_nothing(crm: Any) -> None:
    ours, other = await lead(crm), await crm.post("leads", {"source": "web", "contact": {"email": "bo@example.com"}})
    await salesforce(crm, change(origin="rest/64;client=baton", Baton_Lead_Id__c=other.json()[0]["lead_id"]))
    await delivered(crm, ours, "salesforce", RECORD, system="salesforce")
    await delivered(crm, ours, "0190aaaa-a-subscription", "77", number=2)
    await delivered(crm, ours, "salesforce", None, number=3)
    await delivered(crm, ours, "salesforce", "00Q2", number=4)
    await known_by(crm, "id:salesforce:00Q2", ours)
    keys = {row.key: row.lead_id for row in await crm.rows("identity")}
    assert keys[f"id:salesforce:{RECORD}"] == other.json()[0]["lead_id"]
    assert not [key for key in keys if "subscription" in key]


async def test_a_record_of_a_lead_that_was_merged_is_the_survivors(crm: Any) -> None:
    gone = await lead(crm)
    into = (await crm.post("leads", {"source": "web", "contact": {"email": "bo@example.com"}})).json()[0]["lead_id"]
    assert (await crm.post(f"leads/{gone}/merge", {"into": into}, who="boss")).status_code == 200
    await delivered(crm, gone, "salesforce", RECORD)
    await known_by(crm, f"id:salesforce:{RECORD}", into)


async def test_nothing_is_known_of_a_record_once_its_lead_is_erased(crm: Any) -> None:
    ours = await lead(crm)
    await delivered(crm, ours, "salesforce", RECORD)
    await known_by(crm, f"id:salesforce:{RECORD}", ours)
    headers = {"Authorization": "Bearer token-of-boss"}
    answer = await crm.client.delete(f"/intake/v1/leads/{ours}/personal-data", headers=headers)
    assert answer.status_code == 202, answer.text
    await delivered(crm, ours, "salesforce", "00Q2", number=2)
    other = (await crm.post("leads", {"source": "web", "contact": {"email": "bo@example.com"}})).json()[0]["lead_id"]
    await delivered(crm, other, "salesforce", "00Q3")
    await known_by(crm, "id:salesforce:00Q3", other)
    keys = [row.key for row in await crm.rows("identity")]
    assert f"id:salesforce:{RECORD}" not in keys
    assert "id:salesforce:00Q2" not in keys


async def test_intake_is_ready_while_what_it_hears_has_to_wait_for_the_bus(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise NotNow("the broker is away")

    monkeypatch.setattr(crm.engine.worker, "once", away)
    until = time.monotonic() + PATIENCE
    while crm.engine.worker.problem is None:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    answer = await crm.client.get("/intake/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert (await crm.post("leads", {"source": "web", "contact": {"email": "ann@example.com"}})).status_code == 202
