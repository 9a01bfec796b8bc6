"""Intake's SQL about accounts. Sync functions over an open transaction; none commits, none reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, select

from baton.intake.domain.accounts import company_key
from baton.intake.domain.person import Person
from baton.intake.tables import ACCOUNT_NAME, LEAD
from baton.runtime.store import fetch, insert_missing


def keep_names(tx: Connection, people: Iterable[Person]) -> None:
    """Write down by which names companies with a domain are known."""
    found = set()
    for person in people:
        key = company_key(person.contact.get("company") or "") if person.contact.get("company_domain") else None
        if key is not None and person.account_id is not None:
            found.add((key, person.account_id))
    insert_missing(tx, ACCOUNT_NAME, [{"name": name, "account_id": account} for name, account in sorted(found)])


def by_name(tx: Connection, contacts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """For the companies named without a domain in these contacts: the account, where the name is that of just one."""
    names = {company_key(c["company"]) for c in contacts if c.get("company") and not c.get("company_domain")} - {None}
    found: dict[str, set[str]] = {}
    for row in fetch(tx, ACCOUNT_NAME, "name", names):
        found.setdefault(row.name, set()).add(row.account_id)
    return {name: accounts.pop() for name, accounts in found.items() if len(accounts) == 1}


def forget_names(tx: Connection, account_ids: Iterable[str]) -> None:
    """Forget by which names those companies are known of which nobody is known any more: one may be a person's."""
    somebody = exists().where(LEAD.c.account_id == ACCOUNT_NAME.c.account_id)
    tx.execute(delete(ACCOUNT_NAME).where(ACCOUNT_NAME.c.account_id.in_(sorted(set(account_ids))), ~somebody))


def leads_of(tx: Connection, account_id: str, after: str, limit: int) -> list[Row[Any]]:
    """Up to `limit` leads of an account above `after`, by id; those who go on as another are left out."""
    columns = (LEAD.c.lead_id, LEAD.c.source, LEAD.c.is_test, LEAD.c.contact, LEAD.c.as_of)
    mine = (LEAD.c.account_id == account_id, LEAD.c.merged_into.is_(None), LEAD.c.lead_id > after)
    return list(tx.execute(select(*columns).where(*mine).order_by(LEAD.c.lead_id).limit(limit)))


def names_of(tx: Connection, account_id: str) -> list[str]:
    """The names a company with a domain is known by, in the form in which they are compared."""
    query = select(ACCOUNT_NAME.c.name).where(ACCOUNT_NAME.c.account_id == account_id).order_by(ACCOUNT_NAME.c.name)
    return list(tx.execute(query.limit(50)).scalars())
