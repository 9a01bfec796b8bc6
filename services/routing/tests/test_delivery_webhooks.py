"""Webhooks: each fact is told once, signed, in the order of its lead; settled and erased ones are forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from services.routing.tests.delivering import Delivering, verified

from baton.contracts import LeadErased
from baton.runtime.testing import Bench
from tests.world.outside import Outside, Says

ALL = ["lead.routed", "lead.reassigned", "lead.held", "lead.recycled"]


async def test_a_hand_over_arrives_signed_and_is_said_to_have_arrived(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside(lambda _: Says(204)) as crm:
        made = await deliver.subscribe(f"{crm.url}/leads", label="Our CRM")
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        assert await deliver.send() == 1
    [asked], [routed] = crm.asked, await deliver.bench.said("lead.routed")
    body = verified(asked, made["secret"], deliver, monkeypatch)
    assert (asked.method, asked.path, asked.headers["webhook-id"]) == ("POST", "/leads", routed.id)
    assert body["type"] == "lead.routed"
    assert body["data"] == {"lead_id": facts.lead, "event_id": routed.id, "sequence": 1, **routed.body}
    [delivered] = await deliver.bench.said("lead.delivered")
    assert (delivered.subject, delivered.body["endpoint"], delivered.body["label"]) == (
        facts.lead,
        made["id"],
        "Our CRM",
    )
    assert (delivered.body["delivered"], delivered.body["delivered_id"], delivered.body["round"]) == (
        "lead.routed",
        routed.id,
        1,
    )
    assert await deliver.states() == ["delivered"]
    assert deliver.counted("delivered") == 1
    assert await deliver.send() == 0


async def test_facts_about_a_lead_arrive_in_order_and_other_leads_do_not_wait(deliver: Delivering, facts: Any) -> None:
    stuck = facts.lead_id(1)
    async with Outside(lambda asked: Says(409 if stuck.encode() in asked.body else 200)) as crm:
        await deliver.subscribe(crm.url, facts=ALL)
        for lead in (stuck, facts.lead_id(2)):
            await deliver.bench.hear(facts.qualified(), subject=lead)
            await deliver.bench.command("reassign", lead, {"to": "cy", "reason": None})
            await deliver.bench.hear(facts.status(1, "recycle", reason="wrong_time"), subject=lead)
        await deliver.send()
        assert [asked.json["type"] for asked in crm.asked if stuck.encode() in asked.body] == ["lead.routed"]
        crm.answers = lambda _: Says()
        await deliver.after(timedelta(hours=1))
    for lead in (stuck, facts.lead_id(2)):
        told = [asked.json for asked in crm.asked if lead.encode() in asked.body and asked.json["data"]["sequence"]]
        types = list(dict.fromkeys(body["type"] for body in told))
        assert types == ["lead.routed", "lead.reassigned", "lead.recycled"]
        sequences = [body["data"]["sequence"] for body in told]
        assert sequences == sorted(sequences)


async def test_everything_since_a_time_is_told_anew_in_its_order(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url)
        for number in range(4):
            await deliver.bench.hear(facts.qualified(hours=number), subject=facts.lead_id(number))
            await deliver.after(timedelta(hours=1))
        crm.asked.clear()
        path = f"/routing/v1/subscriptions/{made['id']}/replay"
        answer = await deliver.web.post(path, json={"since": facts.at(1.5).isoformat()})
        assert (answer.status_code, answer.json()["deliveries"]) == (202, 2)
        await deliver.send()
        told = [asked.json["data"]["lead_id"] for asked in crm.asked]
        assert told == [facts.lead_id(2), facts.lead_id(3)]
        late = await deliver.subscribe(crm.url, label="late")  # an endpoint made later can be told what came before it
        crm.asked.clear()
        await deliver.web.post(
            f"/routing/v1/subscriptions/{late['id']}/replay", json={"since": facts.at(-1).isoformat()}
        )
        await deliver.send()
        assert len(crm.asked) == 4
    assert len(await deliver.bench.said("lead.delivered")) == 8


async def test_what_a_name_resolves_to_by_then_is_judged_by_then(deliver: Delivering, facts: Any) -> None:
    """The subscription was fine when it was made; its name leads inside when it is called."""
    answers = [["93.184.216.34"], ["10.0.0.1"]]

    async def names(host: str, port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    deliver.outbound._resolve = names
    await names("", 0)
    await deliver.subscribe("https://unknown.invalid/")
    await deliver.bench.hear(facts.qualified(), subject=facts.lead)
    await deliver.send()
    [one] = await deliver.deliveries()
    assert (one["state"], one["error"]) == ("pending", "unknown.invalid is inside a network: its address is not public")
    assert deliver.counted("broken") == 1


async def test_what_is_older_than_the_memory_is_forgotten_once_it_is_settled(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda asked: Says(200 if facts.lead.encode() in asked.body else 410)) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(2))
        await deliver.send()
    deliver.bench.clock.advance(timedelta(days=31))
    await deliver.sender.keep_house(deliver.bench.engine)
    assert await deliver.states() == ["pending"]


async def test_deliveries_are_written_with_the_fact_on_both_stores(
    bench: Bench, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = await Delivering.on(bench)
    try:
        await deliver.subscribe("https://crm.invalid/")
        await bench.hear(facts.qualified(), subject=facts.lead)
        [one] = await deliver.deliveries()
        assert (one["state"], one["type"], one["tries"]) == ("pending", "lead.routed", 0)
        assert await deliver.send() == 1
        [one] = await deliver.deliveries()
        assert (one["tries"], one["error"]) == (1, "crm.invalid cannot be resolved")
        replayed = await deliver.web.post(
            f"/routing/v1/subscriptions/{one['endpoint']}/replay", json={"since": facts.at(-1).isoformat()}
        )
        assert replayed.json()["deliveries"] == 1
        assert (await deliver.deliveries())[0]["tries"] == 0
    finally:
        await deliver.close()


async def test_who_is_erased_is_wiped_from_deliveries_and_endpoints_are_told(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(503, b"kim@customer.example is busy")) as crm:
        await deliver.subscribe(crm.url)
        told = await deliver.subscribe(f"{crm.url}/forget", facts=["lead.erased"])
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        assert "kim@customer.example" in str(await deliver.deliveries())
        at = deliver.bench.clock.now()
        await deliver.bench.hear(LeadErased(requested_at=at, gone_by=at + timedelta(days=30)), subject=facts.lead)
        [one] = await deliver.deliveries()
        assert (one["type"], one["endpoint"], one["error"]) == ("lead.erased", told["id"], None)
        crm.answers = lambda _: Says()
        crm.asked.clear()
        await deliver.after(timedelta(hours=1))
    [asked] = crm.asked
    assert (asked.path, asked.json["type"], asked.json["data"]["lead_id"]) == ("/forget", "lead.erased", facts.lead)
    assert b"kim" not in asked.body
    assert await deliver.bench.said("lead.delivered") == []
