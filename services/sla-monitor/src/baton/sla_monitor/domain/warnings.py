"""When people are warned that a promise is at risk, and who is told after it was broken."""

from __future__ import annotations

from datetime import datetime

from baton.sla_monitor.domain.evidence import HandOff
from baton.sla_monitor.domain.hours import AROUND_THE_CLOCK, Hours, share
from baton.sla_monitor.domain.obligation import Obligation, Promise
from baton.values import changed

ON_THE_WALL: frozenset[Promise] = frozenset({"minimum_touches", "work_time"})
"""Promises whose time is counted whether the calendar is open or not."""


def kind_of_time(promise: Promise, hours: Hours) -> Hours:
    """Return the hours in which the promise's time is counted."""
    return AROUND_THE_CLOCK if promise in ON_THE_WALL else hours


def warnings_of(hand_off: HandOff, due: datetime, hours: Hours) -> list[tuple[int, datetime]]:
    """Return each share of the policy, rising, with when it is used up. `hours` are those the promise is counted in."""
    start, shares = hand_off.started_at, hand_off.terms.warn_at
    return [(per_cent, share(hours, start, due, per_cent)) for per_cent in shares]


def due_moved(clock: Obligation, due: datetime, hand_off: HandOff, hours: Hours) -> Obligation:
    """Return the clock with another deadline: warnings that were given stay given, the next one moves with it."""
    times = warnings_of(hand_off, due, hours)
    given = [at for per_cent, at in times if per_cent <= clock.warned]
    following = [at for per_cent, at in times if per_cent > clock.warned]
    at_risk_from = given[-1] if given else None
    return changed(clock, due_at=due, warn_at=(following or given)[0 if following else -1], at_risk_from=at_risk_from)


def given(clock: Obligation, hand_off: HandOff, hours: Hours, now: datetime) -> Obligation:
    """Return the clock as warned of the greatest share that is used up `now`; smaller ones are passed over.

    `hours` are those the promise is counted in, without the pauses.
    """
    times = warnings_of(hand_off, clock.due_at, hours)
    per_cent, at = max((one for one in times if one[1] <= now), default=times[0])
    following = next((later for share_, later in times if share_ > per_cent), at)
    return changed(clock, warned_at=now, warned=per_cent, at_risk_from=at, warn_at=following)


def next_step(clock: Obligation, hand_off: HandOff, hours: Hours, *, ended: bool) -> Obligation:
    """Return a broken clock with when the next in the chain is told: nobody, once what was promised is done or void."""
    chain = hand_off.terms.escalate
    waits = not ended and clock.escalated < len(chain)
    at = hours.add(clock.due_at, chain[clock.escalated].after) if waits else None
    return clock if clock.escalate_at == at else changed(clock, escalate_at=at)
