"""What became of each lead under one playbook, gathered from the facts that were said."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baton.runtime.handler import Heard

FIRST = "first_response"
OUTCOMES = ("routed", "held", "qualified", "nurtured", "disqualified", "recycled", "test")
SLA_STATES = ("met", "breached", "waived")


@dataclass(slots=True)
class Fate:
    """One lead: how it stands, who had it first in its newest round, and by what."""

    outcome: str = "open"
    owner: str | None = None
    now_with: str | None = None
    rule: str | None = None
    pool: str | None = None
    policy: str | None = None
    respond_by: str | None = None
    reason: str | None = None
    score: float = 0.0
    temperature: str = "unknown"
    rounds: int = 0
    reassigned: int = 0
    sla: str | None = None
    candidates: tuple[str, ...] = ()
    detail: str | None = None

    def shown(self) -> dict[str, Any]:
        """As plain data."""
        return {name: getattr(self, name) for name in self.__slots__ if name not in ("candidates", "detail")}


@dataclass
class Tally:
    """All leads that something was said of since `since`."""

    since: datetime
    fates: dict[str, Fate] = field(default_factory=dict)
    first: Counter[str] = field(default_factory=Counter)
    """Leads by who got them first in a round."""
    taken_over: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    sla: Counter[str] = field(default_factory=Counter)
    by_rep: dict[str, Counter[str]] = field(default_factory=dict)
    """First responses met and breached by rep."""
    said: int = 0

    def hear(self, _: str, fact: Heard) -> None:
        """Take in a fact that a part said."""
        taken = _TAKEN.get(fact.type)
        if taken is not None and fact.recorded_at >= self.since:
            self.said += 1
            taken(self, self.fates.setdefault(fact.subject, Fate()), fact.body)

    def scored(self, fate: Fate, body: Any) -> None:
        fate.score, fate.temperature = body.score.total, body.temperature

    def qualified(self, fate: Fate, body: Any) -> None:
        fate.outcome = "test" if body.is_test else "qualified"
        fate.rounds += 1
        fate.owner = fate.now_with = fate.rule = fate.pool = fate.policy = fate.respond_by = fate.sla = None
        fate.reason = None

    def nurtured(self, fate: Fate, body: Any) -> None:
        fate.outcome, fate.reason = "nurtured", body.track
        fate.detail = ", ".join(
            [*(f"{one} not met" for one in body.unmet), *(f"{one} unknown" for one in body.unknown)]
        )

    def disqualified(self, fate: Fate, body: Any) -> None:
        fate.outcome, fate.reason, fate.detail = "disqualified", body.reason, body.label

    def routed(self, fate: Fate, body: Any) -> None:
        fate.owner = body.owner.id
        self.first[body.owner.id] += 1
        self.rules[body.rule.id] += 1
        self.handed(fate, body)

    def reassigned(self, fate: Fate, body: Any) -> None:
        fate.reassigned += 1
        self.taken_over[body.owner.id] += 1
        self.handed(fate, body)

    def handed(self, fate: Fate, body: Any) -> None:
        fate.outcome, fate.reason, fate.now_with = "routed", None, body.owner.id
        fate.rule, fate.pool, fate.policy = body.rule.id, body.trace.pool, body.policy
        fate.respond_by = body.respond_by.isoformat()
        fate.candidates = tuple(f"{c.rep}: {c.objection or f'{c.credit or 0:+.2f}'}" for c in body.trace.candidates[:3])

    def held(self, fate: Fate, body: Any) -> None:
        fate.outcome, fate.reason, fate.detail, fate.now_with = "held", body.reason, body.detail, None
        fate.rule, fate.pool = (body.rule.id if body.rule else None), body.pool

    def recycled(self, fate: Fate, body: Any) -> None:
        fate.outcome, fate.reason = "recycled", body.reason

    def met(self, fate: Fate, body: Any) -> None:
        if body.promise == FIRST:
            if body.corrects:
                self.count_sla(body.owner, "breached", -1)
            self.count_sla(body.owner, "met")
            fate.sla = "met"

    def breached(self, fate: Fate, body: Any) -> None:
        if body.promise == FIRST:
            self.count_sla(body.owner, "breached")
            fate.sla = "breached"

    def waived(self, fate: Fate, body: Any) -> None:
        if body.promise == FIRST:
            self.count_sla(body.owner, "waived")
            fate.sla = "waived"

    def count_sla(self, rep: str, state: str, by: int = 1) -> None:
        """One more first response of this rep ended so."""
        self.sla[state] += by
        self.by_rep.setdefault(rep, Counter())[state] += by

    def attainment(self) -> float | None:
        """Share of first responses kept, of those kept or broken."""
        ended = self.sla["met"] + self.sla["breached"]
        return self.sla["met"] / ended if ended else None


_TAKEN = {
    "lead.scored": Tally.scored,
    "lead.qualified": Tally.qualified,
    "lead.nurtured": Tally.nurtured,
    "lead.disqualified": Tally.disqualified,
    "lead.routed": Tally.routed,
    "lead.reassigned": Tally.reassigned,
    "lead.held": Tally.held,
    "lead.recycled": Tally.recycled,
    "sla.met": Tally.met,
    "sla.breached": Tally.breached,
    "sla.waived": Tally.waived,
}
