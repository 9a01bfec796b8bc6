"""The shapes of what may be posted, judged strictly: no text is taken for a number, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from baton.playbook.moments import moment

Kind = Literal["lead", "activity", "touch", "answer", "status"]
KINDS: tuple[Kind, ...] = ("lead", "activity", "touch", "answer", "status")

CHANNELS = ("call", "email", "meeting", "message", "visit")
WISHED = (*CHANNELS, "any", "none")
HOMEWORK_STATES = ("set", "returned", "returned_with_colleague")


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("write a time as ISO 8601 text")
    try:
        at = moment(value)
    except OverflowError:
        at = None
    if at is None or not 1970 <= at.year <= 9000:
        raise ValueError("write a time as ISO 8601, such as 2026-03-01T09:30:00Z")
    return at.astimezone(UTC)


Moment = Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=str)]
"""A point in time; one without a zone is taken as UTC."""

Text = Annotated[str, StringConstraints(max_length=2000)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]


class _Post(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _Open(_Post):
    """Unknown keys are kept; `unknown` holds them."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    @property
    def unknown(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class LeadReference(_Post):
    """Which lead something is about: one of its id, an id at some system, or its e-mail."""

    lead_id: Reference | None = None
    system: Word | None = None
    id: Reference | None = None
    email: Reference | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.lead_id is not None, self.system is not None and self.id is not None, self.email is not None]
        if sum(ways) != 1 or (self.system is None) != (self.id is None):
            raise ValueError("name the lead by lead_id, or by system and id, or by email")
        return self


class ContactIn(_Open):
    """Who the person is, as typed."""

    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    full_name: Text | None = None
    salutation: Text | None = None
    job_title: Text | None = None
    company: Text | None = None
    website: Text | None = None
    phone: Text | None = None
    street: Text | None = None
    city: Text | None = None
    postal_code: Text | None = None
    region: Text | None = None
    country: Text | None = None
    locale: Text | None = None
    timezone: Text | None = None

    @property
    def typed(self) -> dict[str, str | None]:
        """The fields by name, without unknown ones."""
        return self.__dict__


class ConsentIn(_Open):
    """What the person agreed to."""

    purpose: Text | None = None
    basis: Text | None = None
    wording: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    given_at: Moment | None = None
    evidence: Text | None = None
    withdrawn_at: Moment | None = None


class ActivityInLead(_Open):
    """Something the person did, posted with the lead. Without a time of its own it happened when the lead did."""

    kind: Word
    what: Text | None = None
    occurred_at: Moment | None = None
    value: Any = None
    properties: dict[str, Any] = Field(default_factory=dict)


class LeadIn(_Open):
    """A person who showed interest, with whatever else is known."""

    source: Word
    external_id: Reference | None = None
    event_id: Reference | None = None
    occurred_at: Moment | None = None
    is_test: bool = False
    contact: ContactIn = ContactIn()
    properties: dict[str, Any] = Field(default_factory=dict)
    answers: dict[Word, Any] = Field(default_factory=dict)
    consent: ConsentIn | None = None
    activity: list[ActivityInLead] = Field(default_factory=list, max_length=1000)

    @model_validator(mode="after")
    def _reserved(self) -> Self:
        for question, value in self.answers.items():
            check_question(question, value)
        return self


class ActivityIn(_Open):
    """Something the person did."""

    lead: LeadReference
    kind: Word
    what: Text | None = None
    occurred_at: Moment
    value: Any = None
    event_id: Reference | None = None
    properties: dict[str, Any] = Field(default_factory=dict)


class TouchIn(_Post):
    """One contact attempt by sales."""

    lead: LeadReference
    rep: Word
    channel: Literal["call", "email", "meeting", "message", "visit"]
    direction: Literal["out", "in"]
    purpose: Text | None = None
    outcome: Text | None = None
    authority: Literal["unknown", "claimed", "confirmed"] | None = None
    occurred_at: Moment
    next_at: Moment | None = None
    event_id: Reference | None = None


class AnswerIn(_Open):
    """What somebody said when asked. Homework (question `homework`, or `task` and `state` alone) is an answer too."""

    lead: LeadReference
    question: Word
    value: Any
    said_by: Text | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    occurred_at: Moment
    event_id: Reference | None = None
    properties: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _homework(cls, given: Any) -> Any:
        return _as_answer(given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _reserved(self) -> Self:
        check_question(self.question, self.value)
        return self


class StatusIn(_Post):
    """How a lead stands, by the CRM or the rep. `status` may be a word that the playbook's `status_words` translate."""

    lead: LeadReference
    status: Word
    raw: Text | None = None
    reason: Text | None = None
    stage: Text | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    value: float | None = None
    currency: Annotated[str, StringConstraints(max_length=10)] | None = None
    owner: Text | None = None
    look_again_at: Moment | None = None
    occurred_at: Moment
    event_id: Reference | None = None


class Homework(_Post):
    """The value of an answer to the question `homework` (Q4)."""

    task: Text
    state: Literal["set", "returned", "returned_with_colleague"]
    due_at: Moment | None = None
    meeting_at: Moment | None = None
    content: Any = None


Post = LeadIn | ActivityIn | TouchIn | AnswerIn | StatusIn
MODELS: Mapping[Kind, type[Post]] = {
    "lead": LeadIn,
    "activity": ActivityIn,
    "touch": TouchIn,
    "answer": AnswerIn,
    "status": StatusIn,
}

_HOMEWORK_KEYS = tuple(Homework.model_fields)


def _as_answer(given: dict[str, Any]) -> dict[str, Any]:
    """Homework is posted with its own keys; as an answer they stand under `value`."""
    is_homework = given.get("question") == "homework" or (
        "question" not in given and "task" in given and "state" in given
    )
    if not is_homework or "value" in given:
        return given
    rest = {key: value for key, value in given.items() if key not in _HOMEWORK_KEYS}
    value = {key: given[key] for key in _HOMEWORK_KEYS if key in given}
    return {**rest, "question": "homework", "value": value}


WISHES = ("wish.channel", "wish.interval", "wish.not_before")


def check_question(question: str, value: Any) -> None:
    """Raise ValueError where a reserved question is misspelt or its answer is of the wrong kind."""
    family, _, rest = question.partition(".")
    if question == "homework":
        Homework.model_validate(value)
    elif question in WISHES:
        _check_wish(question, value)
    elif family == "wish" or (family == "justification" and not rest):
        raise ValueError(
            f"{question} is reserved: use wish.channel, wish.interval, wish.not_before or justification.<field>"
        )


def _check_wish(question: str, value: Any) -> None:
    if question == "wish.channel":
        wished = value if isinstance(value, list) else [value]
        if not wished or any(channel not in WISHED for channel in wished if channel is not None):
            raise ValueError(f"wish.channel is one of {', '.join(WISHED)}, or a list of them")
    elif question == "wish.interval":
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise ValueError("wish.interval is text such as 2w, or a number of days")
    elif not isinstance(value, str) or _instant(value) is None:
        raise ValueError("wish.not_before is a date or a time, such as 2026-12-01")
