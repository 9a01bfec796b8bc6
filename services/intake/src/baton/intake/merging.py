"""Merging: one transaction from "these two are one person" to a fact on each of them, and back.

Locks are taken in the order of `taking.py`: the identities of both, in order, then the two leads, in order. Whoever
posts about either at the same moment names it by an identity and waits here, or by its id and looks again once it has
the lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from baton.contracts import FACTS
from baton.intake import store, store_merges
from baton.intake.decide_merging import Absorbs, Goes, Parts
from baton.intake.domain.elements import Rules
from baton.intake.domain.merging import story_of, together
from baton.intake.domain.person import Outgrown, Person
from baton.runtime.handler import Command, Refusal, Reply
from baton.runtime.micro import Unit

BY_HAND: Final = "by_hand"


@dataclass(frozen=True, slots=True)
class Merge:
    """Somebody, or a post, says that `loser` is the same person as `into`."""

    loser: str
    into: str
    because: str = BY_HAND
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Unmerge:
    """Somebody says that a lead is a person of its own after all."""

    lead_id: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class KeepApart:
    """Somebody says that two leads are two people, whatever a post shows."""

    lead_id: str
    other: str
    by: str | None = None


Asked = Merge | Unmerge | KeepApart
Answer = Reply | Refusal


def answer(unit: Unit, asked: Sequence[Asked], rules: Rules) -> list[Answer]:
    """Do what is asked, one after the other. A refusal changes nothing."""
    return [_answer(unit, one, rules) for one in asked]


def _answer(unit: Unit, asked: Asked, rules: Rules) -> Answer:
    match asked:
        case Merge():
            return _merge(unit, asked, rules)
        case Unmerge():
            return _unmerge(unit, asked, rules)
        case KeepApart():
            return _keep_apart(unit, asked)


def _merge(unit: Unit, asked: Merge, rules: Rules) -> Answer:
    keys = _lock_identities(unit, asked.loser, asked.into)
    people = unit.hold([asked.loser, asked.into])
    loser, survivor = people[asked.loser], people[asked.into]
    if loser.merged_into == asked.into:
        return Reply(_told(asked.loser, asked.into))
    if no := _refused(loser, survivor):
        return _not_now(unit, asked, no)
    try:
        together(survivor, loser, unit.now, rules.free)
    except Outgrown as why:
        return _not_now(unit, asked, Refusal(409, "Too large together", str(why)))
    kept = store_merges.find_pair(unit.tx, asked.loser, asked.into)
    times = (kept.times if kept else 0) + 1
    story = story_of(_facts(unit, asked.loser))
    cause = f"merge:{asked.loser}:{asked.into}:{times}"
    unit.handle(
        [
            Command(cause, asked.loser, "merge", Goes(asked.into, asked.because, asked.by)),
            Command(cause, asked.into, "absorb", Absorbs(loser, story, rules.free)),
        ]
    )
    store.give_identities(unit.tx, dict.fromkeys(keys[asked.loser], asked.into))
    row = store_merges.row_of(asked.loser, asked.into, "merged", asked.because, unit.now, kept=kept)
    decided = {"loser": asked.loser, "keys": keys[asked.loser], "times": times, "decided_by": asked.by}
    store_merges.keep(unit.tx, [{**row, **decided, "decided_at": unit.now, "detail": None}])
    return Reply(_told(asked.loser, asked.into))


def _not_now(unit: Unit, asked: Merge, no: Refusal) -> Refusal:
    """What a post has shown and cannot be done is kept for people to look at, and not tried again."""
    if asked.because != BY_HAND:
        store_merges.say(unit.tx, asked.loser, asked.into, "proposed", unit.now, None, no.detail or no.title)
    return no


def _refused(loser: Person, survivor: Person) -> Refusal | None:
    if loser.lead_id == survivor.lead_id:
        return Refusal(422, "The same lead", "A lead cannot be merged with itself.")
    for person in (loser, survivor):
        if person.created_at is None:
            return Refusal(404, "Unknown lead", f"Intake knows no lead {person.lead_id}.")
        if person.erased_at is not None:
            return Refusal(409, "Erased", f"{person.lead_id} was erased.")
        if person.merged_into is not None:
            detail = f"{person.lead_id} goes on as {person.merged_into}; name that one, or unmerge it first."
            return Refusal(409, "Merged already", detail, {"merged_into": person.merged_into})
    if loser.is_test != survivor.is_test:
        return Refusal(409, "A test lead", "A test lead and a real one are not merged: the person would become a test.")
    return None


def _unmerge(unit: Unit, asked: Unmerge, rules: Rules) -> Answer:
    found = store.load_people(unit.tx, [asked.lead_id])[asked.lead_id]
    if found.created_at is None:
        return Refusal(404, "Unknown lead", f"Intake knows no lead {asked.lead_id}.")
    into = found.merged_into
    if into is None or found.erased_at is not None:
        return Refusal(409, "Not merged", "This lead does not go on as another one.")
    _lock_identities(unit, asked.lead_id, into)
    people = unit.hold([asked.lead_id, into])
    if people[asked.lead_id].merged_into != into:
        return Refusal(409, "Not merged", "Somebody has just unmerged this lead.")
    if (further := people[into].merged_into) is not None:
        detail = f"It goes on as {into}, and that one as {further}: unmerge {into} first."
        return Refusal(409, "Merged further", detail, {"merged_into": into})
    kept = store_merges.find_pair(unit.tx, asked.lead_id, into)
    assert kept is not None
    times = kept.times + 1
    cause = f"unmerge:{asked.lead_id}:{into}:{times}"
    unit.handle(
        [
            Command(cause, asked.lead_id, "part", Parts(into, rules.free)),
            Command(cause, into, "part", Parts(asked.lead_id, rules.free)),
        ]
    )
    store_merges.give_back(unit.tx, kept.keys, asked.lead_id, into)
    row = store_merges.row_of(asked.lead_id, into, "apart", kept.because, unit.now, kept=kept)
    decided = {"decided_at": unit.now, "decided_by": asked.by, "detail": None}
    store_merges.keep(unit.tx, [{**row, "loser": None, "keys": [], "times": times, **decided}])
    return Reply({"lead_id": asked.lead_id, "restored_from": into})


def _keep_apart(unit: Unit, asked: KeepApart) -> Answer:
    people = store.load_people(unit.tx, [asked.lead_id, asked.other])
    for person in people.values():
        if person.created_at is None:
            return Refusal(404, "Unknown lead", f"Intake knows no lead {person.lead_id}.")
    kept = store_merges.find_pair(unit.tx, asked.lead_id, asked.other)
    if asked.lead_id == asked.other or (kept is not None and kept.state == "merged"):
        return Refusal(409, "Merged", "They are one lead now; unmerge it.")
    row = store_merges.row_of(asked.lead_id, asked.other, "apart", BY_HAND, unit.now, kept=kept)
    store_merges.keep(unit.tx, [{**row, "decided_at": unit.now, "decided_by": asked.by}])
    return Reply({"lead_id": asked.lead_id, "apart_from": asked.other})


def _lock_identities(unit: Unit, *lead_ids: str) -> dict[str, list[str]]:
    """Lock all identities of these leads; return the keys of each. Adding one takes one of these."""
    before: set[str] = set()
    while True:
        keys = store_merges.keys_of(unit.tx, lead_ids)
        every = {key for of_lead in keys.values() for key in of_lead}
        if every <= before:
            return keys
        store.claim_identities(unit.tx, every)
        before |= every


def _facts(unit: Unit, lead_id: str) -> list[Any]:
    rows = store_merges.said_of(unit.tx, lead_id)
    return [FACTS[row.type].model_validate_json(row.value) for row in rows if row.type in FACTS]


def _told(loser: str, into: str) -> dict[str, Any]:
    return {"lead_id": loser, "merged_into": into}
