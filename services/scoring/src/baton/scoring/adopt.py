"""What scoring must have decided, from what it said: for a store that is rolled forward (ADR 0008). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from baton.contracts import LeadDisqualified, LeadNurtured, LeadQualified, LeadScored
from baton.playbook import Playbook
from baton.runtime.handler import Decision, Heard
from baton.scoring.decide import LOOK_AGAIN, noted, retested
from baton.scoring.domain.alerts import watched
from baton.scoring.domain.moments import text_of
from baton.scoring.domain.person import Person, Verdict
from baton.scoring.domain.rounds import Said, opened, with_said
from baton.scoring.hearing import taken_in


def adopt(
    person: Person, cause: Heard | None, said: Sequence[Heard], playbook: Playbook, now: datetime
) -> Decision[Person]:
    """Return the person as the cause and the facts that were said of it leave him, and when he is looked at again."""
    # Without a fact it was the look-again date.
    person = taken_in(person, cause) if cause is not None else replace(person, caused_at=None)
    due: dict[str, datetime | None] = {}
    for fact in said:
        match fact.body:
            case LeadScored() as scored:
                person = _scored(person, scored)
            case LeadQualified() as qualified:
                person, due = _qualified(person, qualified, now), {LOOK_AGAIN: None}
            case LeadDisqualified() as closed:
                person, due = _disqualified(person, closed, now), {LOOK_AGAIN: None}
            case LeadNurtured(look_again_at=again) as nurtured:
                person = _nurtured(person, nurtured, playbook, now)
                due = {LOOK_AGAIN: again if again is not None and again > now else None}
    return retested(Decision(person, due=due), watched(playbook, person, now))


def _scored(person: Person, scored: LeadScored) -> Person:
    last = person.verdict
    before = last if last.outcome == scored.outcome else Verdict(retest_at=last.retest_at)
    score = scored.score.model_dump()
    verdict = replace(
        before,
        outcome=scored.outcome,
        score=score,
        temperature=scored.temperature,
        flags=tuple(scored.flags),
    )
    return replace(person, verdict=verdict)


def _qualified(person: Person, fact: LeadQualified, now: datetime) -> Person:
    statuses_from = text_of(fact.statuses_from) if fact.statuses_from else None
    person = replace(person, round=opened(fact.round, fact.intake_sequence, statuses_from))
    person = noted(person, now, f"qualified by {fact.definition.label}")
    return replace(person, verdict=replace(person.verdict, outcome="qualified"))


def _disqualified(person: Person, fact: LeadDisqualified, now: datetime) -> Person:
    person = noted(person, now, f"disqualified: {fact.label}")
    if person.round.is_open:
        said = Said("disqualified", text_of(now), reason=fact.reason)
        person = replace(person, round=with_said(person.round, said))
    spent = {"days": fact.days, "touches": fact.touches, "met": fact.met, "hours_freed": fact.hours_freed}
    verdict = replace(
        person.verdict,
        outcome="disqualified",
        reason=fact.reason,
        final=fact.final,
        spent={**spent, "at": text_of(now)},
    )
    return replace(person, verdict=verdict)


def _nurtured(person: Person, fact: LeadNurtured, playbook: Playbook, now: datetime) -> Person:
    verdict = replace(
        person.verdict,
        outcome="nurtured",
        track=fact.track,
        unmet=tuple(fact.unmet),
        unknown=tuple(fact.unknown),
        look_again_at=text_of(fact.look_again_at) if fact.look_again_at else None,
    )
    labels = {track.id: track.label for track in playbook.nurture.tracks}
    return noted(replace(person, verdict=verdict), now, f"nurtured: {labels.get(fact.track, fact.track)}")
