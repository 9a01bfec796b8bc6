"""What scoring knows of one person: contact, answers, activity, touches, by event time and in bounded numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from baton.scoring.domain.rounds import Round
from baton.values import changed

MOST_ACTIVITY = 300
MOST_TOUCHES = 100
MOST_DECISIONS = 50
HISTORY = 50
"""How many lines of history a hand-off carries (docs/contracts)."""
LONGEST_DETAIL = 200

Answers = Mapping[str, Mapping[str, Any]]
Items = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)  # no slots: `changed` is for classes without
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
    campaign: str | None = None
    retest_at: str | None = None
    """When it is looked at without a new fact, while sales works it (D9)."""
    spent: Mapping[str, Any] | None = None
    """Of somebody turned down: when, and what it had taken until then (Q9)."""


@dataclass(frozen=True)
class Absorbed:
    """What was known of a lead that turned out to be the same person."""

    activity: Items = ()
    answers: Answers = field(default_factory=dict)
    history: Items = ()
    consent: Mapping[str, Any] | None = None
    consents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    last_fact_at: str | None = None


@dataclass(frozen=True)
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
    consents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By purpose the newest word on it; `consent` is the newest of all."""
    answers: Answers = field(default_factory=dict)
    activity: Items = ()
    touches: Items = ()
    statuses: Items = ()
    decisions: Items = ()
    round: Round = field(default_factory=Round)
    verdict: Verdict = field(default_factory=Verdict)
    handed: Mapping[str, Any] | None = None
    """Who got the lead last: `id`, `name`, `at`, and whether it is `held` since then."""
    merged_into: str | None = None
    """The lead it goes on as; nothing is said of it as long as it does."""
    absorbed: Mapping[str, Absorbed] = field(default_factory=dict)
    """What is known of the leads that go on as this one, apart, so that it can be taken back."""

    @property
    def all_activity(self) -> Items:
        """What the person did, under whatever lead it was known."""
        if not self.absorbed:
            return self.activity
        others = [item for other in self.absorbed.values() for item in other.activity]
        return _merged(self.activity, others, MOST_ACTIVITY)

    @property
    def all_answers(self) -> Answers:
        """What the person said, under whatever lead it was known: the later by event time."""
        known = self.answers
        for other in self.absorbed.values():
            known = _answered(known, other.answers.values())
        return known

    @property
    def details(self) -> Answers:
        """Details of the deal, each as the status that came last by event time has it."""
        known: dict[str, Mapping[str, Any]] = {}
        for status in self.statuses:  # in the order in which they happened
            for key, value in (status.get("details") or {}).items():
                known[key] = {"value": value, "occurred_at": status["occurred_at"]}
        return known

    @property
    def deal(self) -> dict[str, Any]:
        """Stage, value and currency of the deal, each as last reported."""
        return {key: said[key] for said in self.statuses for key in ("stage", "value", "currency") if key in said}

    @property
    def all_consent(self) -> Mapping[str, Any] | None:
        """The consent given to this lead, else to one it has absorbed."""
        return self.consent or next((other.consent for other in self.absorbed.values() if other.consent), None)

    @property
    def all_consents(self) -> list[Mapping[str, Any]]:
        """The newest word on each purpose, under whatever lead the person was known."""
        found = self.consents
        for other in self.absorbed.values():
            for consent in other.consents.values():
                found = with_consent(found, consent)
        return [found[purpose] for purpose in sorted(found)]

    @property
    def newest_fact_at(self) -> str | None:
        """When the newest fact of the person happened, under whatever lead it was known."""
        times = [other.last_fact_at for other in self.absorbed.values()]
        return max(filter(None, (self.last_fact_at, *times)), default=None)

    @property
    def is_known(self) -> bool:
        """True once intake has said who it is."""
        return self.source is not None

    def as_lead(self) -> dict[str, Any]:
        """Return the plain data that the playbook's `lead_view` reads."""
        return {
            "source": self.source,
            "external_id": self.external_id,
            "occurred_at": self.newest_fact_at,
            "first_seen_at": self.first_seen_at,
            "is_test": self.is_test,
            "round": self.round.number,
            "contact": self.contact,
            "properties": self.properties,
            "answers": self.all_answers,
            "consent": self.all_consent or {},
            "activity": list(self.all_activity),
            "touches": list(self.touches),
            "details": self.details,
            "deal": self.deal,
        }


