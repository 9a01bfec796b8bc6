"""The books: what rotation remembers from one lead to the next. Frozen; every entry gives new books.

They hold the credit of every rep in every pool, when he was last chosen there, how many leads he has open and how many
he got today, this week and this month. docs/adr/0004-books-and-reproducibility.md says why they are one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from baton.routing.domain.roster import Roster
from baton.values import changed

if TYPE_CHECKING:
    from baton.routing.domain.waiting import Stir

MOST_BY_HAND = 3.0
"""Leads. What people do (a claim, a lead given back) moves nobody further than this from what he is due, so that nobody
is flooded or starved to settle it. Rotation by itself needs no such limit: see `within_bound`."""

_DIGITS = 9
"""Credits are whole billionths of a lead: they add up to exactly 0, in whatever order they are summed."""


class Account(NamedTuple):
    """What the books say of one rep in one pool."""

    credit: float = 0.0
    last: int = 0
    """The number of the assignment in which he was last chosen; 0 for never."""
    load: int = 0
    today: int = 0
    day: str | None = None
    """The rep's own day that `today` counts, and up to which the next two do."""
    week: int = 0
    """Since that day's Monday."""
    month: int = 0
    """Since the first of that day's month."""


class Turns(NamedTuple):
    """What came of a rep's part in a pool's rotation: how his credit came about."""

    offered: int = 0
    """Leads for which he was in the running."""
    got: int = 0
    given_back: int = 0
    """Of those he got, the ones he was credited for when they left him."""


@dataclass(frozen=True)
class Books:
    """Version, credits and loads, and the roster they are kept for."""

    version: int
    roster: Roster
    credits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    last: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    load: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[str, tuple[str, int, int, int]] = field(default_factory=dict)
    turns: Mapping[str, Mapping[str, tuple[int, int, int]]] = field(default_factory=dict)
    """Pool to rep to his `Turns`."""
    furthest: Mapping[str, float] = field(default_factory=dict)
    """Pool to the furthest that anybody there has ever been from what he was due, in leads."""
    playbook: str | None = None
    """Hash of the playbook for which held leads were last tried."""
    stirred: frozenset[Stir] = frozenset()
    """Where something happened that may free a held lead, and with whom, since these books were loaded. Not stored."""
    left: frozenset[str] = frozenset()
    """Reps some of whose leads are to go to others, since these books were loaded. Not stored."""
    owners: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Company to the rep who got a lead of it since these books were loaded, and that lead. Stored beside them."""

    def account(self, pool: str, rep: str) -> Account:
        """What the books say of the rep in this pool."""
        return self.accounts(pool, [rep])[rep]

    def accounts(self, pool: str, reps: Iterable[str]) -> dict[str, Account]:
        """The accounts of these reps in this pool. Of a pool of a thousand every lead asks for a thousand."""
        owed, last, load, days = self.credits.get(pool, {}), self.last.get(pool, {}), self.load, self.days
        found = {}
        for rep in reps:
            day, today, week, month = days.get(rep, _NO_DAY)
            found[rep] = Account(
                owed.get(rep, 0.0), last.get(rep, 0), load.get(rep, 0), today, day or None, week, month
            )
        return found

    def turns_of(self, pool: str, rep: str) -> Turns:
        """What came of the rep's part in the pool's rotation."""
        return Turns(*self.turns.get(pool, {}).get(rep, _NO_TURNS))

    def assigned(
        self, pool: str, winner: str, shares: Mapping[str, float], day: str, *, by_hand: bool = False
    ) -> Books:
        """The books after `winner` got a lead of the pool: everybody in `shares` is owed his share more, he one less.

        The shares add up to one, so credit is neither made nor lost. Without shares the lead was outside rotation and
        only counts in the winner's `day`, week and month. `by_hand` is paid only as far as nobody is moved too far.
        """
        said = {name: round(share, _DIGITS) for name, share in shares.items()}
        deltas = {**said, winner: said.get(winner, 0.0) - fsum(said.values())}
        books = changed(self, version=self.version + 1, days={**self.days, winner: self._counted(winner, day)})
        if not shares:
            return books
        moved = moved_in(books, pool, deltas, MOST_BY_HAND if by_hand else None)
        if moved is books:
            return books
        turns = dict(self.turns.get(pool, {}))
        for rep in shares:
            offered, got, back = turns.get(rep, _NO_TURNS)
            turns[rep] = (offered + 1, got, back)
        offered, got, back = turns.get(winner, _NO_TURNS)
        turns[winner] = (offered, got + 1, back)
        return changed(
            moved,
            turns={**self.turns, pool: turns},
            last={**self.last, pool: {**self.last.get(pool, {}), winner: self.version + 1}},
        )

    def given_back(self, pool: str, rep: str, weights: Mapping[str, float]) -> Books:
        """The books after a lead that `rep` had paid for left him through no doing of his.

        He is owed one more; those who are in the pool now owe it by weight. Where that would move anybody too far from
        what he is due, nothing is given back.
        """
        total = fsum(weights.values())
        if rep not in weights or len(weights) < 2:
            return self
        said = {name: round(-weight / total, _DIGITS) for name, weight in weights.items()}
        moved = moved_in(self, pool, {**said, rep: said[rep] - fsum(said.values())}, MOST_BY_HAND)
        if moved is self:
            return self
        offered, got, back = self.turns.get(pool, {}).get(rep, _NO_TURNS)
        turns = {**self.turns.get(pool, {}), rep: (offered, got, back + 1)}
        return changed(moved, version=self.version + 1, turns={**self.turns, pool: turns})

    def _counted(self, rep: str, day: str) -> tuple[str, int, int, int]:
        """One more hand-off on the rep's own day, in its week and its month."""
        known, today, week, month = self.days.get(rep, _NO_DAY)
        if known == day:
            return (day, today + 1, week + 1, month + 1)
        same_week = bool(known) and week_of(known) == week_of(day)
        return (day, 1, week + 1 if same_week else 1, month + 1 if known[:7] == day[:7] else 1)

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

    def stir(self, stirs: Iterable[Stir]) -> Books:
        """The books that remember to wake the leads that may go to these reps."""
        return changed(self, stirred=self.stirred | frozenset(stirs))

    def leaving(self, rep: str) -> Books:
        """The books that remember that leads of this rep are to go to others."""
        return changed(self, left=self.left | {rep})

    def owned(self, account: str, rep: str, lead_id: str) -> Books:
        """The books that remember who got the newest lead of a company."""
        return changed(self, owners={**self.owners, account: (rep, lead_id)})

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
            "turns": self.turns,
            "furthest": self.furthest,
            "playbook": self.playbook,
        }

    @classmethod
    def from_document(cls, version: int, roster: Roster, document: Mapping[str, Any]) -> Books:
        """Stored books with their roster. Those of earlier versions counted days only."""
        days = {rep: (day, today, *(more or (today, today))) for rep, (day, today, *more) in document["days"].items()}
        turns = {
            pool: {rep: (o, g, b) for rep, (o, g, b) in reps.items()}
            for pool, reps in document.get("turns", {}).items()
        }
        return cls(
            version,
            roster,
            document.get("credits", {}),
            document.get("last", {}),
            document.get("load", {}),
            days,
            turns,
            document.get("furthest", {}),
            document.get("playbook"),
        )


