"""The life of a clock: started, warned, met, broken, corrected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from baton.runtime.testing import Bench, Said, types_of


def of(said: list[Said], promise: str) -> list[Said]:
    return [fact for fact in said if fact.body["promise"] == promise]


async def test_a_routed_lead_starts_every_promise_of_its_policy_and_adopts_routings_deadline(
    bench: Bench, facts: Any
) -> None:
    routed = facts.routed()
    await bench.hear(routed, subject=facts.lead)
    started = {fact.body["promise"]: fact for fact in await bench.said("sla.started")}
    assert set(started) == {"first_response", "first_contact", "minimum_touches", "work_time"}
    assert started["first_response"].body["due_at"] == routed.respond_by.isoformat().replace("+00:00", "Z")
    assert started["first_response"].body["calendar_version"] == routed.calendar_version
    assert started["first_contact"].body["due_at"] == facts.at(8).isoformat().replace("+00:00", "Z")
    assert started["work_time"].body["due_at"] == facts.at(20 * 24).isoformat().replace("+00:00", "Z")
    assert all(fact.body["owner"] == "ada" and fact.body["attempt"] == 0 for fact in started.values())


async def test_a_touch_in_time_meets_the_first_response_and_says_how_long_it_took(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(), subject=facts.lead)
    await bench.advance(facts.at(1))
    await bench.hear(facts.touched(0.5), subject=facts.lead)
    (met,) = await bench.said("sla.met")
    assert met.body["promise"] == "first_response"
    assert (met.body["seconds"], met.body["business_seconds"], met.body["corrects"]) == (1800, 1800, False)
    assert met.at == facts.at(0.5)
    await bench.advance(facts.at(5))
    assert await bench.said("sla.breached") == []


async def test_a_clock_left_alone_warns_once_at_80_per_cent_and_breaks_once(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(policy="plain"), subject=facts.lead)
    await bench.advance(facts.at(3.1))
    assert types_of(await bench.said()) == ["sla.started"]
    await bench.advance(facts.at(3.5))
    (warned,) = await bench.said("sla.warned")
    assert facts.at(3.2) <= warned.at < facts.at(3.5)
    await bench.advance(facts.at(9))
    (broken,) = await bench.said("sla.breached")
    assert broken.at == facts.at(4)
    assert broken.body["breached_at"] == facts.at(4).isoformat().replace("+00:00", "Z")
    assert broken.body["fired_at"] > broken.body["breached_at"]
    assert types_of(await bench.said()) == ["sla.started", "sla.warned", "sla.breached"]


async def test_a_breach_noticed_long_after_the_deadline_says_so(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(policy="plain"), subject=facts.lead)
    desk.clock.move_to(facts.at(10))  # nothing ran in between
    await desk.advance(timedelta(seconds=10))
    (broken,) = await desk.said("sla.breached")
    assert broken.body["late"] is True
    assert await desk.said("sla.warned") == []


async def test_evidence_that_comes_late_corrects_the_breach_and_it_is_not_broken_again(
    bench: Bench, facts: Any
) -> None:
    await bench.hear(facts.routed(policy="plain"), subject=facts.lead)
    await bench.advance(facts.at(5))
    await bench.hear(facts.touched(2), subject=facts.lead)
    (met,) = await bench.said("sla.met")
    assert met.body["corrects"] is True
    assert met.body["seconds"] == 7200
    await bench.advance(facts.at(12))
    assert types_of(await bench.said()) == ["sla.started", "sla.warned", "sla.breached", "sla.met"]


async def test_a_touch_after_the_deadline_leaves_it_broken_but_ends_the_waiting(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(policy="plain"), subject=facts.lead)
    await desk.advance(facts.at(5))
    await desk.hear(facts.touched(4.5), subject=facts.lead)
    assert types_of(await desk.said("sla.met")) == []
    state = desk.engine.service.load
    watched = (await desk.engine.read(lambda tx: state(tx, [facts.lead])))[facts.lead]
    (clock,) = watched.obligations.values()
    assert (clock.state, clock.seconds) == ("breached", 4.5 * 3600)


async def test_a_touch_heard_before_its_routing_counts_if_it_happened_after_it(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.touched(1), subject=facts.lead)
    await bench.hear(facts.touched(-1), subject=facts.lead)
    await bench.hear(facts.routed(policy="plain"), subject=facts.lead)
    (met,) = await bench.said("sla.met")
    assert met.body["seconds"] == 3600


async def test_a_touch_before_the_routing_meets_nothing(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(policy="plain"), subject=facts.lead)
    await desk.hear(facts.touched(-1), subject=facts.lead)
    assert types_of(await desk.said()) == ["sla.started"]


async def test_a_touch_told_in_whole_seconds_counts_in_the_second_of_the_routing(desk: Bench, facts: Any) -> None:
    handed = facts.routed(policy="plain").model_copy(update={"decided_at": facts.at(0) + timedelta(milliseconds=700)})
    await desk.hear(handed, subject=facts.lead)
    await desk.hear(facts.touched(0), subject=facts.lead)
    (met,) = await desk.said("sla.met")
    assert met.body["seconds"] == 0


async def test_first_contact_is_a_clock_of_its_own(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.touched(1), subject=facts.lead)
    await desk.hear(facts.touched(6, "email", "reached"), subject=facts.lead)
    met = await desk.said("sla.met")
    assert [(fact.body["promise"], fact.body["seconds"]) for fact in met] == [
        ("first_response", 3600),
        ("first_contact", 21600),
    ]


async def test_the_minimum_counts_attempts_by_channel_within_its_time(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    for touch in (facts.touched(1, "email"), facts.touched(2, "email"), facts.touched(3)):
        await desk.hear(touch, subject=facts.lead)
    assert of(await desk.said("sla.met"), "minimum_touches") == []
    await desk.hear(facts.touched(30), subject=facts.lead)
    (met,) = of(await desk.said("sla.met"), "minimum_touches")
    assert met.body["seconds"] == 30 * 3600


async def test_the_minimum_is_broken_when_its_time_is_over(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.touched(1), subject=facts.lead)
    desk.clock.move_to(facts.at(5 * 24))
    await desk.advance(timedelta(minutes=1))
    (broken,) = of(await desk.said("sla.breached"), "minimum_touches")
    assert broken.at == facts.at(5 * 24)


async def test_whoever_is_reached_needs_no_minimum_of_attempts(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.touched(1, outcome="reached"), subject=facts.lead)
    (waived,) = of(await desk.said("sla.waived"), "minimum_touches")
    assert waived.body["reason"] == "contact_reached"


async def test_a_fact_told_twice_changes_nothing(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(), subject=facts.lead, sequence=1)
    await bench.hear(facts.touched(1), subject=facts.lead, sequence=1)
    before = await bench.said()
    await bench.hear(facts.touched(1), subject=facts.lead, sequence=1)
    await bench.hear(facts.routed(), subject=facts.lead, sequence=1)
    assert await bench.said() == before


async def test_a_rep_is_no_lead(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.rep(), subject="ada")
    await bench.hear(facts.rep(name="Ada Lovelace"), subject="ada")
    await bench.hear(facts.routed(), subject=facts.lead)
    loaded = await bench.engine.read(lambda tx: bench.engine.service.load(tx, ["ada", facts.lead]))
    assert loaded["ada"].rep.name == "Ada Lovelace"
    assert loaded["ada"].obligations == {}
    assert len(loaded[facts.lead].obligations) == 4
