"""What the SLA monitor must have decided, from what it said: for a store that is rolled forward (ADR 0008). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from baton.contracts import (
    FollowUpExcessive,
    HomeworkOverdue,
    HomeworkReminded,
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
from baton.playbook import Playbook
from baton.runtime.handler import Decision, Due, Heard
from baton.sla_monitor.decide import Watched, concluded, decide
from baton.sla_monitor.domain.homework import DUE, MEETING, REMIND
from baton.sla_monitor.domain.obligation import Key, Obligation

BESIDE_CLOCKS = frozenset({FollowUpExcessive.type, HomeworkReminded.type, HomeworkOverdue.type})
"""Facts that are said of no clock: what they follow from is evidence, or the timer that told them."""


def adopt(
    state: Watched, cause: Heard | None, said: Sequence[Heard], playbook: Playbook, now: datetime
) -> Decision[Watched]:
    """Return the clocks as they were said to be: those of which nothing was said stay as they were.

    Where the cause is not known it was a timer, and the facts tell which.
    """
    fired = _fired(said) if cause is None else None
    said = [fact for fact in said if fact.type not in BESIDE_CLOCKS]
    judged = decide(state, cause or fired or Due("", "", "", now, 0), playbook, now).state
    after = _as_said(state.obligations, judged.obligations, said)
    return concluded(state, replace(judged, obligations=after), playbook, fired.kind if fired else None)


_TOLD_BY = {
    SlaBreached.type: ("due", "due_at"),
    SlaStopped.type: ("due", "due_at"),
    SlaWarned.type: ("warn", "warned_at"),
    SlaEscalated.type: ("escalate", "escalated_at"),
    SlaResumed.type: ("resume", "resumed_at"),
}
"""Facts that a timer brought: what the kind of it begins with, and the field that says when it was due."""


def _fired(said: Sequence[Heard]) -> Due | None:
    return next((due for fact in said if (due := _timer_of(fact)) is not None), None)


def _timer_of(fact: Heard) -> Due | None:
    body: Any = fact.body
    match body:
        case HomeworkReminded() | HomeworkOverdue():
            return Due(fact.id, fact.subject, _homework_timer(body), fact.at, 0)
        case SlaMoved():
            return Due(fact.id, fact.subject, "wake", fact.recorded_at, 0)
    if body.type not in _TOLD_BY:
        return None
    what, at = _TOLD_BY[body.type]
    return Due(fact.id, fact.subject, f"{what}.{body.promise}", getattr(body, at), 0)


def _homework_timer(told: HomeworkReminded | HomeworkOverdue) -> str:
    if isinstance(told, HomeworkReminded):
        return REMIND
    return DUE if told.state == "late" else MEETING


def _as_said(
    before: Mapping[Key, Obligation], judged: Mapping[Key, Obligation], said: Iterable[Heard]
) -> dict[Key, Obligation]:
    """Return the clocks there were, and those said to have started, each in the state that was said last."""
    after = {
        key: clock if _agree(clock, before.get(key)) else before[key] for key, clock in judged.items() if key in before
    }
    for fact in said:
        body: Any = fact.body
        key: Key = (body.round, body.attempt, body.promise)
        told = _told(body, fact.at)
        clock = judged.get(key)
        if clock is None or clock.state != told.get(
            "state", clock.state
        ):  # today's judgement is another: nothing of it counts
            clock = after.get(key) or clock
            told = {"closed_at": None, **told, **({"at_risk_from": at} if (at := told.get("warned_at")) else {})}
        if clock is not None:
            after[key] = replace(clock, due_at=body.due_at, **told)
    return after


def _agree(clock: Obligation, before: Obligation | None) -> bool:
    return before is not None and _marks(clock) == _marks(before)


def _marks(clock: Obligation) -> tuple[Any, ...]:
    return (clock.state, clock.warned_at, clock.escalated)


def _told(body: Any, at: datetime) -> dict[str, Any]:
    """What a fact that happened `at` says of its clock, in the clock's own words."""
    match body:
        case SlaStarted(warn_at=warn_at):
            return {"state": "open", "warned_at": None, **({"warn_at": warn_at} if warn_at else {})}
        case SlaWarned(warned_at=warned_at, per_cent=per_cent):
            return {"state": "at_risk", "warned_at": warned_at, "warned": per_cent or 100}
        case SlaMet():
            met = {"seconds": body.seconds, "business_seconds": body.business_seconds}
            return {"state": "met", "closed_at": body.met_at, "reason": None, **met}
        case SlaBreached(breached_at=breached_at):
            return {"state": "breached", "expired_at": breached_at, "is_declared": True}
        case SlaWaived(reason=reason):
            return {"state": "waived", "closed_at": at, "reason": reason}
        case SlaStopped():
            said = {"reason": body.reason, "rule": body.rule, "touches": body.touches, "becomes": body.then}
            return {"state": "stopped", "closed_at": at, **said}
        case _:
            return _told_between(body)


def _told_between(body: Any) -> dict[str, Any]:
    """The same, of what neither begins nor ends a clock."""
    match body:
        case SlaPaused(paused_at=paused_at, until=until):
            return {"paused_at": paused_at, "paused_until": until}
        case SlaResumed(resumed_at=resumed_at):
            return {"resumed_at": resumed_at}
        case SlaMoved(was=was, calendar_version=version):
            return {"was_due_at": was, "calendar_version": version}
        case SlaEscalated(step=step):
            return {"state": "breached", "escalated": step}
        case _:
            raise TypeError(f"{type(body).__name__} is nothing that is said of a clock")
