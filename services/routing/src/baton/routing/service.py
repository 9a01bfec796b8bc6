"""Routing, wired."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
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
    SLA,
    TOPICS,
    LeadDisqualified,
    LeadErased,
    LeadMerged,
    LeadNurtured,
    LeadQualified,
    LeadScored,
    LeadStatusReported,
    LeadUpdated,
    Rep,
    SlaBreached,
    SlaEscalated,
    SlaStopped,
)
from baton.contracts.reading import reading
from baton.playbook import Playbook, RepSeed, Watch
from baton.routing import store, store_accounts, store_deliveries, store_waking
from baton.routing.account_commands import AccountCard, adopt_account, decide_account
from baton.routing.adopt import adopt_lead, adopt_rep
from baton.routing.api import routers
from baton.routing.commands import decide_lead_command
from baton.routing.decide import decide_lead
from baton.routing.deliveries.addressing import HOMEWORK, addressed, passed_on, readdressed
from baton.routing.deliveries.calling import Caller
from baton.routing.deliveries.receivers import Directory, Receiver, directory_of, of_playbook
from baton.routing.deliveries.sender import Sender
from baton.routing.desk import Desk
from baton.routing.domain.absences import AbsenceWords
from baton.routing.domain.books import Books
from baton.routing.domain.house import House
from baton.routing.domain.lead import Lead, without_history
from baton.routing.metrics import RULE_ERRORS, Metrics
from baton.routing.rep_commands import PLAYBOOK, RepCard, decide_rep
from baton.routing.settings import RoutingSettings
from baton.routing.shadow import OUTCOMES, Shadow, compared
from baton.routing.store_subscriptions import Shelf
from baton.routing.subjects import is_account, is_lead
from baton.routing.tables import make_tables
from baton.runtime.handler import Cause, Command, Decision, Heard, Service, Span, Subject
from baton.runtime.ids import event_id
from baton.runtime.observe import Counts
from baton.runtime.outbound.client import Outbound
from baton.runtime.settings import Settings
from baton.runtime.store import NotNow, after_commit, wake
from baton.values import changed

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

HEARS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    INTAKE: {fact.type: fact for fact in (LeadUpdated, LeadStatusReported, LeadMerged, LeadErased)},
    SCORING: {
        **{fact.type: fact for fact in (LeadQualified, LeadNurtured, LeadDisqualified)},
        LeadScored.type: reading(LeadScored, "round", "score", "temperature", "why"),
    },
    SLA: {fact.type: fact for fact in (SlaBreached, SlaStopped, SlaEscalated, *HOMEWORK)},
}
VOCABULARY: Mapping[str, type[BaseModel]] = {**TOPICS[ROUTING], **TOPICS[ROSTER]}
RETENTION_SECONDS = 600.0
RETENTION_BATCH = 500
"""Decisions deleted in one transaction; more would keep leads waiting behind it."""
OVERLAP = timedelta(days=1)
"""For so long replicas may work by different playbooks or rosters, far longer than they do."""
COUNT_EVERY = 10.0
"""Seconds between two counts of held leads; a scraper comes every 15."""

State = Lead | RepCard | AccountCard


@dataclass(frozen=True)
class Counter:
    """What leads share: the books, and the playbook that the whole transaction is decided by."""

    house: House
    books: Books
    directory: Callable[[], Directory] = Directory
    """Who is told of facts; looked up once it is asked for."""
    find_account_owner: Callable[[str], str | None] = lambda _: None
    find_named_owner: Callable[[str], str | None] = lambda _: None

    def desk(self, now: datetime) -> Desk:
        """What a decision is made with."""
        return Desk(self.house, self.books, now, self.find_account_owner, self.find_named_owner)


class Routing(Service[State, Counter]):
    """Owns the roster, the books and the owners of leads. Publishes on `leads.routing` and `leads.roster`."""

    name = "routing"
    hears = HEARS
    says = (ROUTING, ROSTER)
    vocabulary = VOCABULARY
    erased_by = frozenset({LeadErased.type})
    repeats_for = None  # what a round was opened with is said again as long as it lasts

    def __init__(self, watch: Watch, settings: Settings) -> None:
        self.watch = watch
        self.house = House(watch.current)
        self.metadata, self.tables = make_tables()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        Counts(*RULE_ERRORS, lambda: self.house.playbook.failures(), self.registry)
        self.metrics.show_playbook(watch.current.version)
        self._shelf = store.BooksShelf(self.tables)
        self._open: Counter | None = None
        self._kept: tuple[str, str] | None = None
        self._lanes = settings.partitions
        own = settings if isinstance(settings, RoutingSettings) else RoutingSettings(**settings.model_dump())
        self._poll_seconds = own.playbook_poll_seconds
        self.absence_words = AbsenceWords.of(own.absence_words)
        self._post_office = own.post_office()
        self._delivery_days = own.delivery_days
        self._decision_days = own.decision_retention_days
        self.shadow = Shadow(own.shadow_playbook) if own.shadow_playbook is not None else None
        for outcome in OUTCOMES if self.shadow is not None else ():
            self.metrics.shadow.labels(outcome)
        self._subscriptions = Shelf(self.tables)
        self._named: tuple[Playbook, list[Receiver]] = (watch.current, of_playbook(watch.current))

    def books(self, tx: Connection) -> Counter:
        # Set while the books are locked, and read in `keep` of the same transaction: nobody else can come between.
        newest = cache(partial(store_accounts.newest_owner, tx, self.tables))
        named = cache(partial(store_accounts.named_owner, tx, self.tables))
        self._open = Counter(self.house, self._shelf.take(tx), cache(partial(self.directory, tx)), newest, named)
        return self._open

    def load(self, tx: Connection, subjects: Sequence[Subject]) -> dict[Subject, State]:
        leads: dict[Subject, State] = dict(store.load_leads(tx, self.tables, filter(is_lead, subjects)))
        accounts = store_accounts.load(tx, self.tables, filter(is_account, subjects))
        others = (subject for subject in subjects if not is_lead(subject) and subject not in accounts)
        return {**leads, **accounts, **{subject: RepCard(subject) for subject in others}}

    def decide(self, state: State, books: Counter, cause: Cause, now: datetime) -> Decision[State]:
        desk = books.desk(now)
        decision = _with_counter(_decision(state, desk, cause), books)
        if not isinstance(state, Lead):
            return decision
        return passed_on(addressed(decision, cause, books.directory), cause, books.directory)

    def adopt(
        self, state: State, books: Counter, cause: Heard | None, said: Sequence[Heard], now: datetime
    ) -> Decision[State]:
        desk = books.desk(now)
        if isinstance(state, RepCard):
            return _with_counter(adopt_rep(state, desk, said), books)
        if isinstance(state, AccountCard):
            return _with_counter(adopt_account(state, desk, said), books)
        adopted = _with_counter(adopt_lead(state, desk, cause, said), books)
        return passed_on(readdressed(adopted, said, books.directory), cause, books.directory)

    def keep(self, tx: Connection, states: Mapping[Subject, State], books: Counter | None, now: datetime) -> None:
        leads = [state for state in states.values() if isinstance(state, Lead)]
        reps = [state.changed for state in states.values() if isinstance(state, RepCard) and state.changed]
        store.keep_leads(tx, self.tables, leads, now)
        store.keep_reps(tx, self.tables, reps, now)
        store_accounts.keep(tx, self.tables, [state for state in states.values() if isinstance(state, AccountCard)])
        for lead in leads:
            if lead.parcels:
                store_deliveries.add(tx, self.tables, lead.lead_id, lead.parcels, now, self._lanes)
        if any(lead.fresh for lead in leads):
            self._keep_bodies(tx, books or self._open, now)
            self._ask_the_draft(tx, leads, books or self._open)
        if books is not None:
            self._keep_books(tx, books, now)
        self.metrics.count_when_committed(tx, leads)

    def _ask_the_draft(self, tx: Connection, leads: Sequence[Lead], used: Counter | None) -> None:
        """Count what the draft would have made of these decisions. It is told of none and decides none."""
        draft = self.shadow.house if self.shadow is not None else None
        if draft is None or used is None:
            return
        fresh = [kept.inputs for lead in leads for kept in lead.fresh]
        outcomes = [compared(inputs, used.house, draft, used.books)["outcome"] for inputs in fresh]

        def count() -> None:
            for outcome in outcomes:
                self.metrics.shadow.labels(outcome).inc()

        after_commit(tx, count)

    def _keep_bodies(self, tx: Connection, used: Counter | None, now: datetime) -> None:
        assert used is not None  # the runtime opens the books before it loads anything
        hashes = (used.books.roster.hash, used.house.playbook.hash)
        if hashes != self._kept:
            store.keep_bodies(tx, self.tables, used.books.roster, used.house.playbook, now)
            after_commit(tx, partial(setattr, self, "_kept", hashes))

    def _keep_books(self, tx: Connection, books: Counter, now: datetime) -> None:
        self._shelf.put(tx, books.books)
        store_accounts.keep_newest(tx, self.tables, books.books.owners)
        roster = books.books.roster.reps
        left = {rep: not roster[rep].active for rep in books.books.left if rep in roster}
        woken = store_waking.to_be_woken(tx, self.tables, books.books.stirred, books.books.roster)
        woken += store_waking.to_be_handed_over(tx, self.tables, left)
        wake(tx, self.metadata, woken, now, self._lanes)

    def forget(self, tx: Connection, subjects: Sequence[Subject], now: datetime) -> None:
        store.forget(tx, self.tables, subjects)
        store_deliveries.forget(tx, self.tables, subjects)

    def parted(self, state: State) -> State:
        return without_history(state) if isinstance(state, Lead) else state

    def forget_told(self, tx: Connection, subject: Subject, span: Span) -> None:
        store.forget_decisions(tx, self.tables, subject, span.since)
        store_deliveries.forget_since(tx, self.tables, subject, span.since)

    def personal_data(self, tx: Connection, subject: Subject) -> dict[str, Any]:
        return {
            **store.of_person(tx, self.tables, subject),
            "deliveries": store_deliveries.of_person(tx, self.tables, subject),
        }

    def ledger(self, tx: Connection) -> dict[str, Any]:
        return store.fate_counts(tx, self.tables)

    def ledger_page(self, tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
        return store.fates(tx, self.tables, after, limit)

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        return routers(engine, self)

    def tasks(self) -> Sequence[Callable[[Engine], Awaitable[None]]]:
        return (self._follow_playbook, self._count_held, self._deliver, self._delete_old)

    def playbook_version(self) -> str | None:
        return self.house.playbook.version

    def concerns(self) -> Mapping[str, str]:
        concerns = {"playbook": self.watch.refused} if self.watch.refused else {}
        if self.shadow is not None and self.shadow.refused:
            concerns["shadow_playbook"] = self.shadow.refused
        return concerns

    def books_now(self, tx: Connection) -> Books:
        """The books as they stand, not locked: for showing."""
        return self._shelf.take(tx, lock=False)

    def directory(self, tx: Connection) -> Directory:
        """Who is told of facts: by the playbook in force, and by subscription."""
        playbook, post_office = self.house.playbook, self._post_office is not None
        if self._named[0] is not playbook:
            self._named = (playbook, of_playbook(playbook))
        return directory_of([*self._named[1], *self._subscriptions.all(tx)], os.environ, post_office)

    async def _deliver(self, engine: Engine) -> None:
        outbound = Outbound.of(engine.settings)
        self.sender = Sender(self, Caller(outbound, os.environ, engine.clock), self._post_office, self._delivery_days)
        try:
            await self.sender.run(engine)
        finally:
            await outbound.close()

    async def _delete_old(self, engine: Engine) -> None:
        while True:
            with contextlib.suppress(NotNow):  # readyz says so
                await self.delete_old_decisions(engine)
            await engine.clock.sleep(RETENTION_SECONDS)

    async def delete_old_decisions(self, engine: Engine) -> int:
        """Delete what decisions were made by that is past its time, a little at a time; return how many they were."""
        before, gone = engine.now() - timedelta(days=self._decision_days), 0

        def work(tx: Connection) -> int:
            return store.delete_old_decisions(tx, self.tables, before, RETENTION_BATCH)

        while more := await engine.store.write(work):
            gone += more
        await engine.store.write(lambda tx: store.delete_old_bodies(tx, self.tables, before - OVERLAP))
        return gone

    async def take_playbook(self, engine: Engine, playbook: Playbook) -> None:
        """Work by this playbook from now on: add reps its roster names anew, and try the held leads again."""
        self.house = House(playbook)
        self.metrics.show_playbook(playbook.version)
        known = (await engine.read(self.books_now)).roster.reps
        for seed in playbook.roster.reps if playbook.roster else ():
            if seed.id in known:
                continue
            await engine.command(Command(event_id("seed", seed.id), seed.id, "seed", rep_of(seed)))
        await engine.command(Command(event_id("playbook", playbook.hash), PLAYBOOK, "playbook"))

    async def _follow_playbook(self, engine: Engine) -> None:
        waiting: Playbook | None = self.watch.current
        while True:
            with contextlib.suppress(NotNow):  # readyz says so; the same playbook is taken in the next round
                if waiting is not None:
                    await self.take_playbook(engine, waiting)
                    waiting = None
            await engine.clock.sleep(self._poll_seconds)
            waiting = await asyncio.to_thread(self.watch.poll) or waiting
            if self.shadow is not None:
                await asyncio.to_thread(self.shadow.poll)

    async def _count_held(self, engine: Engine) -> None:
        while True:
            with contextlib.suppress(NotNow):  # readyz says so
                self.metrics.show_held(await engine.read(lambda tx: store.held_counts(tx, self.tables)))
                self.metrics.show_furthest((await engine.read(self.books_now)).furthest)
            await engine.clock.sleep(COUNT_EVERY)


def _with_counter(decision: Decision[State], counter: Counter) -> Decision[State]:
    if decision.books is None:
        return decision
    return replace(decision, books=changed(counter, books=decision.books))


def _decision(state: State, desk: Desk, cause: Cause) -> Decision[State]:
    if isinstance(state, RepCard):
        return decide_rep(state, desk, cause)
    if isinstance(state, AccountCard):
        return decide_account(state, desk, cause)
    return decide_lead_command(state, desk, cause) if isinstance(cause, Command) else decide_lead(state, desk, cause)


def rep_of(seed: RepSeed) -> Rep:
    """The rep a roster.yaml describes."""
    return Rep.model_validate(seed.model_dump(mode="json"))


def build(settings: Settings) -> Routing:
    """Return the service. Raises PlaybookErrors: routing does not start on a playbook that is not valid."""
    return Routing(Watch(settings.playbook), settings)
