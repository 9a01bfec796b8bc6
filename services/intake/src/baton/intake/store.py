"""Intake's SQL. Sync functions over an open transaction; none commits, none reads a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, delete, exists, func, select, update

from baton.intake import store_accounts, store_merges
from baton.intake.domain.person import Person
from baton.intake.tables import ANSWER, IDENTITY, LEAD, QUARANTINE, RAW, RAW_LEAD, SEEN, TALLY
from baton.runtime.store import fetch, insert_missing, upsert
from baton.runtime.store.rows import insert

ELEMENTS = ("received", "accepted", "duplicate", "quarantined")
COUNTS = (*ELEMENTS, "ignored")


def load_people(tx: Connection, lead_ids: Sequence[str]) -> dict[str, Person]:
    """The leads with these ids, a fresh person for each that is new."""
    known = {row.lead_id: _person(row) for row in fetch(tx, LEAD, "lead_id", lead_ids)}
    return {lead_id: known.get(lead_id) or Person(lead_id) for lead_id in lead_ids}


def keep_people(tx: Connection, people: Iterable[Person]) -> None:
    """Write leads that are new or changed."""
    kept = list(people)
    upsert(tx, LEAD, [{column.name: getattr(person, column.name) for column in LEAD.columns} for person in kept])
    store_accounts.keep_names(tx, kept)


def keep_retold(tx: Connection, people: Iterable[Person]) -> None:
    """Write down whose the retold identities are, that the elements were seen, and count them as taken in."""
    everything = list(people)
    retold = [(person.lead_id, one) for person in everything for one in person.retold if one.element]
    owners = claim_identities(tx, {key for _, one in retold for key in one.identities})
    given: dict[str, str] = {}
    for lead_id, one in retold:
        given |= {key: lead_id for key in one.identities if owners[key] is None and key not in given}
    give_identities(tx, given)
    rows = {one.element: {"key": one.element, "lead_id": lead_id, "event_id": one.event_id} for lead_id, one in retold}
    fresh = mark_seen(tx, list(rows.values()))
    taken = Counter(one.source for _, one in retold if one.element in fresh)
    count(tx, {source: Counter(received=number, accepted=number) for source, number in taken.items()})
    for person in everything:
        for one in person.retold:
            if one.into is not None:
                store_merges.retold(tx, person, one.into)


def claim_identities(tx: Connection, keys: Iterable[str]) -> dict[str, str | None]:
    """Make sure every key has a row, lock the rows in order, and return whose each is; None: nobody's yet.

    From here to the commit no other transaction can give one of these keys to a lead.
    """
    wanted = sorted(set(keys))
    owners: dict[str, str | None] = {}
    while missing := [key for key in wanted if key not in owners]:  # again for those erased while we waited for them
        made = _make_identities(tx, missing)
        owners |= dict.fromkeys(made)
        there = [key for key in missing if key not in owners]
        owners |= {row.key: row.lead_id for row in fetch(tx, IDENTITY, "key", there, lock=True)}
    return owners


def _make_identities(tx: Connection, keys: Sequence[str]) -> list[str]:
    """Make rows for those that have none; return those that are known to be made, and so to be ours."""
    rows = [{"key": key, "lead_id": None} for key in keys]
    # SQLite would return them one by one, which costs more than looking for all of them afterwards.
    returning = ("key",) if tx.dialect.name == "postgresql" else ()
    return [row.key for row in insert_missing(tx, IDENTITY, rows, returning=returning)]


def give_identities(tx: Connection, owners: Mapping[str, str]) -> None:
    """Write down to which lead each key belongs."""
    upsert(tx, IDENTITY, [{"key": key, "lead_id": owners[key]} for key in sorted(owners)])


def mark_seen(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Write down elements by their dedupe key; return the keys that had not been seen before."""
    ordered = sorted(rows, key=lambda row: row["key"])
    return {row.key for row in insert_missing(tx, SEEN, ordered, returning=["key"])}


def seen(tx: Connection, keys: Iterable[str]) -> dict[str, Row[Any]]:
    """What was made of the elements with these keys."""
    return {row.key: row for row in fetch(tx, SEEN, "key", keys)}


def forget_seen(tx: Connection, keys: Sequence[str]) -> None:
    """Take back what `mark_seen` wrote in this transaction for elements that were refused after all."""
    if keys:
        tx.execute(delete(SEEN).where(SEEN.c.key.in_(keys)))


