"""Warnings at several shares of the time, and the chain of people who are told after a breach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from baton.runtime.testing import Bench, types_of
from baton.sla_monitor.views import shown

CHAINED = {
    "id": "chained",
    "label": "Warned twice, then told on",
    "first_attempt": "4h",
    "warn_at": [50, 80],
    "on_breach": "keep",
    "escalate": [{"to": "owner"}, {"to": "manager", "after": "2h"}, {"to": "team", "after": "3h"}],
}


@pytest.fixture(scope="module")
def told(facts: Any, make: Any) -> Any:
    """Facts of leads handed over by the policy with a chain."""
    return type(facts)(make(CHAINED))


@pytest.fixture
async def house(told: Any, open_bench: Any) -> AsyncIterator[Bench]:
    async with open_bench(told.playbook, told.at(0)) as bench:
        yield bench


async def test_each_share_of_the_time_is_warned_of_once_and_named(house: Bench, told: Any) -> None:
    await house.hear(told.routed(policy="chained"), subject=told.lead)
    await house.advance(told.at(2.1))
    (half,) = await house.said("sla.warned")
    assert half.body["per_cent"] == 50
    await house.advance(told.at(3.9))
    assert [fact.body["per_cent"] for fact in await house.said("sla.warned")] == [50, 80]


async def test_of_shares_that_passed_during_an_outage_the_greatest_is_said(house: Bench, told: Any) -> None:
    await house.hear(told.routed(policy="chained"), subject=told.lead)
    house.clock.move_to(told.at(3.5))
    await house.advance(timedelta(minutes=2))
    (warned,) = await house.said("sla.warned")
    assert warned.body["per_cent"] == 80


async def test_a_promise_that_stays_broken_goes_up_its_chain_once_a_step_and_in_order(house: Bench, told: Any) -> None:
    await house.hear(told.routed(policy="chained"), subject=told.lead)
    await house.advance(told.at(5))
    (first,) = await house.said("sla.escalated")
    assert (first.body["to"], first.body["step"], first.at) == ("owner", 1, told.at(4))
    await house.advance(told.at(20))
    steps = await house.said("sla.escalated")
    assert [(fact.body["to"], fact.at) for fact in steps] == [
        ("owner", told.at(4)),
        ("manager", told.at(6)),
        ("team", told.at(7)),
    ]
    assert not any(fact.body["late"] for fact in steps)
    value = house.engine.service.registry.get_sample_value
    assert value("baton_sla_escalations_total", {"policy": "chained", "to": "manager"}) == 1


async def test_a_process_that_was_down_takes_every_step_once_in_order_and_says_how_late(
    house: Bench, told: Any
) -> None:
    await house.hear(told.routed(policy="chained"), subject=told.lead)
    house.clock.move_to(told.at(6.5))
    await house.advance(timedelta(minutes=3))
    steps = await house.said("sla.escalated")
    assert [(fact.body["to"], fact.body["late"]) for fact in steps] == [("owner", True), ("manager", True)]
    assert steps[1].body["escalated_at"] == told.at(6).isoformat().replace("+00:00", "Z")
    assert steps[1].body["fired_at"] > steps[1].body["escalated_at"]
    await house.advance(told.at(8))
    assert [fact.body["to"] for fact in await house.said("sla.escalated")] == ["owner", "manager", "team"]


@pytest.mark.parametrize("end", ["done after all", "done in time, told late", "another owner", "held", "no contact"])
async def test_the_chain_ends_when_it_is_done_or_no_longer_binds(house: Bench, told: Any, end: str) -> None:
    await house.hear(told.routed(policy="chained"), subject=told.lead)
    await house.advance(told.at(5))
    body = {
        "done after all": told.touched(4.5),
        "done in time, told late": told.touched(2),
        "another owner": told.reassigned(5, policy="chained", reason="claim"),
        "held": told.held(),
        "no contact": told.wishes(4.6, "none"),
    }[end]
    await house.hear(body, subject=told.lead)
    await house.advance(told.at(8))
    assert [fact.body["to"] for fact in await house.said("sla.escalated")] == ["owner"]


async def test_delays_are_business_time_of_the_owner(told: Any, open_bench: Any) -> None:
    friday = datetime.fromisoformat("2026-11-06T12:00:00+00:00")  # 13:00 in Berlin: due at 17:00
    hours = (friday - told.at(0)).total_seconds() / 3600
    async with open_bench(told.playbook, friday) as bench:
        owner = told.owner(calendar="berlin")
        await bench.hear(told.routed(hours, "chained", owner), subject=told.lead)
        await bench.advance(friday + timedelta(days=4))
        steps = await bench.said("sla.escalated")
    assert [(fact.body["to"], fact.at.isoformat()) for fact in steps] == [
        ("owner", "2026-11-06T16:00:00+00:00"),
        ("manager", "2026-11-09T09:00:00+00:00"),
        ("team", "2026-11-09T10:00:00+00:00"),
    ]


async def test_a_lead_shows_how_far_it_was_warned_of_and_escalated(house: Bench, told: Any) -> None:
    await house.hear(told.routed(policy="chained"), subject=told.lead)
    await house.advance(told.at(5))
    tables = house.engine.service.tables
    rows = await house.engine.read(lambda tx: list(tx.execute(tables.obligation.select())))
    seen = shown(rows[0], {}, told.playbook, told.at(5))
    assert (seen["state"], seen["warned"], seen["escalated"], seen["escalate_at"]) == ("breached", 80, 1, told.at(6))
    assert types_of(await house.said())[-2:] == ["sla.breached", "sla.escalated"]
