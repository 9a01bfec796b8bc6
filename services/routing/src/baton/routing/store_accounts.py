"""Routing's SQL about whose companies are. Sync functions over an open transaction; none commits or reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from baton.routing.account_commands import AccountCard, Named
from baton.routing.subjects import ACCOUNT
from baton.routing.tables import Tables
from baton.runtime.store import fetch, upsert


def load(tx: Connection, tables: Tables, subjects: Iterable[str]) -> dict[str, AccountCard]:
    """Return the state of each account, a fresh one for the unknown."""
    ids = {subject: subject.removeprefix(ACCOUNT) for subject in subjects}
    known = {row.account_id: row for row in fetch(tx, tables.named_account, "account_id", ids.values())}
    return {
        subject: AccountCard(
            id_, Named(row.rep_id, row.assigned_at, row.assigned_by) if (row := known.get(id_)) else None
        )
        for subject, id_ in ids.items()
    }


def keep(tx: Connection, tables: Tables, cards: Sequence[AccountCard]) -> None:
    """Write whose these accounts are said to be."""
    rows = [
        {
            "account_id": card.account_id,
            "rep_id": card.named.rep_id,
            "assigned_at": card.named.assigned_at,
            "assigned_by": card.named.assigned_by,
        }
        for card in cards
        if card.named is not None
    ]
    upsert(tx, tables.named_account, rows)


def keep_newest(tx: Connection, tables: Tables, owners: Mapping[str, tuple[str, str]]) -> None:
    """Write who got the newest lead of these companies."""
    rows = [{"account_id": account, "rep_id": rep, "lead_id": lead} for account, (rep, lead) in owners.items()]
    upsert(tx, tables.account, rows)


def newest_owner(tx: Connection, tables: Tables, account_id: str) -> str | None:
    """Return the rep who got the newest lead of the company, if that was kept."""
    rows = fetch(tx, tables.account, "account_id", [account_id], columns=("rep_id",))
    return rows[0].rep_id if rows else None


def named_owner(tx: Connection, tables: Tables, account_id: str) -> str | None:
    """Return the rep somebody named as the owner of the company."""
    rows = fetch(tx, tables.named_account, "account_id", [account_id], columns=("rep_id",))
    return rows[0].rep_id if rows else None
