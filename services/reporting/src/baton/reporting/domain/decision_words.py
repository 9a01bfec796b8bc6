"""What Baton decided, in words: the decision, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baton.contracts import (
    Candidate,
    FollowUpExcessive,
    HomeworkOverdue,
    HomeworkReminded,
    LeadDelivered,
    LeadDisqualified,
    LeadHeld,
    LeadNurtured,
    LeadQualified,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    LeadScored,
    Reason,
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
)
from baton.reporting.domain.phrases import Line, dated, labelled, listed, reasons, spanned, timed

HELD = {
    "no_rule": "no rule matches",
    "nobody_eligible": "nobody can take it now",
    "no_consent": "consent is missing",
    "manager": "a manager must look at it",
}
PROMISES = {
    "first_response": "first attempt",
    "first_contact": "first contact",
    "minimum_touches": "minimum of touches",
    "work_time": "working time",
}
_REASSIGNED = {
    "breach": "{before} let the first response pass.",
    "claim": "Claimed; {before} had it before.",
    "reassign": "Given on by hand; {before} had it before.",
    "reject": "{before} said: not mine.",
    "restored": "It is a lead of its own again; {before} had it before.",
}


def _scored(fact: LeadScored) -> Line:
    flags = f" Flags: {listed(fact.flags)}." if fact.flags else ""
    return Line(f"Scored {_points(fact)}, {fact.temperature}", reasons(fact.why) + flags, detail=_judged(fact))


def _qualified(fact: LeadQualified) -> Line:
    what = f"Qualified by definition {fact.definition.label}, round {fact.round}"
    missing = [item.label or item.item for item in fact.must_know if item.missing]
    lacking = f" Sales does not know yet: {listed(missing)}." if missing else ""
    return Line(what, reasons(fact.why) + lacking, "good", detail=_judged(fact))


def _nurtured(fact: LeadNurtured) -> Line:
    parts = [
        f"Not met: {labelled(fact.unmet, fact.why)}." if fact.unmet else "",
        f"Unknown: {labelled(fact.unknown, fact.why)}." if fact.unknown else "",
        f"Looked at again on {dated(fact.look_again_at)}." if fact.look_again_at else "",
    ]
    return Line(f"Nurtured on track {fact.track}", " ".join(filter(None, parts)) or None, "warn", detail=_judged(fact))


def _disqualified(fact: LeadDisqualified) -> Line:
    final = "For good." if fact.final else "It may qualify later, on a newer fact."
    return Line(f"Disqualified: {fact.label or fact.reason}", final, "bad", detail=_judged(fact))


def _routed(fact: LeadRouted) -> Line:
    return Line(f"Handed to {fact.owner.name}", _by_rule(fact), "good", fact.owner.id, _handed(fact))


def _reassigned(fact: LeadReassigned) -> Line:
    why = f"{_REASSIGNED[fact.reason].format(before=fact.previous_owner)} {_by_rule(fact)}"
    return Line(f"Reassigned to {fact.owner.name}", why, "warn", fact.owner.id, _handed(fact))


def _by_rule(fact: LeadRouted | LeadReassigned) -> str:
    objected = sum(1 for candidate in fact.trace.candidates if candidate.objection)
    others = f" {objected} others could not take it." if objected else ""
    return f"Rule: {fact.rule.label or fact.rule.id}. First attempt due {timed(fact.respond_by)}.{others}"


def _handed(fact: LeadRouted | LeadReassigned) -> dict[str, Any]:
    trace = fact.trace
    return {
        "rule": fact.rule.id,
        "playbook": fact.rule.playbook,
        "policy": fact.policy,
        "pool": trace.pool,
        "team": fact.owner.team,
        "candidates": [_candidate(candidate) for candidate in trace.candidates],
        "near_misses": {miss.rule: miss.because for miss in trace.near_misses},
        "inputs_hash": trace.inputs_hash,
        "books_version": fact.books_version,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    known = (("rep", candidate.rep), ("objection", candidate.objection), ("credit", candidate.credit))
    return {name: value for name, value in known if value is not None}


def _held(fact: LeadHeld) -> Line:
    next_try = f" Tried again {timed(fact.next_try_at)}." if fact.next_try_at else ""
    why = f"{fact.detail or ''}{next_try}".strip() or None
    detail = {"rule": fact.rule.id if fact.rule else None, "pool": fact.pool, "objections": fact.objections}
    return Line(f"Held: {HELD.get(fact.reason, fact.reason)}", why, "warn", fact.previous_owner, detail)


def _recycled(fact: LeadRecycled) -> Line:
    again = f" Looked at again on {dated(fact.look_again_at)}." if fact.look_again_at else ""
    what = "Back to marketing"
    return Line(what, f"{fact.status.replace('_', ' ').capitalize()}: {fact.reason}.{again}", "warn", fact.owner)


def _delivered(fact: LeadDelivered) -> Line:
    known_as = f"It is known there as {fact.record_id}." if fact.record_id else None
    return Line(f"Taken by {fact.label or fact.endpoint}", known_as, "good", detail={"endpoint": fact.endpoint})


def _started(fact: SlaStarted) -> Line:
    detail = {"policy": fact.policy, "calendar_version": fact.calendar_version, "attempt": fact.attempt}
    return Line(f"Promised: {_promise(fact)}", f"Due {timed(fact.due_at)}.", "plain", fact.owner, detail)


def _warned(fact: SlaWarned) -> Line:
    share = f"{fact.per_cent} %" if fact.per_cent else "Most"
    why = f"{share} of the time is gone; due {timed(fact.due_at)}."
    return Line(f"Warning: {_promise(fact)}", why, "warn", fact.owner, {"policy": fact.policy})


def _met(fact: SlaMet) -> Line:
    late = fact.met_at > fact.due_at
    what = f"{'Done late' if late else 'Kept'}: {_promise(fact)}"
    corrected = " This corrects a breach declared before." if fact.corrects else ""
    why = f"After {spanned(fact.seconds)}, {spanned(fact.business_seconds)} of it in business time.{corrected}"
    return Line(what, why, "warn" if late else "good", fact.owner, {"policy": fact.policy, "attempt": fact.attempt})


def _breached(fact: SlaBreached) -> Line:
    late = " Noticed late, after an outage." if fact.late else ""
    detail = {"policy": fact.policy, "attempt": fact.attempt}
    return Line(f"Broken: {_promise(fact)}", f"It was due {timed(fact.due_at)}.{late}", "bad", fact.owner, detail)


def _escalated(fact: SlaEscalated) -> Line:
    late = " Noticed late, after an outage." if fact.late else ""
    why = f"Step {fact.step}; it was due {timed(fact.due_at)} and is not done.{late}"
    return Line(f"Escalated to {fact.to}: {_promise(fact)}", why, "bad", fact.owner, {"policy": fact.policy})


def _moved(fact: SlaMoved) -> Line:
    why = f"The calendar has changed: due {timed(fact.due_at)}, before {timed(fact.was)}."
    return Line(f"Moved: {_promise(fact)}", why, "plain", fact.owner, {"policy": fact.policy})


def _paused(fact: SlaPaused) -> Line:
    why = f"Both sides agreed on {timed(fact.until)}; now due {timed(fact.due_at)}."
    return Line(f"Paused: {_promise(fact)}", why, "plain", fact.owner, {"policy": fact.policy})


def _resumed(fact: SlaResumed) -> Line:
    return Line(f"Runs again: {_promise(fact)}", f"Due {timed(fact.due_at)}.", "plain", fact.owner)


def _waived(fact: SlaWaived) -> Line:
    why = f"Because: {fact.reason.replace('_', ' ')}."
    return Line(f"Waived: {_promise(fact)}", why, "plain", fact.owner, {"policy": fact.policy})


def _stopped(fact: SlaStopped) -> Line:
    why = f"Rule {fact.rule}: {fact.reason}, after {fact.touches} touches."
    return Line("Follow-up stopped", why, "warn", fact.owner, {"then": fact.then, "policy": fact.policy})


def _promise(fact: Any) -> str:
    return str(PROMISES.get(fact.promise, fact.promise))


def _points(fact: Any) -> str:
    return f"{fact.score.total:g}"


def _judged(fact: LeadScored | LeadQualified | LeadNurtured | LeadDisqualified) -> dict[str, Any]:
    return {
        "score": fact.score.model_dump(),
        "temperature": fact.temperature,
        "definition": fact.definition.label,
        "playbook": fact.definition.playbook,
        "why": [_reason(reason) for reason in fact.why],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    """What `model_dump(exclude_defaults=True)` gives, in a sixth of its 4 µs; a lead has some thirty."""
    said: dict[str, Any] = {"criterion": reason.criterion}
    if reason.label is not None:
        said["label"] = reason.label
    if reason.value is not None:
        said["value"] = reason.value
    if reason.points:
        said["points"] = reason.points
    if reason.missing:
        said["missing"] = reason.missing
    return said


_TOO_MUCH = {
    "no_contact": "The person wishes no contact.",
    "channel": "The person does not wish this channel.",
    "agreed_date": "Both sides agreed on a later date.",
    "interval": "The person agreed to a longer interval.",
    "not_ready": "The lead was back with marketing.",
    "unanswered": "The plan asks for no more without an answer.",
}


def _excessive(fact: FollowUpExcessive) -> Line:
    why = f"{_TOO_MUCH[fact.reason]} Attempt {fact.unanswered} in a row without an answer."
    return Line(f"One touch too many: {fact.channel}", why, "warn", fact.rep, {"reason": fact.reason})


def _reminded(fact: HomeworkReminded) -> Line:
    meeting = f"The meeting is {timed(fact.meeting_at)}." if fact.meeting_at else None
    return Line("The person is reminded of the homework", meeting, "plain", fact.owner, {"task": fact.task})


def _overdue(fact: HomeworkOverdue) -> Line:
    if fact.state == "not_returned":
        proposal = "Disqualifying is proposed."
        return Line("Homework was not returned by the meeting", proposal, "bad", fact.owner, {"task": fact.task})
    why = f"It was due {timed(fact.due_at)}." if fact.due_at else None
    return Line("Homework is late", why, "warn", fact.owner, {"task": fact.task})


TELL: dict[str, Callable[[Any], Line]] = {
    LeadScored.type: _scored,
    LeadQualified.type: _qualified,
    LeadNurtured.type: _nurtured,
    LeadDisqualified.type: _disqualified,
    LeadRouted.type: _routed,
    LeadReassigned.type: _reassigned,
    LeadHeld.type: _held,
    LeadRecycled.type: _recycled,
    LeadDelivered.type: _delivered,
    SlaStarted.type: _started,
    SlaWarned.type: _warned,
    SlaMet.type: _met,
    SlaBreached.type: _breached,
    SlaEscalated.type: _escalated,
    SlaMoved.type: _moved,
    SlaPaused.type: _paused,
    SlaResumed.type: _resumed,
    SlaWaived.type: _waived,
    SlaStopped.type: _stopped,
    FollowUpExcessive.type: _excessive,
    HomeworkReminded.type: _reminded,
    HomeworkOverdue.type: _overdue,
}
