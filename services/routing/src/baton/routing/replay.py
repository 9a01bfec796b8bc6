"""Routing without its store, for living history through again: the books stay in memory, and so do those who wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from baton.playbook import Playbook
from baton.routing.account_commands import AccountCard, decide_account
from baton.routing.commands import decide_lead_command
from baton.routing.decide import decide_lead
from baton.routing.desk import Desk
from baton.routing.domain.books import Books
from baton.routing.domain.house import House
from baton.routing.domain.lead import Lead
from baton.routing.domain.roster import Roster
from baton.routing.domain.waiting import Stir
from baton.routing.held_in_memory import Held
from baton.routing.rep_commands import RepCard, decide_rep
from baton.routing.service import HEARS, Routing, rep_of
from baton.routing.store_waking import MOST_WOKEN
from baton.routing.subjects import ACCOUNT, is_account, is_lead
from baton.runtime.handler import Cause, Command, Decision
from baton.runtime.replay import Part
from baton.values import changed

State = Lead | RepCard | AccountCard


class RoutingPart(Part):
    """Gives leads to people by one playbook. `given` are the reps of the history, who come by their own facts; the
    playbook's roster adds whom the history does not know."""

    name = Routing.name
    hears = frozenset(type_ for types in HEARS.values() for type_ in types)
    deadlines = Routing.deadlines
    erased_by = Routing.erased_by
    answers = True

    def __init__(self, playbook: Playbook, given: Mapping[str, Any]) -> None:
        seeds = playbook.roster.reps if playbook.roster else ()
        reps = [rep_of(seed) for seed in seeds if seed.id not in given]
        self._house = House(playbook)
        self._books = Books(0, Roster.of(0, reps), playbook=playbook.hash)
        self._held = Held()
        self._woken: list[tuple[str, str]] = []
        self._owners: dict[str, str] = {}
        """Company to the rep who got its newest lead."""
        self._named: dict[str, str | None] = {}
        """Company to the rep somebody named as its owner."""
        self._borne: dict[str, dict[str, str]] = {}
        """Rep to his open leads and the state of each."""

    def fresh(self, subject: str) -> State:
        if is_account(subject):
            return AccountCard(subject.removeprefix(ACCOUNT))
        return Lead(lead_id=subject) if is_lead(subject) else RepCard(subject)

    def decide(self, state: State, cause: Cause, now: datetime) -> Decision[Any]:
        desk = Desk(self._house, self._books, now, self._owners.get, self._named.get)
        if isinstance(state, AccountCard):
            decision = self._entered(decide_account(state, desk, cause))
            self._named[state.account_id] = decision.state.rep_id
            return decision
        if isinstance(state, RepCard):
            return self._entered(decide_rep(state, desk, cause))
        if isinstance(cause, Command):
            decision = self._entered(decide_lead_command(state, desk, cause), state.bearer)
        else:
            decision = self._entered(decide_lead(state, desk, cause), state.bearer)
        lead: Lead = decision.state
        if lead.fresh or lead.counted or lead.handoffs:
            lead = lead.model_copy(update={"fresh": (), "counted": (), "handoffs": ()})
            return replace(decision, state=lead)
        return decision

    def woken(self) -> Sequence[tuple[str, str]]:
        woken, self._woken = self._woken, []
        return woken

    def document(self) -> Any:
        """The books: what everybody is owed and has."""
        return {"version": self._books.version, **self._books.document()}

    @property
    def load(self) -> Mapping[str, int]:
        """Open leads by rep."""
        return self._books.load

    @property
    def names(self) -> Mapping[str, str]:
        """What the reps are called."""
        return {rep.id: rep.name for rep in self._books.roster.reps.values()}

    def _entered(self, decision: Decision[Any], bearer: str | None = None) -> Decision[Any]:
        if isinstance(decision.state, Lead):
            self._held.note(decision.state)
            self._bear(decision.state, bearer)
        books: Books | None = decision.books
        if books is not None:
            self._owners.update({account: rep for account, (rep, _) in books.owners.items()})
            passing = books.stirred or books.left or books.owners
            self._books = changed(books, stirred=frozenset(), left=frozenset(), owners={}) if passing else books
            self._wake(books.stirred)
            self._hand_over(books)
        return decision

    def _bear(self, lead: Lead, before: str | None) -> None:
        if before is not None and before != lead.bearer:
            self._borne.get(before, {}).pop(lead.lead_id, None)
        if lead.bearer is not None:
            self._borne.setdefault(lead.bearer, {})[lead.lead_id] = lead.fate

    def _hand_over(self, books: Books) -> None:
        """As the store does it: the oldest leads of whoever cannot go on with them."""
        for rep_id in sorted(books.left & books.roster.reps.keys()):
            is_all = not books.roster.reps[rep_id].active
            his = sorted(lead for lead, fate in self._borne.get(rep_id, {}).items() if is_all or fate == "routed")
            self._woken.extend((lead, "wake") for lead in his[:MOST_WOKEN])

    def _wake(self, stirred: Collection[Stir]) -> None:
        """As the store does it."""
        if stirred:
            self._woken.extend((lead, "wake") for lead in self._held.woken(stirred, self._books.roster))
