"""What people say about a company: whose it is (Q8). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from baton.contracts import AccountAssigned
from baton.routing.desk import Desk
from baton.routing.domain.waiting import Stir, company
from baton.routing.handover import stirred_by, unfit
from baton.runtime.handler import Cause, Command, Decision, Draft, Heard, Reply


@dataclass(frozen=True)
class Named:
    """Whom somebody named as a company's owner; nobody any more where there is no rep."""

    rep_id: str | None
    assigned_at: datetime
    assigned_by: str | None = None


@dataclass(frozen=True)
class AccountCard:
    """State of one account: who was named. Who got its newest lead stands beside the books."""

    account_id: str
    named: Named | None = None

    @property
    def rep_id(self) -> str | None:
        """Whose it is because somebody said so."""
        return self.named.rep_id if self.named is not None else None


def decide_account(card: AccountCard, desk: Desk, cause: Cause) -> Decision[Any]:
    """Whose the company is from now on, because somebody says so."""
    if not isinstance(cause, Command):
        return Decision(card)
    if cause.name != "assign":
        raise ValueError(f"no such command: {cause.name}")
    rep_id: str | None = cause.body["rep"]
    if rep_id is not None and (no := unfit(rep_id, desk)):
        return Decision(card, reply=no)
    if rep_id == card.rep_id:
        return Decision(card, reply=Reply(_shown(card, desk)))
    return _assigned(card, desk, Named(rep_id, desk.now, cause.actor))


def adopt_account(card: AccountCard, desk: Desk, said: Sequence[Heard]) -> Decision[Any]:
    """Return the account as it was said to be somebody's."""
    decision: Decision[Any] = Decision(card)
    for fact in said:
        if isinstance(fact.body, AccountAssigned):
            owner = fact.body.owner.id if fact.body.owner is not None else None
            decision = _assigned(card, desk, Named(owner, fact.body.assigned_at, fact.body.by))
    return decision


def _assigned(card: AccountCard, desk: Desk, named: Named) -> Decision[Any]:
    after = replace(card, named=named)
    rep_id, roster = named.rep_id, desk.books.roster
    owner = roster.owner(rep_id) if rep_id is not None and rep_id in roster.reps else None
    said = AccountAssigned(account_id=card.account_id, owner=owner, by=named.assigned_by, assigned_at=named.assigned_at)
    # Leads of the company that wait are tried again: they may be his now.
    books = None
    if rep_id is not None:
        books = stirred_by(rep_id, desk.books, desk.house).stir([Stir("", company(card.account_id))])
    return Decision(after, (Draft(said),), books=books, reply=Reply(_shown(after, desk)))


def _shown(card: AccountCard, desk: Desk) -> dict[str, Any]:
    return {"account_id": card.account_id, "owner": card.rep_id, "is_followed": desk.house.follows_accounts}
