"""Two leads that are one person: what the survivor then knows, and how it is undone. Pure.

A survivor keeps, beside the whole that everybody is told, a layer for what it knew and learned itself and one for each
lead it has absorbed. Undoing drops a layer and joins the others anew; what was posted meanwhile is the survivor's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from baton.contracts import (
    Activity,
    Answer,
    Consent,
    HistoryItem,
    LeadAnswered,
    LeadEngaged,
    LeadReceived,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
)
from baton.intake.domain.accounts import account_of
from baton.intake.domain.contact import join
from baton.intake.domain.mail import FreeMailDomains
from baton.intake.domain.person import OWN, Outgrown, Person, changed_names
from baton.intake.domain.sizes import MAX_FACT_BYTES

MOST_HISTORY: Final = 50
MOST_FACTS: Final = 40
"""Records that tell one lead's story on the other; at believable sizes one is enough for 300 activities."""

ROOM_FOR_ITEMS: Final = 2_000
"""Bytes that a fact has beside the person for what the absorbed lead did, or the two do not go together."""


@dataclass(frozen=True, slots=True)
class Story:
    """What was said of a lead: what the survivor's readers must hear to know the person as well."""

    answers: tuple[Answer, ...] = ()
    activity: tuple[Activity, ...] = ()
    history: tuple[HistoryItem, ...] = ()
    consent: Consent | None = None


def story_of(facts: list[Any]) -> Story:
    """What a lead's own facts, in order, tell of the person; less what a merge that was undone had brought."""
    undone = {fact.restored for fact in facts if isinstance(fact, LeadUpdated) and fact.restored}
    standing = {fact.absorbed for fact in facts if isinstance(fact, LeadUpdated) and fact.absorbed} - undone
    answers: list[Answer] = []
    activity: list[Activity] = []
    history: list[HistoryItem] = []
    consent: Consent | None = None
    for fact in facts:
        match fact:
            case LeadUpdated(absorbed=str(other)) if other not in standing:
                continue
            case LeadReceived() | LeadUpdated():
                answers += fact.answers
                activity += fact.activity
                consent = fact.consent or consent
                history += fact.history if isinstance(fact, LeadUpdated) else []
            case LeadEngaged():
                activity.append(fact.activity)
            case LeadAnswered():
                answers.append(fact.answer)
            case LeadTouched() | LeadStatusReported():
                history.append(_line(fact))
            case _:
                pass
    newest = {answer.question: answer for answer in sorted(answers, key=lambda answer: answer.occurred_at)}
    return Story(
        tuple(newest.values()),
        tuple(sorted(activity, key=lambda item: item.occurred_at, reverse=True)),
        tuple(sorted(history, key=lambda item: item.at, reverse=True)[:MOST_HISTORY]),
        consent,
    )


def _line(fact: LeadTouched | LeadStatusReported) -> HistoryItem:
    if isinstance(fact, LeadTouched):
        detail = {"rep": fact.rep, "outcome": fact.outcome}
        return HistoryItem(at=fact.occurred_at, kind="touch", what=f"{fact.channel} {fact.direction}", detail=detail)
    return HistoryItem(at=fact.occurred_at, kind="status", what=fact.status, detail=fact.reason)


def together(survivor: Person, loser: Person, now: datetime, free: FreeMailDomains) -> Person:
    """The person that both are. The newer post wins field by field, the older fills gaps. Raises Outgrown."""
    layers = {**(survivor.layers or {OWN: layer_of(survivor)}), loser.lead_id: layer_of(loser)}
    contact, properties, as_of = _joined(layer_of(survivor), layer_of(loser), free)
    if len(orjson.dumps([contact, properties], option=orjson.OPT_NON_STR_KEYS)) > MAX_FACT_BYTES - ROOM_FOR_ITEMS:
        raise Outgrown("the two together have more properties than a fact can hold")
    return replace(survivor, contact=contact, properties=properties, as_of=as_of, layers=layers, updated_at=now)


def without(person: Person, other: str, free: FreeMailDomains) -> Person:
    """The person less what one absorbed lead had brought."""
    rest = {name: layer for name, layer in (person.layers or {}).items() if name != other}
    layer = rest[OWN]
    for name in sorted(rest):
        if name != OWN:
            contact, properties, as_of = _joined(layer, rest[name], free)
            layer = {"contact": contact, "properties": properties, "as_of": as_of.isoformat()}
    return replace(
        person,
        contact=layer["contact"],
        properties=layer["properties"],
        as_of=datetime.fromisoformat(layer["as_of"]),
        layers=rest if len(rest) > 1 else None,
    )


def layer_of(person: Person) -> dict[str, Any]:
    """What a lead knows, as it is kept beside the whole."""
    assert person.as_of is not None
    return {"contact": person.contact, "properties": person.properties, "as_of": person.as_of.isoformat()}


def _joined(
    one: Mapping[str, Any], other: Mapping[str, Any], free: FreeMailDomains
) -> tuple[dict[str, Any], dict[str, Any], datetime]:
    at, other_at = datetime.fromisoformat(one["as_of"]), datetime.fromisoformat(other["as_of"])
    is_late = other_at <= at
    contact = join(one["contact"], other["contact"], is_late=is_late, free=free)
    newer, older = (one, other) if is_late else (other, one)
    before = newer["contact"] if newer["contact"].get("company") else older["contact"]
    if (account := account_of(contact, {}, before)) is not None:
        contact["account_id"] = account
    pair = (other, one) if is_late else (one, other)
    return contact, {**pair[0]["properties"], **pair[1]["properties"]}, max(at, other_at)


def told(before: Person, whole: Person, loser: Person, story: Story) -> list[LeadUpdated]:
    """The story in as many facts as it takes, the newest first. What is larger than any record stays with the loser."""
    changed = changed_names(before.contact, whole.contact) + changed_names(before.properties, whole.properties)
    person = len(orjson.dumps([whole.contact, whole.properties, changed], option=orjson.OPT_NON_STR_KEYS))
    room = max(ROOM_FOR_ITEMS // 2, MAX_FACT_BYTES - person)
    consent = story.consent if _size(story.consent) <= room // 2 else None
    room -= _size(consent)
    history, _ = _fitting(list(story.history), room // 2)
    first = room - sum(map(_size, history))
    every: list[Answer | Activity] = [*story.answers, *story.activity]
    rest = [item for item in every if _size(item) <= first]
    facts: list[LeadUpdated] = []
    while not facts or (rest and len(facts) < MOST_FACTS):
        items, rest = _fitting(rest, room if facts else first)
        more: dict[str, Any] = {} if facts else {"history": history, "consent": consent, "changed": changed}
        more["answers"] = [item for item in items if isinstance(item, Answer)]
        more["activity"] = [item for item in items if isinstance(item, Activity)]
        facts.append(described(whole, loser.as_of, absorbed=loser.lead_id, **more))
    return facts


def _fitting(items: list[Any], room: int) -> tuple[list[Any], list[Any]]:
    """As many of the first items as there is room for, and the rest."""
    for number, item in enumerate(items):
        room -= _size(item)
        if room < 0:
            return items[:number], items[number:]
    return items, []


def _size(part: Any) -> int:
    return 0 if part is None else len(part.model_dump_json()) + 8


def described(person: Person, at: datetime | None, **more: Any) -> LeadUpdated:
    """The fact that says who the person now is."""
    said: dict[str, Any] = {
        "source": person.source,
        "external_id": person.external_id,
        "occurred_at": at,
        "is_test": person.is_test,
        "contact": person.contact,
        "properties": person.properties,
    }
    return LeadUpdated.model_validate({**said, **more})
