"""The reporting service, wired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, MetaData

from baton.contracts import FACTS, LeadErased
from baton.reporting import store
from baton.reporting import store_queries as queries
from baton.reporting.decide import Dossier, decide
from baton.reporting.metrics import ReportingMetrics
from baton.reporting.settings import Settings
from baton.reporting.tables import metadata
from baton.reporting.views import HEARS
from baton.runtime.handler import Cause, Decision, Service, Span

if TYPE_CHECKING:
    from fastapi import APIRouter

    from baton.runtime.engine import Engine


class Reporting(Service[Dossier, None]):
    """Hears every fact and keeps read models; says nothing."""

    name = "reporting"
    hears = HEARS
    erased_by = frozenset({LeadErased.type})
    follows_erased = FACTS
    metadata: MetaData = metadata
    patience = 0.2  # its pages may be a moment late

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics = ReportingMetrics(self.registry)

    def load(self, tx: Connection, subjects: Sequence[str]) -> dict[str, Dossier]:
        return store.load(tx, subjects)

    def decide(self, state: Dossier, books: None, cause: Cause, now: datetime) -> Decision[Dossier]:
        return decide(state, cause)

    def keep(self, tx: Connection, states: Mapping[str, Dossier], books: None, now: datetime) -> None:
        store.keep(tx, states.values())
        self._metrics.count_when_committed(tx, ((dossier.kept, dossier.lead) for dossier in states.values()))

    def forget(self, tx: Connection, subjects: Sequence[str], now: datetime) -> None:
        store.forget(tx, subjects)

    def forget_told(self, tx: Connection, subject: str, span: Span) -> None:
        store.forget_told(tx, subject, span)

    def personal_data(self, tx: Connection, subject: str) -> dict[str, Any]:
        return queries.of_person(tx, subject)

    def ledger(self, tx: Connection) -> dict[str, Any]:
        return queries.fate_counts(tx)

    def ledger_page(self, tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
        return queries.ledger_page(tx, after, limit)

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        from baton.reporting.api import data_router
        from baton.reporting.pages import pages_router

        return (data_router(engine), pages_router(engine))


def build(settings: Settings) -> Reporting:
    """Return the service, ready for an engine."""
    return Reporting()
