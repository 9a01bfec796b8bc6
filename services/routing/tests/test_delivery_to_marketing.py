"""Whom scoring leaves to marketing is told to whoever asked for it: a marketing platform hears who comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.routing.tests.delivering import Delivering

from baton.contracts import HomeworkOverdue, HomeworkReminded, LeadErased
from tests.world.outside import Outside, Says

TO_MARKETING = ["lead.nurtured", "lead.recycled", "lead.disqualified"]


async def test_who_is_left_to_marketing_and_who_comes_back_from_sales_is_told_in_order(
    deliver: Delivering, facts: Any
) -> None:
    async with Outside(lambda _: Says(204)) as platform:
        await deliver.subscribe(platform.url, facts=TO_MARKETING)
        hear = deliver.bench.hear
        await hear(facts.nurtured(), subject=facts.lead)
        await hear(facts.qualified(), subject=facts.lead)
        await hear(facts.status(2, "recycle", reason="wrong_time"), subject=facts.lead)
        await hear(facts.nurtured(round_=1), subject=facts.lead)
        await hear(facts.disqualified(round_=1), subject=facts.lead)
        await deliver.send()
    told = [asked.json for asked in platform.asked]
    assert [one["type"] for one in told] == ["lead.nurtured", "lead.recycled", "lead.nurtured", "lead.disqualified"]
    first = told[0]["data"]
    assert (first["lead_id"], first["round"], first["track"], first["unmet"]) == (
        facts.lead,
        0,
        "this_quarter",
        ["fits"],
    )
    assert first["contact"]["email"] == "kim@customer.example"
    assert first["look_again_at"].startswith("2027-01-31")
    assert await deliver.bench.said("lead.delivered") == []  # nobody took a hand-over


async def test_who_did_not_ask_for_it_is_not_told_and_nothing_is_kept_of_it(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        back = await deliver.subscribe(f"{crm.url}/back", facts=TO_MARKETING, when="data.round > 0")
        await deliver.bench.hear(facts.nurtured(), subject=facts.lead)
        assert await deliver.send() == 0
        await deliver.bench.hear(facts.nurtured(round_=1), subject=facts.lead_id(2))
        assert await deliver.send() == 1
    assert [one["endpoint"] for one in await deliver.deliveries()] == [back["id"]]
    assert (await deliver.web.get("/routing/v1/ledger", params={"ids": True})).json()["leads"] == []


async def test_what_waits_to_be_told_of_a_person_goes_when_he_is_erased(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(503)) as platform:
        await deliver.subscribe(platform.url, facts=TO_MARKETING)
        await deliver.bench.hear(facts.nurtured(), subject=facts.lead)
        await deliver.send()
        at = deliver.bench.clock.now()
        await deliver.bench.hear(LeadErased(requested_at=at, gone_by=at + timedelta(days=30)), subject=facts.lead)
        asked = len(platform.asked)
        await deliver.after(timedelta(hours=1))
        assert len(platform.asked) == asked
    assert await deliver.deliveries() == []
    answer = await deliver.web.get(f"/routing/v1/leads/{facts.lead}/personal-data")
    assert "kim@customer.example" not in answer.text


async def test_who_writes_to_people_is_told_whom_to_remind_of_homework(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(204)) as platform:
        await deliver.subscribe(platform.url, facts=["homework.reminded"])
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        at = deliver.bench.clock.now()
        due = HomeworkReminded(
            round=1, owner="bo", set_at=at, meeting_at=at + timedelta(hours=1), task="Pick two points"
        )
        await deliver.bench.hear(due, subject=facts.lead)
        late = HomeworkOverdue(round=1, owner="bo", set_at=at, state="late")
        await deliver.bench.hear(late, subject=facts.lead)
        await deliver.send()
    [told] = [asked.json for asked in platform.asked]
    assert (told["type"], told["data"]["lead_id"], told["data"]["task"]) == (
        "homework.reminded",
        facts.lead,
        "Pick two points",
    )
