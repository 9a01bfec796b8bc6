"""All of routing's SQL: sync functions over a connection, on SQLite or Postgres. None commits or reads a clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, select, tuple_

from baton.contracts import Rep
from baton.playbook import Playbook
from baton.routing.domain.books import Books
from baton.routing.domain.lead import Lead
from baton.routing.domain.roster import Roster
from baton.routing.domain.waiting import listed
from baton.routing.tables import Tables
from baton.runtime.store import fetch, insert_missing, upsert

ONLY = 1
"""The id of the one row of books."""


class BooksShelf:
    """Reads and writes the books; remembers the last ones, so that a process that is alone never parses them again.

    What is remembered is used only if the row says the same: version and digest, for a version may be written again
    after a transaction was rolled back.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._last: tuple[int, str, Books] | None = None
        self._roster: Roster | None = None

    def take(self, tx: Connection, *, lock: bool = True) -> Books:
        """Return the books as stored; with `lock` nobody else takes them until this transaction ends."""
        table = self._tables.books
        names = ("version", "roster_version", "roster_hash", "digest")
        rows = fetch(tx, table, "id", [ONLY], columns=names, lock=lock)
        if not rows:
            return self._first(tx, lock)
        row, last = rows[0], self._last
        if last is not None and (last[0], last[1], last[2].roster.hash) == (row.version, row.digest, row.roster_hash):
            return last[2]
        body = orjson.loads(tx.execute(select(table.c.body).where(table.c.id == ONLY)).scalar_one())
        roster = self._take_roster(tx, row)
        books = Books.from_document(row.version, roster, body)
        if lock:  # read without it, the rows may be of different moments: good enough to show, not to keep
            self._last, self._roster = (row.version, row.digest, books), roster
        return books

    def put(self, tx: Connection, books: Books) -> None:
        """Write the books."""
        body = orjson.dumps(books.document(), option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(body).hexdigest()
        row = {
            "id": ONLY,
            "version": books.version,
            "roster_version": books.roster.version,
            "roster_hash": books.roster.hash,
            "digest": digest,
            "body": body.decode(),
        }
        upsert(tx, self._tables.books, [row])
        self._roster = books.roster
        self._last = (books.version, digest, replace(books, stirred=frozenset(), left=frozenset(), owners={}))

    def _first(self, tx: Connection, lock: bool) -> Books:
        empty = Books(0, Roster.of(0, ()))
        if not lock:
            return empty
        body = orjson.dumps(empty.document(), option=orjson.OPT_SORT_KEYS)
        row = {
            "id": ONLY,
            "version": 0,
            "roster_version": 0,
            "roster_hash": empty.roster.hash,
            "digest": hashlib.sha256(body).hexdigest(),
            "body": body.decode(),
        }
        insert_missing(tx, self._tables.books, [row])
        return self.take(tx)

    def _take_roster(self, tx: Connection, row: Row[Any]) -> Roster:
        known = self._roster
        if known is not None and known.hash == row.roster_hash:
            return known if known.version == row.roster_version else replace(known, version=row.roster_version)
        bodies = tx.execute(select(self._tables.rep.c.body)).scalars()
        return Roster.of(row.roster_version, (Rep.model_validate_json(body) for body in bodies))


def load_leads(tx: Connection, tables: Tables, lead_ids: Iterable[str]) -> dict[str, Lead]:
    """Return the state of each lead, a fresh one for the unknown."""
    wanted = list(lead_ids)
    rows = fetch(tx, tables.lead, "lead_id", wanted, columns=("lead_id", "body"))
    known = {row.lead_id: Lead.model_validate_json(row.body) for row in rows}
    return {lead_id: known.get(lead_id) or Lead(lead_id=lead_id) for lead_id in wanted}


def keep_leads(tx: Connection, tables: Tables, leads: Sequence[Lead], now: datetime) -> None:
    """Write these leads, and what they were decided by."""
    upsert(tx, tables.lead, [_lead_row(lead, now) for lead in leads])
    decisions = [
        {
            "lead_id": lead.lead_id,
            "round": kept.round,
            "number": kept.number,
            "outcome": kept.outcome,
            "decided_at": kept.decided_at,
            "inputs_hash": kept.inputs_hash,
            "inputs": kept.inputs,
            "answer": kept.answer,
        }
        for lead in leads
        for kept in lead.fresh
    ]
    upsert(tx, tables.decision, decisions)


def forget(tx: Connection, tables: Tables, lead_ids: Sequence[str]) -> None:
    """Wipe these leads, and what they were decided by. The books are not theirs: credits and loads stay."""
    for table in (tables.lead, tables.decision, tables.account):
        tx.execute(delete(table).where(table.c.lead_id.in_(lead_ids)))


def forget_decisions(tx: Connection, tables: Tables, lead_id: str, since: datetime) -> None:
    """Wipe what this lead was decided by since then."""
    decision = tables.decision.c
    tx.execute(delete(tables.decision).where(decision.lead_id == lead_id, decision.decided_at >= since))


def of_person(tx: Connection, tables: Tables, lead_id: str) -> dict[str, Any]:
    """Return everything that is known of a person, as it is kept."""
    rows = fetch(tx, tables.lead, "lead_id", [lead_id], columns=("body",))
    return {"lead": orjson.loads(rows[0].body) if rows else None, "decisions": decisions_of(tx, tables, lead_id)}


def keep_bodies(tx: Connection, tables: Tables, roster: Roster, playbook: Playbook, now: datetime) -> None:
    """Keep roster and playbook under their hashes, and that decisions are made by them from now on."""
    rows = [
        {"hash": roster.hash, "kind": "roster", "body": roster.document(), "kept_at": now},
        {"hash": playbook.hash, "kind": "playbook", "body": playbook.document(), "kept_at": now},
    ]
    upsert(tx, tables.kept, sorted(rows, key=lambda row: row["hash"]))


def keep_reps(tx: Connection, tables: Tables, reps: Iterable[Rep], now: datetime) -> None:
    """Write these reps."""
    rows = [{"rep_id": rep.id, "body": rep.model_dump_json(), "changed_at": now} for rep in reps]
    upsert(tx, tables.rep, rows)


def queued(tx: Connection, tables: Tables, pool: str, limit: int) -> list[str]:
    """Return the best of the leads that wait in a queue: highest score, then longest waiting."""
    lead = tables.lead.c
    query = select(lead.lead_id).where(lead.pool == pool, lead.waiting == "queued")
    return list(tx.execute(query.order_by(lead.score.desc(), lead.since, lead.lead_id).limit(limit)).scalars())


def queue_lengths(tx: Connection, tables: Tables) -> dict[str, int]:
    """Return pool to how many leads wait in it to be taken."""
    lead = tables.lead.c
    query = select(lead.pool, func.count()).where(lead.waiting == "queued").group_by(lead.pool)
    return {str(pool): int(count) for pool, count in tx.execute(query)}


def queue_of(tx: Connection, tables: Tables, rep_id: str, limit: int, after: tuple[float, str] | None) -> list[Lead]:
    """Return a rep's leads, best score first, then by id; those behind `after` (score, lead id)."""
    lead = tables.lead.c
    query = select(lead.body).where(lead.bearer == rep_id).order_by(lead.score.desc(), lead.lead_id).limit(limit)
    if after is not None:
        score, lead_id = after
        query = query.where((lead.score < score) | ((lead.score == score) & (lead.lead_id > lead_id)))
    return [Lead.model_validate_json(body) for body in tx.execute(query).scalars()]


def held(tx: Connection, tables: Tables, limit: int, after: tuple[str, str] | None, reason: str | None) -> list[Lead]:
    """Return held leads, the longest waiting first; those behind `after` (since, lead id)."""
    lead = tables.lead.c
    query = select(lead.body).where(lead.waiting.is_not(None)).order_by(lead.since, lead.lead_id).limit(limit)
    if reason is not None:
        query = query.where(lead.waiting == reason)
    if after is not None:
        since, lead_id = datetime.fromisoformat(after[0]), after[1]
        query = query.where((lead.since > since) | ((lead.since == since) & (lead.lead_id > lead_id)))
    return [Lead.model_validate_json(body) for body in tx.execute(query).scalars()]


def held_counts(tx: Connection, tables: Tables) -> dict[str, int]:
    """Return reason to how many leads are held for it."""
    lead = tables.lead.c
    query = select(lead.waiting, func.count()).where(lead.waiting.is_not(None)).group_by(lead.waiting)
    return {str(reason): int(count) for reason, count in tx.execute(query)}


def fate_counts(tx: Connection, tables: Tables) -> dict[str, int]:
    """Return state to how many leads that were ever qualified are in it."""
    lead = tables.lead.c
    query = select(lead.fate, func.count()).where(lead.round > 0).group_by(lead.fate).order_by(lead.fate)
    return {str(fate): int(count) for fate, count in tx.execute(query)}


def fates(tx: Connection, tables: Tables, after: str, limit: int) -> list[dict[str, Any]]:
    """Return leads that were ever qualified with their state and round, in the order of their ids."""
    lead = tables.lead.c
    query = select(lead.lead_id, lead.fate, lead.round).where(lead.round > 0, lead.lead_id > after)
    rows = tx.execute(query.order_by(lead.lead_id).limit(limit))
    return [{"lead_id": row.lead_id, "fate": row.fate, "round": row.round} for row in rows]


def decisions_of(tx: Connection, tables: Tables, lead_id: str) -> list[Mapping[str, Any]]:
    """Return what was decided about a lead and by which inputs, oldest first."""
    decision = tables.decision.c
    query = select(tables.decision).where(decision.lead_id == lead_id).order_by(decision.round, decision.number)
    return [dict(row) for row in tx.execute(query).mappings()]


def newest_decisions(tx: Connection, tables: Tables, limit: int) -> list[Mapping[str, Any]]:
    """Return what was decided last, with the inputs, newest first."""
    decision = tables.decision.c
    order = (decision.decided_at.desc(), decision.lead_id, decision.number)
    return [dict(row) for row in tx.execute(select(tables.decision).order_by(*order).limit(limit)).mappings()]


def delete_old_decisions(tx: Connection, tables: Tables, before: datetime, limit: int) -> int:
    """Delete up to `limit` decisions, with what they were made by, from before then; return how many.

    The lead keeps what was decided last, with its trace; only how it came to that can no longer be recomputed.
    """
    decision = tables.decision.c
    key = (decision.lead_id, decision.round, decision.number)
    old = select(*key).where(decision.decided_at < before).order_by(decision.decided_at).limit(limit)
    return tx.execute(delete(tables.decision).where(tuple_(*key).in_(old))).rowcount


def delete_old_bodies(tx: Connection, tables: Tables, before: datetime) -> int:
    """Delete rosters and playbooks that nothing was decided by since then; return how many.

    Both of a pair are written anew when decisions begin to be made by it. So whatever is older than another one was no
    part of the pair that came with that. The newest pair always stays.
    """
    kept, newer = tables.kept, tables.kept.alias()
    later = (newer.c.kept_at > kept.c.kept_at) & (newer.c.kept_at < before)
    return tx.execute(delete(kept).where(select(newer.c.hash).where(later).exists())).rowcount


def kept_body(tx: Connection, tables: Tables, digest: str) -> Any:
    """Return the roster or playbook kept under this hash. Raises LookupError."""
    rows = fetch(tx, tables.kept, "hash", [digest], columns=("body",))
    if not rows:
        raise LookupError(digest)
    return rows[0].body


def _lead_row(lead: Lead, now: datetime) -> dict[str, Any]:
    waiting = lead.hold if lead.is_waiting else None
    return {
        "lead_id": lead.lead_id,
        "fate": lead.fate,
        "round": lead.round,
        "bearer": lead.bearer,
        "score": lead.qualified.score.total if lead.qualified else 0.0,
        "waiting": waiting.reason if waiting else None,
        "pool": waiting.pool if waiting else None,
        "since": waiting.since if waiting else now,
        "body": lead.model_dump_json(),
        "needs": waiting.needs if waiting else None,
        "prefers": listed(waiting.prefers) if waiting else None,
        "had": listed(lead.had) if waiting else None,
    }
