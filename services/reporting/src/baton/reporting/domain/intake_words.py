"""What came in from outside, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baton.contracts import (
    LeadAnswered,
    LeadEngaged,
    LeadMerged,
    LeadReceived,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
)
from baton.reporting.domain.phrases import Line, listed, valued

_STATUS_TONES = {"accepted": "good", "opportunity": "good", "won": "good", "junk": "bad", "lost": "bad"}


def _received(fact: LeadReceived) -> Line:
    test = " as a test" if fact.is_test else ""
    return Line(f"Received from {fact.source}{test}", _brought(fact), "accent", detail=_posted(fact))


def _updated(fact: LeadUpdated) -> Line:
    changed = f"Changed: {listed(fact.changed)}." if fact.changed else None
    why = " ".join(filter(None, (changed, _brought(fact))))
    if fact.absorbed is not None:
        return Line(f"Lead {fact.absorbed} is the same person and goes on as this one", why or None, "accent")
    if fact.restored is not None:
        return Line(f"Not the same person as lead {fact.restored} after all", why or None, "accent")
    return Line(f"Posted again by {fact.source}", why or "Nothing new.", detail=_posted(fact))


def _merged(fact: LeadMerged) -> Line:
    because = "somebody said so" if fact.because == "by_hand" else f"a post named both by {fact.because}"
    return Line(
        f"The same person as lead {fact.into}, and goes on as that one", f"Because {because}.", "accent", fact.by
    )


def _brought(fact: LeadReceived | LeadUpdated) -> str | None:
    parts = []
    if fact.activity:
        parts.append(f"{len(fact.activity)} activities" if len(fact.activity) > 1 else f"did: {_did(fact.activity[0])}")
    if fact.answers:
        parts.append("answered: " + listed(answer.question for answer in fact.answers))
    return f"Brought along {'; '.join(parts)}." if parts else None


def _posted(fact: LeadReceived | LeadUpdated) -> dict[str, Any]:
    return {
        "source": fact.source,
        "external_id": fact.external_id,
        "answers": {answer.question: answer.value for answer in fact.answers},
        "activity": [_did(activity) for activity in fact.activity[:10]],
        "properties": fact.properties,
    }


def _did(activity: Any) -> str:
    return f"{activity.kind} {activity.what}" if activity.what else str(activity.kind)


def _engaged(fact: LeadEngaged) -> Line:
    return Line(f"The person did: {_did(fact.activity)}", detail={"value": fact.activity.value})


def _touched(fact: LeadTouched) -> Line:
    direction = "to the person" if fact.direction == "out" else "from the person"
    found = f"Outcome: {fact.outcome}." if fact.outcome else "No outcome was said."
    tone = "good" if fact.reached else "plain"
    detail = {"purpose": fact.purpose, "authority": fact.authority}
    return Line(f"{fact.channel.capitalize()} {direction}", found, tone, fact.rep, detail)


def _answered(fact: LeadAnswered) -> Line:
    answer = fact.answer
    return Line(f"Answered: {answer.question}", valued(answer.value), detail={"said_by": answer.said_by})


def _status(fact: LeadStatusReported) -> Line:
    why = "; ".join(filter(None, (fact.reason, f"stage {fact.stage}" if fact.stage else None)))
    tone = _STATUS_TONES.get(fact.status, "plain")
    detail = {"raw": fact.raw, "value": fact.value, "currency": fact.currency, "details": fact.details}
    return Line(f"Sales says: {fact.status}", why or None, tone, fact.owner, detail)


TELL: dict[str, Callable[[Any], Line]] = {
    LeadReceived.type: _received,
    LeadUpdated.type: _updated,
    LeadEngaged.type: _engaged,
    LeadMerged.type: _merged,
    LeadTouched.type: _touched,
    LeadAnswered.type: _answered,
    LeadStatusReported.type: _status,
}
