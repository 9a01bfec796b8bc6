"""What decisions are made with, and where one has got to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from baton.routing.domain.books import Books
from baton.routing.domain.house import House
from baton.routing.domain.lead import Lead
from baton.runtime.handler import Draft


@dataclass(frozen=True)
class Desk:
    """What a decision is made with, beside the lead: playbook, books, the present."""

    house: House
    books: Books
    now: datetime
    find_account_owner: Callable[[str], str | None] = lambda _: None
    """Gives the rep who got the newest lead of a company, by those that were kept; the books know newer ones."""
    find_named_owner: Callable[[str], str | None] = lambda _: None
    """Gives the rep somebody named as the owner of a company."""

    def account_owner(self, account: str | None) -> str | None:
        """Whose this company is: who was named, else who got its newest lead."""
        if account is None or not self.house.follows_accounts:
            return None
        if (named := self.find_named_owner(account)) is not None:
            return named
        known = self.books.owners.get(account)
        return known[0] if known is not None else self.find_account_owner(account)


@dataclass(frozen=True)
class Step:
    """Where a decision has got to: the lead and the books by now, and what was said."""

    lead: Lead
    books: Books
    facts: tuple[Draft, ...] = ()
    due: Mapping[str, datetime | None] = field(default_factory=dict)
    able: frozenset[str] = frozenset()
    """Where it found an owner: who could have had it, he among them."""
