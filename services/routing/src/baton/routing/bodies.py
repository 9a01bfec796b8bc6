"""What people may send to routing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from baton.contracts import Contact, Instant, Rep, Score, Temperature, TimeOff
from baton.routing.rep_commands import MOST_TIME_OFF

RepId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as fault:
        raise ValueError(f"there is no time zone {name!r}") from fault
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeOffIn(_Strict):
    """An absence, from `starts_at` up to, not including, `ends_at`."""

    starts_at: Instant
    ends_at: Instant
    reason: str | None = Field(default=None, max_length=300)
    hand_over: bool = Field(default=False, description="When it begins, leads not accepted yet go to others.")
    calendar_key: str | None = Field(
        default=None, max_length=64, description="Of an absence that an imported calendar brought."
    )

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be later than starts_at")
        return self

    def time_off(self) -> TimeOff:
        """The absence as the roster holds it."""
        return TimeOff(**dict(self))


class RepIn(_Strict):
    """A rep, whole: what is left out is empty afterwards. What `GET` shows can be changed and sent back as it is."""

    id: RepId | None = Field(default=None, exclude=True, description="The one of the path, if given.")
    open_leads: Any = Field(default=None, exclude=True, description="Shown by GET, not taken.")
    most_open_leads: Any = Field(default=None, exclude=True, description="Shown by GET, not taken.")
    pools: Any = Field(default=None, exclude=True, description="Shown by GET, not taken.")
    name: Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    team: RepId | None = None
    zone: Annotated[str, StringConstraints(max_length=100), AfterValidator(_zone)]
    calendar: Annotated[str, StringConstraints(max_length=64)] = Field(description="A calendar of the playbook.")
    languages: list[Word] = Field(default_factory=list, max_length=50)
    skills: list[Word] = Field(default_factory=list, max_length=100)
    weight: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    capacity: int | None = Field(default=None, ge=0, le=1_000_000)
    external_ids: dict[str, str] = Field(default_factory=dict, max_length=50)
    active: bool = True
    time_off: list[TimeOffIn] = Field(default_factory=list, max_length=MOST_TIME_OFF)

    def rep(self, rep_id: str) -> Rep:
        """The rep as the roster holds him."""
        times = sorted((off.time_off() for off in self.time_off), key=lambda off: (off.starts_at, off.ends_at))
        return Rep.model_validate(self.model_dump(exclude={"time_off"}) | {"id": rep_id, "time_off": times})


class ClaimIn(_Strict):
    """Who takes the lead."""

    rep: RepId


class ReassignIn(_Strict):
    """Who gets the lead; without `to` the rotation chooses among those who have not had it."""

    to: RepId | None = None
    reason: str | None = Field(default=None, max_length=300)


class RejectIn(_Strict):
    """ "Not mine": by its owner."""

    rep: RepId | None = None
    reason: str | None = Field(default=None, max_length=300)


class HandOnIn(_Strict):
    """Who gets the lead once it is qualified by phone; without `to` the rules for such leads decide."""

    to: RepId | None = None
    reason: str | None = Field(default=None, max_length=300)


class AccountOwnerIn(_Strict):
    """Whose a company is; null: nobody is named any more."""

    rep: RepId | None


class NextIn(_Strict):
    """Who takes the next lead of a queue."""

    rep: RepId


class PreviewIn(BaseModel):
    """A lead as it would be posted, and what is known of its score. Unknown keys are taken as properties."""

    model_config = ConfigDict(extra="allow", frozen=True)

    source: str | None = None
    external_id: str | None = None
    occurred_at: Instant | None = None
    is_test: bool = False
    contact: Contact = Contact()
    properties: dict[str, Any] = Field(default_factory=dict)
    answers: dict[str, Any] = Field(default_factory=dict)
    consent: dict[str, Any] = Field(default_factory=dict)
    activity: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)
    fields: dict[str, Any] = Field(default_factory=dict, description="Fields of the definition, where not derived.")
    score: Score | None = None
    temperature: Temperature | None = None
    lead_id: str | None = Field(
        default=None, max_length=64, description="A lead whose values stand where nothing else is given here."
    )
    draft: dict[str, str] | None = Field(
        default=None,
        max_length=20,
        description="Files of a playbook by name, such as `routing.yaml`, as text: decided by these, the others as "
        "they are in force. Needs the scope admin.",
    )

    def lead(self, now: datetime) -> dict[str, Any]:
        """The lead as plain data for conditions."""
        known = self.model_dump(include={"source", "external_id", "is_test", "answers", "consent", "activity"})
        contact = self.contact.model_dump(exclude_none=True)
        properties = {**(self.model_extra or {}), **self.properties}
        return {**known, "contact": contact, "properties": properties, "occurred_at": self.occurred_at or now}
