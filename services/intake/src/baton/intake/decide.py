"""From an element that is known to be new, and whose lead is known, to the fact it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baton.contracts import (
    Activity,
    Answer,
    Consent,
    LeadAnswered,
    LeadEngaged,
    LeadErased,
    LeadReceived,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    ToldIn,
)
from baton.intake.domain.elements import Element
from baton.intake.domain.mail import BUILT_IN, FreeMailDomains
from baton.intake.domain.person import Outgrown, Person, learn
from baton.intake.domain.posts import ActivityIn, ActivityInLead, AnswerIn, LeadIn, StatusIn, TouchIn
from baton.runtime.handler import Decision, Draft, Refusal, Reply

TYPES = {
    "activity": LeadEngaged.type,
    "touch": LeadTouched.type,
    "answer": LeadAnswered.type,
    "status": LeadStatusReported.type,
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """An element with all that is known of it once its lead is found: what intake's commands carry."""

    element: Element
    event_id: str
    is_first: bool = False
    """The post that makes the lead."""
    free: FreeMailDomains = BUILT_IN
    accounts: Mapping[str, str] = field(default_factory=dict)
    """Names of companies of whom exactly one account is known by domain."""


def decide(person: Person, arrival: Arrival, now: datetime) -> Decision[Person]:
    """One element, one fact. A post that would make the person too large for a fact is refused and changes nothing."""
    if isinstance(arrival.element.post, LeadIn):
        return _lead(person, arrival, arrival.element.post, now)
    body = _BODIES[arrival.element.kind](arrival.element, arrival.element.post)
    return Decision(person, (_draft(arrival, body),), reply=Reply())


def erased(
    person: Person, requested_at: datetime, gone_by: datetime, told_in: Sequence[ToldIn] = ()
) -> Decision[Person]:
    """The last that is said of the person."""
    if person.created_at is None:
        return Decision(person, reply=Refusal(404, "Unknown lead", "Intake knows no lead by this id."))
    said = LeadErased(requested_at=requested_at, gone_by=gone_by, told_in=list(told_in))
    return Decision(person, (Draft(said),), reply=Reply())


def _lead(person: Person, arrival: Arrival, post: LeadIn, now: datetime) -> Decision[Person]:
    element = arrival.element
    try:
        learned, changed = learn(person, element, now, arrival.free, arrival.accounts)
    except Outgrown as why:
        return Decision(person, reply=Refusal(413, "Too large", str(why)))
    at = element.happened
    said: dict[str, Any] = {  # plain data, judged once: an answer or a contact made by itself is judged twice
        "source": post.source,
        "external_id": post.external_id,
        "occurred_at": at,
        "is_test": learned.is_test,
        "contact": learned.contact,
        "properties": learned.properties,
        "answers": [{"question": q, "value": value, "occurred_at": at} for q, value in post.answers.items()],
        "activity": [_activity(item, min(item.occurred_at or at, now)) for item in post.activity],
        "consent": _consent(post, at),
    }
    body = (
        LeadReceived.model_validate(said)
        if arrival.is_first
        else LeadUpdated.model_validate({**said, "changed": changed})
    )
    return Decision(learned, (_draft(arrival, body),), reply=Reply())


def _draft(arrival: Arrival, body: Any) -> Draft:
    return Draft(body, at=arrival.element.happened, event_id=arrival.event_id)


def _consent(post: LeadIn, at: datetime) -> Consent | None:
    """As posted; one that does not say when it was given was given when the post happened."""
    if post.consent is None:
        return None
    consent = Consent(**{name: getattr(post.consent, name) for name in Consent.model_fields})
    is_dated = consent.given_at is not None or consent.withdrawn_at is not None
    return consent if is_dated else consent.model_copy(update={"given_at": at})


def _activity(post: ActivityIn | ActivityInLead, at: datetime) -> Activity:
    properties = {**post.unknown, **post.properties}
    return Activity(kind=post.kind, what=post.what, occurred_at=at, value=post.value, properties=properties)


def _engaged(element: Element, post: ActivityIn) -> LeadEngaged:
    return LeadEngaged(activity=_activity(post, element.happened))


def _touched(element: Element, post: TouchIn) -> LeadTouched:
    fields = ("rep", "channel", "direction", "purpose", "outcome", "authority", "next_at")
    return LeadTouched(occurred_at=element.happened, **{name: getattr(post, name) for name in fields})


def _answered(element: Element, post: AnswerIn) -> LeadAnswered:
    fields = ("question", "value", "said_by", "confidence")
    properties = {**post.unknown, **post.properties}
    answer = Answer(
        occurred_at=element.happened, properties=properties, **{name: getattr(post, name) for name in fields}
    )
    return LeadAnswered(answer=answer)


def _status(element: Element, post: StatusIn) -> LeadStatusReported:
    fields = ("status", "raw", "reason", "stage", "details", "value", "currency", "owner", "look_again_at")
    said = {name: getattr(post, name) for name in fields}
    return LeadStatusReported(occurred_at=element.happened, system=post.lead.system or element.source, **said)


_BODIES: dict[str, Callable[[Element, Any], Any]] = {
    "activity": _engaged,
    "touch": _touched,
    "answer": _answered,
    "status": _status,
}
