"""Which fact goes to whom: decided with the fact itself, so that it is written down in the same transaction. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from baton.contracts import HomeworkOverdue, HomeworkReminded, LeadDisqualified, LeadErased, LeadNurtured, SlaEscalated
from baton.routing.deliveries.receivers import Directory
from baton.runtime.envelope import data_of
from baton.runtime.handler import Cause, Decision, Heard
from baton.runtime.ids import event_id

PUBLISHER = "routing"
HOMEWORK = (HomeworkReminded, HomeworkOverdue)
PASSED_ON = frozenset(fact.type for fact in (LeadNurtured, LeadDisqualified, LeadErased, SlaEscalated, *HOMEWORK))
"""Facts of other services that somebody may be told of: what goes back to marketing (H8), what is escalated, and whom
to remind of homework (Q4)."""


class Overheard(BaseModel):
    """A fact of another service that is passed on, as it will be told."""

    model_config = ConfigDict(frozen=True)

    headers: Mapping[str, str]
    value: bytes


class Parcel(BaseModel):
    """One fact on its way to one endpoint."""

    model_config = ConfigDict(frozen=True)

    endpoint: str
    event_id: str
    type: str
    overheard: Overheard | None = None


def addressed(decision: Decision[Any], cause: Cause, directory: Callable[[], Directory]) -> Decision[Any]:
    """Return the decision with its facts addressed: the lead carries a parcel for each endpoint that wants one.

    The facts get the ids the runtime would give them, so that the parcels can name them.
    """
    if not decision.facts or not directory().is_anybody_told:
        return decision
    count: Counter[str] = Counter()
    drafts, parcels = [], []
    for draft in decision.facts:
        kind = draft.body.type
        subject = draft.subject or cause.subject
        identity = draft.event_id or event_id(PUBLISHER, cause.id, kind, subject, count[kind])
        count[kind] += 1
        drafts.append(replace(draft, event_id=identity))
        parcels += parcels_for(directory(), kind, identity, subject, draft.body)
    if not parcels:
        return decision
    state = decision.state.model_copy(update={"parcels": (*decision.state.parcels, *parcels)})
    return replace(decision, state=state, facts=tuple(drafts))


def passed_on(decision: Decision[Any], cause: Cause | None, directory: Callable[[], Directory]) -> Decision[Any]:
    """Return the decision with a parcel for each endpoint that is told of the cause itself: a fact of somebody else."""
    if not isinstance(cause, Heard) or cause.type not in PASSED_ON:
        return decision
    found = parcels_for(directory(), cause.type, cause.id, cause.subject, cause.body)
    if not found:
        return decision
    headers = {
        "ce_id": cause.id,
        "ce_type": cause.type,
        "ce_time": cause.at.isoformat(),
        "ce_sequence": str(cause.sequence),
        "ce_source": f"urn:baton:{cause.source}",
    }
    copy = Overheard(headers=headers, value=data_of(cause.body))
    parcels = [parcel.model_copy(update={"overheard": copy}) for parcel in found]
    return replace(decision, state=decision.state.model_copy(update={"parcels": (*decision.state.parcels, *parcels)}))


def readdressed(decision: Decision[Any], said: Sequence[Heard], directory: Callable[[], Directory]) -> Decision[Any]:
    """As `addressed`, for what an earlier life of a restored store said: whether it was delivered is not known."""
    if not said or not directory().is_anybody_told:
        return decision
    parcels = [one for fact in said for one in parcels_for(directory(), fact.type, fact.id, fact.subject, fact.body)]
    if not parcels:
        return decision
    return replace(decision, state=decision.state.model_copy(update={"parcels": (*decision.state.parcels, *parcels)}))


def parcels_for(directory: Directory, type_: str, identity: str, subject: str, body: Any) -> list[Parcel]:
    """Return a parcel for everybody who is told of this fact."""
    wanting = directory.of(type_)
    if not wanting:
        return []
    data: list[dict[str, Any]] = []

    def names() -> dict[str, Any]:
        if not data:
            data.append(orjson.loads(data_of(body)))
        return condition_names(type_, identity, subject, data[0])

    return [Parcel(endpoint=one.id, event_id=identity, type=type_) for one in wanting if one.wants(type_, names)]


def condition_names(type_: str, identity: str, subject: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the condition of an endpoint may name."""
    return {"fact": {"id": identity, "type": type_, "lead_id": subject}, "data": data, "crm": {}, "record": {}}
