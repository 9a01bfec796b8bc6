"""Facts published by routing on `leads.routing` (owners) and `leads.roster` (reps, and whose accounts are)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from baton.contracts.fact import PERSONAL, ROSTER, ROUTING, Decided, Fact, Instant, Json, Part
from baton.contracts.people import Contact, HistoryItem, MustKnow, Owner, Reason, Rep, RuleRef, Score
from baton.contracts.scoring import Temperature

HeldReason = Literal["no_rule", "nobody_eligible", "no_consent", "queued", "manager"]
ReassignReason = Literal["breach", "claim", "reassign", "reject", "restored", "hand_on", "departure", "absence"]


class Candidate(Part):
    """A rep that was looked at: either the objection that ruled him out, or the credit he stood with."""

    rep: str
    objection: str | None = None
    credit: float | None = None


class NearMiss(Part):
    """A rule that came before and did not match, and what about the lead kept it from matching."""

    rule: str
    because: str


class Preferred(Part):
    """A rep the rule gives the lead to before anybody else: the objection, if he could not have it."""

    by: str = Field(description="previous_owner, account_owner, or the lead's field that names him.")
    rep: str
    objection: str | None = None


class Trace(Part):
    """How the owner was found. At most 16 KiB; the whole trace can be recomputed from the inputs."""

    rule: str | None = None
    pool: str | None = None
    near_misses: list[NearMiss] = Field(default_factory=list, description="At most 10.", json_schema_extra=PERSONAL)
    preferred: list[Preferred] = Field(
        default_factory=list,
        description="Whose it was to be before the pool was asked; the last one got it, if he can.",
    )
    passed_over: list[str] = Field(
        default_factory=list, description="Pools that were asked before `pool` and in which nobody could have it."
    )
    candidates: list[Candidate] = Field(default_factory=list, description="At most 25.")
    inputs_hash: str = Field(description="SHA-256 over lead, playbook version, roster and books as seen.")


class _HandedOver(Decided):
    topic: ClassVar[str] = ROUTING
    round: int = Field(ge=1, description="Which hand-off of this person this is; recycled leads come back in the next.")
    decided_at: Instant
    owner: Owner
    rule: RuleRef = Field(description="The rule that matched, with the playbook version.")
    policy: str = Field(description="The SLA policy that sales works this lead by.")
    respond_by: Instant = Field(description="First attempt due, by `policy` and `calendar_version` (H6).")
    calendar_version: str
    contact: Contact = Field(json_schema_extra=PERSONAL)
    history: list[HistoryItem] = Field(
        default_factory=list, description="The newest 50, newest first.", json_schema_extra=PERSONAL
    )
    why: list[Reason] = Field(default_factory=list, json_schema_extra=PERSONAL)
    must_know: list[MustKnow] = Field(default_factory=list, json_schema_extra=PERSONAL)
    score: Score
    temperature: Temperature
    source: str | None = None
    trace: Trace
    books_version: int = Field(description="Version of the rotation books this decision was made on.")
    intake_sequence: int = Field(
        default=0, ge=0, description="Repeated from `lead.qualified`: later statuses count here."
    )
    statuses_from: Instant | None = Field(
        default=None,
        description="Statuses up to then do not count: the round before was closed, or somebody claimed it.",
    )
    restored_sequence: int = Field(
        default=0,
        ge=0,
        description="The sequence of intake's `lead.updated` that last undid a merge of this lead, as routing had "
        "heard it; later merges end this hand-off.",
    )


class LeadRouted(_HandedOver):
    """A lead has an owner. At most one per lead and round; what CRMs consume.

    What routing keeps under `books_version` and the inputs hash is enough to recompute the decision.
    """

    type: ClassVar[str] = "lead.routed"


class LeadReassigned(_HandedOver):
    """The lead has another owner within the same round, with the reason and who had it before."""

    type: ClassVar[str] = "lead.reassigned"
    previous_owner: str
    reason: ReassignReason
    attempt: int = Field(ge=1, description="Which reassignment of this round this is.")


class LeadHeld(Decided):
    """Nobody can have the lead now. Routing releases it when somebody can, except `manager`: only by hand."""

    type: ClassVar[str] = "lead.held"
    topic: ClassVar[str] = ROUTING
    reason: HeldReason
    detail: str | None = Field(default=None, json_schema_extra=PERSONAL)
    rule: RuleRef | None = None
    pool: str | None = None
    objections: dict[str, str] = Field(default_factory=dict, description="Rep id to why not him.")
    next_try_at: Instant | None = Field(default=None, description="When a shift opens or a time off ends.")
    previous_owner: str | None = None
    statuses_from: Instant | None = Field(
        default=None, description="Statuses up to then do not count: somebody took the lead from its owner by hand."
    )


class LeadRecycled(Decided):
    """Sales gave the lead back to marketing (H8); closes the round."""

    type: ClassVar[str] = "lead.recycled"
    topic: ClassVar[str] = ROUTING
    reason: str = Field(json_schema_extra=PERSONAL)
    status: Literal["recycle", "unreachable", "gone_dark"]
    owner: str | None = None
    look_again_at: Instant | None = None
    detail: Json = Field(default=None, json_schema_extra=PERSONAL)


class LeadDelivered(Decided):
    """A system outside took the hand-over of a lead (a CRM answered that it has it). Once per round and endpoint."""

    type: ClassVar[str] = "lead.delivered"
    topic: ClassVar[str] = ROUTING
    endpoint: str = Field(description="Its id in targets.yaml, or that of the subscription.")
    label: str | None = None
    system: str | None = Field(default=None, description="Whose `record_id` it is, as sources name their `system`.")
    record_id: str | None = Field(default=None, description="What the system calls the lead, if its answer said so.")
    delivered_at: Instant
    delivered: str = Field(description="Type of the fact it took: lead.routed or lead.reassigned.")
    delivered_id: str = Field(description="Id of the fact it took.")


class RepChanged(Fact):
    """The roster changed for one rep; the whole rep each time. Subject and key are the rep's id."""

    type: ClassVar[str] = "rep.changed"
    topic: ClassVar[str] = ROSTER
    rep: Rep
    change: Literal["seeded", "put", "time_off", "departed"] = "put"


class AccountAssigned(Fact):
    """Somebody said whose a company is: its leads go to him where a rule prefers the account's owner (Q8).

    Subject and key are `account:` and the account's id.
    """

    type: ClassVar[str] = "account.assigned"
    topic: ClassVar[str] = ROSTER
    account_id: str = Field(description="As in `contact.account_id`.")
    owner: Owner | None = Field(
        default=None,
        description="null: nobody is named any more; it is again whoever got the newest lead of the company.",
    )
    by: str | None = Field(default=None, description="Who said so.")
    assigned_at: Instant
