"""What operators see of judging: outcomes, temperatures, and the playbook in force. No lead ids, no names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection

from baton.contracts import Outcome
from baton.playbook import SIDES
from baton.runtime.store import after_commit
from baton.scoring.domain.agreement import Agreement
from baton.scoring.domain.person import Person

RULE_ERRORS = (
    "baton_rule_errors",
    "Conditions that could not be computed (a division by zero, say) and so counted as not met, by list and rule.",
    ("list", "rule"),
)


class Metrics:
    """Scoring's own metrics, in the service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.judged = Counter("baton_leads_judged", "Judgements, by outcome.", ["outcome"], registry=registry)
        for outcome in get_args(Outcome):
            self.judged.labels(outcome)
        self.leads = Gauge("baton_suspects", "People known, by outcome.", ["outcome"], registry=registry)
        self.shadow = Counter(
            "baton_shadow_judgements",
            "Judgements, by what the draft of BATON_SHADOW_PLAYBOOK would have made of them.",
            ["outcome"],
            registry=registry,
        )
        self.playbook = Gauge("baton_playbook_info", "1 for the playbook in force.", ["version"], registry=registry)
        self.signed = Gauge(
            "baton_playbook_signed", "1 where this side has signed the playbook in force.", ["side"], registry=registry
        )

    def show_agreement(self, agreement: Agreement) -> None:
        """Say which side has signed what is in force."""
        for side in SIDES:
            self.signed.labels(side).set(side in agreement.by)

    def show_playbook(self, version: str) -> None:
        """Name the playbook in force; the ones before it disappear."""
        self.playbook.clear()
        self.playbook.labels(version).set(1)

    def count_when_committed(self, tx: Connection, people: Iterable[Person]) -> None:
        """Count the judgements of this transaction at its commit: one rolled back and tried again counts once."""
        outcomes = [person.verdict.outcome for person in people if person.is_known]
        if outcomes:
            after_commit(tx, lambda: self._count(outcomes))

    def _count(self, outcomes: Iterable[str]) -> None:
        for outcome in outcomes:
            self.judged.labels(outcome).inc()
