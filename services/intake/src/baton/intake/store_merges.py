"""Intake's SQL about who is whom. Sync functions over an open transaction; none commits, none reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, or_, select, update

from baton.contracts import LeadMerged, LeadReceived, LeadUpdated, ToldIn
from baton.intake.domain.person import RESTORED, Person
from baton.intake.tables import IDENTITY, LEAD, MERGE, METADATA
from baton.runtime.store import fetch, insert_missing, upsert

_JOURNAL = METADATA.tables["journal"]
_DEEPEST = 50
"""Merges in a row that are followed from a lead to the one it is now."""


def pair(one: str, other: str) -> tuple[str, str]:
    """Two leads as the table has them."""
    return (one, other) if one < other else (other, one)


def row_of(
    lead_id: str, other: str, state: str, because: str, now: datetime, *, kept: Row[Any] | None = None
) -> dict[str, Any]:
    """A row for two leads, new or with what is kept of them."""
    first, second = pair(lead_id, other)
    blank: dict[str, Any] = {
        "one": first, "other": second, "state": state, "because": because, "loser": None, "keys": [], "times": 0,
        "found_at": now, "decided_at": None, "decided_by": None, "detail": None,
    }  # fmt: skip
    return blank if kept is None else {**kept._asdict(), "state": state, "because": because}


def propose(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down pairs that posts have shown; whatever was said of a pair before stands."""
    insert_missing(tx, MERGE, sorted(rows, key=lambda row: (row["one"], row["other"])))


