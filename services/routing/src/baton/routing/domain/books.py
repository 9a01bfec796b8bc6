"""The books: what rotation remembers from one lead to the next. Frozen; every entry gives new books.

They hold the credit of every rep in every pool, when he was last chosen there, how many leads he has open and how many
he got today. docs/adr/0004-books-and-reproducibility.md says why they are one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from baton.routing.domain.roster import Roster
from baton.values import changed

MOST_CREDIT = 3.0
"""Leads. Nobody is owed more or owes more, so that nobody is flooded or starved to settle an old account. With up to a
dozen members and any pattern of absence the rotation stays within it by itself (tests/test_routing_fairness.py)."""

_DIGITS = 9
"""Credits are rounded here, so that sums in another order cannot differ in the last bit."""


class Account(NamedTuple):
    """What the books say of one rep in one pool."""

    credit: float = 0.0
    last: int = 0
    """The number of the assignment in which he was last chosen; 0 for never."""
    load: int = 0
    today: int = 0
    day: str | None = None
    """The rep's own day that `today` counts."""


@dataclass(frozen=True)
class Books:
    """Version, credits and loads, and the roster they are kept for."""

    version: int
    roster: Roster
    credits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    last: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    load: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    playbook: str | None = None
    """Hash of the playbook for which held leads were last tried."""
    stirred: frozenset[str] = frozenset()
    """Pools in which something happened that may free a held lead, since these books were loaded. Not stored."""

    def account(self, pool: str, rep: str) -> Account:
        """What the books say of the rep in this pool."""
        day, today = self.days.get(rep, (None, 0))
        credit = self.credits.get(pool, {}).get(rep, 0.0)
        return Account(credit, self.last.get(pool, {}).get(rep, 0), self.load.get(rep, 0), today, day)

    def accounts(self, pool: str, reps: Iterable[str]) -> dict[str, Account]:
        """The accounts of these reps in this pool."""
        return {rep: self.account(pool, rep) for rep in reps}

    def assigned(self, pool: str, winner: str, shares: Mapping[str, float], day: str) -> Books:
        """The books after `winner` got a lead of the pool: everybody in `shares` is owed his share more, he one less.

        The shares add up to one, so credit is neither made nor lost, except where `MOST_CREDIT` cuts it off.
        """
        moved = dict(self.credits.get(pool, {}))
        for rep, share in {**dict.fromkeys([winner], 0.0), **shares}.items():
            credit = moved.get(rep, 0.0) + share - (1.0 if rep == winner else 0.0)
            moved[rep] = max(-MOST_CREDIT, min(MOST_CREDIT, round(credit, _DIGITS)))
        last_day, count = self.days.get(winner, (day, 0))
        return changed(
            self,
            version=self.version + 1,
            credits={**self.credits, pool: moved},
            last={**self.last, pool: {**self.last.get(pool, {}), winner: self.version + 1}},
            days={**self.days, winner: (day, count + 1 if last_day == day else 1)},
        )

    def carried(self, before: str | None, after: str | None) -> Books:
        """The books after a lead's load went from one rep to another (None: to or from nobody)."""
        if before == after:
            return self
        load = dict(self.load)
        if before is not None:
            load[before] = max(0, load.get(before, 0) - 1)
        if after is not None:
            load[after] = load.get(after, 0) + 1
        return changed(self, version=self.version + 1, load=load)

    def stir(self, pools: Iterable[str]) -> Books:
        """The books that remember to wake the held leads of these pools."""
        return changed(self, stirred=self.stirred | frozenset(pools))

    def with_roster(self, roster: Roster) -> Books:
        """The books with another roster."""
        return changed(self, version=self.version + 1, roster=roster)

    def for_playbook(self, digest: str) -> Books:
        """The books after the playbook changed."""
        return changed(self, version=self.version + 1, playbook=digest)

    def document(self) -> dict[str, Any]:
        """What is stored; `Books.from_document` gives equal books back."""
        return {
            "credits": self.credits,
            "last": self.last,
            "load": self.load,
            "days": self.days,
            "playbook": self.playbook,
        }

    @classmethod
    def from_document(cls, version: int, roster: Roster, document: Mapping[str, Any]) -> Books:
        """Stored books with their roster."""
        days = {rep: (day, count) for rep, (day, count) in document.get("days", {}).items()}
        return cls(
            version,
            roster,
            document.get("credits", {}),
            document.get("last", {}),
            document.get("load", {}),
            days,
            document.get("playbook"),
        )
