"""What people ask: claim, reassign, reject, and the roster."""

from __future__ import annotations

from typing import Any

import pytest

from baton.contracts import TimeOff
from baton.routing import store
from baton.routing.rep_commands import MOST_TIME_OFF
from baton.runtime.engine import Refused
from baton.runtime.testing import Bench, types_of

HANDED = ("lead.routed", "lead.reassigned", "lead.held", "lead.recycled")


async def test_a_claim_takes_the_lead_from_its_owner(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(), subject=facts.lead)
    reply = await desk.command("claim", facts.lead, {"rep": "dee"}, actor="dee")
    assert (reply.body["owner"]["id"], reply.body["state"], reply.body["attempt"]) == ("dee", "routed", 1)
    last = (await desk.said(*HANDED))[-1]
    assert (last.type, last.body["reason"], last.body["previous_owner"]) == ("lead.reassigned", "claim", "ada")


async def test_a_claim_of_a_held_lead_that_never_had_an_owner_is_its_routing(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(country="BR"), subject=facts.lead)
    await desk.command("claim", facts.lead, {"rep": "dee"})
    _, routed = await desk.said(*HANDED)
    assert (routed.type, routed.body["rule"]["id"], routed.body["owner"]["id"]) == ("lead.routed", "by_hand", "dee")


async def test_a_manager_s_lead_leaves_only_by_hand(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(country="SE"), subject=facts.lead)
    for attempt, owner in enumerate(("ada", "bo", "cy")):
        await desk.hear(facts.breached(owner, attempt=attempt), subject=facts.lead)
    assert (await desk.said(*HANDED))[-1].body["reason"] == "manager"
    reply = await desk.command("reassign", facts.lead, {"to": "ada"})
    assert reply.body["owner"]["id"] == "ada"
    await desk.hear(facts.breached("ada", attempt=3), subject=facts.lead)
    assert (await desk.said(*HANDED))[-1].body["reason"] == "manager", "everybody in the pool has had it"


async def test_a_reassignment_without_a_name_lets_the_rotation_choose_among_the_others(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(), subject=facts.lead)
    reply = await desk.command("reassign", facts.lead, {"to": None})
    assert reply.body["owner"]["id"] == "bo"


async def test_not_mine_routes_again_and_counts_as_a_misroute(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(), subject=facts.lead)
    await desk.hear(facts.status(-1, "accepted"), subject=facts.lead)
    reply = await desk.command("reject", facts.lead, {"rep": "ada"})
    assert (reply.body["owner"]["id"], reply.body["state"]) == ("bo", "routed")
    assert (await desk.said("lead.reassigned"))[0].body["reason"] == "reject"
    with pytest.raises(Refused, match="Not the owner"):
        await desk.command("reject", facts.lead, {"rep": "ada"})


async def test_a_claim_reopens_a_closed_lead_and_puts_its_statuses_away(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(), subject=facts.lead)
    await desk.hear(facts.status(1, "recycle"), subject=facts.lead)
    await desk.advance(facts.at(2))
    reply = await desk.command("claim", facts.lead, {"rep": "ada"})
    assert (reply.body["state"], reply.body["round"]) == ("routed", 1)
    assert types_of(await desk.said(*HANDED)) == ["lead.routed", "lead.recycled", "lead.reassigned"]
    again = (await desk.said("lead.reassigned"))[0].body
    assert again["statuses_from"] == facts.at(2).isoformat().replace("+00:00", "Z")


async def test_a_claim_puts_away_also_a_status_that_is_dated_after_it(desk: Bench, facts: Any) -> None:
    """Intake's clock was ahead, or ours was put back: for reporting the lead stayed recycled (seed 765)."""
    await desk.hear(facts.qualified(), subject=facts.lead)
    await desk.hear(facts.status(5, "recycle"), subject=facts.lead)
    await desk.advance(facts.at(2))
    reply = await desk.command("claim", facts.lead, {"rep": "ada"})
    assert reply.body["state"] == "routed"
    [again] = await desk.said("lead.reassigned")
    [recycled] = await desk.said("lead.recycled")
    assert again.body["statuses_from"] == facts.at(5).isoformat().replace("+00:00", "Z") > recycled.headers["ce_time"]


async def test_a_closed_lead_that_is_given_away_and_finds_nobody_is_held_with_its_statuses_put_away(
    desk: Bench, facts: Any
) -> None:
    """Others stayed at `lost` where routing held it: nobody had told them that it no longer counts (seed 6345)."""
    await desk.hear(facts.qualified(), subject=facts.lead)
    await desk.hear(facts.status(1, "lost"), subject=facts.lead)
    await desk.advance(facts.at(2))
    for rep in ("ada", "bo", "cy"):
        await desk.command("put", rep, facts.rep(rep, active=False))
    reply = await desk.command("reassign", facts.lead, {"to": None})
    assert reply.body["state"] == "held"
    await desk.advance(facts.at(3))
    await desk.command("reassign", facts.lead, {"to": None})
    since = [held.body["statuses_from"] for held in await desk.said("lead.held")]
    assert since == [facts.at(hour).isoformat().replace("+00:00", "Z") for hour in (2, 3)]


