"""What is said when two leads become one, and two again: a fact on each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from baton.contracts import LeadMerged
from baton.intake.domain.mail import FreeMailDomains
from baton.intake.domain.merging import Story, described, together, told, without
from baton.intake.domain.person import Person, changed_names
from baton.runtime.handler import Decision, Draft, Reply


@dataclass(frozen=True, slots=True)
class Goes:
    """To a loser: it goes on as `into`."""

    into: str
    because: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Absorbs:
    """To a survivor: it is `loser` as well."""

    loser: Person
    story: Story
    free: FreeMailDomains


@dataclass(frozen=True, slots=True)
class Parts:
    """To either of two that were one: it is not `other` after all."""

    other: str
    free: FreeMailDomains


def decide_merging(person: Person, asked: Goes | Absorbs | Parts, now: datetime) -> Decision[Person]:
    """The fact on this one of the two. Whether they may be merged, and fit, was asked before."""
    match asked:
        case Goes():
            return _goes(person, asked, now)
        case Absorbs():
            whole = together(person, asked.loser, now, asked.free)
            facts = told(person, whole, asked.loser, asked.story)
            return Decision(whole, tuple(Draft(fact) for fact in facts), reply=Reply())
        case Parts():
            return _parts(person, asked, now)


def _goes(person: Person, asked: Goes, now: datetime) -> Decision[Person]:
    said = {"into": asked.into, "because": asked.because, "by": asked.by, "occurred_at": now}
    merged = replace(person, merged_into=asked.into, updated_at=now)
    return Decision(merged, (Draft(LeadMerged.model_validate(said)),), reply=Reply())


def _parts(person: Person, asked: Parts, now: datetime) -> Decision[Person]:
    if person.merged_into == asked.other:
        alone = replace(person, merged_into=None, updated_at=now)
    else:
        alone = replace(without(person, asked.other, asked.free), updated_at=now)
    changed = changed_names(person.contact, alone.contact) + changed_names(person.properties, alone.properties)
    fact = described(alone, alone.as_of, restored=asked.other, changed=changed)
    return Decision(alone, (Draft(fact),), reply=Reply())
