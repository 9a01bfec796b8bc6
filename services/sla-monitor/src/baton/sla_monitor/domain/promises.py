"""Which clocks a hand-off starts, and until when they run (H6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from baton.playbook import Policy
from baton.sla_monitor.domain.evidence import HandOff, Step, Terms
from baton.sla_monitor.domain.hours import AROUND_THE_CLOCK, Hours
from baton.sla_monitor.domain.obligation import Obligation, Promise
from baton.sla_monitor.domain.warnings import ON_THE_WALL, kind_of_time, warnings_of
from baton.values import changed

LONGEST = timedelta(days=366)
"""How long a lead is worked where the stop rule counts touches only: a clock needs an end, and nobody waits longer."""


_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Measured:
    """The hours that count for a hand-off, and the name and version they are stored under."""

    hours: Hours
    calendar: str | None
    version: str


@lru_cache(maxsize=256)
def terms_of(policy: Policy) -> Terms:
    """Return what the policy asks for, to be kept with the hand-off."""
    chain = tuple(Step(step.to, step.after) for step in policy.escalate)
    terms = Terms(warn_at=policy.warn_at, escalate=chain)
    if policy.pause.agreed:
        terms = replace(terms, rests_for=policy.pause.at_most)
    if touches := policy.touches:
        terms = replace(terms, calls=touches.call, emails=touches.email)
    if stop := policy.stop:
        terms = replace(terms, stop_touches=stop.touches, stop_after=stop.after, stop_reason=stop.reason)
    if after := policy.after_work:
        terms = replace(terms, work_for=after.work_for, work_then=after.then, work_reason=after.reason)
    return terms


def promised(hand_off: HandOff, respond_by: datetime, policy: Policy | None, measured: Measured) -> list[Obligation]:
    """Return the clocks that start with `hand_off`.

    The first response is due at routing's `respond_by`, adopted as is. The others are counted here: the first contact
    in business time, the minimum of touches and the time of work on the wall. An unknown policy promises no more than
    the first response.
    """
    start, hours = hand_off.started_at, measured.hours
    clocks = [_clock(hand_off, "first_response", respond_by, measured)]
    if policy is None:
        return clocks
    if policy.first_contact is not None:
        clocks.append(_clock(hand_off, "first_contact", hours.add(start, policy.first_contact), measured))
    if policy.touches is not None:
        due = start + timedelta(seconds=policy.touches.within)
        clocks.append(_clock(hand_off, "minimum_touches", due, measured))
    if hand_off.terms.limits_work:
        clocks.append(_clock(hand_off, "work_time", work_limit(hand_off, None, AROUND_THE_CLOCK)[0], measured))
    return clocks


def work_limit(hand_off: HandOff, contacted_at: datetime | None, wall: Hours) -> tuple[datetime, str]:
    """Return until when the lead is worked and which rule says so: `work_for`, or so long without contact (F2)."""
    terms, start = hand_off.terms, hand_off.started_at
    limits = []
    if terms.work_for is not None:
        limits.append((wall.add(start, terms.work_for), "work_for"))
    if terms.stop_after is not None:
        since = max(start, contacted_at) if contacted_at else start
        limits.append((wall.add(since, terms.stop_after), "stop_after"))
    return min(limits, default=(wall.add(start, LONGEST.total_seconds()), "work_for"))


_UNMADE = Obligation(0, 0, "first_response", "", "", None, None, "", _NEVER, _NEVER, _NEVER)
"""What every clock is made from: setting 26 frozen fields one by one costs 6 µs, and a hand-off starts four."""


def _clock(hand_off: HandOff, promise: Promise, due: datetime, measured: Measured) -> Obligation:
    return changed(
        _UNMADE,
        round=hand_off.round,
        attempt=hand_off.attempt,
        promise=promise,
        policy=hand_off.policy,
        owner=hand_off.owner,
        team=hand_off.team,
        calendar=measured.calendar,
        calendar_version=measured.version,
        started_at=hand_off.started_at,
        due_at=due,
        promised_at=due,
        allowed=None if promise in ON_THE_WALL else measured.hours.between(hand_off.started_at, due),
        warn_at=warnings_of(hand_off, due, kind_of_time(promise, measured.hours))[0][1],
    )
