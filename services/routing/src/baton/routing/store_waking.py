"""Which held leads may have become free, and which leads go to others because of who had them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

from baton.routing.domain.roster import Roster
from baton.routing.domain.waiting import EVERY_POOL, Stir, fitting, unlisted
from baton.routing.tables import Tables

MOST_WOKEN = 20
"""Leads of a kind woken at once where somebody found room. One that gets an owner wakes the next ones, so this is no
limit to how many go; it keeps a transaction short."""

_PAGE = 200


def to_be_woken(tx: Connection, tables: Tables, stirred: Collection[Stir], roster: Roster) -> list[str]:
    """Return the held leads that may have become free: of each kind that asks for one of these reps the longest
    waiting ones he has not had, and of those that prefer him; all, if any pool may be concerned."""
    lead = tables.lead.c
    if any(one.pool == EVERY_POOL for one in stirred):
        may_wake = (lead.waiting.is_not(None), lead.waiting != "manager")
        return list(tx.execute(select(lead.lead_id).where(*may_wake).order_by(lead.lead_id)).scalars())
    reps: dict[str, set[str]] = defaultdict(set)
    for one in stirred:
        reps[one.pool].add(one.rep)
    found: dict[str, None] = {}
    for pool in sorted(reps):
        found.update(dict.fromkeys(_of_pool(tx, lead, roster, pool, reps[pool])))
    for rep in sorted({one.rep for one in stirred}):
        prefers = lead.prefers.like(f"%|{_escaped(rep)}|%", escape="/")
        found.update(dict.fromkeys(_longest_waiting(tx, lead, prefers, frozenset({rep}))))
    return list(found)


def _of_pool(tx: Connection, lead: Any, roster: Roster, pool: str, reps: Iterable[str]) -> list[str]:
    there = [roster.reps[rep] for rep in sorted(reps) if rep in roster.reps]
    found: list[str] = []
    kind = _first_kind(tx, lead, pool, None) if there else None
    while kind is not None:
        if able := fitting(kind, there):
            found += _longest_waiting(tx, lead, (lead.pool == pool) & (lead.needs == kind), able)
        kind = _first_kind(tx, lead, pool, kind)
    return found


def _first_kind(tx: Connection, lead: Any, pool: str, after: str | None) -> str | None:
    """The next kind of lead that waits for this pool: one step in the index, however many wait."""
    query = select(func.min(lead.needs)).where(lead.waiting == "nobody_eligible", lead.pool == pool)
    kind: str | None = tx.execute(query if after is None else query.where(lead.needs > after)).scalar()
    return kind


def _longest_waiting(tx: Connection, lead: Any, which: ColumnElement[bool], reps: frozenset[str]) -> list[str]:
    """The longest waiting of these leads that not all of these reps have had."""
    order = (lead.since, lead.lead_id)
    query: Select[Any] = select(lead.lead_id, lead.since, lead.had).where(lead.waiting == "nobody_eligible", which)
    found: list[str] = []
    rows = tx.execute(query.order_by(*order).limit(_PAGE)).all()
    while rows:
        found += [row.lead_id for row in rows if not reps <= unlisted(row.had)]
        if len(found) >= MOST_WOKEN or len(rows) < _PAGE:
            break
        behind = tuple_(*order) > (rows[-1].since, rows[-1].lead_id)
        rows = tx.execute(query.where(behind).order_by(*order).limit(_PAGE)).all()
    return found[:MOST_WOKEN]


def _escaped(rep: str) -> str:
    return rep.replace("/", "//").replace("_", "/_").replace("%", "/%")


def to_be_handed_over(tx: Connection, tables: Tables, left: Mapping[str, bool]) -> list[str]:
    """Return the oldest leads of reps who cannot go on with them: all open ones, or (False) those not accepted yet."""
    lead = tables.lead.c
    found: list[str] = []
    for rep_id, is_all in sorted(left.items()):
        his = select(lead.lead_id).where(lead.bearer == rep_id).order_by(lead.lead_id).limit(MOST_WOKEN)
        found.extend(tx.execute(his if is_all else his.where(lead.fate == "routed")).scalars())
    return found