@pytest.mark.parametrize("comes", ["before the claim", "before the next round", "after it"])
async def test_a_status_between_two_rounds_counts_in_the_later_one_whenever_it_comes(
    desk: Bench, facts: Any, comes: str
) -> None:
    """What a claim put away in the round before it was of was lost for the next one (seed 7782)."""
    status = facts.status(4, "opportunity")
    await desk.hear(facts.qualified(), subject=facts.lead)
    await desk.hear(facts.status(1, "lost"), subject=facts.lead)
    await desk.advance(facts.at(5))
    if comes == "before the claim":
        await desk.hear(status, subject=facts.lead)
    await desk.command("claim", facts.lead, {"rep": "bo"})
    if comes == "before the next round":
        await desk.hear(status, subject=facts.lead)
    await desk.hear(facts.qualified(2, intake_sequence=1, statuses_from=facts.at(1)), subject=facts.lead)
    if comes == "after it":
        await desk.hear(status, subject=facts.lead)
    fates = await desk.engine.read(lambda tx: store.fates(tx, desk.engine.service.tables, "", 100))
    assert [row["fate"] for row in fates] == ["opportunity"]


@pytest.mark.parametrize(
    ("name", "body", "title"),
    [
        ("claim", {"rep": "nobody"}, "Unknown rep"),
        ("claim", {"rep": "ada"}, "Already the owner"),
        ("reassign", {"to": "gone"}, "Inactive rep"),
        ("reassign", {"to": "lost"}, "Unknown calendar"),
        ("reject", {"rep": "bo"}, "Not the owner"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    desk: Bench, facts: Any, make: Any, name: str, body: Any, title: str
) -> None:
    await desk.command("put", "gone", facts.rep("gone", active=False))
    await desk.command("put", "lost", facts.rep("lost", calendar="new_york"))
    await desk.hear(facts.qualified(), subject=facts.lead)
    calendars = [one.model_dump() for one in desk.engine.service.house.playbook.models.calendars.calendars]  # type: ignore[attr-defined]
    keep = [one for one in calendars if one["id"] != "new_york"]
    await desk.engine.service.take_playbook(desk.engine, make(calendars=keep))  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refused:
        await desk.command(name, facts.lead, body)
    assert refused.value.refusal.title == title
    assert types_of(await desk.said(*HANDED)) == ["lead.routed"]


async def test_leads_that_are_none_cannot_be_claimed(desk: Bench, facts: Any) -> None:
    with pytest.raises(Refused, match="Unknown lead"):
        await desk.command("claim", facts.lead, {"rep": "ada"})
    await desk.hear(facts.status(1, "accepted"), subject=facts.lead)
    with pytest.raises(Refused, match="Not a lead"):
        await desk.command("claim", facts.lead, {"rep": "ada"})
    await desk.hear(facts.qualified(is_test=True), subject=facts.lead_id(7))
    with pytest.raises(Refused, match="Test lead"):
        await desk.command("claim", facts.lead_id(7), {"rep": "ada"})
    await desk.hear(facts.qualified(country="BR"), subject=facts.lead_id(8))
    with pytest.raises(Refused, match="No owner"):
        await desk.command("reject", facts.lead_id(8), {})


async def test_a_rep_is_announced_whole_when_he_changes_and_not_when_he_does_not(desk: Bench, facts: Any) -> None:
    before = len(await desk.said("rep.changed"))
    created = await desk.command("put", "zoe", facts.rep("zoe"), id="1")
    same = await desk.command("put", "zoe", facts.rep("zoe"), id="2")
    assert (created.status, same.status) == (201, 200)
    said = (await desk.said("rep.changed"))[before:]
    assert [f.body["rep"]["id"] for f in said] == ["zoe"]
    assert (said[0].subject, said[0].body["change"]) == ("zoe", "put")
    with pytest.raises(Refused, match="Unknown calendar"):
        await desk.command("put", "zoe", facts.rep("zoe", calendar="mars"), id="3")


async def test_absences_are_bounded_and_the_same_one_is_kept_once(desk: Bench, facts: Any) -> None:
    off = [TimeOff(starts_at=facts.at(n), ends_at=facts.at(n + 1)) for n in range(MOST_TIME_OFF + 1)]
    await desk.command("put", "zoe", facts.rep("zoe", time_off=[one.model_dump() for one in off[:-1]]))
    before = len(await desk.said("rep.changed"))
    await desk.command("time_off", "zoe", off[0])
    assert len(await desk.said("rep.changed")) == before
    with pytest.raises(Refused, match="Too many absences"):
        await desk.command("time_off", "zoe", off[-1])


async def test_a_status_that_a_claim_has_put_away_counts_in_the_round_that_was_opened_meanwhile(
    desk: Bench, facts: Any
) -> None:
    """Scoring had opened the second round before it heard of the claim in the first."""
    lead = facts.lead_id(1)
    await desk.hear(facts.qualified(), subject=lead)
    await desk.command("claim", lead, {"rep": "dee"})
    await desk.hear(facts.status(0, "won"), subject=lead, at=facts.at(0))
    assert [f.body["round"] for f in await desk.said("lead.reassigned")] == [1]
    await desk.hear(facts.qualified(2, intake_sequence=0, statuses_from=facts.at(-1)), subject=lead)
    rows = await desk.engine.read(lambda tx: store.fates(tx, desk.engine.service.tables, "", 10))
    assert [(row["fate"], row["round"]) for row in rows] == [("won", 2)]
