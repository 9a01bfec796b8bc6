"""What ends a clock without its promise being kept: another owner, the CRM, scoring, the person's wish, a stop rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from baton.runtime.testing import Bench, types_of


async def waived(bench: Bench) -> dict[str, str]:
    return {fact.body["promise"]: fact.body["reason"] for fact in await bench.said("sla.waived")}


async def test_another_owner_gets_clocks_of_his_own_and_the_first_ones_are_waived(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(), subject=facts.lead)
    await bench.hear(facts.reassigned(2), subject=facts.lead)
    assert set((await waived(bench)).values()) == {"owner_changed"}
    again = [fact for fact in await bench.said("sla.started") if fact.body["attempt"] == 1]
    assert {fact.body["owner"] for fact in again} == {"bo"}
    assert len(again) == 4
    await bench.hear(facts.touched(3), subject=facts.lead)
    (met,) = await bench.said("sla.met")
    assert (met.body["attempt"], met.body["seconds"]) == (1, 3600)


async def test_a_broken_first_response_stays_broken_when_the_lead_moves_on(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(policy="plain"), subject=facts.lead)
    await bench.advance(facts.at(4.2))
    await bench.hear(facts.reassigned(4.2, policy="plain"), subject=facts.lead)
    assert types_of(await bench.said()) == ["sla.started", "sla.warned", "sla.breached", "sla.started"]
    await bench.advance(facts.at(9))
    broken = await bench.said("sla.breached")
    assert [fact.body["attempt"] for fact in broken] == [0, 1]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("opportunity", "opportunity"),
        ("won", "won"),
        ("lost", "lost"),
        ("junk", "junk"),
        ("recycle", "recycled"),
        ("unreachable", "recycled"),
    ],
)
async def test_a_lead_that_has_left_the_follow_up_has_no_clock(
    desk: Bench, facts: Any, status: str, reason: str
) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.status(1, status), subject=facts.lead)
    assert await waived(desk) == dict.fromkeys(
        ("first_response", "first_contact", "minimum_touches", "work_time"), reason
    )
    assert await desk.timers() == []


async def test_accepting_is_neither_an_attempt_nor_an_end(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(policy="plain"), subject=facts.lead)
    await desk.hear(facts.status(1, "accepted"), subject=facts.lead)
    await desk.advance(facts.at(4.5))
    assert types_of(await desk.said()) == ["sla.started", "sla.warned", "sla.breached"]


async def test_a_status_of_the_round_told_before_the_routing_closes_it_at_once(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.status(1, "won"), subject=facts.lead)
    await desk.hear(facts.routed(2, "plain", intake_sequence=0), subject=facts.lead)
    assert types_of(await desk.said()) == ["sla.started", "sla.waived"]


async def test_a_status_of_an_earlier_round_ends_nothing(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.status(1, "recycle"), subject=facts.lead)
    await desk.hear(facts.routed(48, "plain", round_=2, intake_sequence=1), subject=facts.lead)
    await desk.hear(facts.routed(50, "plain", round_=3, statuses_from=facts.at(49)), subject=facts.lead)
    assert [fact.body["reason"] for fact in await desk.said("sla.waived")] == ["new_round"]


async def test_a_claim_by_hand_puts_older_marks_away(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.status(1, "junk"), subject=facts.lead)
    await desk.hear(facts.reassigned(5, reason="claim", statuses_from=facts.at(5)), subject=facts.lead)
    running = {fact.body["promise"] for fact in await desk.said("sla.waived") if fact.body["attempt"] == 1}
    assert running == set()
    assert {kind for _, kind, _ in await desk.timers()} >= {"due.first_response", "due.work_time"}


@pytest.mark.parametrize("reason", ["manager", "nobody_eligible"])
async def test_a_held_lead_has_no_clock(bench: Bench, facts: Any, reason: str) -> None:
    await bench.hear(facts.routed(), subject=facts.lead)
    await bench.hear(facts.held(reason), subject=facts.lead, at=facts.at(1))
    assert set((await waived(bench)).values()) == {"held"}
    assert await bench.timers() == []


async def test_disqualified_and_recycled_leads_have_no_clock(desk: Bench, facts: Any) -> None:
    other = facts.lead[:-1] + "2"
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.disqualified(), subject=facts.lead, at=facts.at(1))
    await desk.hear(facts.routed(), subject=other)
    await desk.hear(facts.recycled(), subject=other, at=facts.at(1))
    reasons = {(fact.subject, fact.body["reason"]) for fact in await desk.said("sla.waived")}
    assert reasons == {(facts.lead, "disqualified"), (other, "recycled")}
    assert await desk.timers() == []


async def test_a_verdict_on_an_older_round_does_not_touch_the_present_one(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(round_=2), subject=facts.lead)
    await desk.hear(facts.disqualified(1), subject=facts.lead, at=facts.at(1))
    assert await desk.said("sla.waived") == []


async def test_who_wants_no_calls_is_owed_none_and_the_e_mails_are_still_due(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.wishes(1, "email"), subject=facts.lead)
    await desk.hear(facts.touched(2, "email"), subject=facts.lead)
    kept = {fact.body["promise"] for fact in await desk.said("sla.met")}
    assert kept == {"first_response", "minimum_touches"}


async def test_calls_alone_are_waived_by_a_wish_known_before_the_hand_off(
    open_bench: Any, make: Any, facts: Any
) -> None:
    calls = {"id": "full", "label": "Calls", "first_attempt": "4h", "touches": {"call": 3, "within": "5d"}}
    async with open_bench(make(calls), facts.monday) as desk:
        wish = facts.history(-1, "wish.channel", ["email", "message"])
        await desk.hear(facts.routed(history=[wish]), subject=facts.lead)
        assert await waived(desk) == {"minimum_touches": "wish"}
        assert [kind for _, kind, _ in await desk.timers()] == ["warn.first_response", "due.first_response"]


async def test_who_wants_no_contact_at_all_is_owed_nothing(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.wishes(1, "none"), subject=facts.lead)
    assert set((await waived(desk)).values()) == {"wish"}
    assert await desk.timers() == []


async def test_so_many_unanswered_touches_stop_the_follow_up_and_the_rest_is_waived(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(), subject=facts.lead)
    for hours in (1, 2, 3):
        await bench.hear(facts.touched(hours, "message"), subject=facts.lead)
    assert await bench.said("sla.stopped") == []
    await bench.hear(facts.touched(4, "message"), subject=facts.lead)
    (stopped,) = await bench.said("sla.stopped")
    told = {name: stopped.body[name] for name in ("rule", "reason", "touches", "then")}
    assert told == {"rule": "stop_touches", "reason": "never_reached", "touches": 4, "then": "unreachable"}
    assert stopped.at == facts.at(4)
    assert await waived(bench) == {"first_contact": "stop_rule", "minimum_touches": "stop_rule"}
    assert await bench.timers() == []


async def test_an_answer_starts_the_count_of_unanswered_touches_anew(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    for hours in (1, 2, 3):
        await desk.hear(facts.touched(hours, "message"), subject=facts.lead)
    await desk.hear(facts.answered(3.5), subject=facts.lead)
    await desk.hear(facts.touched(4, "message"), subject=facts.lead)
    assert await desk.said("sla.stopped") == []


async def test_touches_count_for_the_round_whoever_made_them(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    for hours in (1, 2, 3):
        await desk.hear(facts.touched(hours, "message"), subject=facts.lead)
    await desk.hear(facts.reassigned(5), subject=facts.lead)
    await desk.hear(facts.touched(6, "message"), subject=facts.lead)
    (stopped,) = await desk.said("sla.stopped")
    assert (stopped.body["attempt"], stopped.body["touches"]) == (1, 4)


async def test_so_long_without_contact_stops_the_follow_up(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(), subject=facts.lead)
    await bench.hear(facts.touched(1), subject=facts.lead)
    bench.clock.move_to(facts.at(20 * 24))
    await bench.advance(timedelta(minutes=1))
    (stopped,) = await bench.said("sla.stopped")
    assert (stopped.body["rule"], stopped.body["touches"], stopped.body["then"]) == ("stop_after", 1, "unreachable")
    assert stopped.at == facts.at(20 * 24)


async def test_a_contact_gives_time_until_the_work_is_over(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.touched(15 * 24, outcome="learned"), subject=facts.lead)
    desk.clock.move_to(facts.at(21 * 24))
    await desk.advance(timedelta(minutes=1))
    assert await desk.said("sla.stopped") == []
    desk.clock.move_to(facts.at(30 * 24))
    await desk.advance(timedelta(minutes=1))
    (stopped,) = await desk.said("sla.stopped")
    assert (stopped.body["rule"], stopped.body["reason"], stopped.body["then"]) == ("work_for", "wrong_time", "recycle")


async def test_who_was_in_contact_and_fell_silent_has_gone_dark(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.touched(1, outcome="reached"), subject=facts.lead)
    for hours in (30, 50, 70, 90):
        await desk.hear(facts.touched(hours, "message"), subject=facts.lead)
    (stopped,) = await desk.said("sla.stopped")
    assert (stopped.body["rule"], stopped.body["then"]) == ("stop_touches", "gone_dark")


async def test_a_policy_the_playbook_no_longer_has_promises_the_first_response_only(
    open_bench: Any, make: Any, facts: Any
) -> None:
    async with open_bench(make({"id": "other", "label": "Other", "first_attempt": "1h"}), facts.monday) as desk:
        await desk.hear(facts.routed(), subject=facts.lead)
        await desk.hear(facts.touched(1), subject=facts.lead)
        assert types_of(await desk.said()) == ["sla.started", "sla.met"]


async def test_a_merged_lead_has_no_clock_until_routing_hands_it_over_again(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.merged(1), subject=facts.lead, at=facts.at(1))
    await desk.hear(facts.routed(2), subject=facts.lead)  # routing had not heard of it
    assert set((await waived(desk)).values()) == {"merged"}
    assert await desk.timers() == []
    await desk.hear(facts.posted(restored="other"), subject=facts.lead)
    assert await desk.timers() == []
    await desk.hear(facts.reassigned(4, reason="restored", restored_sequence=2), subject=facts.lead)
    assert "due.first_response" in [kind for _, kind, _ in await desk.timers()]


async def test_what_an_absorbed_lead_wished_binds_as_long_as_the_two_are_one(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    wish = facts.wishes(0.5, "none").answer
    await desk.hear(facts.posted(absorbed="other", answers=[wish]), subject=facts.lead)
    assert set((await waived(desk)).values()) == {"wish"}
    await desk.hear(facts.posted(restored="other"), subject=facts.lead)
    await desk.hear(facts.reassigned(2), subject=facts.lead)
    assert "due.first_response" in [kind for _, kind, _ in await desk.timers()]
