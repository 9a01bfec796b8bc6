"""Intake's SQL for forgetting people: what is wiped, what of it must wait, and what still tells of somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, select, update

from baton.intake import store_accounts
from baton.intake.domain.keys import digest
from baton.intake.tables import ERASED_IDENTITY, IDENTITY, LEAD, MERGE, QUARANTINE, RAW, RAW_LEAD
from baton.runtime.store import fetch, upsert

_NEEDED = exists().where(QUARANTINE.c.raw_id == RAW.c.id, QUARANTINE.c.form.is_(None))
"""Something of the body waits in quarantine that can only be read from the body itself."""


def forget(tx: Connection, lead_ids: Sequence[str], now: datetime) -> None:
    """Wipe these people: contact, properties, identities, what waits for them in quarantine, and their raw bodies.

    The rows of `lead` stay, blank, so that the books balance; of the identities stay digests.
    """
    rows = fetch(tx, IDENTITY, "lead_id", lead_ids, columns=["key", "lead_id"])
    remember_erased(tx, [row.key for row in rows], now)
    waiting = fetch(tx, QUARANTINE, "awaits", [row.key for row in rows], columns=["id", "raw_id", "awaits"])
    drop_quarantined(tx, [row.id for row in waiting], [row.raw_id for row in waiting], now)
    tx.execute(delete(IDENTITY).where(IDENTITY.c.lead_id.in_(lead_ids)))
    blank: dict[str, Any] = {
        "external_id": None,
        "contact": {},
        "properties": {},
        "layers": None,
        "account_id": None,
        "erased_at": now,
    }
    accounts = [row.account_id for row in fetch(tx, LEAD, "lead_id", lead_ids, columns=["account_id", "lead_id"])]
    tx.execute(update(LEAD).where(LEAD.c.lead_id.in_(lead_ids)).values(blank))
    store_accounts.forget_names(tx, [account for account in accounts if account is not None])
    for one in (MERGE.c.one, MERGE.c.other):
        tx.execute(update(MERGE).where(one.in_(lead_ids)).values(keys=[]))
    wipe_raw(tx, [row.raw_id for row in fetch(tx, RAW_LEAD, "lead_id", lead_ids, columns=["raw_id", "lead_id"])], now)


def forget_unknown(tx: Connection, key: str, now: datetime) -> None:
    """Wipe what waits for somebody by this key, who has not turned up."""
    remember_erased(tx, [key], now)
    rows = fetch(tx, QUARANTINE, "awaits", [key], columns=["id", "raw_id", "awaits"])
    drop_quarantined(tx, [row.id for row in rows], [row.raw_id for row in rows], now)
    tx.execute(delete(IDENTITY).where(IDENTITY.c.key == key, IDENTITY.c.lead_id.is_(None)))


def remember_erased(tx: Connection, keys: Iterable[str], now: datetime) -> None:
    """Remember that who was known by these keys was erased, whatever was posted of them before."""
    upsert(tx, ERASED_IDENTITY, [{"digest": digest(key), "erased_at": now} for key in sorted(set(keys))])


def erased_since(tx: Connection, keys: Iterable[str]) -> dict[str, datetime]:
    """Which of these identity keys were somebody's who was erased, with the time of it."""
    digests = {digest(key): key for key in keys}
    return {digests[row.digest]: row.erased_at for row in fetch(tx, ERASED_IDENTITY, "digest", digests)}


def erased_among(tx: Connection, lead_ids: Iterable[str]) -> set[str]:
    """Which of these leads are erased."""
    rows = fetch(tx, LEAD, "lead_id", lead_ids, columns=["lead_id"], and_where="erased_at IS NOT NULL")
    return {row.lead_id for row in rows}


