"""A rule may ask for consent: without it the lead is held, and freed the moment it arrives."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from services.routing.tests.conftest import ROUTING, make_playbook

from baton.contracts import Consent, LeadUpdated
from baton.playbook import Playbook

HANDED = ("lead.routed", "lead.reassigned", "lead.held", "lead.recycled")


def asking(purpose: str) -> Playbook:
    return make_playbook(rules=[{**rule, "consent": purpose} for rule in ROUTING["rules"]])


def consent(facts: Any, hours: float, purpose: str | None = "sales", **more: Any) -> Consent:
    return Consent(**{"purpose": purpose, "wording": "Call me.", "given_at": facts.at(hours), **more})


def updated(facts: Any, given: Consent | None = None, **more: Any) -> LeadUpdated:
    return LeadUpdated(source="web", occurred_at=facts.at(0), contact=facts.contact(), consent=given, **more)


async def test_without_consent_a_lead_is_held_and_freed_when_it_comes(facts: Any, open_bench: Any) -> None:
    async with open_bench(asking("Sales")) as bench:
        await bench.hear(facts.qualified(), subject=facts.lead)
        (held,) = await bench.said(*HANDED)
        assert (held.type, held.body["reason"], held.body["detail"]) == (
            "lead.held", "no_consent", "The north needs consent to Sales.",
        )  # fmt: skip
        await bench.hear(updated(facts, consent(facts, 1, "newsletter")), subject=facts.lead)
        assert len(await bench.said(*HANDED)) == 1
        await bench.hear(updated(facts, consent(facts, 1)), subject=facts.lead)
        assert [f.type for f in await bench.said(*HANDED)] == ["lead.held", "lead.routed"]
        assert await bench.timers() == []


async def test_by_hand_is_the_askers_business(facts: Any, open_bench: Any) -> None:
    async with open_bench(asking("sales")) as bench:
        await bench.hear(facts.qualified(), subject=facts.lead)
        reply = await bench.command("claim", facts.lead, {"rep": "dee"})
        assert reply.body["state"] == "routed"


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_the_newest_word_counts_in_whatever_order_it_is_heard(
    facts: Any, open_bench: Any, order: tuple[int, ...]
) -> None:
    given, withdrawn = consent(facts, 1), consent(facts, 1, withdrawn_at=facts.at(2))
    told = [updated(facts, given), updated(facts, withdrawn), facts.qualified(consents=[given])]
    async with open_bench(asking("sales")) as bench:
        for index in order:
            await bench.hear(told[index], subject=facts.lead)
        state = (await bench.engine.read(lambda tx: bench.engine.service.load(tx, [facts.lead])))[facts.lead]
        came_too_late = order.index(1) > order.index(2)
        assert state.fate == ("routed" if came_too_late else "held")
        await bench.hear(updated(facts, consent(facts, 3)), subject=facts.lead)
        assert (await bench.engine.read(lambda tx: bench.engine.service.load(tx, [facts.lead])))[facts.lead].fate == (
            "routed"
        )


async def test_what_an_absorbed_lead_agreed_to_counts_as_long_as_the_two_are_one(facts: Any, open_bench: Any) -> None:
    async with open_bench(asking("any")) as bench:
        await bench.hear(updated(facts, consent(facts, 1, None), absorbed="other"), subject=facts.lead)
        await bench.hear(updated(facts, restored="other"), subject=facts.lead)
        await bench.hear(facts.qualified(), subject=facts.lead)
        assert [f.type for f in await bench.said(*HANDED)] == ["lead.held"]
        await bench.hear(updated(facts, consent(facts, 1, None), absorbed="other"), subject=facts.lead)
        assert [f.type for f in await bench.said(*HANDED)] == ["lead.held", "lead.routed"]
