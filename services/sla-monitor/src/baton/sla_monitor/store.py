"""The SLA monitor's tables and the only SQL it speaks. Sync, inside the runtime's transaction; never reads a clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    false,
    func,
    select,
    tuple_,
)

from baton.contracts import Rep
from baton.runtime.store import Instant, Json, fetch, new_metadata, upsert
from baton.sla_monitor.decide import Watched
from baton.sla_monitor.domain.evidence import Evidence
from baton.sla_monitor.domain.obligation import RUNNING, Key, Obligation

_EVIDENCE = TypeAdapter(Evidence)
_NAMES = tuple(field.name for field in fields(Obligation))


@dataclass(frozen=True, slots=True)
class Tables:
    """The SLA monitor's own tables."""

    lead: Table
    obligation: Table
    rep: Table


def make_tables() -> tuple[MetaData, Tables]:
    """Return the metadata with the runtime's tables and our own, and our own."""
    metadata = new_metadata()
    lead = Table(
        "lead",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("evidence", Json, nullable=False),
        Column("account", Text),  # of the evidence: who else there is of the same company
        Index("lead_account", "account", "lead_id"),
    )
    rep = Table("rep", metadata, Column("rep_id", Text, primary_key=True), Column("rep", Json, nullable=False))
    obligation = Table(
        "obligation",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("round", Integer, primary_key=True, autoincrement=False),
        Column("attempt", Integer, primary_key=True, autoincrement=False),
        Column("promise", Text, primary_key=True),
        Column("policy", Text, nullable=False),
        Column("owner", Text, nullable=False),
        Column("team", Text),
        Column("calendar", Text),
        Column("calendar_version", Text, nullable=False),
        Column("started_at", Instant, nullable=False),
        Column("due_at", Instant, nullable=False),
        Column("warn_at", Instant, nullable=False),
        Column("state", Text, nullable=False),
        Column("warned_at", Instant),
        Column("warned", Integer, nullable=False, server_default="0"),
        Column("at_risk_from", Instant),
        Column("expired_at", Instant),
        Column("closed_at", Instant),
        Column("reason", Text),
        Column("rule", Text),
        Column("touches", Integer, nullable=False),
        Column("becomes", Text),
        Column("seconds", Float),
        Column("business_seconds", Float),
        Column("escalated", Integer, nullable=False, server_default="0"),
        Column("escalate_at", Instant),
        Column("allowed", Float),
        Column("was_due_at", Instant),
        Column("is_declared", Boolean, nullable=False, server_default=false()),
        Column("promised_at", Instant),
        Column("paused_at", Instant),
        Column("paused_until", Instant),
        Column("resumed_at", Instant),
        # The lists of the API and the board: one state, soonest deadline first.
        Index("obligation_due", "state", "due_at", "lead_id"),
        # The gauges and the board's tiles: counted from the index alone.
        Index("obligation_count", "team", "state", "policy", "promise", "owner"),
    )
    return metadata, Tables(lead, obligation, rep)


def load(tx: Connection, tables: Tables, subjects: Sequence[str]) -> dict[str, Watched]:
    """Return what is known of each subject, lead or rep alike; a fresh state for the unknown."""
    evidence = {row.lead_id: row.evidence for row in fetch(tx, tables.lead, "lead_id", subjects)}
    reps = {row.rep_id: row.rep for row in fetch(tx, tables.rep, "rep_id", set(subjects) - evidence.keys())}
    clocks: dict[str, dict[Key, Obligation]] = defaultdict(dict)
    for row in fetch(tx, tables.obligation, "lead_id", evidence):
        clock = obligation_of(row)
        clocks[row.lead_id][clock.key] = clock
    return {
        subject: Watched(
            evidence=_EVIDENCE.validate_python(evidence[subject]) if subject in evidence else Evidence(),
            obligations=clocks.get(subject, {}),
            stored=clocks.get(subject, {}),
            rep=Rep.model_validate(reps[subject]) if subject in reps else None,
        )
        for subject in subjects
    }


def obligation_of(row: Row[Any]) -> Obligation:
    """Return the obligation of a row that has all its columns."""
    return Obligation(**{name: getattr(row, name) for name in _NAMES})


def keep(tx: Connection, tables: Tables, states: Mapping[str, Watched]) -> None:
    """Write what is known of each subject, one upsert a table."""
    leads: list[dict[str, Any]] = []
    clocks: list[dict[str, Any]] = []
    reps: list[dict[str, Any]] = []
    for subject, state in states.items():
        if state.rep is not None:
            reps.append({"rep_id": subject, "rep": state.rep.model_dump(mode="json")})
            continue
        # orjson writes dataclasses by itself
        account = state.evidence.account or None
        leads.append({"lead_id": subject, "evidence": state.evidence, "account": account})
        changed = (clock for key, clock in state.obligations.items() if state.stored.get(key) != clock)
        clocks += [{"lead_id": subject, **vars(clock)} for clock in changed]
    upsert(tx, tables.lead, leads)
    upsert(tx, tables.obligation, clocks)
    upsert(tx, tables.rep, reps)


def forget(tx: Connection, tables: Tables, lead_ids: Sequence[str]) -> None:
    """Wipe everything that is known of these leads, and their clocks."""
    for table in (tables.lead, tables.obligation):
        tx.execute(delete(table).where(table.c.lead_id.in_(lead_ids)))


