"""Scoring's tables and the only SQL it speaks. Sync, inside the runtime's transaction; never reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    case,
    delete,
    func,
    select,
)

from baton.runtime.store import Instant, Json, fetch, new_metadata, upsert
from baton.scoring import store_accounts, store_versions
from baton.scoring.domain.moments import time_of
from baton.scoring.domain.person import Person

_PERSON = TypeAdapter(Person)


@dataclass(frozen=True, slots=True)
class Tables:
    """Scoring's own tables."""

    person: Table
    turned_down: Table
    account: Table
    version: Table
    signature: Table
    reading: Table


def make_tables() -> tuple[MetaData, Tables]:
    """Return the metadata with the runtime's tables and our own, and our own."""
    metadata = new_metadata()
    person = Table(
        "person",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("outcome", Text, nullable=False),
        Column("round", Integer, nullable=False),
        Column("is_test", Boolean, nullable=False),
        Column("source", Text),
        Column("score", Float, nullable=False),
        Column("temperature", Text, nullable=False),
        Column("judged_at", Instant, nullable=False),
        Column("body", Json, nullable=False),
        Column("campaign", Text),
        Column("unmet", Text),
        Column("unknown", Text),
        Column("account_id", Text),
        Index("person_outcome", "outcome", "source"),
        Index("person_account", "account_id", "score"),
    )
    turned_down = Table(
        "turned_down",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("reason", Text, nullable=False),
        Column("at", Instant, nullable=False),
        Column("days", Float, nullable=False),
        Column("touches", Integer, nullable=False),
        Column("met", Boolean, nullable=False),
        Column("hours_freed", Float),
    )
    return metadata, Tables(
        person, turned_down, store_accounts.make_table(metadata), *store_versions.make_tables(metadata)
    )


def load(tx: Connection, tables: Tables, lead_ids: Sequence[str]) -> dict[str, Person]:
    """Return what is known of each person; a stranger for the unknown."""
    rows = fetch(tx, tables.person, "lead_id", lead_ids, columns=("lead_id", "body"))
    found = {row.lead_id: _PERSON.validate_python(row.body) for row in rows}
    return {lead_id: found.get(lead_id) or Person(lead_id) for lead_id in lead_ids}


def keep(tx: Connection, tables: Tables, people: Iterable[Person], now: datetime) -> None:
    """Write the people that changed, and what those turned down had taken."""
    known = list(people)
    upsert(tx, tables.person, [_row(person, now) for person in known])
    upsert(tx, tables.turned_down, [_turned_down(person) for person in known if _is_turned_down(person)])


def _is_turned_down(person: Person) -> bool:
    return person.verdict.outcome == "disqualified" and person.verdict.spent is not None


def _turned_down(person: Person) -> dict[str, Any]:
    spent = person.verdict.spent or {}
    return {
        "lead_id": person.lead_id,
        "reason": person.verdict.reason,
        "at": time_of(spent["at"]),
        "days": spent["days"],
        "touches": spent["touches"],
        "met": spent["met"],
        "hours_freed": spent["hours_freed"],
    }


def _row(person: Person, now: datetime) -> dict[str, Any]:
    verdict = person.verdict
    return {
        "lead_id": person.lead_id,
        "outcome": verdict.outcome if person.merged_into is None else "merged",
        "round": person.round.number,
        "is_test": person.is_test,
        "source": person.source,
        "score": (verdict.score or {}).get("total", 0.0),
        "temperature": verdict.temperature,
        "judged_at": now,
        "body": person,  # orjson writes dataclasses by itself; `asdict` takes 120 µs a person
        "campaign": verdict.campaign,
        "unmet": " ".join(verdict.unmet) or None,
        "unknown": " ".join(verdict.unknown) or None,
        "account_id": person.contact.get("account_id"),
    }


def forget(tx: Connection, tables: Tables, lead_ids: Sequence[str]) -> None:
    """Wipe everything that is known of these people."""
    for table in (tables.person, tables.turned_down):
        tx.execute(delete(table).where(table.c.lead_id.in_(lead_ids)))


def of_person(tx: Connection, tables: Tables, lead_id: str) -> dict[str, Any]:
    """Return everything that is known of a person, as it is kept."""
    rows = fetch(tx, tables.person, "lead_id", [lead_id])
    gone = fetch(tx, tables.turned_down, "lead_id", [lead_id])
    return {"person": rows[0]._asdict() if rows else None, "turned_down": gone[0]._asdict() if gone else None}


def find(tx: Connection, tables: Tables, lead_id: str) -> tuple[Person, datetime] | None:
    """Return a person and when it was last judged, or None."""
    rows = fetch(tx, tables.person, "lead_id", [lead_id], columns=("body", "judged_at"))
    return (_PERSON.validate_python(rows[0].body), rows[0].judged_at) if rows else None


def outcomes(tx: Connection, tables: Tables) -> dict[str, int]:
    """Return how many people stand at each outcome; test leads apart, as `test`."""
    person = tables.person.c
    query = select(person.outcome, person.is_test, func.count()).group_by(person.outcome, person.is_test)
    counts: dict[str, int] = {}
    for outcome, is_test, number in tx.execute(query):
        name = "test" if is_test else outcome
        counts[name] = counts.get(name, 0) + number
    return counts


def by_source(tx: Connection, tables: Tables) -> list[Mapping[str, Any]]:
    """Return per source, campaign, outcome and what is lacking how many people there are, and how many of them ever met
    the definition (U1); test leads are left out. What is lacking are ids with blanks between."""
    person = tables.person.c
    met = func.sum(case((person.round > 0, 1), else_=0)).label("met")
    kinds = (person.source, person.campaign, person.outcome, person.unmet, person.unknown)
    query = (
        select(*kinds, func.count().label("people"), met)
        .where(person.is_test.is_(False), person.source.is_not(None))
        .group_by(*kinds)
        .order_by(person.source, person.campaign)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def by_reason(tx: Connection, tables: Tables) -> list[Mapping[str, Any]]:
    """Return per reason how many are turned down now, and what they had taken; the commonest first (Q9).

    Test leads are left out.
    """
    person, gone = tables.person.c, tables.turned_down.c
    query = (
        select(
            gone.reason,
            func.count().label("people"),
            func.avg(gone.days).label("days"),
            func.avg(gone.touches * 1.0).label("touches"),
            func.sum(case((gone.met, 0), else_=1)).label("before_meeting"),
            func.sum(gone.hours_freed).label("hours_freed"),
        )
        .join(tables.person, person.lead_id == gone.lead_id)
        .where(person.outcome == "disqualified", person.is_test.is_(False))
        .group_by(gone.reason)
        .order_by(func.count().desc(), gone.reason)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def fates(tx: Connection, tables: Tables, after: str, limit: int) -> list[dict[str, Any]]:
    """Return people with an id above `after` with outcome and round, in the order of their ids."""
    person = tables.person.c
    query = select(person.lead_id, person.outcome, person.round).where(person.lead_id > after)
    rows = tx.execute(query.order_by(person.lead_id).limit(limit))
    return [{"lead_id": row.lead_id, "fate": row.outcome, "round": row.round} for row in rows]
