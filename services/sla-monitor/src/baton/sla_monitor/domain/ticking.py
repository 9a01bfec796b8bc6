"""Timers: which each clock needs, and what it means that one has come due. Only they tell that time has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from baton.sla_monitor.domain.course import Course
from baton.sla_monitor.domain.evidence import Evidence
from baton.sla_monitor.domain.hours import Hours
from baton.sla_monitor.domain.obligation import PROMISES, Key, Obligation, Promise
from baton.sla_monitor.domain.warnings import given, kind_of_time
from baton.values import changed

KINDS = tuple(f"{what}.{promise}" for what in ("due", "warn", "escalate", "resume") for promise in PROMISES)
"""Every kind of timer a lead may have: one row each, for whichever of its clocks is first."""

Clocks = Mapping[Key, Obligation]


def timers(obligations: Iterable[Obligation]) -> dict[str, datetime]:
    """Return when each kind of timer must fire next."""
    due: dict[str, datetime] = {}
    for ob in obligations:
        for what, at in _wanted(ob):
            kind = f"{what}.{ob.promise}"
            due[kind] = min(at, due.get(kind, at))
    return due


def _wanted(ob: Obligation) -> Iterator[tuple[str, datetime]]:
    if ob.runs:
        yield "due", ob.due_at
    if ob.wants_warning:
        yield "warn", ob.warn_at
    if ob.rests and ob.paused_until:
        yield "resume", ob.paused_until
    if ob.escalate_at is not None:
        yield "escalate", ob.escalate_at


def expired(obligations: Clocks, promise: Promise, deadline: datetime) -> dict[Key, Obligation]:
    """Return the obligations with those of `promise` due by `deadline` marked: their time is over."""
    return _marked(
        obligations,
        lambda ob: ob.promise == promise and ob.runs and ob.due_at <= deadline,
        lambda ob: changed(ob, expired_at=ob.due_at),
    )


def warned(
    obligations: Clocks, promise: Promise, now: datetime, evidence: Evidence, hours: Mapping[str | None, Hours]
) -> dict[Key, Obligation]:
    """Return the obligations with those marked as warned of which another share of the time is used."""
    turns = {(turn.round, turn.attempt): turn for turn in evidence.hand_offs}

    def one(ob: Obligation) -> Obligation:
        turn = turns[ob.turn]
        counted = Course(evidence, turn).rested(kind_of_time(ob.promise, hours[ob.calendar]))
        return given(ob, turn, counted, now)

    return _marked(
        obligations,
        lambda ob: ob.promise == promise and ob.wants_warning and ob.warn_at <= now,
        one,
    )


def escalated(obligations: Clocks, promise: Promise, now: datetime) -> dict[Key, Obligation]:
    """Return the obligations with one more step done of the chains whose next is due."""
    return _marked(
        obligations,
        lambda ob: ob.promise == promise and ob.escalate_at is not None and ob.escalate_at <= now,
        lambda ob: changed(ob, escalated=ob.escalated + 1),
    )


def resumed(obligations: Clocks, promise: Promise, now: datetime) -> dict[Key, Obligation]:
    """Return the obligations with those marked whose pause is over."""
    return _marked(
        obligations,
        lambda ob: ob.promise == promise and ob.rests and ob.paused_until is not None and ob.paused_until <= now,
        lambda ob: changed(ob, resumed_at=ob.paused_until),
    )


def _marked(
    obligations: Clocks, is_meant: Callable[[Obligation], bool], mark: Callable[[Obligation], Obligation]
) -> dict[Key, Obligation]:
    return {key: mark(ob) if is_meant(ob) else ob for key, ob in obligations.items()}
