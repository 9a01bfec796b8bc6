"""What Prometheus reads of reporting."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Connection

from baton.reporting.domain.counting import stands_alike
from baton.reporting.domain.fate import FATES, fate_of
from baton.reporting.domain.lead import Lead
from baton.runtime.store import after_commit


class ReportingMetrics:
    """`baton_leads_total{outcome}`: how often leads came to an outcome, as this process has heard it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._leads = Counter("baton_leads", "Leads that came to an outcome.", ["outcome"], registry=registry)
        for fate in FATES:
            self._leads.labels(fate)

    def count_when_committed(self, tx: Connection, changes: Iterable[tuple[Lead, Lead]]) -> None:
        """Count, at the commit, the leads whose outcome is another than it was; one rolled back counts nothing."""
        outcomes = [fate_of(after) for before, after in changes if _is_news(before, after)]
        if outcomes:
            after_commit(tx, lambda: self._count(outcomes))

    def _count(self, outcomes: Iterable[str]) -> None:
        for outcome in outcomes:
            self._leads.labels(outcome).inc()


def _is_news(before: Lead, after: Lead) -> bool:
    if after.received_at is None or stands_alike(before, after):
        return False
    return before.received_at is None or fate_of(before) != fate_of(after)