def wipe_raw(tx: Connection, raw_ids: Iterable[str], now: datetime) -> None:
    """Empty these bodies. One that holds something of others, which waits in quarantine, is sealed until that is
    settled: it is read for that, and shown to nobody."""
    wanted = sorted(set(raw_ids))
    if wanted:
        these = RAW.c.id.in_(wanted)
        tx.execute(update(RAW).where(these).values(sealed_at=now, headers={}))
        tx.execute(update(RAW).where(these, ~_NEEDED).values(body=b""))


def sealed_bodies(tx: Connection, lead_id: str) -> int:
    """How many bodies tell of this lead still, sealed."""
    of_lead = select(RAW_LEAD.c.raw_id).where(RAW_LEAD.c.lead_id == lead_id)
    query = select(func.count()).where(RAW.c.id.in_(of_lead), RAW.c.sealed_at.is_not(None), RAW.c.body != b"")
    return int(tx.execute(query).scalar_one())


def wipe_sealed(tx: Connection, limit: int) -> int:
    """Empty up to `limit` sealed bodies that nothing in quarantine needs any more; return how many."""
    waiting = select(RAW.c.id).where(RAW.c.sealed_at.is_not(None), RAW.c.body != b"", ~_NEEDED).limit(limit)
    return len(tx.execute(update(RAW).where(RAW.c.id.in_(waiting)).values(body=b"").returning(RAW.c.id)).all())


def quarantined_with_bodies(tx: Connection, after: str, limit: int) -> list[Row[Any]]:
    """Up to `limit` quarantined elements above `after`, each with its raw body."""
    columns = (QUARANTINE.c.id, QUARANTINE.c.raw_id, QUARANTINE.c.form, QUARANTINE.c.detail, RAW.c.body)
    query = select(*columns).outerjoin(RAW, RAW.c.id == QUARANTINE.c.raw_id).where(QUARANTINE.c.id > after)
    return list(tx.execute(query.order_by(QUARANTINE.c.id).limit(limit)))


def drop_quarantined(tx: Connection, ids: Sequence[str], raw_ids: Sequence[str], now: datetime) -> None:
    """Take these elements out of quarantine for good, with what their bodies hold."""
    tx.execute(delete(QUARANTINE).where(QUARANTINE.c.id.in_(ids)))
    wipe_raw(tx, raw_ids, now)


def delete_old_quarantined(tx: Connection, before: datetime, limit: int) -> int:
    """Give up to `limit` elements up that were put into quarantine before `before`; return how many."""
    old = select(QUARANTINE.c.id).where(QUARANTINE.c.received_at < before).limit(limit)
    return len(tx.execute(delete(QUARANTINE).where(QUARANTINE.c.id.in_(old)).returning(QUARANTINE.c.id)).all())


def delete_old_digests(tx: Connection, before: datetime) -> None:
    """Forget by what people were known who were erased before `before`."""
    tx.execute(delete(ERASED_IDENTITY).where(ERASED_IDENTITY.c.erased_at < before))


def of_person(tx: Connection, lead_id: str) -> dict[str, Any]:
    """Everything intake's own tables hold of a person, as plain data."""
    lead = fetch(tx, LEAD, "lead_id", [lead_id])
    keys = [row.key for row in fetch(tx, IDENTITY, "lead_id", [lead_id], columns=["key", "lead_id"])]
    bodies = [row.raw_id for row in fetch(tx, RAW_LEAD, "lead_id", [lead_id])]
    names = ("id", "received_at", "source", "door", "content_type", "headers", "body")
    raw = select(*(RAW.c[name] for name in names)).where(RAW.c.id.in_(bodies), RAW.c.sealed_at.is_(None))
    waits = select(QUARANTINE).where(QUARANTINE.c.awaits.in_(keys))
    return {
        "lead": lead[0]._asdict() if lead else None,
        "known_by": keys,
        "raw_bodies": [
            {**row._asdict(), "body": bytes(row.body).decode(errors="replace")}
            for row in tx.execute(raw.order_by(RAW.c.id))
        ],
        "quarantine": [dict(row) for row in tx.execute(waits.order_by(QUARANTINE.c.id)).mappings()],
    }
