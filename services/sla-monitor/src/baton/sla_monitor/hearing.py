"""What the SLA monitor reads of each fact it hears. A field that is missing here is neither checked nor there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baton.contracts import (
    INTAKE,
    ROSTER,
    ROUTING,
    SCORING,
    Activity,
    Answer,
    Contact,
    Fact,
    LeadAnswered,
    LeadDisqualified,
    LeadEngaged,
    LeadErased,
    LeadHeld,
    LeadMerged,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    Owner,
    RepChanged,
)
from baton.contracts.reading import reading

_ANSWER = reading(Answer, "question", "value", "occurred_at")
_HANDED = ("round", "caused_at", "decided_at", "policy", "respond_by", "calendar_version", "source")
_SINCE = ("history", "intake_sequence", "statuses_from", "restored_sequence")
_CONTACT = reading(Contact, "account_id", "country", "region", "timezone")
_OWNER = reading(Owner, "id", "team", "calendar")
_TOUCHED = ("rep", "channel", "direction", "purpose", "outcome", "authority", "occurred_at", "next_at")
_ANSWERS: dict[str, Any] = {"answers": list[_ANSWER]}  # type: ignore[valid-type]

_FACTS: tuple[type[Fact], ...] = (
    reading(LeadUpdated, "absorbed", "restored", **_ANSWERS),
    reading(LeadMerged, "occurred_at"),
    reading(LeadTouched, *_TOUCHED),
    reading(LeadAnswered, answer=_ANSWER),
    reading(LeadEngaged, activity=reading(Activity, "occurred_at")),
    reading(LeadStatusReported, "status", "stage", "occurred_at"),
    LeadErased,
    reading(LeadDisqualified, "round"),
    reading(LeadRouted, *_HANDED, *_SINCE, owner=_OWNER, contact=_CONTACT),
    reading(LeadReassigned, *_HANDED, *_SINCE, "attempt", owner=_OWNER, contact=_CONTACT),
    reading(LeadHeld, "round"),
    reading(LeadRecycled, "round"),
    RepChanged,
)
HEARS: Mapping[str, Mapping[str, type[Fact]]] = {
    topic: {fact.type: fact for fact in _FACTS if fact.topic == topic} for topic in (INTAKE, SCORING, ROUTING, ROSTER)
}
