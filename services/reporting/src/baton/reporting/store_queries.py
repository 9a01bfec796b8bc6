"""What people ask of the read models.

Every query walks one index or sums small tables of counts; none counts leads one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, desc, func, or_, select

from baton.reporting.domain.counting import month_of
from baton.reporting.domain.fate import FATES
from baton.reporting.domain.journey import Entry, Place, entry_of, page_of
from baton.reporting.domain.lead import Lead, lead_of
from baton.reporting.tables import (
    FUNNEL,
    FUNNEL_COUNTS,
    HABIT,
    HABIT_COUNTS,
    LEAD,
    PROMISE,
    PROMISE_COUNTS,
    REP,
    SPAN,
    TOLD,
)
from baton.runtime.store import fetch


@dataclass(frozen=True, slots=True)
class Period:
    """UTC days, both included; None is open."""

    first: date | None = None
    last: date | None = None

    def in_days(self, during: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that picks the period's days, cell by cell."""
        first, last = self.first or date.min, self.last or date.max
        return during.between(first.isoformat(), last.isoformat())

    def in_cells(self, during: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that picks the fewest cells: whole months, and days where the period cuts one."""
        first, last = self.first or date.min, self.last or date.max
        if (first.year, first.month) >= (last.year, last.month):
            return self.in_days(during)
        begun = _next_month(first) if first.day > 1 else first  # the first month that is whole
        beyond = last.replace(day=1)  # the month that is cut short
        parts = [during >= month_of(begun.isoformat()), during < month_of(beyond.isoformat())]
        if self.last is None:
            parts.pop()
        edges = [during.between(first.isoformat(), _last_of_month(first))] if first.day > 1 else []
        if self.last is not None:
            edges.append(during.between(beyond.isoformat(), last.isoformat()))
        return or_(and_(*parts), *edges)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _last_of_month(day: date) -> str:
    return (_next_month(day) - timedelta(days=1)).isoformat()


EVER = Period()


@dataclass(frozen=True, slots=True)
class FunnelQuery:
    """Which leads the funnel counts. `round` 0 counts each person once."""

    period: Period = EVER
    source: str | None = None
    team: str | None = None
    round: int = 0
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class LeadQuery:
    """Which leads the list shows, newest first, after the place of the last one seen."""

    fate: str | None = None
    source: str | None = None
    team: str | None = None
    owner: str | None = None
    after: tuple[datetime, str] | None = None


def funnel(tx: Connection, query: FunnelQuery, by: str | None = None) -> list[dict[str, Any]]:
    """Return the summed counts, one row in all or one for each value of the column `by`."""
    table = FUNNEL.c
    within = query.period.in_days(table.during) if by == "day" else query.period.in_cells(table.during)
    wanted = [table.round == query.round, table.is_test.is_(query.is_test), within]
    wanted += [table[name] == value for name in ("source", "team") if (value := getattr(query, name)) is not None]
    groups = [table["during" if by == "day" else by].label("key")] if by else []
    sums = [func.coalesce(func.sum(table[name]), 0).label(name) for name in FUNNEL_COUNTS]
    rows = tx.execute(select(*groups, *sums).where(*wanted).group_by(*groups).order_by(*groups)).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def promises(tx: Connection, period: Period, team: str | None, policy: str | None) -> list[dict[str, Any]]:
    """Return the counts of promises by team, policy and promise."""
    keys = [PROMISE.c[name] for name in ("team", "policy", "promise")]
    sums = [func.sum(PROMISE.c[name]).label(name) for name in PROMISE_COUNTS]
    query = select(*keys, *sums).where(*_of(PROMISE, period, team, policy)).group_by(*keys).order_by(*keys)
    return [{name: _plain(value) for name, value in row.items()} for row in tx.execute(query).mappings()]


def habits(tx: Connection, period: Period, team: str | None, source: str | None) -> list[dict[str, Any]]:
    """Return what follow-up brought, by team, rep and source."""
    keys = [HABIT.c[name] for name in ("team", "owner", "source")]
    sums = [func.sum(HABIT.c[name]).label(name) for name in HABIT_COUNTS]
    wanted = [period.in_cells(HABIT.c.during)]
    wanted += [HABIT.c[name] == value for name, value in (("team", team), ("source", source)) if value is not None]
    query = select(*keys, *sums).where(*wanted).group_by(*keys).having(func.sum(HABIT.c.handed_over) > 0)
    rows = tx.execute(query.order_by(*keys)).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def spans(tx: Connection, period: Period, team: str | None, policy: str | None) -> list[Any]:
    """Return how many deeds took a span of which bucket, by team, policy, promise and clock."""
    keys = [SPAN.c[name] for name in ("team", "policy", "promise", "clock", "bucket")]
    query = select(*keys, func.sum(SPAN.c.n).label("n")).where(*_of(SPAN, period, team, policy)).group_by(*keys)
    return [row for row in tx.execute(query) if row.n]


def leads(tx: Connection, query: LeadQuery, limit: int) -> list[Row[Any]]:
    """Return up to `limit` leads, the newest first."""
    columns = [column for column in LEAD.c if column.name != "known"]
    wanted: list[ColumnElement[bool]] = [LEAD.c.received_at.is_not(None)]
    for name in ("fate", "source", "team", "owner"):
        if (value := getattr(query, name)) is not None:
            wanted.append(LEAD.c[name] == value)
    if query.after is not None:
        at, lead_id = query.after
        wanted.append(or_(LEAD.c.received_at < at, and_(LEAD.c.received_at == at, LEAD.c.lead_id < lead_id)))
        wanted.append(LEAD.c.received_at <= at)  # lets the index begin at the place
    newest = (desc(LEAD.c.received_at), desc(LEAD.c.lead_id))
    return list(tx.execute(select(*columns).where(*wanted).order_by(*newest).limit(limit)))


def find_lead(tx: Connection, lead_id: str) -> Lead | None:
    """Return what is known of a lead, or None."""
    known = tx.execute(select(LEAD.c.known).where(LEAD.c.lead_id == lead_id)).scalar_one_or_none()
    return lead_of(known) if known is not None else None


def of_person(tx: Connection, lead_id: str) -> dict[str, Any]:
    """Return everything that is kept of a person: the lead, and the lines of its journey."""
    lead = tx.execute(select(LEAD).where(LEAD.c.lead_id == lead_id)).first()
    kept = tx.execute(select(TOLD.c.entries).where(TOLD.c.lead_id == lead_id)).scalars()
    return {"lead": lead._asdict() if lead else None, "journey": [entry for entries in kept for entry in entries]}


def journey(tx: Connection, lead_id: str, after: Place | None, limit: int) -> list[Entry]:
    """Return up to `limit` lines of a lead's journey by event time; those behind `after`."""
    kept = tx.execute(select(TOLD.c.entries).where(TOLD.c.lead_id == lead_id)).scalars()
    return page_of((entry_of(entry) for entries in kept for entry in entries), after, limit)


def names_of(tx: Connection, reps: Iterable[str | None]) -> dict[str, str]:
    """Return the names of those reps that are known."""
    return {row.rep_id: row.name for row in fetch(tx, REP, "rep_id", filter(None, reps), columns=("rep_id", "name"))}


def rep_names(tx: Connection) -> dict[str, str]:
    """Return the names of all reps by id."""
    return {row.rep_id: row.name for row in tx.execute(select(REP.c.rep_id, REP.c.name))}


def choices(tx: Connection) -> dict[str, list[str]]:
    """Return what can be filtered by: the sources and teams that were counted, the policies that promised."""
    funnels, promised = EVER.in_cells(FUNNEL.c.during), EVER.in_cells(PROMISE.c.during)
    return {
        "sources": [
            row[0] for row in tx.execute(select(FUNNEL.c.source).where(funnels).distinct().order_by(FUNNEL.c.source))
        ],
        "teams": [
            row[0]
            for row in tx.execute(select(FUNNEL.c.team).where(funnels).distinct().order_by(FUNNEL.c.team))
            if row[0]
        ],
        "policies": [
            row[0] for row in tx.execute(select(PROMISE.c.policy).where(promised).distinct().order_by(PROMISE.c.policy))
        ],
    }


def fate_counts(tx: Connection) -> dict[str, int]:
    """Return how many leads have which fate, test leads included, and how many there are."""
    sums = [func.coalesce(func.sum(FUNNEL.c[f"now_{fate}"]), 0).label(fate) for fate in FATES]
    row = tx.execute(select(*sums).where(FUNNEL.c.round == 0, EVER.in_cells(FUNNEL.c.during))).mappings().one()
    counts = {fate: int(row[fate]) for fate in FATES}
    return {"leads": sum(counts.values()), **counts}


def ledger_page(tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Return leads with an id above `after`, each with its fate and round."""
    known = (LEAD.c.lead_id > after, LEAD.c.received_at.is_not(None))
    query = select(LEAD.c.lead_id, LEAD.c.fate, LEAD.c.round).where(*known).order_by(LEAD.c.lead_id).limit(limit)
    return [dict(row) for row in tx.execute(query).mappings()]


def _of(table: Any, period: Period, team: str | None, policy: str | None) -> list[ColumnElement[bool]]:
    wanted: Mapping[str, str | None] = {"team": team, "policy": policy}
    return [
        period.in_cells(table.c.during),
        *(table.c[name] == value for name, value in wanted.items() if value is not None),
    ]


def _plain(value: Any) -> Any:
    """Postgres sums integers into decimals; here they are counts."""
    return value if isinstance(value, str) else int(value)
