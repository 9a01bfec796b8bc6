"""Follow-up that is not a pest: wishes, excess, gatekeepers, busy work, whose turn it is, reminders (F1 to F10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from baton.contracts import Contact
from baton.playbook.manners import Manners
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench, Said

LENIENT = {
    "id": "full",
    "label": "No end",
    "first_attempt": "4h",
    "touches": {"call": 2, "email": 1, "within": "5d"},
}
MONTH = 30 * 24.0


@pytest.fixture
async def lenient(open_bench: Any, make: Any, facts: Any) -> AsyncIterator[Bench]:
    """A policy that never stops by itself: what is too much is said all the same."""
    playbook = make(LENIENT)
    manners = Manners(self_service=("trial",))
    sla = playbook.sla.model_copy(update={"manners": manners})
    models = playbook.models.model_copy(update={"sla": sla})
    async with open_bench(type(playbook)(models), facts.monday) as bench:
        yield bench


Ask = Callable[..., Any]


@pytest.fixture
def ask(facts: Any) -> Ask:
    """Return what asks for the follow-up of a lead as a client does."""

    async def asked(bench: Bench, lead: str = "") -> dict[str, Any]:
        token = ensure_admin_token(bench.engine.settings.home)
        transport = httpx.ASGITransport(create_app(bench.engine))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            answer = await client.get(f"/sla-monitor/v1/leads/{lead or facts.lead}")
            assert answer.status_code == 200, answer.text
            follow_up: dict[str, Any] = answer.json()["follow_up"]
            return follow_up

    return asked


def reasons(said: list[Said]) -> list[str]:
    return [fact.body["reason"] for fact in said]


def codes(follow_up: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in follow_up["findings"]}


async def test_36_monthly_calls_are_fine_where_that_interval_was_agreed(lenient: Bench, facts: Any, ask: Ask) -> None:
    await lenient.hear(facts.wishes(-1, "30d", "interval"), subject=facts.lead)
    await lenient.hear(facts.routed(), subject=facts.lead)
    for month in range(36):
        await lenient.hear(facts.touched(1 + month * MONTH), subject=facts.lead)
    assert await lenient.said("follow_up.excessive") == []
    assert not {code for code in codes(await ask(lenient)) if code.startswith("excess")}


async def test_36_monthly_calls_are_flagged_long_before_where_nobody_agreed_or_answered(
    lenient: Bench, facts: Any, ask: Ask
) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    for month in range(36):
        await lenient.hear(facts.touched(1 + month * MONTH), subject=facts.lead)
    said = await lenient.said("follow_up.excessive")
    assert set(reasons(said)) == {"unanswered"}
    assert (len(said), said[0].body["unanswered"], said[0].body["touched_at"]) == (30, 7, "2027-05-01T10:00:00Z")
    assert said[0].body["rep"] == said[0].body["owner"] == "ada"
    assert {"excess:unanswered", "reminder_only", "stop_proposed", "gatekeeper"} <= codes(await ask(lenient))


async def test_an_answer_begins_the_count_anew(lenient: Bench, facts: Any) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    for day in range(12):
        await lenient.hear(facts.touched(1 + day * 24), subject=facts.lead)
        if day == 5:
            await lenient.hear(facts.touched(2 + day * 24, direction="in"), subject=facts.lead)
    assert await lenient.said("follow_up.excessive") == []


async def test_a_touch_sooner_than_agreed_is_too_much_unless_the_person_came_back(lenient: Bench, facts: Any) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    await lenient.hear(facts.wishes(1, "2w", "interval"), subject=facts.lead)
    await lenient.hear(facts.touched(2), subject=facts.lead)
    await lenient.hear(facts.touched(24 * 4), subject=facts.lead)
    await lenient.hear(facts.touched(24 * 5, direction="in"), subject=facts.lead)
    await lenient.hear(facts.touched(24 * 5 + 1), subject=facts.lead)
    said = await lenient.said("follow_up.excessive")
    assert [(fact.body["reason"], fact.at) for fact in said] == [("interval", facts.at(24 * 4))]


async def test_what_goes_against_the_wish_is_too_much_by_the_last_word_of_the_person(
    lenient: Bench, facts: Any, ask: Ask
) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    await lenient.hear(facts.wishes(1, ["call"]), subject=facts.lead)
    await lenient.hear(facts.touched(2, "email"), subject=facts.lead)
    await lenient.hear(facts.touched(3, "call"), subject=facts.lead)
    await lenient.hear(facts.wishes(4, ["email"]), subject=facts.lead)
    await lenient.hear(facts.touched(5, "call"), subject=facts.lead)
    await lenient.hear(facts.touched(6, "email"), subject=facts.lead)
    await lenient.hear(facts.wishes(7, "none"), subject=facts.lead)
    await lenient.hear(facts.touched(8, "email"), subject=facts.lead)
    said = await lenient.said("follow_up.excessive")
    assert [(fact.body["reason"], fact.body["channel"]) for fact in said] == [
        ("channel", "email"),
        ("channel", "call"),
        ("no_contact", "email"),
    ]
    lenient.clock.move_to(facts.at(9))
    follow_up = await ask(lenient)
    assert follow_up["wish"]["channels"] == []
    assert follow_up["turn"]["who"] == "nobody"


async def test_a_touch_is_said_to_be_too_much_once_and_counted(lenient: Bench, facts: Any) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    await lenient.hear(facts.wishes(1, ["email"]), subject=facts.lead)
    await lenient.hear(facts.touched(2), subject=facts.lead, sequence=2, event="one")
    await lenient.hear(facts.touched(2), subject=facts.lead, sequence=2, event="one")
    await lenient.hear(facts.status(3, "accepted"), subject=facts.lead, sequence=3)
    assert len(await lenient.said("follow_up.excessive")) == 1
    value = lenient.engine.service.registry.get_sample_value  # type: ignore[attr-defined]
    assert value("baton_follow_up_excessive_total", {"reason": "channel", "team": "north"}) == 1


async def test_who_served_himself_gets_e_mail_only_until_he_wishes_otherwise(
    lenient: Bench, facts: Any, ask: Ask
) -> None:
    await lenient.hear(facts.routed(source="trial"), subject=facts.lead)
    assert (await ask(lenient))["wish"] == {"channels": ["email"], "interval_seconds": None, "said": False}
    await lenient.hear(facts.touched(1, "email"), subject=facts.lead)  # the minimum asks for no calls
    met = [fact.body["promise"] for fact in await lenient.said("sla.met")]
    assert met == ["first_response", "minimum_touches"]
    await lenient.hear(facts.touched(2), subject=facts.lead)
    assert reasons(await lenient.said("follow_up.excessive")) == ["channel"]
    await lenient.hear(facts.wishes(3, ["call", "email"]), subject=facts.lead)
    await lenient.hear(facts.touched(4), subject=facts.lead)
    assert len(await lenient.said("follow_up.excessive")) == 1


async def test_the_minimum_asks_for_no_more_than_the_agreed_interval_allows(lenient: Bench, facts: Any) -> None:
    """Two calls and an e-mail within five days; one contact a week was agreed, so one call is all there is to do."""
    await lenient.hear(facts.wishes(-1, 7, "interval"), subject=facts.lead)
    await lenient.hear(facts.routed(), subject=facts.lead)
    await lenient.hear(facts.touched(1), subject=facts.lead)
    assert {fact.body["promise"] for fact in await lenient.said("sla.met")} == {"first_response", "minimum_touches"}


async def test_with_an_offer_out_the_rep_is_asked_for_the_wish_until_it_is_on_file(
    lenient: Bench, facts: Any, ask: Ask
) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    await lenient.hear(facts.touched(1, "email", purpose="Offer", outcome="reached"), subject=facts.lead)
    lenient.clock.move_to(facts.at(2))
    follow_up = await ask(lenient)
    (asked,) = [finding for finding in follow_up["findings"] if finding["code"] == "ask_wish"]
    assert asked["says"] == "An offer is out: ask for the channel and interval the person wishes, and note it."
    assert (follow_up["turn"]["who"], follow_up["turn"]["because"]) == ("prospect", "an offer is out")
    await lenient.hear(facts.wishes(2, "any"), subject=facts.lead)
    (asked,) = [finding for finding in (await ask(lenient))["findings"] if finding["code"] == "ask_wish"]
    assert "ask for the interval" in asked["says"]
    await lenient.hear(facts.wishes(2, "weekly", "interval"), subject=facts.lead)
    assert "ask_wish" not in codes(await ask(lenient))


async def test_gatekeepers_are_named_with_the_others_of_the_account(lenient: Bench, facts: Any, ask: Ask) -> None:
    other = facts.lead[:-1] + "2"
    company = Contact(email="kim@harbour.example", account_id="acc-1")
    await lenient.hear(facts.routed(contact=company), subject=facts.lead)
    await lenient.hear(facts.routed(contact=company), subject=other)
    for hour in (1, 2, 3):
        await lenient.hear(facts.touched(hour, outcome="reached", authority="claimed"), subject=facts.lead)
    assert "gatekeeper" not in codes(await ask(lenient))
    await lenient.hear(facts.touched(4, outcome="reached"), subject=facts.lead)
    follow_up = await ask(lenient)
    (found,) = [finding for finding in follow_up["findings"] if finding["code"] == "gatekeeper"]
    assert "4 touches, and that this contact decides is claimed, never confirmed" in found["says"]
    assert follow_up["account"] == {"account_id": "acc-1", "other_leads": [other]}
    await lenient.hear(facts.touched(5, outcome="reached", authority="confirmed"), subject=facts.lead)
    assert "gatekeeper" not in codes(await ask(lenient))


async def test_a_kept_promise_that_taught_nothing_is_said_to_be_so(lenient: Bench, facts: Any, ask: Ask) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    assert "nothing_learned" not in codes(await ask(lenient))
    await lenient.hear(facts.touched(1, outcome="reached"), subject=facts.lead)
    assert "nothing_learned" in codes(await ask(lenient))
    await lenient.hear(facts.touched(2, outcome="learned"), subject=facts.lead)
    assert "nothing_learned" not in codes(await ask(lenient))


async def test_a_second_touch_with_nothing_new_only_reminds_and_then_stopping_is_proposed(
    lenient: Bench, facts: Any, ask: Ask
) -> None:
    await lenient.hear(facts.routed(), subject=facts.lead)
    await lenient.hear(facts.touched(1, purpose="intro"), subject=facts.lead)
    await lenient.hear(facts.touched(2, purpose="case study"), subject=facts.lead)
    assert "reminder_only" not in codes(await ask(lenient))
    await lenient.hear(facts.touched(3, purpose="intro"), subject=facts.lead)
    assert {"reminder_only"} == codes(await ask(lenient)) & {"reminder_only", "stop_proposed"}
    await lenient.hear(facts.touched(4), subject=facts.lead)
    follow_up = await ask(lenient)
    (stop,) = [finding for finding in follow_up["findings"] if finding["code"] == "stop_proposed"]
    assert stop["says"] == "Proposal: stop. 4 attempts stayed unanswered."
    await lenient.hear(facts.touched(5, direction="in"), subject=facts.lead)
    assert not codes(await ask(lenient)) & {"reminder_only", "stop_proposed"}


async def test_every_lead_says_whose_turn_it_is(desk: Bench, facts: Any, ask: Ask) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    turn = (await ask(desk))["turn"]
    assert (turn["who"], turn["rep"], turn["because"]) == ("sales", "ada", "promised: first response")
    assert turn["until"] == "2026-11-02T13:00:00Z"
    await desk.hear(facts.touched(1, direction="in"), subject=facts.lead)
    assert (await ask(desk))["turn"]["because"] == "the person has written or called"
    await desk.hear(facts.homework(1.5, due_at=facts.at(3).isoformat()), subject=facts.lead)
    turn = (await ask(desk))["turn"]
    assert (turn["who"], turn["because"], turn["until"]) == ("prospect", "homework is out", "2026-11-02T12:00:00Z")
    desk.clock.move_to(facts.at(3.1))
    assert (await ask(desk))["turn"]["who"] == "sales"
    await desk.hear(facts.recycled(), subject=facts.lead)
    assert (await ask(desk))["turn"]["who"] == "marketing"
    await desk.hear(facts.touched(4), subject=facts.lead)  # the lead is with marketing: a call is too much (F3)
    assert reasons(await desk.said("follow_up.excessive")) == ["not_ready"]


@pytest.mark.parametrize(("status", "who"), [("won", "nobody"), ("junk", "nobody"), ("opportunity", "sales")])
async def test_a_closed_lead_is_nobodys_turn_and_an_opportunity_is_still_worked(
    desk: Bench, facts: Any, ask: Ask, status: str, who: str
) -> None:
    await desk.hear(facts.routed(), subject=facts.lead)
    await desk.hear(facts.status(1, status), subject=facts.lead)
    desk.clock.move_to(facts.at(1))
    assert (await ask(desk))["turn"]["who"] == who
