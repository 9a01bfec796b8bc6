"""Scoring, wired."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from sqlalchemy import Connection

from baton.contracts import (
    INTAKE,
    ROSTER,
    ROUTING,
    SCORING,
    TOPICS,
    AccountAssigned,
    LeadErased,
    LeadHeld,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    Owner,
)
from baton.contracts.reading import reading
from baton.playbook import Playbook, Watch
from baton.runtime.handler import Cause, Decision, Heard, Service, Subject
from baton.runtime.observe import Counts
from baton.runtime.settings import Settings
from baton.runtime.store import NotNow, after_commit
from baton.scoring import api_accounts, api_definition, store, store_accounts, store_versions
from baton.scoring.adopt import adopt
from baton.scoring.api import router
from baton.scoring.api_definition import Desk
from baton.scoring.decide import decide
from baton.scoring.domain.account import SUBJECT, Account, named
from baton.scoring.domain.agreement import agreement_on
from baton.scoring.domain.person import Person
from baton.scoring.metrics import RULE_ERRORS, Metrics
from baton.scoring.settings import ScoringSettings
from baton.scoring.shadow import OUTCOMES, Shadow, shadow_routes

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

_DECIDED = ("round", "statuses_from")
_OWNER = reading(Owner, "id", "name")
HEARS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    INTAKE: TOPICS[INTAKE],
    ROUTING: {  # only what the history tells of a hand-off
        LeadRouted.type: reading(LeadRouted, *_DECIDED, owner=_OWNER),
        LeadReassigned.type: reading(LeadReassigned, *_DECIDED, "reason", owner=_OWNER),
        LeadHeld.type: reading(LeadHeld, *_DECIDED),
        LeadRecycled.type: reading(LeadRecycled, "round", "reason", "look_again_at"),
    },
    ROSTER: {AccountAssigned.type: reading(AccountAssigned, "account_id", "by", "assigned_at", owner=_OWNER | None)},
}
LOOK_AT_PLAYBOOK_EVERY = 2.0
COUNT_EVERY = 10.0
"""Seconds between two counts of people by outcome; a scraper comes every 15."""


State = Person | Account


class Scoring(Service[Any, None]):
    """Owns the lead definition. Publishes on `leads.scoring`."""

    name = "scoring"
    hears = HEARS
    says = (SCORING,)
    vocabulary = TOPICS[SCORING]
    erased_by = frozenset({LeadErased.type})

    def __init__(self, watch: Watch, shadow: Shadow | None = None) -> None:
        self.watch = watch
        self.shadow = shadow
        self.metadata, self.tables = store.make_tables()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        Counts(*RULE_ERRORS, lambda: self.playbook.failures(), self.registry)
        self.metrics.show_playbook(watch.current.version)
        for outcome in OUTCOMES if shadow is not None else ():
            self.metrics.shadow.labels(outcome)

    @property
    def playbook(self) -> Playbook:
        """The playbook in force."""
        return self.watch.current

    def load(self, tx: Connection, subjects: Sequence[Subject]) -> dict[Subject, State]:
        accounts = [subject for subject in subjects if subject.startswith(SUBJECT)]
        if not accounts:
            return {**store.load(tx, self.tables, subjects)}
        people = store.load(tx, self.tables, [subject for subject in subjects if subject not in accounts])
        return {**people, **store_accounts.load(tx, self.tables.account, accounts)}

    def decide(self, state: State, books: None, cause: Cause, now: datetime) -> Decision[Any]:
        if isinstance(state, Account):
            return _heard(state, cause)
        return decide(state, cause, self.playbook, now)

    def adopt(
        self, state: State, books: None, cause: Heard | None, said: Sequence[Heard], now: datetime
    ) -> Decision[Any]:
        if isinstance(state, Account):
            return _heard(state, cause)
        return adopt(state, cause, said, self.playbook, now)

    def keep(self, tx: Connection, states: Mapping[Subject, State], books: None, now: datetime) -> None:
        people = [state for state in states.values() if isinstance(state, Person)]
        store.keep(tx, self.tables, people, now)
        store_accounts.keep(tx, self.tables.account, [state for state in states.values() if isinstance(state, Account)])
        self.metrics.count_when_committed(tx, people)
        if self.shadow is not None:
            found = self.shadow.judged(people, self.playbook, now)
            after_commit(tx, partial(self._note_shadow, self.shadow, found))

    def _note_shadow(self, shadow: Shadow, found: list[dict[str, Any]]) -> None:
        shadow.note(found)
        for one in found:
            self.metrics.shadow.labels(one["outcome"]).inc()

    def forget(self, tx: Connection, subjects: Sequence[Subject], now: datetime) -> None:
        store.forget(tx, self.tables, subjects)
        if self.shadow is not None:
            after_commit(tx, partial(self.shadow.forget, frozenset(subjects)))

    def personal_data(self, tx: Connection, subject: Subject) -> dict[str, Any]:
        return store.of_person(tx, self.tables, subject)

    def ledger(self, tx: Connection) -> dict[str, Any]:
        return store.outcomes(tx, self.tables)

    def ledger_page(self, tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
        return store.fates(tx, self.tables, after, limit)

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        desk = Desk(engine, self.tables, self.watch)
        return (api_definition.router(desk), api_accounts.router(desk), shadow_routes(self), router(desk))

    def tasks(self) -> Sequence[Callable[[Engine], Awaitable[None]]]:
        return (self._follow_playbook, self._count_people)

    def playbook_version(self) -> str | None:
        return self.playbook.version

    def concerns(self) -> Mapping[str, str]:
        concerns = {"playbook": self.watch.refused} if self.watch.refused else {}
        if self.shadow is not None and self.shadow.refused:
            concerns["shadow_playbook"] = self.shadow.refused
        return concerns

    async def _follow_playbook(self, engine: Engine) -> None:
        noted = False
        while True:
            noted = noted or await self._note_in_force(engine)
            await engine.clock.sleep(LOOK_AT_PLAYBOOK_EVERY)
            newer = await asyncio.to_thread(self.watch.poll)
            if self.shadow is not None:
                await asyncio.to_thread(self.shadow.poll)
            if newer is not None:
                self.metrics.show_playbook(newer.version)
                noted = False

    async def _note_in_force(self, engine: Engine) -> bool:
        """Keep the version with its content, to compare it with those after it; False where that cannot be done now."""
        playbook, now = self.playbook, engine.clock.now()
        try:
            await engine.store.write(lambda tx: store_versions.note_in_force(tx, self.tables.version, playbook, now))
        except NotNow:
            return False
        return True

    async def _count_people(self, engine: Engine) -> None:
        while True:
            with contextlib.suppress(NotNow):  # readyz says so
                counts = await engine.read(lambda tx: store.outcomes(tx, self.tables))
                for outcome, number in counts.items():
                    self.metrics.leads.labels(outcome).set(number)
                signed = await Desk(engine, self.tables, self.watch).signed()
                self.metrics.show_agreement(agreement_on(self.playbook.version, signed))
            await engine.clock.sleep(COUNT_EVERY)


def _heard(account: Account, cause: Cause | None) -> Decision[Any]:
    if isinstance(cause, Heard) and isinstance(cause.body, AccountAssigned):
        return Decision(named(account, cause.body))
    return Decision(account)


def build(settings: Settings) -> Scoring:
    """Return the service. Raises PlaybookErrors: it does not start on a playbook it cannot read."""
    own = settings if isinstance(settings, ScoringSettings) else ScoringSettings(**settings.model_dump())
    return Scoring(Watch(settings.playbook), Shadow(own.shadow_playbook) if own.shadow_playbook is not None else None)
