"""Forgetting a subject: what the runtime itself keeps of it is wiped, in the transaction that decides so.

Of a subject that is erased nothing is decided any more: its facts are counted and dropped (`batch.py`), commands are
refused, timers are gone. Its row in `subject` stays, with the time: it is the acknowledgement that the ledger shows,
and what keeps late facts from bringing anything back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import BaseModel
from sqlalchemy import Connection, Row, bindparam, delete, exists, func, select, update

from baton.runtime.blank import HEADER, blank, blank_headers
from baton.runtime.bus.port import Headers
from baton.runtime.envelope import to_wire
from baton.runtime.handler import Span
from baton.runtime.journal import oldest_waiting
from baton.runtime.store.rows import fetch
from baton.runtime.store.tables import RuntimeTables

_SKEW = timedelta(minutes=1)


def forget(
    tx: Connection,
    tables: RuntimeTables,
    vocabulary: Mapping[str, type[BaseModel]],
    erased_by: frozenset[str],
    subjects: Sequence[str],
    now: datetime,
) -> None:
    """Wipe what is parked, timed and journalled of these subjects. Sequences, ids and positions of facts stay, and the
    facts that say that they were erased."""
    wanted = sorted(subjects)
    tx.execute(update(tables.subject).where(tables.subject.c.subject.in_(wanted)).values(erased_at=now))
    tx.execute(delete(tables.parked).where(tables.parked.c.subject.in_(wanted)))
    tx.execute(delete(tables.timer).where(tables.timer.c.subject.in_(wanted)))
    wipe_journal(tx, tables, vocabulary, erased_by, wanted)


def is_erased(tx: Connection, tables: RuntimeTables, key: str) -> bool:
    """True if this is the id of a subject that is erased. Its row is locked: nobody erases it meanwhile."""
    known = fetch(
        tx, tables.subject, "subject", [key.replace("\x00", "\ufffd")], columns=("subject", "erased_at"), lock=True
    )
    return any(row.erased_at is not None for row in known)


def wipe_journal(
    tx: Connection,
    tables: RuntimeTables,
    vocabulary: Mapping[str, type[BaseModel]],
    erased_by: frozenset[str],
    subjects: Sequence[str],
    span: Span | None = None,
) -> None:
    """Leave the facts about these subjects in the journal without their persons; with a span, those said then."""
    journal = tables.journal
    rows = fetch(
        tx, journal, "subject", subjects, columns=("id", "type", "headers", "value", "recorded_at", "sequence")
    )
    wiped = [
        {
            "row": row.id,
            "value": blank(vocabulary.get(row.type), bytes(row.value)),
            "headers": blank_headers(row.headers),
        }
        for row in rows
        if HEADER not in row.headers and row.type not in erased_by and _is_in(span, row)
    ]
    if wiped:
        changes: dict[str, Any] = {"value": bindparam("value"), "headers": bindparam("headers")}
        tx.execute(update(journal).where(journal.c.id == bindparam("row")).values(changes), wiped)


def _is_in(span: Span | None, row: Row[Any]) -> bool:
    if span is None:
        return True
    return span.has(row.recorded_at) if span.sequences is None else row.sequence in span.sequences


def told_too(bodies: Iterable[Any], repeats_for: timedelta | None) -> list[tuple[str, Span]]:
    """Return which other subjects facts that end one say to have told of it (`told_in`), and when.

    Clocks differ by seconds, and who was behind has repeated for longer what was known of both.
    """
    told = [one for body in bodies for one in getattr(body, "told_in", ())]
    if repeats_for == timedelta():
        return [(o.lead_id, Span(o.since, o.until, range(o.first_sequence, o.end_sequence))) for o in told]
    return [
        (one.lead_id, Span(one.since - _SKEW, None if repeats_for is None else one.until + repeats_for)) for one in told
    ]


def unscrubbed(tx: Connection, tables: RuntimeTables, limit: int) -> list[str]:
    """Return up to `limit` erased subjects of which files may still show something, and nothing waits for the relay."""
    subject, journal = tables.subject.c, tables.journal.c
    waits = exists().where(journal.subject == subject.subject, journal.id >= oldest_waiting(tables))
    erased = (subject.erased_at.is_not(None), subject.scrubbed_at.is_(None), ~waits)
    return list(tx.execute(select(subject.subject).where(*erased).order_by(subject.subject).limit(limit)).scalars())


def note_scrubbed(tx: Connection, tables: RuntimeTables, subjects: Sequence[str], now: datetime) -> None:
    """Note that nothing of these subjects is left to be found."""
    tx.execute(update(tables.subject).where(tables.subject.c.subject.in_(subjects)).values(scrubbed_at=now))


def without_person(
    vocabulary: Mapping[str, type[BaseModel]], erased_by: frozenset[str], headers: Headers, value: bytes
) -> tuple[Headers, bytes] | None:
    """Return what a record of the service's own becomes once its subject is erased; None: it may stay as it is."""
    known = {name: text.decode() for name, text in headers}
    kind = known.get("ce_type", "")
    if HEADER in known or kind in erased_by:
        return None
    return to_wire(blank_headers(known)), blank(vocabulary.get(kind), value)


def personal_data(tx: Connection, tables: RuntimeTables, subject: str) -> dict[str, Any]:
    """Return everything the runtime's tables hold of a subject: what was said, what is parked, what is due."""
    journal, parked, timer = tables.journal.c, tables.parked.c, tables.timer.c
    said = select(journal.event_id, journal.type, journal.recorded_at, journal.sequence, journal.value)
    waits = select(parked.id, parked.topic, parked.type, parked.reason, parked.parked_at, parked.value)
    due = select(timer.kind, timer.due_at, timer.payload).where(timer.subject == subject, timer.due_at.is_not(None))
    since = tx.execute(select(tables.subject.c.erased_at).where(tables.subject.c.subject == subject)).scalar()
    return {
        "erased_at": since,
        "said": [
            {**row._asdict(), "value": _read(row.value)}
            for row in tx.execute(said.where(journal.subject == subject).order_by(journal.sequence))
        ],
        "parked": [
            {**row._asdict(), "value": _read(row.value)}
            for row in tx.execute(waits.where(parked.subject == subject).order_by(parked.id))
        ],
        "timers": [row._asdict() for row in tx.execute(due.order_by(timer.due_at))],
    }


def _read(value: bytes) -> Any:
    """JSON as it is; what is none as text."""
    try:
        return orjson.loads(bytes(value))
    except orjson.JSONDecodeError:
        return bytes(value).decode(errors="replace")


def erased_page(tx: Connection, tables: RuntimeTables, after: str, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` erased subjects above `after`, in the order of their ids, with the time of the wiping."""
    subject = tables.subject.c
    query = select(subject.subject, subject.erased_at).where(subject.erased_at.is_not(None), subject.subject > after)
    rows = tx.execute(query.order_by(subject.subject).limit(limit))
    return [{"lead_id": row.subject, "erased_at": row.erased_at} for row in rows]


def erased_count(tx: Connection, tables: RuntimeTables) -> int:
    """Return how many subjects are erased here."""
    subject = tables.subject
    query = select(func.count()).select_from(subject).where(subject.c.erased_at.is_not(None))
    return int(tx.execute(query).scalar_one())
