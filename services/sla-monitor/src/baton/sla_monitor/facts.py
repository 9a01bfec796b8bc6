"""What is said about an obligation when its state changes: the facts on `leads.sla`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from baton.contracts import (
    Fact,
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
from baton.runtime.handler import Draft
from baton.sla_monitor.domain.evidence import HandOff
from baton.sla_monitor.domain.obligation import Obligation

LATE = timedelta(seconds=60)
"""A breach or a step noticed later than this is marked: firing takes some seconds, an outage takes longer."""


def said(before: Obligation | None, after: Obligation, turn: HandOff | None, now: datetime) -> list[Draft]:
    """Return the facts that tell what changed from `before`: a start, a warning, how it ended, a step of the chain.

    A state is said when it is entered. A promise met after its breach was declared is corrected, not broken again.
    """
    common = _common(after, turn.caused_at if turn else None)
    drafts = []
    if before is None:
        started = SlaStarted(**common, warn_at=after.warn_at, calendar_version=after.calendar_version)
        drafts.append(Draft(started, at=after.started_at))
    if after.warned != (before.warned if before else 0) and after.warned_at and after.warned_at < after.due_at:
        warned = SlaWarned(**common, warned_at=after.warned_at, per_cent=after.warned)
        drafts.append(Draft(warned, at=after.warned_at))
    drafts += _rest(before, after, common)
    if before is not None and after.runs and before.calendar_version != after.calendar_version:
        versions: dict[str, Any] = {"calendar_version": after.calendar_version, "calendar_was": before.calendar_version}
        drafts.append(Draft(SlaMoved(**common, was=before.due_at, why="calendar", **versions)))
    if before is None or before.state != after.state:
        ended = _ended(before, after, common, now)
        drafts += [Draft(ended, at=after.due_at if after.state == "breached" else after.closed_at)] if ended else []
    if before is not None and turn is not None and before.escalate_at and after.escalated > before.escalated:
        step, at = turn.terms.escalate[before.escalated], before.escalate_at
        times: dict[str, Any] = {"escalated_at": at, "fired_at": now, "late": now - at > LATE}
        drafts.append(Draft(SlaEscalated(**common, step=after.escalated, to=step.to, **times), at=at))
    return drafts


def _rest(before: Obligation | None, after: Obligation, common: dict[str, Any]) -> list[Draft]:
    """A pause is said when it is known, its end when a timer tells it or when there is none any more."""
    if not after.runs:
        return []
    if after.rests and after.paused_at and after.paused_until:
        if before is not None and before.rests and before.paused_until == after.paused_until:
            return []
        was = before.due_at if before else after.promised_at or after.due_at
        times: dict[str, Any] = {"paused_at": after.paused_at, "until": after.paused_until, "was": was}
        return [Draft(SlaPaused(**common, because="agreed", **times), at=after.paused_at)]
    if before is not None and before.rests:
        is_over = after.resumed_at is not None and after.resumed_at != before.resumed_at
        at = after.resumed_at if is_over else before.paused_at
        return [Draft(SlaResumed(**common, resumed_at=at), at=at)] if at else []
    return []


def _ended(before: Obligation | None, after: Obligation, common: dict[str, Any], now: datetime) -> Fact | None:
    match after.state:
        case "met":
            corrects = before is not None and before.is_declared
            return _met(after, common, corrects)
        case "breached" if before is not None and before.is_declared:
            return None  # it was postponed afterwards, and that time has passed, too
        case "breached":
            return SlaBreached(**common, breached_at=after.due_at, fired_at=now, late=now - after.due_at > LATE)
        case "waived":
            return SlaWaived(**common, reason=after.reason or "")
        case "stopped":
            return SlaStopped(
                **common,
                rule=after.rule or "",
                reason=after.reason or "",
                touches=after.touches,
                then=after.becomes or "unreachable",
            )
        case _:
            return None


def _met(after: Obligation, common: dict[str, Any], corrects: bool) -> SlaMet:
    if after.closed_at is None or after.seconds is None or after.business_seconds is None:
        raise ValueError(f"a promise is met at a time: {after}")
    return SlaMet(
        **common,
        met_at=after.closed_at,
        seconds=after.seconds,
        business_seconds=after.business_seconds,
        corrects=corrects,
    )


def _common(ob: Obligation, caused_at: datetime | None) -> dict[str, Any]:
    return {
        "round": ob.round,
        "caused_at": caused_at,
        "promise": ob.promise,
        "policy": ob.policy,
        "owner": ob.owner,
        "team": ob.team,
        "attempt": ob.attempt,
        "started_at": ob.started_at,
        "due_at": ob.due_at,
    }
