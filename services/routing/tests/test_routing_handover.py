"""From a qualified lead to its owner, and from one owner to the next."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from baton.playbook import Playbook
from baton.routing import store
from baton.routing.domain.house import House
from baton.routing.domain.placement import Placed, Unplaced, place_again
from baton.routing.domain.roster import Roster
from baton.runtime.envelope import data_of
from baton.runtime.testing import Bench, types_of

HANDED = ("lead.routed", "lead.reassigned", "lead.held", "lead.recycled")


async def state_of(bench: Bench, lead_id: str) -> Any:
    service: Any = bench.engine.service
    return (await bench.engine.read(lambda tx: store.load_leads(tx, service.tables, [lead_id])))[lead_id]


async def test_a_qualified_lead_is_routed_with_all_that_a_crm_needs(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    (routed,) = await bench.said(*HANDED)
    body = routed.body
    assert routed.type == "lead.routed"
    assert (body["owner"]["id"], body["owner"]["calendar"]) == ("ada", "always")
    assert body["rule"] == {"id": "north", "label": "The north", "playbook": bench.engine.service.playbook_version()}
    assert (body["policy"], body["respond_by"]) == ("plain", "2026-11-02T13:00:00Z")
    assert (body["score"]["total"], body["contact"]["full_name"], body["source"]) == (60, "Kim Brandt", "web")
    assert body["why"][0]["criterion"] == "fits"
    assert body["history"][0]["kind"] == "received"
    assert body["caused_at"] == "2026-11-02T09:00:00Z"
    assert [c["rep"] for c in body["trace"]["candidates"]] == ["ada", "bo", "cy"]
    assert {m["rule"]: m["because"] for m in body["trace"]["near_misses"]} == {
        "bavaria": "postal_code is 20095, not 80000-87999",
        "big": "its condition is unknown: nobody knows employees",
    }


async def test_a_lead_is_routed_once_in_a_round_however_often_it_is_said(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.qualified(), subject=facts.lead, sequence=1)
    await bench.hear(facts.qualified(), subject=facts.lead, sequence=2)
    assert types_of(await bench.said(*HANDED)) == ["lead.routed"]


async def test_a_test_lead_is_never_routed(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(is_test=True), subject=facts.lead)
    await bench.hear(facts.status(1, "accepted"), subject=facts.lead)
    assert await bench.said(*HANDED) == []
    assert (await state_of(bench, facts.lead)).fate == "test"


async def test_the_rotation_goes_round(bench: Bench, facts: Any) -> None:
    for number in range(6):
        await bench.hear(facts.qualified(), subject=facts.lead_id(number))
    owners = [fact.body["owner"]["id"] for fact in await bench.said("lead.routed")]
    assert owners == ["ada", "bo", "cy", "ada", "bo", "cy"]


async def test_a_breach_gives_the_lead_to_somebody_else_twice_and_then_to_a_manager(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.breached("ada"), subject=facts.lead)
    await bench.hear(facts.breached("bo", attempt=1), subject=facts.lead)
    await bench.hear(facts.breached("cy", attempt=2), subject=facts.lead)
    routed, first, second, held = await bench.said(*HANDED)
    assert routed.body["owner"]["id"] == "ada"
    assert (first.body["owner"]["id"], first.body["previous_owner"], first.body["attempt"]) == ("bo", "ada", 1)
    assert (second.body["owner"]["id"], second.body["reason"], second.body["attempt"]) == ("cy", "breach", 2)
    assert (held.type, held.body["reason"], held.body["previous_owner"]) == ("lead.held", "manager", "cy")
    await bench.advance(facts.at(200))
    assert len(await bench.said(*HANDED)) == 4


async def test_a_breach_of_an_owner_who_has_lost_the_lead_already_changes_nothing(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.breached("ada"), subject=facts.lead)
    await bench.hear(facts.breached("ada"), subject=facts.lead)
    await bench.hear(facts.breached("ada", attempt=1, round_=2), subject=facts.lead)
    await bench.hear(facts.breached("bo", attempt=1, promise="first_contact"), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.routed", "lead.reassigned"]


async def test_an_accepted_lead_is_not_taken_away_by_a_breach(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.status(1, "accepted"), subject=facts.lead)
    await bench.hear(facts.breached("ada"), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.routed"]


async def test_a_policy_that_keeps_leads_keeps_them(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(country="FR"), subject=facts.lead)
    await bench.hear(facts.breached("ada", policy="patient"), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.routed"]


async def test_a_recycled_lead_comes_back_in_a_new_round_to_anybody(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.status(2, "recycle", reason="wrong_time", look_again_at=facts.at(900)), subject=facts.lead)
    await bench.hear(facts.qualified(2, intake_sequence=1, statuses_from=facts.at(2)), subject=facts.lead)
    first, recycled, second = await bench.said(*HANDED)
    assert recycled.body["reason"] == "wrong_time"
    assert (recycled.body["status"], recycled.body["owner"]) == ("recycle", "ada")
    assert recycled.body["look_again_at"] == facts.at(900).isoformat().replace("+00:00", "Z")
    assert recycled.at == facts.at(2)
    assert (first.body["round"], second.body["round"], second.type) == (1, 2, "lead.routed")


async def test_a_later_recycle_is_said_again_with_its_date_and_an_earlier_one_is_not(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.status(10, "recycle"), subject=facts.lead)
    await bench.hear(facts.status(5, "recycle"), subject=facts.lead)
    await bench.hear(facts.status(20, "recycle", look_again_at=facts.at(900)), subject=facts.lead)
    await bench.hear(facts.status(15, "accepted"), subject=facts.lead)
    first, second = await bench.said("lead.recycled")
    assert (first.at, second.at) == (facts.at(10), facts.at(20))
    assert second.body["look_again_at"] == facts.at(900).isoformat().replace("+00:00", "Z")


async def test_a_stop_rule_gives_the_lead_back_to_marketing(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.stopped("ada", then="gone_dark"), subject=facts.lead, at=facts.at(50))
    recycled = (await bench.said("lead.recycled"))[0]
    assert (recycled.body["status"], recycled.body["reason"]) == ("gone_dark", "never_reached")
    assert recycled.body["detail"] == {"rule": "touches", "touches": 6}


async def test_load_is_given_back_when_a_lead_leaves_and_taken_when_it_comes_back(bench: Bench, facts: Any) -> None:
    service: Any = bench.engine.service

    async def load() -> int:
        return (await bench.engine.read(service.books_now)).load.get("ada", 0)  # type: ignore[no-any-return]

    await bench.hear(facts.qualified(), subject=facts.lead)
    assert await load() == 1
    await bench.hear(facts.status(3, "lost"), subject=facts.lead)
    assert await load() == 0
    await bench.hear(facts.status(2, "accepted"), subject=facts.lead)
    assert await load() == 0, "an older status that comes late changes nothing"
    await bench.hear(facts.status(4, "opportunity"), subject=facts.lead)
    assert await load() == 1
    assert (await state_of(bench, facts.lead)).fate == "opportunity"
    await bench.hear(facts.status(5, "won"), subject=facts.lead)
    assert await load() == 0


async def test_disqualification_takes_an_open_lead_back(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.disqualified(), subject=facts.lead, at=facts.at(1))
    lead = await state_of(bench, facts.lead)
    assert (lead.fate, lead.bearer) == ("disqualified", None)


async def test_junk_stays_junk_until_somebody_claims_the_lead(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.status(1, "junk"), subject=facts.lead)
    await bench.hear(facts.status(2, "accepted"), subject=facts.lead)
    assert (await state_of(bench, facts.lead)).fate == "junk"
    await bench.advance(facts.at(3))
    await bench.command("claim", facts.lead, {"rep": "bo"})
    lead = await state_of(bench, facts.lead)
    assert (lead.fate, lead.bearer) == ("routed", "bo")
    assert types_of(await bench.said(*HANDED)) == ["lead.routed", "lead.reassigned"]


async def test_a_status_that_overtakes_the_qualification_counts_for_it(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.status(1, "junk"), subject=facts.lead)
    await bench.hear(facts.qualified(), subject=facts.lead)
    assert await bench.said(*HANDED) == []
    assert (await state_of(bench, facts.lead)).fate == "junk"


async def test_a_status_that_scoring_had_heard_before_it_qualified_the_lead_does_not_count(
    bench: Bench, facts: Any
) -> None:
    await bench.hear(facts.status(1, "lost"), subject=facts.lead)
    await bench.hear(facts.qualified(intake_sequence=1), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.routed"]
    assert (await state_of(bench, facts.lead)).fate == "routed"


async def test_a_late_status_of_an_older_round_does_not_touch_the_new_one(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(), subject=facts.lead)
    await bench.hear(facts.status(5, "recycle"), subject=facts.lead)
    await bench.hear(facts.qualified(2, intake_sequence=1, statuses_from=facts.at(5)), subject=facts.lead)
    await bench.hear(facts.status(4, "lost"), subject=facts.lead)
    lead = await state_of(bench, facts.lead)
    assert (lead.round, lead.fate) == (2, "routed")


async def test_a_history_too_long_for_a_record_keeps_its_newest_lines(bench: Bench, facts: Any) -> None:
    from baton.contracts import HistoryItem

    items = [HistoryItem(at=facts.at(-n), kind="activity", what=f"page {n}", detail="x" * 600) for n in range(80)]
    await bench.hear(facts.qualified(history=items[:40]), subject=facts.lead)
    (routed,) = await bench.said("lead.routed")
    assert 5 < len(routed.body["history"]) < 40
    assert routed.body["history"][0]["what"] == "page 0"
    assert len(routed.value) < 64 * 1024


async def test_a_decision_can_be_recomputed_from_what_is_kept(bench: Bench, facts: Any) -> None:
    service: Any = bench.engine.service
    for number in range(4):
        await bench.hear(facts.qualified(), subject=facts.lead_id(number))
    await bench.hear(facts.breached("ada"), subject=facts.lead_id(0))
    await bench.hear(facts.qualified(country="US"), subject=facts.lead_id(9))
    await bench.command("put", "zoe", facts.rep("zoe"))
    await bench.hear(facts.qualified(), subject=facts.lead_id(5))
    recomputed = 0
    for fact in await bench.said("lead.routed", "lead.reassigned"):
        rows = await bench.engine.read(lambda tx, lead=fact.subject: store.decisions_of(tx, service.tables, lead))
        row = next(r for r in rows if r["inputs_hash"] == fact.body["trace"]["inputs_hash"])
        kept = row["inputs"]
        book = await bench.engine.read(lambda tx, h=kept["playbook"]: store.kept_body(tx, service.tables, h))
        reps = await bench.engine.read(lambda tx, h=kept["roster"]: store.kept_body(tx, service.tables, h))
        answer = place_again(kept, House(Playbook.from_document(book)), Roster.from_document(reps))
        assert isinstance(answer, Placed)
        assert answer.rep == fact.body["owner"]["id"]
        assert data_of(answer.trace) == orjson.dumps(fact.body["trace"])
        recomputed += 1
    assert recomputed == 7


async def test_a_kept_decision_is_not_recomputed_with_another_playbook(desk: Bench, facts: Any, make: Any) -> None:
    service: Any = desk.engine.service
    await desk.hear(facts.qualified(country="BR"), subject=facts.lead)
    (row,) = await desk.engine.read(lambda tx: store.decisions_of(tx, service.tables, facts.lead))
    roster = Roster.from_document(
        await desk.engine.read(lambda tx: store.kept_body(tx, service.tables, row["inputs"]["roster"]))
    )
    assert isinstance(place_again(row["inputs"], service.house, roster), Unplaced)
    with pytest.raises(ValueError, match="not the playbook"):
        place_again(row["inputs"], House(make(max_reassigns=1)), roster)
