"""Scoring's SQL about companies: who was named as the owner, and who their people are."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import TypeAdapter
from sqlalchemy import Column, Connection, MetaData, Table, Text, func, select

from baton.runtime.store import Instant, fetch, upsert
from baton.scoring.domain.account import SUBJECT, Account
from baton.scoring.domain.person import Person

_PERSON = TypeAdapter(Person)


def make_table(metadata: MetaData) -> Table:
    """Return the table of who was named."""
    return Table(
        "account",
        metadata,
        Column("account_id", Text, primary_key=True),
        Column("owner", Text),  # null once nobody is named any more
        Column("name", Text),
        Column("by", Text),
        Column("assigned_at", Instant),
    )


def load(tx: Connection, table: Table, subjects: Iterable[str]) -> dict[str, Account]:
    """Return the accounts these subjects name, fresh ones for the unknown."""
    ids = {subject: subject.removeprefix(SUBJECT) for subject in subjects}
    rows = fetch(tx, table, "account_id", ids.values())
    known = {row.account_id: Account(**row._asdict()) for row in rows}
    return {subject: known.get(id_) or Account(id_) for subject, id_ in ids.items()}


def keep(tx: Connection, table: Table, accounts: Iterable[Account]) -> None:
    """Write who was named."""
    upsert(tx, table, [vars(account) for account in accounts])


def people_of(tx: Connection, person: Table, account_id: str, limit: int) -> tuple[list[Person], int]:
    """Return up to `limit` people of a company who stand for themselves, best score first, and how many there are."""
    own = (person.c.account_id == account_id, person.c.outcome != "merged")
    query = select(person.c.body).where(*own).order_by(person.c.score.desc(), person.c.lead_id).limit(limit)
    people = [_PERSON.validate_python(body) for body in tx.execute(query).scalars()]
    return people, int(tx.execute(select(func.count()).select_from(person).where(*own)).scalar_one())
