"""What every fact has in common: it is frozen, it knows its type and its topic, and it only ever grows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

INTAKE = "leads.intake"
SCORING = "leads.scoring"
ROUTING = "leads.routing"
SLA = "leads.sla"
ROSTER = "leads.roster"


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:  # an offset takes it beyond the years 1 to 9999
        raise ValueError("out of range once it is UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A point in time. Always aware, always UTC, microseconds at most; ISO 8601 with `Z` on the wire."""

Json = Any
"""Any JSON value: what a form or a CRM sent that has no field of its own here."""


PERSONAL: dict[str, Any] = {"x-personal-data": True}
"""Marks a field that tells of the person a fact is about. When the person is erased it is left out of the fact, or
blank where it must be there: what remains is still what its schema says (docs/privacy.md)."""


class Part(BaseModel):
    """A piece of a fact. Readers ignore fields they do not know, so that facts can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Fact(Part):
    """Something that happened and will stay true. The subject and the ids stand in the record's headers.

    `type` is the CloudEvents type, `topic` the publisher's topic; both are promises.
    """

    type: ClassVar[str]
    topic: ClassVar[str]


class Decided(Fact):
    """A fact that Baton decided about a lead, as opposed to one that came in from outside."""

    round: int = Field(ge=0, description="How often this person has been qualified so far; 0 before the first time.")
    caused_at: Instant | None = Field(
        default=None,
        description="Recorded time of the intake fact at the root of this one; hand-off latency is measured from it.",
    )
    is_test: bool = Field(default=False, description="A test lead: scored, never routed, kept out of the funnel.")