def with_post(
    person: Person,
    at: str,
    activity: Iterable[Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    **said: Any,
) -> Person:
    """Return the person after a post that happened `at`, with what came with it and whatever else it said."""
    items = list(activity)
    return changed(
        person,
        **said,
        **_span(person, [at, *(item["occurred_at"] for item in items)]),
        activity=_merged(person.activity, items, MOST_ACTIVITY),
        answers=_answered(person.answers, answers),
    )


def with_absorbed(
    person: Person,
    lead_id: str,
    at: str,
    activity: Iterable[Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    history: Iterable[Mapping[str, Any]],
    consent: Mapping[str, Any] | None,
) -> Person:
    """Return the person who is also `lead_id`, with what was known of that one, whose newest post happened `at`."""
    items = list(activity)
    known = person.absorbed.get(lead_id, Absorbed())
    together = Absorbed(
        activity=_merged(known.activity, items, MOST_ACTIVITY),
        answers=_answered(known.answers, answers),
        history=tuple(history) or known.history,
        consent=consent or known.consent,
        consents=known.consents if consent is None else with_consent(known.consents, consent),
        last_fact_at=max(filter(None, (known.last_fact_at, at, *(item["occurred_at"] for item in items)))),
    )
    return changed(person, absorbed={**person.absorbed, lead_id: together})


def with_consent(known: Mapping[str, Mapping[str, Any]], consent: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the consents by purpose after one more word; of two on one purpose the later stands."""
    purpose = str(consent.get("purpose") or "").strip().casefold()
    before = known.get(purpose)
    is_older = before is not None and _said_at(before) > _said_at(consent)
    return dict(known) if is_older else {**known, purpose: consent}


def _said_at(consent: Mapping[str, Any]) -> str:
    return str(consent.get("withdrawn_at") or consent.get("given_at") or "")


def parted(person: Person, lead_id: str) -> Person:
    """Return the person who is not `lead_id` after all: what came of that one is gone, and it stands for itself."""
    rest = {other: known for other, known in person.absorbed.items() if other != lead_id}
    into = None if person.merged_into == lead_id else person.merged_into
    return changed(person, absorbed=rest, merged_into=into)


def with_answers(person: Person, answers: Iterable[Mapping[str, Any]]) -> Person:
    """Return the person with these answers; of two to one question the later by event time stands."""
    return changed(person, answers=_answered(person.answers, answers))


def _answered(known: Answers, answers: Iterable[Mapping[str, Any]]) -> Answers:
    merged = dict(known)
    for answer in answers:
        before = merged.get(answer["question"])
        if before is None or _order(answer) >= _order(before):
            merged[answer["question"]] = answer
    return merged


def _order(answer: Mapping[str, Any]) -> tuple[str, str]:
    return (answer["occurred_at"], repr(answer["value"]))


def with_activity(person: Person, items: Iterable[Mapping[str, Any]]) -> Person:
    """Return the person with these activities, in the order in which they happened."""
    return changed(person, activity=_merged(person.activity, items, MOST_ACTIVITY))


def with_touch(person: Person, touch: Mapping[str, Any]) -> Person:
    """Return the person with one more contact attempt of sales."""
    return changed(person, touches=_merged(person.touches, [touch], MOST_TOUCHES))


def with_status(person: Person, status: Mapping[str, Any]) -> Person:
    """Return the person with one more status of the CRM."""
    return changed(person, statuses=_merged(person.statuses, [status], MOST_TOUCHES))


def with_decision(person: Person, decision: Mapping[str, Any]) -> Person:
    """Return the person with one more decision of ours or of routing in the history."""
    return changed(person, decisions=_merged(person.decisions, [decision], MOST_DECISIONS))


def _merged(old: Items, new: Iterable[Mapping[str, Any]], most: int) -> Items:
    together = [*old, *new]
    times = {item["occurred_at"] for item in together}
    if len(times) < len(together):  # only then does it take more than the time to tell which is first
        together.sort(key=lambda item: (item["occurred_at"], repr(sorted(item.items(), key=_name))))
    else:
        together.sort(key=_time)
    return tuple(together[-most:])


_name = itemgetter(0)
_time = itemgetter("occurred_at")


def seen(person: Person, at: str) -> Person:
    """Return the person with the time of a fact taken in: the first and the last of them."""
    return changed(person, **_span(person, [at]))


def _span(person: Person, times: Sequence[str]) -> dict[str, Any]:
    return {
        "first_seen_at": min(filter(None, (person.first_seen_at, *times))),
        "last_fact_at": max(filter(None, (person.last_fact_at, *times))),
    }


def history_of(person: Person) -> list[dict[str, Any]]:
    """Return the newest 50 lines of what happened, newest first, each short enough to travel."""
    lines = [_line(item, "activity", f"{item['kind']} {item.get('what') or ''}") for item in person.all_activity]
    lines += [_line(item, "answer", question, item["value"]) for question, item in _told(person).items()]
    lines += [dict(item) for other in person.absorbed.values() for item in other.history]
    lines += [_line(item, "touch", f"{item['channel']} {item['direction']}", _outcome(item)) for item in person.touches]
    lines += [_line(item, "status", item["status"], item.get("reason")) for item in person.statuses]
    lines += [_line(item, "decision", item["what"], item.get("detail")) for item in person.decisions]
    if person.first_seen_at:
        lines.append({"at": person.first_seen_at, "kind": "received", "what": f"first seen through {person.source}"})
    return sorted(lines, key=lambda line: (line["at"], line["kind"], line["what"]), reverse=True)[:HISTORY]


def _told(person: Person) -> Answers:
    """Its own answers, and of absorbed leads all but wishes: those the SLA monitor hears from intake and can forget."""
    if not person.absorbed:
        return person.answers
    wishes = {question: answer for question, answer in person.answers.items() if question.startswith("wish.")}
    return {q: answer for q, answer in person.all_answers.items() if not q.startswith("wish.")} | wishes


def _outcome(touch: Mapping[str, Any]) -> Any:
    return {"rep": touch.get("rep"), "outcome": touch.get("outcome")}


def _line(item: Mapping[str, Any], kind: str, what: str, detail: Any = None) -> dict[str, Any]:
    shown = detail if detail is None or len(str(detail)) <= LONGEST_DETAIL else f"{str(detail)[:LONGEST_DETAIL]}…"
    return {"at": item["occurred_at"], "kind": kind, "what": what.strip()[:LONGEST_DETAIL], "detail": shown}
