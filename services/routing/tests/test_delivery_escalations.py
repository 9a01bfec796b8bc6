"""Whoever is to know of a broken promise is told, once for each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from services.routing.tests.test_delivery_notices import MAIL, Mailbox, mailbox, telling

from baton.contracts import SlaEscalated
from baton.playbook import Playbook
from baton.playbook.endpoints import Notice
from baton.runtime.clock import FixedClock
from tests.world.outside import Outside

__all__ = ["mailbox"]
ESCALATED = {"by": "mail", "facts": ["sla.escalated"]}


def escalated(facts: Any, owner: str, to: str, step: int = 1) -> SlaEscalated:
    due = facts.at(4)
    return SlaEscalated(
        round=1, promise="first_response", policy="hot", owner=owner, team="sales", started_at=facts.at(0), due_at=due,
        step=step, to=to, escalated_at=due, fired_at=due,
    )  # fmt: skip


async def test_a_step_is_told_to_those_who_speak_for_it_and_to_nobody_else(
    mailbox: tuple[Mailbox, str],
    playbook: Playbook,
    clock: FixedClock,
    tmp_path: Path,
    facts: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BATON_OUTBOUND_ALLOW", "http://127.0.0.1")
    box, url = mailbox
    async with Outside() as pager:
        notices = [
            MAIL,
            {**ESCALATED, "id": "owners", "label": "Owner", "steps": ["owner"]},
            {**ESCALATED, "id": "boss", "label": "Boss", "steps": ["manager"], "to": ["mia@house.example"]},
            {**ESCALATED, "id": "other", "label": "Other", "steps": ["manager"], "to": ["o@x.example"], "teams": ["x"]},
            {**ESCALATED, "id": "pager", "label": "Pager", "by": "webhook", "url": pager.url},
        ]
        async with telling(playbook, tmp_path, clock, notices, url) as deliver:
            await deliver.bench.hear(facts.qualified(), subject=facts.lead)
            [routed] = await deliver.bench.said("lead.routed")
            owner = routed.body["owner"]
            for step, to in enumerate(("owner", "manager", "team", "pager"), start=1):
                fact = escalated(facts, owner["id"], to, step)
                await deliver.bench.hear(fact, subject=facts.lead, event=f"step-{step}")
            await deliver.send()
            assert await deliver.bench.said("lead.delivered") == []
    told = list(zip(box.to, box.letters, strict=True))
    overdue = {to: letter for [to], letter in told if letter["Subject"].startswith("Overdue")}
    assert len(told) == 3, "the hand-off, and two steps"
    assert overdue.keys() == {owner["email"], "mia@house.example"}
    text = overdue["mia@house.example"].get_content()
    for wanted in ("first attempt of Kim Brandt", owner["name"], "Policy hot, step 2: manager", facts.lead):
        assert wanted in text, wanted
    [paged] = pager.asked
    assert (paged.json["type"], paged.json["data"]["to"]) == ("escalation.notice", "pager")
    assert paged.json["data"]["owner"]["id"] == owner["id"]


@pytest.mark.parametrize(
    ("notice", "says"),
    [
        ({**MAIL, "steps": ["owner"]}, "name it in facts"),
        (
            {**ESCALATED, "id": "a", "label": "A", "by": "slack", "url": "https://x.example", "to": ["a@b.example"]},
            "mail",
        ),
        ({**ESCALATED, "id": "a", "label": "A", "steps": ["boss"]}, "manager"),
    ],
)
def test_a_notice_that_could_never_be_told_so_is_refused(notice: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Notice.model_validate_json(orjson.dumps(notice))