def of_person(tx: Connection, tables: Tables, lead_id: str) -> dict[str, Any]:
    """Return everything that is known of a person, as it is kept."""
    evidence = fetch(tx, tables.lead, "lead_id", [lead_id])
    clocks = fetch(tx, tables.obligation, "lead_id", [lead_id])
    return {
        "evidence": evidence[0].evidence if evidence else None,
        "obligations": [row._asdict() for row in clocks],
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which obligations to list."""

    state: str | None = None
    team: str | None = None
    owner: str | None = None
    policy: str | None = None
    newest_first: bool = False
    after: tuple[datetime, str, int, int, str] | None = None
    """Due time, lead, round, attempt and promise of the last one seen."""


def obligations(tx: Connection, tables: Tables, wanted: Wanted, limit: int) -> list[Row[Any]]:
    """Return up to `limit` obligations by deadline, soonest first unless `newest_first`."""
    table = tables.obligation
    order = (table.c.due_at, table.c.lead_id, table.c.round, table.c.attempt, table.c.promise)
    query = select(table).limit(limit)
    for name in ("state", "team", "owner", "policy"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(table.c[name] == value)
    if wanted.after is not None:
        query = query.where(tuple_(*order) > tuple_(*wanted.after, types=[column.type for column in order]))
    query = query.order_by(*(column.desc() for column in order) if wanted.newest_first else order)
    return list(tx.execute(query))


def of_lead(tx: Connection, tables: Tables, lead_id: str) -> tuple[Evidence, list[Row[Any]]] | None:
    """Return what is known of a lead and its obligations, oldest first; None if it is unknown here."""
    known = tx.execute(select(tables.lead.c.evidence).where(tables.lead.c.lead_id == lead_id)).first()
    if known is None:
        return None
    table = tables.obligation
    query = select(table).where(table.c.lead_id == lead_id)
    rows = tx.execute(query.order_by(table.c.round, table.c.attempt, table.c.due_at))
    return _EVIDENCE.validate_python(known.evidence), list(rows)


def evidence_of(tx: Connection, tables: Tables, lead_ids: set[str]) -> dict[str, Evidence]:
    """Return what is known of each of these leads."""
    rows = fetch(tx, tables.lead, "lead_id", lead_ids)
    return {row.lead_id: _EVIDENCE.validate_python(row.evidence) for row in rows}


def clocks_of(tx: Connection, tables: Tables, lead_ids: set[str]) -> dict[str, list[Obligation]]:
    """Return the obligations of each of these leads."""
    clocks: dict[str, list[Obligation]] = defaultdict(list)
    for row in fetch(tx, tables.obligation, "lead_id", lead_ids):
        clocks[row.lead_id].append(obligation_of(row))
    return clocks


def others_of(tx: Connection, tables: Tables, account: str, lead_id: str, limit: int) -> list[str]:
    """Return up to `limit` other leads of the same company that were handed to sales."""
    column = tables.lead.c
    query = select(column.lead_id).where(column.account == account, column.lead_id != lead_id)
    return list(tx.execute(query.order_by(column.lead_id.desc()).limit(limit)).scalars())


def names_of(tx: Connection, tables: Tables, owners: set[str]) -> dict[str, str]:
    """Return the names of the reps that are known."""
    return {row.rep_id: row.rep["name"] for row in fetch(tx, tables.rep, "rep_id", owners)}


def teams(tx: Connection, tables: Tables) -> set[str | None]:
    """Return the teams of the reps that are known."""
    return {row.rep.get("team") for row in tx.execute(select(tables.rep.c.rep))}


def counts(tx: Connection, tables: Tables, *by: str, **of: str | None) -> list[tuple[Any, ...]]:
    """Return the values of the columns `by` with the number of obligations that have them.

    `of` names columns and the value they must have; None asks for nothing.
    """
    columns = [tables.obligation.c[name] for name in by]
    query = select(*columns, func.count()).group_by(*columns).order_by(*columns)
    for name, value in of.items():
        if value is not None:
            query = query.where(tables.obligation.c[name] == value)
    return [tuple(row) for row in tx.execute(query)]


def leads(tx: Connection, tables: Tables) -> int:
    """Return the number of leads that were ever handed over."""
    first = tables.obligation.c.promise == "first_response"
    whose = select(tables.obligation.c.lead_id).where(first, tables.obligation.c.attempt == 0).distinct().subquery()
    return int(tx.execute(select(func.count()).select_from(whose)).scalar_one())


def counted_by(tx: Connection, tables: Tables) -> list[tuple[str, str]]:
    """Return the calendars, with their versions, by which running clocks are counted."""
    table = tables.obligation
    query = select(table.c.calendar, table.c.calendar_version).where(*_counting(table)).distinct()
    return [(row.calendar, row.calendar_version) for row in tx.execute(query)]


def leads_counted_by(tx: Connection, tables: Tables, calendar: str, version: str, after: str, limit: int) -> list[str]:
    """Return up to `limit` leads after this one with clocks counted by that version of a calendar, by id."""
    table = tables.obligation
    of_it = (table.c.calendar == calendar, table.c.calendar_version == version, table.c.lead_id > after)
    query = select(table.c.lead_id).where(*_counting(table), *of_it).distinct().order_by(table.c.lead_id)
    return list(tx.execute(query.limit(limit)).scalars())


def _counting(table: Table) -> tuple[ColumnElement[bool], ...]:
    return (table.c.state.in_(sorted(RUNNING)), table.c.allowed.is_not(None), table.c.calendar.is_not(None))
