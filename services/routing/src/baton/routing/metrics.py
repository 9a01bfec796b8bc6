"""What routing measures. No lead and no rep in a label."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Connection

from baton.contracts import ReassignReason
from baton.routing.deliveries.outcome import VERDICTS
from baton.routing.domain.lead import Handoff, Lead
from baton.routing.domain.marks import Fate
from baton.runtime.labels import Values
from baton.runtime.store import after_commit

# From what an idle machine needs to what an outage costs; the promise is under one second.
HANDOFF_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
LONGEST_ID = 36
"""A UUID in characters."""
REASONS = ("no_rule", "nobody_eligible", "no_consent", "queued", "manager")

RULE_ERRORS = (
    "baton_rule_errors",
    "Conditions that could not be computed (a division by zero, say) and so counted as not met, by list and rule.",
    ("list", "rule"),
)


class Metrics:
    """Routing's own metrics, in its own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.handoff = Histogram(
            "baton_handoff_seconds",
            "From the fact that made a lead qualify, as intake recorded it, to its owner. Held and by hand excluded.",
            buckets=HANDOFF_BUCKETS,
            registry=registry,
        )
        self.leads = Counter("baton_leads", "Leads that came into this state.", ["outcome"], registry=registry)
        self.reassignments = Counter(
            "baton_reassignments", "Owners after the first of a round.", ["reason"], registry=registry
        )
        self.mismatches = Counter(
            "baton_explain_mismatches",
            "Decisions that, recomputed by `explain` from their kept inputs, were not what was published.",
            registry=registry,
        )
        self.shadow = Counter(
            "baton_shadow_decisions",
            "Decisions, by what the draft of BATON_SHADOW_PLAYBOOK would have made of them.",
            ["outcome"],
            registry=registry,
        )
        self.held = Gauge("baton_held_leads", "Leads nobody has, by reason.", ["reason"], registry=registry)
        self.furthest = Gauge(
            "baton_rotation_furthest_leads",
            "The furthest anybody in the pool has ever been from what he was due.",
            ["pool"],
            registry=registry,
        )
        self.deliveries = Counter(
            "baton_webhook_deliveries", "Tries to tell an endpoint, by how they ended.", ["outcome"], registry=registry
        )
        self.notices = Counter(
            "baton_owner_notices",
            "Tries to tell the owner of a lead, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        for fate in sorted({*get_args(Fate), "erased"} - {"suspect"}):
            self.leads.labels(fate)
        for reason in get_args(ReassignReason):
            self.reassignments.labels(reason)
        for outcome in VERDICTS:
            self.deliveries.labels(outcome)
            self.notices.labels(outcome)
        self.given_up = Counter(
            "baton_deliveries_given_up",
            "Deliveries that the endpoint never took, though it took others.",
            ["endpoint"],
            registry=registry,
        )
        self.endpoint_disabled = Gauge(
            "baton_endpoint_disabled",
            "1 while nothing is sent to the endpoint: it has gone, or took nothing for three days.",
            ["endpoint"],
            registry=registry,
        )
        self.deliveries_waiting = Gauge(
            "baton_deliveries_waiting", "Deliveries to the endpoint that wait.", ["endpoint"], registry=registry
        )
        self.delivery_age = Gauge(
            "baton_delivery_age_seconds",
            "How long the oldest delivery to the endpoint has waited.",
            ["endpoint"],
            registry=registry,
        )
        self.playbook = Gauge("baton_playbook_info", "1 for the playbook in force.", ["version"], registry=registry)
        self._given_up_by = Values()
        self.show_held({})

    def count_when_committed(self, tx: Connection, leads: Iterable[Lead]) -> None:
        """Count what these leads went through in this transaction, at its commit: one rolled back counts nothing."""
        seen = list(leads)
        handoffs = [(lead.lead_id, handoff) for lead in seen for handoff in lead.handoffs]
        counted = [what for lead in seen for what in lead.counted]
        if handoffs or counted:
            after_commit(tx, lambda: self._count(handoffs, counted))

    def _count(self, handoffs: Iterable[tuple[str, Handoff]], counted: Iterable[tuple[str, str]]) -> None:
        for lead_id, handoff in handoffs:
            self.handoff.observe(max(0.0, handoff.seconds), _exemplar(lead_id, handoff.trace))
        for what, label in counted:
            (self.leads if what == "outcome" else self.reassignments).labels(label).inc()

    def show_held(self, counts: Mapping[str, int]) -> None:
        """Set how many leads are held for each reason."""
        for reason in REASONS:
            self.held.labels(reason).set(counts.get(reason, 0))

    def show_furthest(self, furthest: Mapping[str, float]) -> None:
        """Set how far from their due people have been, for each pool."""
        for pool, leads in furthest.items():
            self.furthest.labels(pool).set(leads)

    def show_playbook(self, version: str) -> None:
        """Name the playbook in force, and no other."""
        self.playbook.clear()
        self.playbook.labels(version).set(1)

    def count_delivery(self, is_notice: bool, outcome: str) -> None:
        """Count a try."""
        (self.notices if is_notice else self.deliveries).labels(outcome).inc()

    def show_endpoints(
        self,
        endpoints: Iterable[str],
        disabled: Collection[str],
        waiting: Mapping[str, tuple[int, datetime]],
        now: datetime,
    ) -> None:
        """Set how each endpoint fares; one that is no more is shown no more. Where there are too many to name, the rest
        are one: disabled if any is, as old as the oldest of them."""
        for gauge in (self.endpoint_disabled, self.deliveries_waiting, self.delivery_age):
            gauge.clear()
        names = Values()
        rows: dict[str, tuple[bool, int, float]] = {}
        for endpoint in sorted(endpoints):
            name = names.of(endpoint)
            count, since = waiting.get(endpoint, (0, now))
            was_disabled, others, age = rows.get(name, (False, 0, 0.0))
            oldest = max(age, (now - since).total_seconds())
            rows[name] = (was_disabled or endpoint in disabled, others + count, oldest)
        for name, (is_disabled, count, age) in rows.items():
            self.endpoint_disabled.labels(name).set(is_disabled)
            self.deliveries_waiting.labels(name).set(count)
            self.delivery_age.labels(name).set(age)
            self.given_up.labels(self._given_up_by.of(name))

    def count_given_up(self, endpoint: str) -> None:
        """Count a delivery that the endpoint never took."""
        self.given_up.labels(self._given_up_by.of(endpoint)).inc()


def _exemplar(lead_id: str, trace: str | None) -> dict[str, str]:
    """What leads from a slow bucket to a lead. Ids alone, and fewer than the 128 characters OpenMetrics allows."""
    found = {"lead_id": lead_id} if len(lead_id) <= LONGEST_ID else {}
    return found if trace is None else {**found, "trace_id": trace.split("-")[1]}
