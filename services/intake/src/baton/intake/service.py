"""The intake service: wired here and nowhere else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from sqlalchemy import Connection

from baton.contracts import INTAKE, ROUTING, TOPICS, LeadDelivered, LeadErased
from baton.contracts.reading import reading
from baton.intake import store, store_erasure, store_merges
from baton.intake.adopt import adopt
from baton.intake.api import posts_router
from baton.intake.api_accounts import accounts_router
from baton.intake.api_leads import leads_router
from baton.intake.api_merges import merges_router
from baton.intake.api_quarantine import quarantine_router
from baton.intake.book import Book
from baton.intake.decide import Arrival, decide, erased
from baton.intake.decide_merging import Absorbs, Goes, Parts, decide_merging
from baton.intake.domain.errands import Errand, Farewell, Fetched, Later, Refused, Waiting, is_errand
from baton.intake.domain.person import Person
from baton.intake.domain.posts import LeadReference
from baton.intake.erasing import Erasing, Erasure
from baton.intake.erasing_api import erasing_router
from baton.intake.errands import ERASE, FETCH, LINK, come_back, known_outside, say_farewell, set_out
from baton.intake.fetching import Fetcher
from baton.intake.hooks import hooks_router
from baton.intake.matchmaker import Matchmaker
from baton.intake.metrics import IntakeMetrics
from baton.intake.reception import Reception
from baton.intake.settings import IntakeSettings
from baton.intake.tables import METADATA
from baton.playbook import Watch
from baton.runtime.engine import Engine
from baton.runtime.handler import Cause, Command, Decision, Heard, JobDone, Service
from baton.runtime.observe import log
from baton.runtime.settings import Settings
from baton.runtime.store import NotNow

ANSWERS_LIFE: Final = timedelta(hours=24)
"""How long an Idempotency-Key is remembered; senders that retry give up within hours."""

PLAYBOOK_SECONDS: Final = 2.0
GAUGES_SECONDS: Final = 15.0
TALLIES_SECONDS: Final = 30.0
MATCHES_SECONDS: Final = 10.0
RETENTION_SECONDS: Final = 600.0
RETENTION_BATCH: Final = 200
"""Bodies deleted in one transaction; more would keep posts waiting behind it."""


HEARS: Final[Mapping[str, Mapping[str, type[BaseModel]]]] = {
    ROUTING: {LeadDelivered.type: reading(LeadDelivered, "endpoint", "system", "record_id")},
}
State = Person | Waiting
"""A lead, or an errand: what a notice only names."""


class Intake(Service[State, None]):
    """The only door for facts from outside."""

    name = "intake"
    hears = HEARS
    needs_bus = False
    patience = 0.3  # whom a CRM knows a lead as may be learned a moment late, and most hand-offs tell nothing of that
    says = (INTAKE,)
    vocabulary = TOPICS[INTAKE]
    erased_by = frozenset({LeadErased.type})
    repeats_for = timedelta()  # it said itself that they are one, and no longer
    metadata = METADATA

    def __init__(self, settings: IntakeSettings, book: Book) -> None:
        self.settings = settings
        self.book = book
        self.registry = CollectorRegistry()
        self.metrics = IntakeMetrics(self.registry)
        self.metrics.playbook(book.version, book.sources)
        self._reception: Reception | None = None
        self._fetcher: Fetcher | None = None
        self._erasing: Erasing | None = None
        self._matchmaker: Matchmaker | None = None

    def load(self, tx: Connection, subjects: Sequence[str]) -> dict[str, State]:
        people = store.load_people(tx, [subject for subject in subjects if not is_errand(subject)])
        return {**people, **{subject: Waiting(subject) for subject in subjects if is_errand(subject)}}

    def decide(self, state: State, books: None, cause: Cause, now: datetime) -> Decision[Any]:
        match state, cause:
            case Person() as person, Heard() | JobDone() as told:
                return known_outside(person, told)
            case Person() as person, Command(body=Arrival() as arrival):
                return decide(person, arrival, now)
            case Person() as person, Command(body=Erasure() as asked):
                return erased(person, asked.requested_at, asked.gone_by, asked.told_in)
            case Waiting() as waiting, Command(body=Errand() as errand):
                return set_out(waiting, errand, now)
            case Waiting() as waiting, Command(body=Farewell() as farewell):
                return say_farewell(waiting, farewell)
            case Waiting() as waiting, JobDone() as done:
                return come_back(waiting, done, now)
            case Person() as person, Command(body=Goes() | Absorbs() | Parts() as asked):
                return decide_merging(person, asked, now)
            case _:
                raise TypeError(f"intake decides on no {type(cause).__name__}")

    def adopt(
        self, state: State, books: None, cause: Heard | None, said: Sequence[Heard], now: datetime
    ) -> Decision[Any]:
        assert isinstance(state, Person)  # nothing is ever said about an errand
        return adopt(state, said, self.book.rules, now)

    def keep(self, tx: Connection, states: Mapping[str, State], books: None, now: datetime) -> None:
        people = [state for state in states.values() if isinstance(state, Person)]
        store.keep_people(tx, people)
        if any(person.retold for person in people):
            store.keep_retold(tx, people)
        for state in states.values():
            if isinstance(state, Waiting) and state.cause is not None:
                store.tell_notices(tx, state.subject, state.cause, state.detail)

    def forget(self, tx: Connection, subjects: Sequence[str], now: datetime) -> None:
        store_erasure.forget(tx, subjects, now)

    def personal_data(self, tx: Connection, subject: str) -> dict[str, Any]:
        return store_erasure.of_person(tx, subject)

    def ledger(self, tx: Connection) -> dict[str, Any]:
        return store.ledger(tx)

    def ledger_page(self, tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
        return store.lead_page(tx, after, limit)

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        self._reception = reception = Reception(engine, self.book, self.settings, self.metrics)
        self._fetcher = Fetcher(engine, self.book, reception, self.settings, self.metrics)
        self._matchmaker = reception.matchmaker
        self._erasing = Erasing(engine)
        return (
            posts_router(reception, self.settings, self.metrics),
            hooks_router(reception, self.book, self.settings, self.metrics, engine),
            leads_router(engine),
            accounts_router(engine),
            merges_router(engine, reception.matchmaker),
            quarantine_router(engine, reception),
            erasing_router(self._erasing),
        )

    def jobs(self) -> Mapping[str, Callable[[Any], Awaitable[Any]]]:
        return {FETCH: self.fetch, ERASE: self.forget_whom, LINK: self.link}

    async def forget_whom(self, payload: Mapping[str, Any]) -> None:
        """Erase whom a platform wants forgotten, if anybody is known by that. Safe to repeat."""
        assert self._erasing is not None  # made with the routes, before any job runs
        await self._erasing.erase_known_by(LeadReference.model_validate(payload["lead"]))

    async def link(self, payload: Mapping[str, str]) -> None:
        """Know a lead by its record at the CRM that took it, from now on. Safe to repeat."""
        assert self._reception is not None  # made with the routes, before any job runs
        await self._reception.known_as(payload["lead_id"], payload["system"], payload["id"])

    async def fetch(self, payload: Mapping[str, Any]) -> Fetched | Later | Refused:
        """Fetch what a notice names, and take it in. Safe to repeat."""
        assert self._fetcher is not None  # made with the routes, before any job runs
        return await self._fetcher.run(payload)

    def tasks(self) -> Sequence[Callable[[Engine], Awaitable[None]]]:
        return (
            self.watch_playbook,
            self.show_quarantine,
            self.add_up,
            self.delete_old,
            self.make_matches,
            self.hang_up,
        )

    def playbook_version(self) -> str | None:
        return self.book.version

    def concerns(self) -> Mapping[str, str]:
        return {"playbook": self.book.refused} if self.book.refused else {}

    # -- tasks --------------------------------------------------------------------------------------------------------

    async def watch_playbook(self, engine: Engine) -> None:
        """Follow the playbook's directory: a changed source counts within seconds."""
        if silent := list(self.book.without_secrets()):
            # No warning: the playbook may list more platforms than a house has. A post to one of them is warned of.
            log.info("sources_without_secret", sources=silent)
        while True:
            if await asyncio.to_thread(self.book.poll):
                self.metrics.playbook(self.book.version, self.book.sources)
                log.info("playbook_changed", version=self.book.version)
            await engine.clock.sleep(PLAYBOOK_SECONDS)

    async def show_quarantine(self, engine: Engine) -> None:
        """Keep the gauge of quarantined elements true."""
        while True:
            with suppress(NotNow):
                self.metrics.quarantine(await engine.read(store.quarantine_causes))
            await engine.clock.sleep(GAUGES_SECONDS)

    async def make_matches(self, engine: Engine) -> None:
        """Merge what a post has shown to be one person and nobody got round to merge: a process fell over."""
        while True:
            with suppress(NotNow):
                if self._matchmaker is not None:
                    await self._matchmaker.merge_due()
                self.metrics.pairs(await engine.read(store_merges.counts))
            await engine.clock.sleep(MATCHES_SECONDS)

    async def add_up(self, engine: Engine) -> None:
        """Add up the tallies, so that reading the ledger stays cheap."""
        while True:
            with suppress(NotNow):
                await engine.store.write(store.fold_tallies)
            await engine.clock.sleep(TALLIES_SECONDS)

    async def hang_up(self, engine: Engine) -> None:
        """Close the connections to platforms when the service stops."""
        try:
            while True:
                await engine.clock.sleep(GAUGES_SECONDS)
        finally:
            if self._fetcher is not None:
                await self._fetcher.close()

    async def delete_old(self, engine: Engine) -> None:
        """Delete raw bodies and idempotency answers that are past their time, a few at a time."""
        while True:
            with suppress(NotNow):
                await self.forget_old(engine)
            await engine.clock.sleep(RETENTION_SECONDS)

    async def forget_old(self, engine: Engine) -> int:
        """Delete everything that is past its time now; return how many bodies that were."""
        now = engine.clock.now()
        old_raw, old_answers = now - timedelta(days=self.settings.raw_retention_days), now - ANSWERS_LIFE
        await self._give_up_quarantined(engine, now)
        while await engine.store.write(lambda tx: store.delete_old_answers(tx, old_answers, RETENTION_BATCH)):
            pass
        gone = 0
        while deleted := await engine.store.write(lambda tx: store.delete_old_raw(tx, old_raw, RETENTION_BATCH)):
            gone += deleted
        if gone:
            log.info("raw_bodies_deleted", count=gone)
        return gone

    async def _give_up_quarantined(self, engine: Engine, now: datetime) -> None:
        """What nobody has settled in time is lost, loudly; what was kept only for it can go as well."""
        old = now - timedelta(days=self.settings.quarantine_retention_days)
        given_up = 0
        while more := await engine.store.write(
            lambda tx: store_erasure.delete_old_quarantined(tx, old, RETENTION_BATCH)
        ):
            given_up += more
        self.metrics.gave_up(given_up)
        if given_up:
            log.error("quarantine_given_up", count=given_up, days=self.settings.quarantine_retention_days)
        while await engine.store.write(lambda tx: store_erasure.wipe_sealed(tx, RETENTION_BATCH)):
            pass
        await engine.store.write(lambda tx: store_erasure.delete_old_digests(tx, old))


def build(settings: Settings) -> Intake:
    """Return the service. Raises PlaybookErrors where the playbook cannot be used: nobody starts on a bad one."""
    own = IntakeSettings.of(settings)
    return Intake(own, Book(Watch(own.playbook), os.environ))
