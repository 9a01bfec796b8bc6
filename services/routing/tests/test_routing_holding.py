"""A lead nobody can have is held with the reason, and given out at the moment somebody can."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from baton.contracts import TimeOff
from baton.routing.service import rep_of
from baton.runtime.testing import Bench, types_of

HANDED = ("lead.routed", "lead.reassigned", "lead.held", "lead.recycled")


async def rouse(bench: Bench) -> None:
    """Let the wake-ups that are due now fire."""
    bench.engine.timers.look_again()
    await bench.settle()


async def test_nobody_on_shift_holds_the_lead_until_the_shift_opens(bench: Bench, facts: Any) -> None:
    await bench.advance(datetime(2026, 11, 2, 20, 0, tzinfo=UTC))  # 21:00 in Berlin
    await bench.hear(facts.qualified(country="US"), subject=facts.lead)
    (held,) = await bench.said(*HANDED)
    assert held.body["reason"] == "nobody_eligible"
    assert held.body["objections"] == {"bo": "off shift until 2026-11-03T08:00Z"}
    assert held.body["next_try_at"] == "2026-11-03T08:00:00Z"
    assert await bench.timers() == [(facts.lead, "wake", datetime(2026, 11, 3, 8, 0, tzinfo=UTC))]
    await bench.advance(datetime(2026, 11, 3, 7, 59, tzinfo=UTC))
    assert types_of(await bench.said(*HANDED)) == ["lead.held"]
    await bench.advance(datetime(2026, 11, 3, 8, 0, tzinfo=UTC))
    routed = (await bench.said(*HANDED))[-1]
    assert (routed.type, routed.body["owner"]["id"], routed.body["decided_at"]) == (
        "lead.routed",
        "bo",
        "2026-11-03T08:00:00Z",
    )
    assert await bench.timers() == []


async def test_off_hours_a_lead_goes_to_whoever_opens_next(desk: Bench, facts: Any, make: Any, open_bench: Any) -> None:
    reps = [
        {
            "id": "ada",
            "name": "Ada",
            "email": "a@h.example",
            "team": "t",
            "zone": "Europe/Berlin",
            "calendar": "berlin",
        },
        {"id": "bo", "name": "Bo", "email": "b@h.example", "team": "t", "zone": "UTC", "calendar": "new_york"},
        {"id": "cy", "name": "Cy", "email": "c@h.example", "team": "t", "zone": "UTC", "calendar": "new_york"},
    ]
    night = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)  # 04:00 in Berlin, 22:00 in New York
    async with open_bench(make(reps=reps), night) as bench:
        for number in range(3):
            await bench.hear(facts.qualified(), subject=facts.lead_id(number))
        assert [f.body["owner"]["id"] for f in await bench.said("lead.routed")] == ["ada", "ada", "ada"]
        trace = (await bench.said("lead.routed"))[0].body["trace"]
        assert trace["candidates"][1] == {
            "rep": "bo",
            "objection": "others open sooner; he opens 2026-11-02T14:00:00+00:00",
        }
        assert (await bench.said("lead.routed"))[0].body["respond_by"] == "2026-11-02T13:00:00Z"


async def test_time_off_ends_by_itself_and_the_held_lead_goes_to_who_is_back(bench: Bench, facts: Any) -> None:
    for who in ("dee", "eli"):
        off = {"starts_at": facts.at(-1), "ends_at": facts.at(5 if who == "dee" else 9), "reason": "away"}
        await bench.command("time_off", who, TimeOff(**off))
    await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead)
    (held,) = await bench.said(*HANDED)
    assert held.body["objections"]["dee"] == "time off until 2026-11-02T14:00Z"
    await bench.advance(facts.at(5))
    assert (await bench.said(*HANDED))[-1].body["owner"]["id"] == "dee"


async def test_capacity_given_back_frees_the_longest_held_lead_and_only_as_many_as_fit(
    bench: Bench, facts: Any
) -> None:
    await bench.command("put", "dee", facts.rep("dee", team="south", active=False))
    for number in range(3):
        await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead_id(number))
    assert types_of(await bench.said(*HANDED)) == ["lead.routed", "lead.held", "lead.held"]
    held = (await bench.said("lead.held"))[0]
    assert held.body["objections"] == {"eli": "at capacity: 1 of 1 open"}
    await bench.hear(facts.status(1, "won"), subject=facts.lead_id(0))
    await rouse(bench)
    routed = await bench.said("lead.routed")
    assert [(f.subject, f.body["owner"]["id"]) for f in routed[1:]] == [(facts.lead_id(1), "eli")]
    await bench.hear(facts.status(2, "lost"), subject=facts.lead_id(1))
    await rouse(bench)
    assert (await bench.said("lead.routed"))[-1].subject == facts.lead_id(2)


async def test_a_higher_capacity_releases_all_that_were_held(bench: Bench, facts: Any) -> None:
    await bench.command("put", "dee", facts.rep("dee", team="south", active=False))
    for number in range(30):
        await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead_id(number))
    assert len(await bench.said("lead.routed")) == 1
    await bench.command("put", "eli", facts.rep("eli", team="south", capacity=100))
    for _ in range(5):
        await rouse(bench)
    assert len(await bench.said("lead.routed")) == 30


async def test_a_new_rep_frees_what_was_held_for_want_of_anybody(bench: Bench, facts: Any) -> None:
    for who in ("dee", "eli"):
        await bench.command("put", who, facts.rep(who, team="south", active=False))
    await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead)
    assert (await bench.said("lead.held"))[0].body["detail"] == "There is nobody in The south."
    await bench.command("put", "zoe", facts.rep("zoe", team="south"))
    await rouse(bench)
    assert (await bench.said("lead.routed"))[0].body["owner"]["id"] == "zoe"


async def test_another_playbook_frees_what_no_rule_wanted(bench: Bench, facts: Any, make: Any) -> None:
    await bench.hear(facts.qualified(country="BR"), subject=facts.lead)
    (held,) = await bench.said(*HANDED)
    assert held.body["reason"] == "no_rule"
    assert "country is BR" in held.body["detail"]
    rules = [{"id": "all", "label": "All", "pool": "north", "policy": "plain"}]
    await bench.engine.service.take_playbook(bench.engine, make(rules=rules))  # type: ignore[attr-defined]
    await rouse(bench)
    routed = (await bench.said(*HANDED))[-1]
    assert (routed.type, routed.body["rule"]["id"]) == ("lead.routed", "all")


async def test_new_facts_about_the_contact_free_what_no_rule_wanted(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(country=None), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.held"]
    await bench.hear(facts.updated(1, facts.contact("SE")), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.held", "lead.routed"]


async def test_a_contact_that_another_rule_wants_frees_a_lead_whose_pool_was_full(bench: Bench, facts: Any) -> None:
    for who in ("dee", "eli"):
        await bench.command("put", who, facts.rep(who, team="south", capacity=0))
    await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead)
    await bench.hear(facts.updated(1, facts.contact("SE")), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.held", "lead.routed"]
    assert await bench.timers() == []


async def test_a_hold_that_stands_is_said_once(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(country="BR"), subject=facts.lead)
    await bench.hear(facts.updated(1, facts.contact("AR")), subject=facts.lead)
    await bench.hear(facts.updated(2, facts.contact("CL")), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.held"]


async def test_a_closed_lead_is_not_released(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.qualified(country="BR"), subject=facts.lead)
    await bench.hear(facts.status(1, "recycle"), subject=facts.lead)
    await bench.hear(facts.updated(2, facts.contact("SE")), subject=facts.lead)
    assert types_of(await bench.said(*HANDED)) == ["lead.held", "lead.recycled"]
    assert await bench.timers() == []


async def test_a_lead_held_after_a_breach_is_released_as_a_reassignment(bench: Bench, facts: Any) -> None:
    await bench.command("put", "eli", facts.rep("eli", team="south", capacity=0))
    await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead)
    await bench.hear(facts.breached("dee"), subject=facts.lead)
    assert (await bench.said(*HANDED))[-1].body["objections"] == {
        "dee": "had it and did not answer in time",
        "eli": "at capacity: 0 of 0 open",
    }
    await bench.command("put", "eli", facts.rep("eli", team="south", capacity=5), id="later")
    await rouse(bench)
    last = (await bench.said(*HANDED))[-1]
    assert (last.type, last.body["reason"], last.body["previous_owner"]) == ("lead.reassigned", "breach", "dee")


async def test_an_owner_who_answers_while_nobody_else_could_take_the_lead_gets_it_back(
    bench: Bench, facts: Any
) -> None:
    await bench.command("put", "eli", facts.rep("eli", team="south", capacity=0))
    await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead)
    await bench.hear(facts.breached("dee"), subject=facts.lead)
    await bench.hear(facts.status(5, "accepted"), subject=facts.lead)
    last = (await bench.said(*HANDED))[-1]
    assert (last.type, last.body["owner"]["id"], last.body["reason"]) == ("lead.reassigned", "dee", "claim")


async def test_when_everybody_in_the_pool_has_had_it_a_manager_must_look(bench: Bench, facts: Any) -> None:
    await bench.command("put", "eli", facts.rep("eli", team="south", active=False))
    await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead)
    await bench.hear(facts.breached("dee"), subject=facts.lead)
    assert (await bench.said(*HANDED))[-1].body["reason"] == "manager"


async def test_the_roster_is_seeded_once_and_an_existing_rep_is_never_overwritten(
    bench: Bench, facts: Any, make: Any, playbook: Any
) -> None:
    seeded = await bench.said("rep.changed")
    assert [(f.subject, f.body["change"]) for f in seeded] == [(r, "seeded") for r in ("ada", "bo", "cy", "dee", "eli")]
    await bench.command("put", "ada", facts.rep("ada", name="Ada the Second"))
    more = [*(seed.model_dump() for seed in playbook.roster.reps), facts.rep("zoe").model_dump(exclude={"time_off"})]
    await bench.engine.service.take_playbook(bench.engine, make(reps=more))  # type: ignore[attr-defined]
    changes = [(f.subject, f.body["change"]) for f in await bench.said("rep.changed")][5:]
    assert changes == [("ada", "put"), ("zoe", "seeded")]
    books = await bench.engine.read(bench.engine.service.books_now)  # type: ignore[attr-defined]
    assert books.roster.reps["ada"].name == "Ada the Second"
    assert books.roster.reps["dee"] == rep_of(playbook.roster.reps[3])
