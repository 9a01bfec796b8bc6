"""What reporting reads of each fact. A field that is missing here is neither checked nor there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baton.contracts import (
    INTAKE,
    ROSTER,
    ROUTING,
    SCORING,
    SLA,
    Activity,
    Answer,
    Contact,
    Fact,
    FollowUpExcessive,
    HomeworkOverdue,
    HomeworkReminded,
    LeadAnswered,
    LeadDelivered,
    LeadDisqualified,
    LeadEngaged,
    LeadErased,
    LeadHeld,
    LeadMerged,
    LeadNurtured,
    LeadQualified,
    LeadReassigned,
    LeadReceived,
    LeadRecycled,
    LeadRouted,
    LeadScored,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    Owner,
    RepChanged,
    SlaBreached,
    SlaEscalated,
    SlaMet,
    SlaMoved,
    SlaPaused,
    SlaResumed,
    SlaStarted,
    SlaStopped,
    SlaWaived,
    SlaWarned,
    Trace,
)
from baton.contracts.reading import reading

_CONTACT = reading(Contact, "full_name", "first_name", "last_name", "company", "country")
_ACTIVITY = reading(Activity, "kind", "what")
_ANSWER = reading(Answer, "question", "value")
_POSTED = ("source", "external_id", "is_test", "properties")
_WITH_POST: dict[str, Any] = {"contact": _CONTACT, "activity": list[_ACTIVITY], "answers": list[_ANSWER]}  # type: ignore[valid-type]
_JUDGED = ("round", "score", "temperature", "definition", "why")
_HANDED = ("round", "decided_at", "rule", "policy", "respond_by", "books_version", "intake_sequence", "statuses_from")
_OWNER = reading(Owner, "id", "name", "team")
_TRACE = reading(Trace, "pool", "near_misses", "candidates", "inputs_hash")
_HELD = ("round", "reason", "detail", "rule", "pool", "objections", "next_try_at", "previous_owner", "statuses_from")
_HOMEWORK = ("round", "owner", "due_at", "meeting_at", "task")
_PROMISE = ("round", "promise", "policy", "owner", "team", "attempt", "started_at", "due_at")

_FACTS: tuple[type[Fact], ...] = (
    reading(LeadReceived, *_POSTED, **_WITH_POST),
    reading(LeadUpdated, *_POSTED, "changed", "absorbed", "restored", **_WITH_POST),
    reading(LeadMerged, "into", "because", "by"),
    reading(LeadEngaged, activity=reading(Activity, "kind", "what", "value")),
    reading(LeadAnswered, answer=reading(Answer, "question", "value", "said_by")),
    reading(LeadTouched, "rep", "channel", "direction", "purpose", "outcome", "authority"),
    reading(LeadStatusReported, "status", "raw", "reason", "stage", "details", "value", "currency", "owner"),
    LeadErased,
    reading(LeadScored, *_JUDGED, "flags"),
    reading(LeadQualified, *_JUDGED, "qualified_at", "intake_sequence", "statuses_from", "must_know"),
    reading(LeadNurtured, *_JUDGED, "track", "unmet", "unknown", "look_again_at"),
    reading(LeadDisqualified, *_JUDGED, "reason", "label", "final"),
    reading(LeadRouted, *_HANDED, owner=_OWNER, trace=_TRACE),
    reading(LeadReassigned, *_HANDED, "previous_owner", "reason", owner=_OWNER, trace=_TRACE),
    reading(LeadHeld, *_HELD),
    reading(LeadDelivered, "round", "endpoint", "label", "record_id"),
    reading(LeadRecycled, "round", "reason", "status", "owner", "look_again_at"),
    reading(SlaStarted, *_PROMISE, "calendar_version"),
    reading(SlaWarned, *_PROMISE, "per_cent"),
    reading(SlaMet, *_PROMISE, "met_at", "seconds", "business_seconds", "corrects"),
    reading(SlaBreached, *_PROMISE, "late"),
    reading(SlaEscalated, *_PROMISE, "step", "to", "late"),
    reading(SlaMoved, *_PROMISE, "was"),
    reading(SlaPaused, *_PROMISE, "until"),
    reading(SlaResumed, *_PROMISE),
    reading(SlaWaived, *_PROMISE, "reason"),
    reading(SlaStopped, *_PROMISE, "rule", "reason", "touches", "then"),
    reading(FollowUpExcessive, "round", "owner", "team", "reason", "rep", "channel", "touched_at", "unanswered"),
    reading(HomeworkReminded, *_HOMEWORK),
    reading(HomeworkOverdue, *_HOMEWORK, "state"),
    RepChanged,
)
HEARS: Mapping[str, Mapping[str, type[Fact]]] = {
    topic: {fact.type: fact for fact in _FACTS if fact.topic == topic}
    for topic in (INTAKE, SCORING, ROUTING, SLA, ROSTER)
}
