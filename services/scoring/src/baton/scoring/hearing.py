"""Facts turned into scoring's own words: each changes what is known of the person, none decides anything."""

from __future__ import annotations

from typing import Any

from baton.contracts import (
    Activity,
    Answer,
    LeadAnswered,
    LeadEngaged,
    LeadHeld,
    LeadMerged,
    LeadReassigned,
    LeadReceived,
    LeadRecycled,
    LeadRouted,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
)
from baton.runtime.handler import Heard
from baton.scoring.domain.moments import text_of
from baton.scoring.domain.person import (
    Person,
    parted,
    seen,
    with_absorbed,
    with_activity,
    with_answers,
    with_consent,
    with_decision,
    with_post,
    with_status,
    with_touch,
)
from baton.scoring.domain.rounds import Said, mark_of, reopened, with_said
from baton.values import changed


def taken_in(person: Person, fact: Heard) -> Person:
    """Return the person after the fact."""
    if fact.source == "intake":
        known = changed(person, heard=fact.sequence, caused_at=text_of(fact.recorded_at))
        return _from_outside(known, fact)
    return _from_routing(person, fact)


def _from_outside(person: Person, fact: Heard) -> Person:
    match fact.body:
        case LeadMerged(into=into):
            return changed(person, merged_into=into)
        case LeadReceived() | LeadUpdated() as lead:
            return _about_the_person(person, lead)
        case LeadEngaged(activity=activity):
            return with_activity(seen(person, text_of(activity.occurred_at)), [_plain_activity(activity)])
        case LeadAnswered(answer=answer):
            return with_answers(seen(person, text_of(answer.occurred_at)), [_plain_answer(answer)])
        case LeadTouched() as touch:
            plain = {**touch.model_dump(exclude_none=True), "occurred_at": text_of(touch.occurred_at)}
            return with_touch(person, plain)
        case LeadStatusReported() as status:
            return _status(person, status, fact.sequence)
        case _:
            return person


def _about_the_person(person: Person, lead: LeadReceived | LeadUpdated) -> Person:
    match lead:
        case LeadUpdated(absorbed=str(other)):
            return _absorbed(person, lead, other)
        case LeadUpdated(restored=str(other)):
            return parted(_described(person, lead), other)
        case _:
            return _posted(person, lead)


def _posted(person: Person, lead: LeadReceived | LeadUpdated) -> Person:
    given = lead.consent.model_dump(mode="json", exclude_none=True) if lead.consent else None
    return with_post(
        person,
        text_of(lead.occurred_at),
        [_plain_activity(activity) for activity in lead.activity],
        [_plain_answer(answer) for answer in lead.answers],
        source=person.source or lead.source,
        external_id=lead.external_id or person.external_id,
        is_test=lead.is_test,
        contact=lead.contact.model_dump(exclude_none=True),
        properties=lead.properties,
        consent=given or person.consent,
        consents=person.consents if given is None else with_consent(person.consents, given),
    )


def _described(person: Person, lead: LeadUpdated) -> Person:
    return changed(person, contact=lead.contact.model_dump(exclude_none=True), properties=lead.properties)


def _absorbed(person: Person, lead: LeadUpdated, other: str) -> Person:
    return with_absorbed(
        _described(person, lead),
        other,
        text_of(lead.occurred_at),
        [_plain_activity(activity) for activity in lead.activity],
        [_plain_answer(answer) for answer in lead.answers],
        [{**item.model_dump(exclude_none=True), "at": text_of(item.at)} for item in lead.history],
        lead.consent.model_dump(mode="json", exclude_none=True) if lead.consent else None,
    )


_OF_THE_DEAL = ("stage", "details", "value", "currency")


def _status(person: Person, status: LeadStatusReported, sequence: int) -> Person:
    at = text_of(status.occurred_at)
    more = {name: value for name in _OF_THE_DEAL if (value := getattr(status, name)) not in (None, {})}
    person = with_status(person, {"status": status.status, "reason": status.reason, "occurred_at": at, **more})
    mark = mark_of(status.status)
    if mark is None:
        return person
    return changed(person, round=with_said(person.round, Said(mark, at, sequence, reason=status.reason)))


def _from_routing(person: Person, fact: Heard) -> Person:
    body: Any = fact.body
    if body.round != person.round.number:
        return person
    match body:
        case LeadRecycled():
            again = text_of(body.look_again_at) if body.look_again_at else None
            said = Said("recycled", text_of(fact.at), look_again_at=again, reason=body.reason)
            person = changed(person, round=with_said(person.round, said))
            return _decided(person, fact, f"recycled: {body.reason}")
        case LeadHeld():
            handed = {**person.handed, "held": True} if person.handed is not None else None
            return changed(person, round=reopened(person.round, _from_then(body)), handed=handed)
        case LeadRouted() | LeadReassigned():
            handed = {"id": body.owner.id, "name": body.owner.name, "at": text_of(fact.at), "held": False}
            person = changed(person, round=reopened(person.round, _from_then(body)), handed=handed)
            verb = "routed" if isinstance(body, LeadRouted) else f"reassigned ({body.reason})"
            return _decided(person, fact, f"{verb} to {body.owner.name}")
        case _:
            return person


def _from_then(body: LeadRouted | LeadReassigned | LeadHeld) -> str | None:
    return text_of(body.statuses_from) if body.statuses_from else None


def _decided(person: Person, fact: Heard, what: str) -> Person:
    return with_decision(person, {"occurred_at": text_of(fact.at), "what": what})


def _plain_activity(activity: Activity) -> dict[str, Any]:
    return {**activity.model_dump(exclude_none=True), "occurred_at": text_of(activity.occurred_at)}


def _plain_answer(answer: Answer) -> dict[str, Any]:
    return {**answer.model_dump(exclude_none=True), "value": answer.value, "occurred_at": text_of(answer.occurred_at)}