def keep(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write pairs."""
    upsert(tx, MERGE, rows)


def say(tx: Connection, one: str, other: str, state: str, now: datetime, by: str | None, detail: str | None) -> None:
    """Write down what became of a pair that is known."""
    first, second = pair(one, other)
    here = (MERGE.c.one == first) & (MERGE.c.other == second)
    tx.execute(update(MERGE).where(here).values(state=state, decided_at=now, decided_by=by, detail=detail))


def find_pair(tx: Connection, one: str, other: str) -> Row[Any] | None:
    """What is kept of two leads, or None."""
    first, second = pair(one, other)
    return tx.execute(select(MERGE).where(MERGE.c.one == first, MERGE.c.other == second)).one_or_none()


def due(tx: Connection, limit: int) -> list[Row[Any]]:
    """Pairs that the playbook wants merged, oldest first."""
    return list(tx.execute(select(MERGE).where(MERGE.c.state == "due").order_by(MERGE.c.found_at).limit(limit)))


def page(tx: Connection, after: tuple[str, str], limit: int, state: str | None) -> list[Row[Any]]:
    """Up to `limit` pairs above `after`, by their ids."""
    beyond = or_(MERGE.c.one > after[0], (MERGE.c.one == after[0]) & (MERGE.c.other > after[1]))
    query = select(MERGE).where(beyond)
    if state is not None:
        query = query.where(MERGE.c.state == state)
    return list(tx.execute(query.order_by(MERGE.c.one, MERGE.c.other).limit(limit)))


def proposed_to(tx: Connection, lead_id: str) -> list[str]:
    """The leads that posts have shown to be the same person as this one, where nobody has decided yet."""
    mine = or_(MERGE.c.one == lead_id, MERGE.c.other == lead_id)
    query = select(MERGE.c.one, MERGE.c.other).where(mine, MERGE.c.state.in_(("due", "proposed")))
    return sorted(row.other if row.one == lead_id else row.one for row in tx.execute(query))


def counts(tx: Connection) -> dict[str, int]:
    """How many pairs there are, by state."""
    query = select(MERGE.c.state, func.count().label("number")).group_by(MERGE.c.state)
    return {row.state: row.number for row in tx.execute(query)}


def one_person(tx: Connection, lead_id: str) -> list[str]:
    """All leads that are one person with this one by now, itself among them."""
    found, new = {lead_id}, {lead_id}
    while new:
        mine = or_(MERGE.c.one.in_(new), MERGE.c.other.in_(new))
        rows = tx.execute(select(MERGE.c.one, MERGE.c.other).where(mine, MERGE.c.state == "merged")).all()
        new = {lead for row in rows for lead in (row.one, row.other)} - found
        found |= new
    return sorted(found)


def told_in(tx: Connection, lead_id: str) -> list[ToldIn]:
    """Leads that had absorbed this one, or one that had, and are not erased: from when to when it was told in them."""
    found, new = {lead_id}, {lead_id}
    while new:
        rows = fetch(tx, _JOURNAL, "subject", new, columns=("subject", "type", "value"))
        into = {str(orjson.loads(row.value)["into"]) for row in rows if row.type == LeadMerged.type}
        new = into - found
        found |= new
    kept = fetch(tx, LEAD, "lead_id", found - {lead_id}, columns=["lead_id"], and_where="erased_at IS NULL")
    told = (_told(tx, row.lead_id, found) for row in sorted(kept, key=lambda row: str(row.lead_id)))
    return [one for one in told if one is not None]


def _told(tx: Connection, survivor: str, others: set[str]) -> ToldIn | None:
    """When it was first one with any of these, and when last; None where that came after they had parted."""
    columns = (_JOURNAL.c.value, _JOURNAL.c.recorded_at, _JOURNAL.c.sequence)
    posted = (_JOURNAL.c.subject == survivor, _JOURNAL.c.type == LeadUpdated.type)
    facts = [(orjson.loads(row.value), row) for row in tx.execute(select(*columns).where(*posted))]
    first = min((row.sequence, row.recorded_at) for fact, row in facts if fact.get("absorbed") in others)
    last = max(((row.sequence, row.recorded_at) for fact, row in facts if fact.get("restored") in others), default=None)
    if last is None:
        return None
    return ToldIn(lead_id=survivor, since=first[1], until=last[1], first_sequence=first[0], end_sequence=last[0])


def keys_of(tx: Connection, lead_ids: Iterable[str]) -> dict[str, list[str]]:
    """The identities of each lead, in order."""
    found: dict[str, list[str]] = {lead_id: [] for lead_id in lead_ids}
    for row in fetch(tx, IDENTITY, "lead_id", found):
        found[row.lead_id].append(row.key)
    return {lead_id: sorted(keys) for lead_id, keys in found.items()}


def give_back(tx: Connection, keys: Sequence[str], lead_id: str, of: str) -> None:
    """Give identities back to a lead, but for those that no longer are the other's."""
    here = IDENTITY.c.key.in_(keys) & (IDENTITY.c.lead_id == of)
    if keys:
        tx.execute(update(IDENTITY).where(here).values(lead_id=lead_id))


def retold(tx: Connection, person: Person, into: str) -> None:
    """Take in again that a lead was merged into another, or restored from it: whose its identities are."""
    at = person.updated_at
    assert at is not None
    if not into.startswith(RESTORED):
        keys = keys_of(tx, [person.lead_id])[person.lead_id]
        upsert(tx, IDENTITY, [{"key": key, "lead_id": into} for key in keys])
        row = row_of(person.lead_id, into, "merged", "by_hand", at, kept=find_pair(tx, person.lead_id, into))
        keep(tx, [{**row, "loser": person.lead_id, "keys": keys, "times": row["times"] + 1, "decided_at": at}])
        return
    of = into.removeprefix(RESTORED)
    kept = find_pair(tx, person.lead_id, of)
    if kept is not None and kept.loser == person.lead_id:
        give_back(tx, kept.keys, person.lead_id, of)
        row = row_of(person.lead_id, of, "apart", kept.because, at, kept=kept)
        keep(tx, [{**row, "loser": None, "keys": [], "times": kept.times + 1, "decided_at": at}])


def said_of(tx: Connection, lead_id: str) -> list[Row[Any]]:
    """What was said of a lead, in order."""
    columns = (_JOURNAL.c.type, _JOURNAL.c.value)
    return list(tx.execute(select(*columns).where(_JOURNAL.c.subject == lead_id).order_by(_JOURNAL.c.sequence)))


def consents_of(tx: Connection, lead_id: str) -> list[dict[str, Any]]:
    """Every consent that was posted of a lead, or came with one it absorbed, in the order of its facts."""
    columns = (_JOURNAL.c.event_id, _JOURNAL.c.value, _JOURNAL.c.recorded_at)
    posted = (_JOURNAL.c.subject == lead_id, _JOURNAL.c.type.in_((LeadReceived.type, LeadUpdated.type)))
    found = []
    for row in tx.execute(select(*columns).where(*posted).order_by(_JOURNAL.c.sequence)):
        fact = orjson.loads(row.value)
        if fact.get("consent"):
            more = {"source": fact.get("source"), "absorbed": fact.get("absorbed")}
            found.append({**fact["consent"], **more, "recorded_at": row.recorded_at, "event_id": row.event_id})
    return found


def survivors(tx: Connection, lead_ids: Iterable[str]) -> dict[str, str]:
    """For each of these that is a lead and was not erased: the lead it is now, itself if it was never merged."""
    now: dict[str, str] = {lead_id: lead_id for lead_id in lead_ids}
    known: dict[str, str | None] = {}
    for _ in range(_DEEPEST):
        unknown = set(now.values()) - known.keys()
        if not unknown:
            break
        rows = fetch(tx, LEAD, "lead_id", unknown, columns=["lead_id", "merged_into"], and_where="erased_at IS NULL")
        known |= {row.lead_id: row.merged_into for row in rows}
        now = {first: known.get(at) or at for first, at in now.items() if at in known}
    return now
