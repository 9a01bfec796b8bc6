"""Clocks rest until the date on which both sides agreed to speak again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.contracts import Answer, LeadAnswered
from baton.runtime.handler import Heard
from baton.runtime.testing import Bench, types_of
from baton.sla_monitor.decide import Watched, decide
from baton.sla_monitor.domain.hours import AROUND_THE_CLOCK, Pause, Rested
from baton.sla_monitor.views import shown

CONTACT = {"id": "full", "label": "Contact", "first_attempt": "4h", "first_contact": "8h"}


@pytest.fixture(scope="module")
def told(facts: Any, make: Any) -> Any:
    """Facts of leads of which a first attempt and a contact are promised."""
    return type(facts)(make(CONTACT))


@pytest.fixture
async def house(told: Any, open_bench: Any) -> AsyncIterator[Bench]:
    async with open_bench(told.playbook, told.at(0)) as bench:
        yield bench


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_an_agreed_date_makes_the_clocks_rest_and_moves_their_deadlines(house: Bench, told: Any) -> None:
    await house.hear(told.routed(), subject=told.lead)
    await house.hear(told.not_before(1, 25), subject=told.lead)
    paused = {fact.body["promise"]: fact.body for fact in await house.said("sla.paused")}
    assert set(paused) == {"first_response", "first_contact"}
    first = paused["first_response"]
    assert (first["until"], first["was"], first["due_at"]) == (text(told.at(25)), text(told.at(4)), text(told.at(28)))
    await house.advance(told.at(20))
    assert types_of(await house.said("sla.warned", "sla.breached")) == []
    await house.advance(told.at(26))
    resumed = await house.said("sla.resumed")
    assert [(fact.body["promise"], fact.at) for fact in resumed] == [
        ("first_contact", told.at(25)),
        ("first_response", told.at(25)),
    ]
    await house.advance(told.at(29))
    (broken,) = await house.said("sla.breached")
    assert broken.at == told.at(28)


async def test_the_pause_is_left_out_of_the_time_it_took(house: Bench, told: Any) -> None:
    await house.hear(told.routed(), subject=told.lead)
    await house.hear(told.not_before(1, 25), subject=told.lead)
    await house.advance(told.at(25.5))
    await house.hear(told.touched(27), subject=told.lead)
    (met,) = await house.said("sla.met")
    assert (met.body["seconds"], met.body["business_seconds"]) == (27 * 3600, 3 * 3600)


async def test_a_touch_that_agrees_a_date_makes_the_other_promises_rest(house: Bench, told: Any) -> None:
    await house.hear(told.routed(), subject=told.lead)
    touch = told.touched(1).model_copy(update={"next_at": told.at(49)})
    await house.hear(touch, subject=told.lead)
    (paused,) = await house.said("sla.paused")
    assert (paused.body["promise"], paused.body["due_at"]) == ("first_contact", text(told.at(56)))


async def test_a_later_agreement_takes_the_place_of_the_one_before(house: Bench, told: Any) -> None:
    await house.hear(told.routed(), subject=told.lead)
    await house.hear(told.not_before(1, 100), subject=told.lead)
    await house.hear(told.not_before(3, 2), subject=told.lead)  # not after all: it runs again at once
    await house.advance(told.at(6.5))
    (broken,) = await house.said("sla.breached")
    assert broken.at == told.at(6)


async def test_no_pause_is_longer_than_the_policy_at_the_hand_off_says(told: Any, make: Any, open_bench: Any) -> None:
    short = make({**CONTACT, "pause": {"at_most": "24h"}})
    async with open_bench(short, told.at(0)) as bench:
        await bench.hear(told.routed(), subject=told.lead)
        await bench.hear(told.not_before(1, 10_000), subject=told.lead)
        (first, _) = sorted(await bench.said("sla.paused"), key=lambda fact: fact.body["due_at"])
        assert first.body["due_at"] == text(told.at(28))
    never = make({**CONTACT, "pause": {"agreed": False}})
    state = decide(Watched(), heard(told.routed(), 1), never, told.at(0)).state
    decision = decide(state, heard(told.not_before(1, 25), 2), never, told.at(1))
    assert decision.facts == ()


async def test_a_changed_policy_leaves_a_pause_as_it_was(told: Any, make: Any) -> None:
    state = decide(Watched(), heard(told.routed(), 1), told.playbook, told.at(0)).state
    state = decide(state, heard(told.not_before(1, 25), 2), told.playbook, told.at(1)).state
    other = make({**CONTACT, "first_attempt": "1h", "pause": {"agreed": False}})
    after = decide(state, heard(told.answered(2), 3), other, told.at(2)).state
    assert after.obligations == state.obligations
    assert after.obligations[1, 0, "first_response"].rests


async def test_a_breach_declared_before_the_agreement_was_heard_is_not_declared_again(house: Bench, told: Any) -> None:
    await house.hear(told.routed(), subject=told.lead)
    await house.advance(told.at(5))
    await house.hear(told.not_before(1, 25), subject=told.lead)
    await house.advance(told.at(30))
    of_first = [fact for fact in await house.said() if fact.body["promise"] == "first_response"]
    assert types_of(of_first) == ["sla.started", "sla.warned", "sla.breached", "sla.paused", "sla.resumed"]
    await house.hear(told.touched(27.5), subject=told.lead)
    (met,) = [fact for fact in await house.said("sla.met") if fact.body["promise"] == "first_response"]
    assert met.body["corrects"] is True


async def test_a_wish_posted_with_the_lead_binds_from_the_hand_off(house: Bench, told: Any) -> None:
    history = [told.history(-2, "wish.not_before", text(told.at(10)))]
    await house.hear(told.routed(history=history), subject=told.lead)
    (first, _) = sorted(await house.said("sla.paused"), key=lambda fact: fact.body["due_at"])
    assert first.body["due_at"] == text(told.at(14))


async def test_a_clock_that_rests_says_so_where_it_is_shown(house: Bench, told: Any) -> None:
    await house.hear(told.routed(), subject=told.lead)
    await house.hear(told.not_before(1, 25), subject=told.lead)
    tables = house.engine.service.tables
    rows = await house.engine.read(lambda tx: list(tx.execute(tables.obligation.select())))
    seen = {row.promise: shown(row, {}, told.playbook, told.at(2)) for row in rows}["first_response"]
    assert (seen["paused_until"], seen["left"]["business_seconds"]) == (told.at(25), 3 * 3600)


async def test_homework_with_a_meeting_rests_until_it(told: Any) -> None:
    value = {"task": "agenda", "state": "set", "meeting_at": text(told.at(30))}
    answer = LeadAnswered(answer=Answer(question="homework", value=value, occurred_at=told.at(1)))
    state = decide(Watched(), heard(told.routed(), 1), told.playbook, told.at(0)).state
    state = decide(state, heard(answer, 2), told.playbook, told.at(1)).state
    assert state.obligations[1, 0, "first_contact"].paused_until == told.at(30)


def heard(body: Any, number: int) -> Heard:
    at = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
    return Heard(f"{body.type}-{number}", body.type, "lead", body.topic, number, at, at, body)


BEGIN = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
minutes = st.integers(0, 6000).map(lambda n: BEGIN + timedelta(minutes=n))


@given(edges=st.lists(minutes, min_size=2, max_size=6, unique=True), start=minutes, seconds=st.integers(1, 400_000))
def test_time_without_pauses_is_added_as_it_is_counted(edges: list[datetime], start: datetime, seconds: int) -> None:
    edges = sorted(edges)[: len(edges) // 2 * 2]
    pauses = [Pause(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    rested = Rested(AROUND_THE_CLOCK, pauses)
    due = rested.add(start, seconds)
    assert rested.between(start, due) == seconds
    assert rested.between(due, start) == -seconds
    assert not any(pause.at < due < pause.until for pause in pauses)
    assert rested.postponed(start, start + timedelta(seconds=seconds)) == due
