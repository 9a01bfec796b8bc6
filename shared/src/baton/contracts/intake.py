"""Facts from outside, published by intake on `leads.intake`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from baton.contracts.fact import INTAKE, PERSONAL, Fact, Instant, Json, Part
from baton.contracts.people import Activity, Answer, Consent, Contact, HistoryItem

CrmStatus = Literal["accepted", "recycle", "junk", "unreachable", "opportunity", "won", "lost"]


class _Posted(Fact):
    """A lead as posted: one fact carries its activity and answers."""

    topic: ClassVar[str] = INTAKE
    source: str = Field(description="Which source of the playbook, or the name the native API was given.")
    external_id: str | None = Field(
        default=None, description="The person's id at the source.", json_schema_extra=PERSONAL
    )
    occurred_at: Instant
    is_test: bool = False
    contact: Contact = Field(
        description="The whole contact as intake knows it after this post.", json_schema_extra=PERSONAL
    )
    properties: dict[str, Json] = Field(
        default_factory=dict,
        description="Everything else known of the lead after this post, by the house's names.",
        json_schema_extra=PERSONAL,
    )
    answers: list[Answer] = Field(
        default_factory=list, description="Answers that came with this post.", json_schema_extra=PERSONAL
    )
    activity: list[Activity] = Field(
        default_factory=list, description="Activity that came with this post.", json_schema_extra=PERSONAL
    )
    consent: Consent | None = Field(default=None, json_schema_extra=PERSONAL)


class LeadReceived(_Posted):
    """A person unknown so far has shown interest. The first fact of every lead."""

    type: ClassVar[str] = "lead.received"


class LeadUpdated(_Posted):
    """A known person was posted again, or two leads became one or two again; carries the whole contact and properties
    as they now are."""

    type: ClassVar[str] = "lead.updated"
    changed: list[str] = Field(
        default_factory=list,
        description="Names of contact fields and properties that changed.",
        json_schema_extra=PERSONAL,
    )
    absorbed: str | None = Field(
        default=None,
        description="The lead that goes on as this one. `answers`, `activity`, `consent` and `history` are what was "
        "known of it; more than a record holds follows in further facts that name it.",
    )
    restored: str | None = Field(
        default=None,
        description="The lead this one was merged with and no longer is. On both: on the one that had absorbed, what "
        "came of the other is gone again; on the other, it goes on where it was.",
    )
    history: list[HistoryItem] = Field(
        default_factory=list,
        description="With `absorbed`: touches and statuses of the other lead, the newest 50.",
        json_schema_extra=PERSONAL,
    )


class LeadMerged(Fact):
    """This lead turned out to be the same person as `into` and goes on as that one: nothing more is said of it until a
    `lead.updated` with `restored`. What was known of it follows on the other, in `lead.updated` with `absorbed`."""

    type: ClassVar[str] = "lead.merged"
    topic: ClassVar[str] = INTAKE
    into: str = Field(description="The lead it goes on as.")
    because: Literal["by_hand", "external_id", "email", "phone"] = Field(
        description="By which identity a post showed that the two are one, or that somebody said so."
    )
    by: str | None = Field(default=None, description="Who said so, if it was by hand.")
    occurred_at: Instant


class LeadEngaged(Fact):
    """The person did something."""

    type: ClassVar[str] = "lead.engaged"
    topic: ClassVar[str] = INTAKE
    activity: Activity = Field(json_schema_extra=PERSONAL)


class LeadTouched(Fact):
    """Sales did something: one contact attempt, with its purpose and outcome."""

    type: ClassVar[str] = "lead.touched"
    topic: ClassVar[str] = INTAKE
    rep: str
    channel: Literal["call", "email", "meeting", "message", "visit"]
    direction: Literal["out", "in"]
    purpose: str | None = Field(default=None, json_schema_extra=PERSONAL)
    outcome: str | None = Field(
        default=None,
        description="reached, learned, moved, nothing, or the house's own word.",
        json_schema_extra=PERSONAL,
    )
    authority: Literal["unknown", "claimed", "confirmed"] | None = None
    occurred_at: Instant
    next_at: Instant | None = Field(default=None, description="When both sides agreed to speak next.")

    @property
    def reached(self) -> bool:
        """True if the two sides were in contact: the person wrote or called, or the outcome says so."""
        return self.direction == "in" or self.outcome in {"reached", "learned", "moved"}


class LeadAnswered(Fact):
    """A qualification question was answered, or homework changed its state (question `homework`)."""

    type: ClassVar[str] = "lead.answered"
    topic: ClassVar[str] = INTAKE
    answer: Answer = Field(json_schema_extra=PERSONAL)


class LeadStatusReported(Fact):
    """The CRM or the rep said how the lead stands (H7). The raw word is always kept."""

    type: ClassVar[str] = "lead.status_reported"
    topic: ClassVar[str] = INTAKE
    status: CrmStatus
    raw: str | None = Field(default=None, json_schema_extra=PERSONAL)
    reason: str | None = Field(default=None, json_schema_extra=PERSONAL)
    stage: str | None = Field(default=None, json_schema_extra=PERSONAL)
    details: dict[str, Json] = Field(default_factory=dict, json_schema_extra=PERSONAL)
    value: float | None = Field(default=None, json_schema_extra=PERSONAL)
    currency: str | None = Field(default=None, json_schema_extra=PERSONAL)
    owner: str | None = Field(default=None, json_schema_extra=PERSONAL)
    system: str | None = Field(default=None, description="Who said so: the source or CRM.")
    look_again_at: Instant | None = Field(default=None, description="With recycle: when it may be the right time (H8).")
    occurred_at: Instant


class ToldIn(Part):
    """Another lead that was one with an erased one for a time: what was said of it then tells of both."""

    lead_id: str
    since: Instant = Field(description="When intake said that the two are one.")
    until: Instant = Field(description="When it said that they are not after all.")
    first_sequence: int = Field(ge=1, description="The sequence of intake's fact that said the former.")
    end_sequence: int = Field(ge=1, description="That of the one that said the latter, which tells of one again.")


class LeadErased(Fact):
    """The person is to be forgotten: whoever keeps anything of this lead wipes it now. The last fact of the lead.

    Carries nothing of the person, nor why. Facts said of the lead before it are wiped in Baton's own journals; whoever
    holds copies wipes them himself.
    """

    type: ClassVar[str] = "lead.erased"
    topic: ClassVar[str] = INTAKE
    requested_at: Instant = Field(description="When somebody asked for it, or a platform told of it.")
    gone_by: Instant = Field(description="By when the topics, too, hold nothing of the person any more.")
    told_in: list[ToldIn] = Field(
        default_factory=list,
        description="Leads that had absorbed this one and were taken apart from it again. They live on; what was said "
        "of them meanwhile is wiped, too.",
    )
