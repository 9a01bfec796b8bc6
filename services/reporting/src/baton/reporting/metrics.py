"""What Prometheus reads of reporting."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from baton.reporting.domain.fate import FATES, fate_of
from baton.reporting.domain.lead import Lead


class ReportingMetrics:
    """`baton_leads_total{outcome}`: how often leads came to an outcome, as this process has heard it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._leads = Counter("baton_leads", "Leads that came to an outcome.", ["outcome"], registry=registry)
        for fate in FATES:
            self._leads.labels(fate)

    def count(self, changes: Iterable[tuple[Lead, Lead]]) -> None:
        """Count the leads whose outcome is another than it was."""
        for before, after in changes:
            outcome = fate_of(after)
            if after.received_at is not None and (before.received_at is None or fate_of(before) != outcome):
                self._leads.labels(outcome).inc()