def moved_in(books: Books, pool: str, deltas: Mapping[str, float], most: float | None) -> Books:
    """The books with these credits moved; the same books, if that takes anybody further than `most` or the bound."""
    owed = dict(books.credits.get(pool, {}))
    for rep, delta in deltas.items():
        owed[rep] = round(owed.get(rep, 0.0) + delta, _DIGITS)
    furthest = max(abs(owed[rep]) for rep in deltas)
    if most is not None and (furthest > most or not within_bound(owed.values())):
        return books
    ever = max(furthest, books.furthest.get(pool, 0.0))
    return changed(books, credits={**books.credits, pool: owed}, furthest={**books.furthest, pool: ever})


def within_bound(owing: Iterable[float]) -> bool:
    """True if any k of the n members together are owed at most k(n - k) leads, so that one is never owed n.

    Whatever the weights, whoever is away: while the most owed of those in the running wins, this stays true by itself.
    A lead raises what a set of k is owed only if its winner is outside the set and somebody in it, who was owed no more
    than the winner, is in the running, and by less than 1. Let the two change places: what the set was owed is at most
    the mean of what some k + 1 and some k - 1 are owed, at most k(n - k) - 1. docs/routing.md says it at length.
    """
    ranked = sorted(owing, reverse=True)
    owed = 0.0
    for k, credit in enumerate(ranked, 1):
        owed += credit
        if owed > k * (len(ranked) - k) + _SLACK:
            return False
    return True


def week_of(day: str) -> tuple[int, int]:
    """The year and the week, from Monday, in which a date lies."""
    return date.fromisoformat(day).isocalendar()[:2]


_NO_DAY = ("", 0, 0, 0)
_NO_TURNS = (0, 0, 0)
_SLACK = 1e-6
