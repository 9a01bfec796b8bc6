"""Facts published by scoring on `leads.scoring`: is it a lead, and why."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from baton.contracts.fact import PERSONAL, SCORING, Decided, Instant, Json
from baton.contracts.people import Consent, Contact, DefinitionRef, HistoryItem, MustKnow, Reason, Score

Temperature = Literal["hot", "warm", "cold", "unknown"]
Outcome = Literal["open", "qualified", "nurtured", "disqualified"]


class _Judged(Decided):
    topic: ClassVar[str] = SCORING
    score: Score
    temperature: Temperature
    definition: DefinitionRef
    why: list[Reason] = Field(
        default_factory=list,
        description="Every criterion with its value and points, the strongest first.",
        json_schema_extra=PERSONAL,
    )


class LeadScored(_Judged):
    """Score, temperature, outcome or flags have changed. Flags are alerts and proposals."""

    type: ClassVar[str] = "lead.scored"
    outcome: Outcome
    flags: list[str] = Field(default_factory=list)


class LeadQualified(_Judged):
    """A suspect became a lead by the definition; opens round `round`. Self-contained: routing needs nothing else."""

    type: ClassVar[str] = "lead.qualified"
    source: str
    contact: Contact = Field(json_schema_extra=PERSONAL)
    fields: dict[str, Json] = Field(
        default_factory=dict,
        description="The definition's fields with the values scoring saw; absent is unknown.",
        json_schema_extra=PERSONAL,
    )
    must_know: list[MustKnow] = Field(default_factory=list, json_schema_extra=PERSONAL)
    history: list[HistoryItem] = Field(
        default_factory=list, description="The newest 50, newest first.", json_schema_extra=PERSONAL
    )
    consent: Consent | None = Field(default=None, json_schema_extra=PERSONAL)
    consents: list[Consent] = Field(
        default_factory=list,
        description="The newest word on each purpose, those withdrawn included.",
        json_schema_extra=PERSONAL,
    )
    qualified_at: Instant
    intake_sequence: int = Field(
        default=0,
        ge=0,
        description="How many of intake's facts of this lead scoring had heard; later statuses count here.",
    )
    statuses_from: Instant | None = Field(
        default=None,
        description="When the round before was closed: statuses up to then belong to it, not to this round.",
    )


class _NotForSales(_Judged):
    """Says whom marketing keeps or lets go: it knows him by his contact, not by our id."""

    source: str | None = None
    contact: Contact | None = Field(default=None, json_schema_extra=PERSONAL)


class LeadNurtured(_NotForSales):
    """Not ready (yet): marketing keeps it. Says what is missing and when it will be looked at again."""

    type: ClassVar[str] = "lead.nurtured"
    track: str
    unmet: list[str] = Field(
        default_factory=list, description="Required criteria that are false.", json_schema_extra=PERSONAL
    )
    unknown: list[str] = Field(
        default_factory=list, description="Required criteria that nobody could judge yet.", json_schema_extra=PERSONAL
    )
    look_again_at: Instant | None = None


class LeadDisqualified(_NotForSales):
    """Does not fit. `final` leads stay closed unless reopened by hand; the others may qualify on a newer fact."""

    type: ClassVar[str] = "lead.disqualified"
    reason: str = Field(description="One code of the playbook's list (D6).")
    label: str | None = None
    final: bool = False
    rule: str | None = Field(default=None, description="Which rule of the playbook; none where sales called it junk.")
    yes_if: str | None = Field(default=None, description="What would make it a yes, as the rule has it (Q9).")
    days: float = Field(default=0, ge=0, description="Since the person was first seen.")
    touches: int = Field(default=0, ge=0, description="Contact attempts by sales until then.")
    met: bool = Field(default=False, description="Whether there was a meeting or a visit before.")
    hours_freed: float | None = Field(
        default=None, ge=0, description="Rough estimate of what working it to its end would still have taken."
    )
