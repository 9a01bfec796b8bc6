"""A lead in sales' hands, as its facts tell it: stages, details, contact; by event time, in whatever order (D4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from baton.playbook.activities import matches
from baton.playbook.disqualify import Disqualify
from baton.playbook.pipeline import Effort
from baton.playbook.scoring import Scoring
from baton.scoring.domain.moments import time_of
from baton.scoring.domain.person import Person

LEARNED = ("learned", "moved")
REACHED = ("reached", *LEARNED)


@dataclass(frozen=True, slots=True)
class Step:
    """The deal came into a stage: its place in the playbook's list, and since when."""

    place: int
    at: str


def steps_of(person: Person, pipeline: Disqualify) -> tuple[Step, ...]:
    """The stages of the current round that the playbook knows, each time another one was reported."""
    steps: list[Step] = []
    since = person.round.statuses_from
    for status in person.statuses:
        word = status.get("stage")
        place = pipeline.place_of(word) if word else None
        is_new = place is not None and (not steps or steps[-1].place != place)
        if place is not None and is_new and (since is None or status["occurred_at"] > since):
            steps.append(Step(place, status["occurred_at"]))
    return tuple(steps)


def silent_since(person: Person) -> str | None:
    """When the person last showed life; None where there never was contact: that is unreachable, and not dark."""
    contact: list[str] = [touch["occurred_at"] for touch in person.touches if is_contact(touch)]
    if not contact:
        return None
    deeds = [item["occurred_at"] for item in person.all_activity]
    return str(max([*contact, *deeds]))


def is_contact(touch: Mapping[str, Any]) -> bool:
    """True where the two sides spoke or wrote to each other."""
    return touch.get("direction") == "in" or touch.get("outcome") in REACHED


def tested_at(person: Person) -> str | None:
    """When something was last learned about the lead: an answer, a detail, a stage, a touch that taught something."""
    times = [answer["occurred_at"] for answer in person.all_answers.values()]
    times += [touch["occurred_at"] for touch in person.touches if touch.get("outcome") in LEARNED]
    times += [said["occurred_at"] for said in person.statuses if said.get("details") or said.get("stage")]
    return max(times, default=None)


def evidence_between(person: Person, scoring: Scoring, after: str, until: str) -> bool:
    """True if the buyer did something that speaks for buying: politeness is none (F7)."""
    return any(after < at <= until for at in _evidence(person, scoring))


def _evidence(person: Person, scoring: Scoring) -> Iterator[str]:
    buying = [signal for signal in scoring.signals if signal.meaning == "buying"]
    for item in person.all_activity:
        at = item["occurred_at"]
        if any(matches(signal.event, item, time_of(at)) for signal in buying):
            yield at
    yield from (answer["occurred_at"] for q, answer in person.all_answers.items() if not q.startswith("justification."))
    for touch in person.touches:
        if touch.get("direction") == "in" or touch.get("outcome") in LEARNED:
            yield touch["occurred_at"]


def spent_on(person: Person, effort: Effort | None, now: datetime) -> dict[str, Any]:
    """What a lead has taken so far, and a rough estimate of the hours that letting it go sets free (Q9)."""
    touches = len(person.touches)
    freed = None if effort is None else max(0.0, effort.hours_a_lead - touches * effort.hours_a_touch)
    first = now if person.first_seen_at is None else time_of(person.first_seen_at)
    return {
        "days": round(max(0.0, (now - first).total_seconds() / 86_400), 2),
        "touches": touches,
        "met": any(touch.get("channel") in ("meeting", "visit") for touch in person.touches),
        "hours_freed": freed if freed is None else round(freed, 2),
    }
