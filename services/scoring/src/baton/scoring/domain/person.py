"""What scoring knows of one person: contact, answers, activity, touches, by event time and in bounded numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from baton.scoring.domain.rounds import Round

MOST_ACTIVITY = 300
MOST_TOUCHES = 100
MOST_DECISIONS = 50
HISTORY = 50
"""How many lines of history a hand-off carries (docs/contracts)."""
LONGEST_DETAIL = 200

Answers = Mapping[str, Mapping[str, Any]]
Items = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was last said about the person, so that only news is published."""

    outcome: str = "open"
    score: Mapping[str, Any] | None = None
    temperature: str = "unknown"
    flags: tuple[str, ...] = ()
    reason: str | None = None
    final: bool = False
    track: str | None = None
    unmet: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    look_again_at: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """All that was heard. Times are text that sorts (`moments.text_of`)."""

    lead_id: str
    source: str | None = None
    external_id: str | None = None
    is_test: bool = False
    first_seen_at: str | None = None
    last_fact_at: str | None = None
    caused_at: str | None = None
    heard: int = 0
    """Intake's sequence of the newest fact heard."""
    contact: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    consent: Mapping[str, Any] | None = None
    answers: Answers = field(default_factory=dict)
    activity: Items = ()
    touches: Items = ()
    statuses: Items = ()
    decisions: Items = ()
    round: Round = field(default_factory=Round)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def is_known(self) -> bool:
        """True once intake has said who it is."""
        return self.source is not None

    def as_lead(self) -> dict[str, Any]:
        """Return the plain data that the playbook's `lead_view` reads."""
        return {
            "source": self.source,
            "external_id": self.external_id,
            "occurred_at": self.last_fact_at,
            "first_seen_at": self.first_seen_at,
            "is_test": self.is_test,
            "round": self.round.number,
            "contact": self.contact,
            "properties": self.properties,
            "answers": self.answers,
            "consent": self.consent or {},
            "activity": list(self.activity),
            "touches": list(self.touches),
        }


def with_answers(person: Person, answers: Iterable[Mapping[str, Any]]) -> Person:
    """Return the person with these answers; of two to one question the later by event time stands."""
    merged = dict(person.answers)
    for answer in answers:
        before = merged.get(answer["question"])
        if before is None or _order(answer) >= _order(before):
            merged[answer["question"]] = answer
    return replace(person, answers=merged)


def _order(answer: Mapping[str, Any]) -> tuple[str, str]:
    return (answer["occurred_at"], repr(answer["value"]))


def with_activity(person: Person, items: Iterable[Mapping[str, Any]]) -> Person:
    """Return the person with these activities, in the order in which they happened."""
    return replace(person, activity=_merged(person.activity, items, MOST_ACTIVITY))


def with_touch(person: Person, touch: Mapping[str, Any]) -> Person:
    """Return the person with one more contact attempt of sales."""
    return replace(person, touches=_merged(person.touches, [touch], MOST_TOUCHES))


def with_status(person: Person, status: Mapping[str, Any]) -> Person:
    """Return the person with one more status of the CRM."""
    return replace(person, statuses=_merged(person.statuses, [status], MOST_TOUCHES))


def with_decision(person: Person, decision: Mapping[str, Any]) -> Person:
    """Return the person with one more decision of ours or of routing in the history."""
    return replace(person, decisions=_merged(person.decisions, [decision], MOST_DECISIONS))


def _merged(old: Items, new: Iterable[Mapping[str, Any]], most: int) -> Items:
    together = sorted([*old, *new], key=lambda item: (item["occurred_at"], repr(sorted(item.items(), key=_name))))
    return tuple(together[-most:])


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def seen(person: Person, at: str) -> Person:
    """Return the person with the time of a fact taken in: the first and the last of them."""
    return replace(
        person,
        first_seen_at=min(filter(None, (person.first_seen_at, at))),
        last_fact_at=max(filter(None, (person.last_fact_at, at))),
    )


def history_of(person: Person) -> list[dict[str, Any]]:
    """Return the newest 50 lines of what happened, newest first, each short enough to travel."""
    lines = [_line(item, "activity", f"{item['kind']} {item.get('what') or ''}") for item in person.activity]
    lines += [_line(item, "answer", question, item["value"]) for question, item in person.answers.items()]
    lines += [_line(item, "touch", f"{item['channel']} {item['direction']}", _outcome(item)) for item in person.touches]
    lines += [_line(item, "status", item["status"], item.get("reason")) for item in person.statuses]
    lines += [_line(item, "decision", item["what"], item.get("detail")) for item in person.decisions]
    if person.first_seen_at:
        lines.append({"at": person.first_seen_at, "kind": "received", "what": f"first seen through {person.source}"})
    return sorted(lines, key=lambda line: (line["at"], line["kind"], line["what"]), reverse=True)[:HISTORY]


def _outcome(touch: Mapping[str, Any]) -> Any:
    return {"rep": touch.get("rep"), "outcome": touch.get("outcome")}


def _line(item: Mapping[str, Any], kind: str, what: str, detail: Any = None) -> dict[str, Any]:
    shown = detail if detail is None or len(str(detail)) <= LONGEST_DETAIL else f"{str(detail)[:LONGEST_DETAIL]}…"
    return {"at": item["occurred_at"], "kind": kind, "what": what.strip()[:LONGEST_DETAIL], "detail": shown}
