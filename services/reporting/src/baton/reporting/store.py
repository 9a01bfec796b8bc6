"""What reporting reads and writes while it hears: leads, their journeys, and the counts that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from baton.reporting.decide import Dossier
from baton.reporting.domain.counting import (
    Cell,
    Counts,
    FunnelCell,
    HabitCell,
    PromiseCell,
    SpanCell,
    by_month,
    recount,
)
from baton.reporting.domain.fate import fate_of
from baton.reporting.domain.journey import entry_of, kept_of, without_detail
from baton.reporting.domain.lead import Lead, lead_of
from baton.reporting.tables import FUNNEL, HABIT, LEAD, PROMISE, REP, SPAN, TOLD
from baton.runtime.handler import Span
from baton.runtime.store import fetch, insert_missing, upsert

_TABLES: dict[type[Cell], Table] = {FunnelCell: FUNNEL, PromiseCell: PROMISE, SpanCell: SPAN, HabitCell: HABIT}


def load(tx: Connection, subjects: Sequence[str]) -> dict[str, Dossier]:
    """Return what is kept of each subject. A rep starts from nothing every time: his fact is whole."""
    kept = {row.lead_id: row.known for row in fetch(tx, LEAD, "lead_id", subjects, columns=("lead_id", "known"))}
    leads = {subject: lead_of(kept[subject]) if subject in kept else Lead(subject) for subject in subjects}
    return {subject: Dossier(lead, lead) for subject, lead in leads.items()}


def keep(tx: Connection, dossiers: Iterable[Dossier]) -> None:
    """Write the leads, the new lines of their journeys, and what has changed in the counts."""
    changed = list(dossiers)
    leads = [dossier for dossier in changed if dossier.lead is not dossier.kept]
    upsert(tx, LEAD, [_lead_row(dossier.lead) for dossier in leads])
    insert_missing(tx, TOLD, [_told_row(dossier) for dossier in changed if dossier.entries])
    upsert(tx, REP, [_rep_row(dossier) for dossier in changed if dossier.rep is not None])
    counts: Counts = Counts()
    for dossier in leads:
        recount(dossier.kept, dossier.lead, counts)
    counts.update(by_month(counts))
    _add(tx, counts)


def forget(tx: Connection, subjects: Sequence[str]) -> None:
    """Wipe the journeys. The leads themselves were kept without their persons (`decide`), for the counts."""
    tx.execute(delete(TOLD).where(TOLD.c.lead_id.in_(subjects)))


def forget_told(tx: Connection, lead_id: str, span: Span) -> None:
    """Leave the lines of the lead's journey that were told then without what they tell of anybody."""
    table = TOLD.c
    for row in tx.execute(select(TOLD).where(table.lead_id == lead_id)).all():
        entries = [entry_of(entry) for entry in row.entries]
        after = [without_detail(entry) if span.has(entry.recorded_at) else entry for entry in entries]
        if after != entries:
            here = (table.lead_id == lead_id, table.publisher == row.publisher, table.sequence == row.sequence)
            tx.execute(update(TOLD).where(*here).values(entries=[kept_of(entry) for entry in after]))


def _add(tx: Connection, counts: Counts) -> None:
    """Add to the cells, in one order everywhere, so that two writers wait for each other and never for ever."""
    for kind, table in _TABLES.items():
        cells: dict[Cell, dict[str, int]] = {}
        for (cell, column), n in counts.items():
            if n and isinstance(cell, kind):
                cells.setdefault(cell, {})[column] = n
        _add_cells(tx, table, cells)


def _add_cells(tx: Connection, table: Table, cells: Mapping[Cell, Mapping[str, int]]) -> None:
    names = [column.name for column in table.columns if not column.primary_key]
    none = dict.fromkeys(names, 0)
    upsert(tx, table, [{**cell._asdict(), **none, **cells[cell]} for cell in sorted(cells)], adding=True)


def _lead_row(lead: Lead) -> dict[str, Any]:
    newest = lead.round
    return {
        "lead_id": lead.lead_id,
        "received_at": lead.received_at,
        "fate": fate_of(lead),
        "round": newest.number if newest else 0,
        "source": lead.source,
        "owner": newest.owner if newest else None,
        "team": newest.team if newest else "",
        "score": lead.score,
        "temperature": lead.temperature,
        "name": lead.name,
        "company": lead.company,
        "is_test": lead.is_test,
        "last_at": lead.last_at,
        "known": lead,
    }


def _told_row(dossier: Dossier) -> dict[str, Any]:
    first = dossier.entries[0]
    return {
        "lead_id": dossier.lead.lead_id,
        "publisher": first.publisher,
        "sequence": first.sequence,
        "entries": [kept_of(entry) for entry in dossier.entries],
    }


def _rep_row(dossier: Dossier) -> dict[str, Any]:
    rep = dossier.rep
    assert rep is not None
    return {"rep_id": rep.id, "name": rep.name, "team": rep.team or "", "is_active": rep.active}
