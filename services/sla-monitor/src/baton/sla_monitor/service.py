"""The SLA monitor, wired."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from baton.contracts import SLA, TOPICS, LeadErased
from baton.playbook import Playbook, Watch
from baton.runtime.handler import Cause, Decision, Heard, Service, Subject
from baton.runtime.store import NotNow
from baton.sla_monitor import store
from baton.sla_monitor.adopt import adopt
from baton.sla_monitor.api import router
from baton.sla_monitor.decide import Watched, decide
from baton.sla_monitor.domain import homework
from baton.sla_monitor.domain.ticking import KINDS
from baton.sla_monitor.hearing import HEARS
from baton.sla_monitor.metrics import Metrics
from baton.sla_monitor.pages import pages_router
from baton.sla_monitor.recount import wake_for_calendars
from baton.sla_monitor.settings import Settings

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

LOOK_AT_PLAYBOOK_EVERY = 2.0
COUNT_EVERY = 10.0
"""Seconds between two counts of the obligations; a scraper comes every 15."""


class SlaMonitor(Service[Watched, None]):
    """Owns the clocks. Publishes on `leads.sla`."""

    name = "sla-monitor"
    hears = HEARS
    says = (SLA,)
    vocabulary = TOPICS[SLA]
    erased_by = frozenset({LeadErased.type})
    # Warnings wait for what was said before them, too: nobody is warned of what he has done.
    deadlines = frozenset({*KINDS, *homework.KINDS})
    patience = 0.1  # deadlines wait for two seconds; nothing a person does waits for a clock to start

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.metadata, self.tables = store.make_tables()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.metrics.show_playbook(watch.current)

    @property
    def playbook(self) -> Playbook:
        """The playbook in force."""
        return self.watch.current

    def load(self, tx: Connection, subjects: Sequence[Subject]) -> dict[Subject, Watched]:
        return store.load(tx, self.tables, subjects)

    def decide(self, state: Watched, books: None, cause: Cause, now: datetime) -> Decision[Watched]:
        return decide(state, cause, self.playbook, now)

    def adopt(
        self, state: Watched, books: None, cause: Heard | None, said: Sequence[Heard], now: datetime
    ) -> Decision[Watched]:
        return adopt(state, cause, said, self.playbook, now)

    def keep(self, tx: Connection, states: Mapping[Subject, Watched], books: None, now: datetime) -> None:
        store.keep(tx, self.tables, states)
        self.metrics.count_when_committed(tx, states.values())

    def forget(self, tx: Connection, subjects: Sequence[Subject], now: datetime) -> None:
        store.forget(tx, self.tables, subjects)

    def personal_data(self, tx: Connection, subject: Subject) -> dict[str, Any]:
        return store.of_person(tx, self.tables, subject)

    def ledger(self, tx: Connection) -> dict[str, Any]:
        """Return how many leads were ever handed over, and the promises by state."""
        states = dict(store.counts(tx, self.tables, "state"))
        return {"leads": store.leads(tx, self.tables), "obligations": {str(k): v for k, v in states.items()}}

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        wired = (engine, self.tables, lambda: self.playbook)
        return router(*wired), pages_router(*wired)

    def tasks(self) -> Sequence[Callable[[Engine], Awaitable[None]]]:
        return (self._follow_playbook, self._count_obligations)

    def playbook_version(self) -> str | None:
        return self.playbook.version

    def concerns(self) -> Mapping[str, str]:
        return {"playbook": self.watch.refused} if self.watch.refused else {}

    async def _follow_playbook(self, engine: Engine) -> None:
        counted: str | None = None
        while True:
            if counted != self.playbook.version:
                with contextlib.suppress(NotNow):  # readyz says so; the next look tries again
                    current = self.playbook
                    await wake_for_calendars(engine, self, current)
                    counted = current.version
            await engine.clock.sleep(LOOK_AT_PLAYBOOK_EVERY)
            await asyncio.to_thread(self.watch.poll)
            self.metrics.show_playbook(self.playbook)

    async def _count_obligations(self, engine: Engine) -> None:
        knows_teams = False
        while True:
            with contextlib.suppress(NotNow):  # readyz says so
                if not knows_teams:
                    self.metrics.expect(await engine.read(lambda tx: store.teams(tx, self.tables)))
                    knows_teams = True
                rows = await engine.read(lambda tx: store.counts(tx, self.tables, "policy", "state"))
                self.metrics.show({(policy, state): count for policy, state, count in rows})
            await engine.clock.sleep(COUNT_EVERY)


def build(settings: Settings) -> SlaMonitor:
    """Return the service. Raises PlaybookErrors: it does not start on a playbook it cannot read."""
    return SlaMonitor(Watch(settings.playbook))