def keep_raw(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store bodies as they came."""
    insert(tx, RAW, rows)


def link_raw(tx: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Write down whom bodies tell of: pairs of body and lead."""
    insert_missing(tx, RAW_LEAD, [{"raw_id": raw_id, "lead_id": lead_id} for raw_id, lead_id in sorted(set(pairs))])


def find_raw(tx: Connection, raw_id: str) -> Row[Any] | None:
    """The body with this id, unless it has been deleted."""
    return tx.execute(select(RAW).where(RAW.c.id == raw_id)).one_or_none()


def bodies_of(tx: Connection, quarantine_ids: Iterable[str]) -> dict[str, str]:
    """In which body each quarantined element stands."""
    return {row.id: row.raw_id for row in fetch(tx, QUARANTINE, "id", quarantine_ids, columns=["id", "raw_id"])}


def quarantine(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put elements aside."""
    insert(tx, QUARANTINE, rows)


def waiting_for(tx: Connection, keys: Iterable[str]) -> list[Row[Any]]:
    """The elements that wait for one of these identities, locked, oldest first."""
    return sorted(fetch(tx, QUARANTINE, "awaits", keys, lock=True), key=lambda row: row.id)


def still_quarantined(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these are still in quarantine; locks them."""
    return {row.id for row in fetch(tx, QUARANTINE, "id", ids, columns=["id"], lock=True)}


def release(tx: Connection, ids: Sequence[str]) -> None:
    """Take elements out of quarantine."""
    if ids:
        tx.execute(delete(QUARANTINE).where(QUARANTINE.c.id.in_(ids)))


def say_why(tx: Connection, quarantine_id: str, cause: str, detail: str, awaits: str | None) -> None:
    """Write down why an element that was tried again is still in quarantine, and what it waits for."""
    said = {"cause": cause, "detail": detail, "awaits": awaits}
    tx.execute(update(QUARANTINE).where(QUARANTINE.c.id == quarantine_id).values(**said))


def notices_of(tx: Connection, errand: str) -> list[Row[Any]]:
    """The notices that wait for this errand, oldest first."""
    return sorted(fetch(tx, QUARANTINE, "awaits", [errand]), key=lambda row: row.id)


def tell_notices(tx: Connection, errand: str, cause: str, detail: str) -> None:
    """Write down how the errand they wait for went."""
    tx.execute(update(QUARANTINE).where(QUARANTINE.c.awaits == errand).values(cause=cause, detail=detail[:1000]))


def quarantine_page(tx: Connection, after: str, limit: int, source: str | None) -> list[Row[Any]]:
    """Up to `limit` quarantined elements above `after`, oldest first, each with its raw body."""
    raw = (RAW.c.content_type, RAW.c.door, RAW.c.body, RAW.c.sealed_at)
    query = select(QUARANTINE, *raw).outerjoin(RAW, RAW.c.id == QUARANTINE.c.raw_id).where(QUARANTINE.c.id > after)
    if source is not None:
        query = query.where(QUARANTINE.c.source == source)
    return list(tx.execute(query.order_by(QUARANTINE.c.id).limit(limit)))


def find_quarantined(tx: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """The quarantined elements with these ids, oldest first."""
    return fetch(tx, QUARANTINE, "id", ids)


def quarantine_ids(tx: Connection, after: str, limit: int, source: str | None) -> list[str]:
    """Up to `limit` ids above `after`."""
    query = select(QUARANTINE.c.id).where(QUARANTINE.c.id > after)
    if source is not None:
        query = query.where(QUARANTINE.c.source == source)
    return list(tx.execute(query.order_by(QUARANTINE.c.id).limit(limit)).scalars())


def newest_quarantined(tx: Connection) -> str | None:
    """The highest id in quarantine."""
    newest: str | None = tx.execute(select(func.max(QUARANTINE.c.id))).scalar_one()
    return newest


def quarantine_causes(tx: Connection) -> dict[str, int]:
    """How many elements are in quarantine, by cause."""
    query = select(QUARANTINE.c.cause, func.count().label("number")).group_by(QUARANTINE.c.cause)
    return {row.cause: row.number for row in tx.execute(query)}


def count(tx: Connection, tallies: Mapping[str, Mapping[str, int]]) -> None:
    """Add to the counts of each source."""
    rows = [
        {"source": source, **{name: tally.get(name, 0) for name in COUNTS}} for source, tally in sorted(tallies.items())
    ]
    insert(tx, TALLY, [row for row in rows if any(row[name] for name in COUNTS)])


def fold_tallies(tx: Connection) -> None:
    """Add the counts up into one row a source. Two replicas may do it at once: each adds up what it deletes."""
    newest = tx.execute(select(func.max(TALLY.c.id))).scalar_one()
    if newest is None:
        return
    gone = tx.execute(delete(TALLY).where(TALLY.c.id <= newest).returning(*TALLY.c)).all()
    sums: dict[str, dict[str, int]] = {}
    for row in gone:
        tally = sums.setdefault(row.source, dict.fromkeys(COUNTS, 0))
        for name in COUNTS:
            tally[name] += getattr(row, name)
    count(tx, sums)


def ledger(tx: Connection) -> dict[str, Any]:
    """Elements by outcome, and leads taken in."""
    sums = tx.execute(select(*(func.coalesce(func.sum(TALLY.c[name]), 0).label(name) for name in COUNTS))).one()
    by_test = select(LEAD.c.is_test, func.count().label("number")).group_by(LEAD.c.is_test)
    counts = {row.is_test: row.number for row in tx.execute(by_test)}
    tests = counts.get(True, 0)
    gone = (LEAD.c.merged_into.is_not(None), LEAD.c.is_test.is_(False))
    merged = tx.execute(select(func.count()).select_from(LEAD).where(*gone)).scalar_one()
    return {
        "elements": {name: int(getattr(sums, name)) for name in ELEMENTS},
        "ignored": int(sums.ignored),
        "in_quarantine": quarantine_causes(tx),
        "leads": {"taken_in": tests + counts.get(False, 0), "test": tests, "merged": merged},
    }


def lead_page(tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` leads above `after`, by id."""
    columns = (LEAD.c.lead_id, LEAD.c.is_test, LEAD.c.source, LEAD.c.created_at, LEAD.c.erased_at, LEAD.c.merged_into)
    rows = tx.execute(select(*columns).where(LEAD.c.lead_id > after).order_by(LEAD.c.lead_id).limit(limit)).mappings()
    return [{**row, "fate": _fate(row)} for row in rows]


def _fate(row: RowMapping) -> str:
    if row["erased_at"] is not None:
        return "erased"
    if row["is_test"]:
        return "test"
    return "taken_in" if row["merged_into"] is None else "merged"


def find_lead(tx: Connection, lead_id: str) -> dict[str, Any] | None:
    """One lead with the identities it is known by."""
    people = load_people(tx, [lead_id])
    if people[lead_id].created_at is None or people[lead_id].erased_at is not None:
        return None
    return {"person": people[lead_id], "keys": keys_of(tx, lead_id), "may_be": store_merges.proposed_to(tx, lead_id)}


def keys_of(tx: Connection, lead_id: str) -> list[str]:
    """The identity keys a lead is known by."""
    return list(
        tx.execute(select(IDENTITY.c.key).where(IDENTITY.c.lead_id == lead_id).order_by(IDENTITY.c.key)).scalars()
    )


def lead_of(tx: Connection, key: str) -> str | None:
    """The lead known by this identity key."""
    lead_id: str | None = tx.execute(select(IDENTITY.c.lead_id).where(IDENTITY.c.key == key)).scalar_one_or_none()
    return lead_id


def answers(tx: Connection, keys: Iterable[str]) -> dict[str, Row[Any]]:
    """What was answered under these idempotency keys."""
    return {row.key: row for row in fetch(tx, ANSWER, "key", keys)}


def keep_answers(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Store answers; return the keys for which none stood there."""
    ordered = sorted(rows, key=lambda row: row["key"])
    return {row.key for row in insert_missing(tx, ANSWER, ordered, returning=["key"])}


def change_answers(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the answers to keys claimed in this transaction."""
    upsert(tx, ANSWER, rows)


def delete_old_raw(tx: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` bodies received before `before` that nothing in quarantine needs; return how many."""
    needed = exists().where(QUARANTINE.c.raw_id == RAW.c.id)
    old = select(RAW.c.id).where(RAW.c.received_at < before, ~needed).order_by(RAW.c.received_at).limit(limit)
    gone = list(tx.execute(delete(RAW).where(RAW.c.id.in_(old)).returning(RAW.c.id)).scalars())
    if gone:
        tx.execute(delete(RAW_LEAD).where(RAW_LEAD.c.raw_id.in_(gone)))
    return len(gone)


def delete_old_answers(tx: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` answers given before `before`; return how many."""
    old = select(ANSWER.c.key).where(ANSWER.c.at < before).order_by(ANSWER.c.at).limit(limit)
    return len(tx.execute(delete(ANSWER).where(ANSWER.c.key.in_(old)).returning(ANSWER.c.key)).all())


def _person(row: Row[Any]) -> Person:
    return Person(**{column.name: getattr(row, column.name) for column in LEAD.columns if column.name != "account_id"})
