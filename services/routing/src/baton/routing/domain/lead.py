"""A lead as routing knows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from baton.contracts import Consent, HeldReason, LeadQualified, Owner, ReassignReason, RuleRef, Trace
from baton.routing.domain.marks import OPEN, WORKED, Fate, Mark, belongs, deciding, fate_of

MOST_MARKS = 50
"""Marks kept of a lead, those included that do not count in this round but may in the next; more than a CRM says."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Handoff(NamedTuple):
    """How long the system took from the causing fact to `lead.routed`, decided without a person."""

    seconds: float
    trace: str | None
    """The trace it belongs to, as `traceparent` writes it."""


class Stint(_Value):
    """One owner's time with a lead: the journal of owners."""

    round: int
    attempt: int
    owner: str
    since: datetime
    why: Literal["routed"] | ReassignReason
    by: str | None = None
    until: datetime | None = None
    ended: str | None = None


class Hold(_Value):
    """Why nobody has the lead, and as what the next owner will be announced."""

    reason: HeldReason
    detail: str
    since: datetime
    pool: str | None = None
    rule: RuleRef | None = None
    objections: dict[str, str] = Field(default_factory=dict)
    next_try_at: datetime | None = None
    after: ReassignReason | None = None
    """What took it from its last owner; None if it never had one in this round."""
    statuses_from: datetime | None = None
    """What others were told last: statuses up to then are put away."""
    needs: str = ""
    """What it asks of whoever gets it (`waiting.py`)."""
    prefers: tuple[str, ...] = ()
    """Who is to have it before anybody else."""

    def shown(self) -> dict[str, Any]:
        """What people are told of it."""
        return self.model_dump(mode="json", exclude={"after", "needs", "prefers"})


class Work(_Value):
    """The hand-over in force: owner, rule and promise."""

    owner: Owner
    rule: RuleRef
    pool: str | None
    policy: str
    respond_by: datetime
    calendar_version: str
    trace: Trace
    books_version: int
    is_paid: bool = False
    """Rotation counted it as the owner's turn: to be given back if it leaves him through no doing of his."""


class Kept(_Value):
    """A decision with its inputs, to be written beside the journal."""

    round: int
    number: int
    outcome: Literal["routed", "reassigned", "held"]
    decided_at: datetime
    inputs: dict[str, Any]
    inputs_hash: str
    answer: dict[str, Any]


class Lead(_Value):
    """State of one lead. Rounds, marks and states are those of docs/lifecycle.md."""

    lead_id: str
    round: int = 0
    qualified: LeadQualified | None = None
    """As scoring sent it, with the contact as intake knows it now."""
    hold: Hold | None = None
    work: Work | None = None
    attempt: int = 0
    breaches: int = 0
    had: dict[str, str] = Field(default_factory=dict)
    """Everybody who had it in this round, and how that ended: they are not chosen again."""
    stints: tuple[Stint, ...] = ()
    marks: tuple[Mark, ...] = ()
    statuses_from: datetime | None = None
    is_handed_on: bool = False
    """Those who qualify by phone have had it in this round and handed it on."""
    was_routed: bool = False
    """`lead.routed` has been said in this round; every further owner is a `lead.reassigned`."""
    decisions: int = 0
    consents: dict[str, Consent] = Field(default_factory=dict)
    """What was heard of consent beside `qualified`, before it or after (`domain/consents.py`)."""
    merged_into: str | None = None
    """The lead it goes on as; until it is restored it has no owner, no wake-up, and is nobody's load."""
    restored_sequence: int = 0
    """Intake's sequence of the fact that restored it last."""
    delivered: dict[str, int] = Field(default_factory=dict)
    """Endpoint to the latest round whose hand-over it took, as was said."""
    parcels: tuple[Any, ...] = Field(default=(), exclude=True)
    """What this transaction addressed to somebody outside (deliveries/addressing.py). Not stored with the lead."""
    fresh: tuple[Kept, ...] = Field(default=(), exclude=True)
    """Decisions of this transaction. Not stored with the lead."""
    handoffs: tuple[Handoff, ...] = Field(default=(), exclude=True)
    """Of this transaction. Not stored."""
    counted: tuple[tuple[str, str], ...] = Field(default=(), exclude=True)
    """(counter, label) of what happened in this transaction. Not stored."""

    @property
    def counting(self) -> tuple[Mark, ...]:
        """The marks that speak of this round."""
        if not self.marks:
            return ()
        sequence = self.qualified.intake_sequence if self.qualified else 0
        return tuple(mark for mark in self.marks if belongs(mark, sequence, self.statuses_from))

    @property
    def fate(self) -> Fate:
        """The state of the lead."""
        if self.qualified is None:
            return "suspect"
        if self.qualified.is_test:
            return "test"
        if self.merged_into is not None:
            return "merged"
        if mark := deciding(self.counting):
            return fate_of(mark)
        if self.work is not None:
            return "routed"
        return "held" if self.hold is not None else "qualified"

    @property
    def is_open(self) -> bool:
        """True while the round is open."""
        return self.fate in OPEN

    @property
    def is_waiting(self) -> bool:
        """True while it is held and may still get an owner."""
        return self.hold is not None and self.is_open

    @property
    def bearer(self) -> str | None:
        """Whose load it is."""
        return self.work.owner.id if self.work is not None and self.fate in WORKED else None

    @property
    def owner(self) -> Owner | None:
        """Who has it now, or had it last when its round was closed."""
        return self.work.owner if self.work is not None else None


def without_history(lead: Lead) -> Lead:
    """The lead without what its round was opened with beyond the contact: it may tell of somebody else, too."""
    if lead.qualified is None:
        return lead
    blank: dict[str, Any] = {"history": [], "why": [], "must_know": [], "fields": {}, "consent": None, "consents": []}
    work = lead.work and lead.work.model_copy(update={"trace": lead.work.trace.model_copy(update={"near_misses": []})})
    hold = lead.hold and lead.hold.model_copy(update={"detail": ""})
    return lead.model_copy(update={"qualified": lead.qualified.model_copy(update=blank), "work": work, "hold": hold})
