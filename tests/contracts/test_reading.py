"""Services read parts of facts: those they check, and no others; and these are all that they go by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine

import baton.contracts.fact
from baton.contracts import FACTS, LeadRouted, Owner
from baton.contracts.reading import reading
from baton.runtime.handler import Heard
from baton.runtime.run import build_service
from baton.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(baton.contracts.fact.__file__).parent / "examples"
PUBLISHERS = {
    "leads.intake": "intake",
    "leads.scoring": "scoring",
    "leads.routing": "routing",
    "leads.sla": "sla-monitor",
}
PUBLISHERS["leads.roster"] = "routing"
LEAD = "018f0000-0000-7000-8000-000000000001"
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def example_of(name: str) -> str:
    return (EXAMPLES / f"{name}.json").read_text()


@pytest.mark.parametrize("name", ["scoring", "routing", "sla-monitor", "reporting"])
def test_a_service_decides_the_same_by_the_parts_it_reads_as_by_the_whole_facts(name: str) -> None:
    service: Any = build_service(name, Settings(playbook=ROOT / "deploy" / "playbook"))
    engine = create_engine("sqlite://")
    service.metadata.create_all(engine)
    with engine.begin() as tx:
        books = service.books(tx)
        states = {subject: service.load(tx, [subject])[subject] for subject in (LEAD, "anna", "account:acme")}
        for number, fact in enumerate(FACTS, start=1):  # in the order of a lead's life
            views = service.hears.get(FACTS[fact].topic, {})
            if fact not in views:
                continue
            subject = {"rep.changed": "anna", "account.assigned": "account:acme"}.get(fact, LEAD)
            decisions = [
                service.decide(states[subject], books, _heard(subject, number, kind, fact), NOW)
                for kind in (FACTS[fact], views[fact])
            ]
            assert decisions[0] == decisions[1], fact
            states[subject] = decisions[1].state
    engine.dispose()


def _heard(subject: str, number: int, kind: Any, fact: str) -> Heard:
    source = PUBLISHERS[FACTS[fact].topic]
    return Heard(f"id-{number}", fact, subject, source, number, NOW, NOW, kind.model_validate_json(example_of(fact)))


def test_a_reader_gets_what_he_takes_and_is_told_where_he_reads_more() -> None:
    view = reading(LeadRouted, "round", owner=reading(Owner, "id"))
    routed = view.model_validate_json(example_of("lead.routed"))
    assert isinstance(routed, LeadRouted)
    assert routed.owner.id == json.loads(example_of("lead.routed"))["owner"]["id"]
    with pytest.raises(AttributeError, match="policy"):
        _ = routed.policy
    with pytest.raises(AttributeError, match="team"):
        _ = routed.owner.team


def test_only_what_is_read_is_checked() -> None:
    broken = {**json.loads(example_of("lead.routed")), "policy": 5}
    assert reading(LeadRouted, "round").model_validate(broken).round
    with pytest.raises(ValidationError, match="policy"):
        reading(LeadRouted, "round", "policy").model_validate(broken)


def test_nobody_can_read_what_is_not_in_the_contract() -> None:
    with pytest.raises(ValueError, match="no ownr"):
        reading(LeadRouted, "round", "ownr")
