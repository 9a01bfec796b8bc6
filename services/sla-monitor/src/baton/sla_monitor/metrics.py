"""What operators see of follow-up: how long people waited, and which promises hold. No lead ids, no names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Connection

from baton.runtime.store import after_commit
from baton.sla_monitor.decide import Watched
from baton.sla_monitor.domain.follow_up import FollowedUp
from baton.sla_monitor.domain.obligation import Obligation

# One minute to a month: the odds of qualifying fall between 5 and 30 minutes; most of sales answers in hours and days.
WAITS = (60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800, 2_592_000)
NO_TEAM = "none"


class Metrics:
    """The SLA monitor's own metrics, in the service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.follow_up = Histogram(
            "baton_follow_up_seconds",
            "Routed to first attempt, on the wall.",
            ["team"],
            buckets=WAITS,
            registry=registry,
        )
        self.follow_up_business = Histogram(
            "baton_follow_up_business_seconds",
            "Routed to first attempt, while the owner's calendar was open.",
            ["team"],
            buckets=WAITS,
            registry=registry,
        )
        self.first_contact = Histogram(
            "baton_first_contact_seconds",
            "Routed to first contact reached, on the wall.",
            ["team"],
            buckets=WAITS,
            registry=registry,
        )
        self.obligations = Gauge(
            "baton_sla_obligations", "Promises by policy and state.", ["policy", "state"], registry=registry
        )
        self.breaches = Counter(
            "baton_sla_breaches", "Promises declared broken.", ["policy", "team"], registry=registry
        )
        self.escalations = Counter(
            "baton_sla_escalations",
            "Steps taken after a promise was broken.",
            ["policy", "to"],
            registry=registry,
        )
        self.playbook = Gauge("baton_playbook_info", "1 for the playbook in force.", ["version"], registry=registry)

    def show_playbook(self, version: str) -> None:
        """Name the playbook in force; the ones before it disappear."""
        self.playbook.clear()
        self.playbook.labels(version).set(1)

    def count_when_committed(self, tx: Connection, states: Iterable[Watched]) -> None:
        """Count what became known in this transaction at its commit: one rolled back and tried again counts once."""
        measured = [deed for state in states for deed in state.measured]
        breaches = [clock for state in states for clock in state.breaches]
        escalations = [step for state in states for step in state.escalations]
        if measured or breaches or escalations:
            after_commit(tx, lambda: self._count(measured, breaches, escalations))

    def _count(
        self,
        measured: Iterable[FollowedUp],
        breaches: Iterable[Obligation],
        escalations: Iterable[tuple[str, str]],
    ) -> None:
        for deed in measured:
            team = deed.team or NO_TEAM
            if deed.deed == "contact":
                self.first_contact.labels(team).observe(deed.seconds)
            else:
                self.follow_up.labels(team).observe(deed.seconds)
                self.follow_up_business.labels(team).observe(deed.business_seconds)
        for clock in breaches:
            self.breaches.labels(clock.policy, clock.team or NO_TEAM).inc()
        for policy, to in escalations:
            self.escalations.labels(policy, to).inc()

    def show(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set the gauge of obligations to `counts` of (policy, state); what is no longer there becomes 0."""
        seen: set[Any] = set(counts)
        for sample in next(iter(self.obligations.collect())).samples:
            pair = (sample.labels["policy"], sample.labels["state"])
            if pair not in seen:
                self.obligations.labels(*pair).set(0)
        for (policy, state), count in counts.items():
            self.obligations.labels(policy, state).set(count)
