"""What has become of every promise, from the evidence alone; only the passing of a deadline is told by a timer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from baton.sla_monitor.domain.course import Course, End
from baton.sla_monitor.domain.evidence import Evidence, Terms
from baton.sla_monitor.domain.hours import AROUND_THE_CLOCK, Hours, Rested
from baton.sla_monitor.domain.obligation import Key, Obligation, State
from baton.sla_monitor.domain.promises import work_limit
from baton.sla_monitor.domain.warnings import due_moved, kind_of_time, next_step
from baton.sla_monitor.domain.wishes import pace_of
from baton.values import changed


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop rule came true (F2)."""

    at: datetime
    rule: str
    reason: str
    touches: int
    then: Literal["recycle", "unreachable", "gone_dark"]


def judged(
    evidence: Evidence, obligations: Mapping[Key, Obligation], hours: Mapping[str | None, Hours]
) -> dict[Key, Obligation]:
    """Return every obligation as the evidence leaves it.

    The same evidence gives the same result in whatever order it came in. `hours` has every calendar they name.
    """
    after: dict[Key, Obligation] = {}
    for turn in evidence.hand_offs:
        clocks = [ob for ob in obligations.values() if (ob.round, ob.attempt) == (turn.round, turn.attempt)]
        for clock in _turn_judged(Course(evidence, turn), clocks, hours):
            after[clock.key] = clock
    return after


def _turn_judged(course: Course, clocks: list[Obligation], hours: Mapping[str | None, Hours]) -> Iterable[Obligation]:
    ends = course.ends()
    stopped: datetime | None = None
    for clock in clocks:
        if clock.promise == "work_time":
            worked = _work_judged(course, clock, hours[clock.calendar], ends)
            stopped = worked.closed_at if worked.state == "stopped" else None
            yield worked
    if stopped is not None:
        ends = sorted([*ends, End(stopped, "stop_rule")])
    for clock in clocks:
        if clock.promise != "work_time":
            yield _deed_judged(course, clock, hours[clock.calendar], ends)


def _work_judged(course: Course, clock: Obligation, hours: Hours, ends: list[End]) -> Obligation:
    """The time of work ends when sales is done with the lead, else by a rule: so many touches, or so long."""
    wall = course.rested(AROUND_THE_CLOCK)
    due, rule = work_limit(course.turn, course.last_contact, wall)
    if due != clock.due_at or _has_rested(course, clock):
        clock = due_moved(clock, due, course.turn, wall)
    clock = _paused(course, clock)
    stop = _stop(course, clock, rule)
    end = next((end for end in ends if end.at <= (stop.at if stop else due)), None)
    if end is not None:
        return _closed(clock, "waived", end.at, end.reason)
    if stop is None:
        return _running(clock)
    return changed(
        clock,
        state="stopped",
        closed_at=stop.at,
        reason=stop.reason,
        rule=stop.rule,
        touches=stop.touches,
        becomes=stop.then,
        seconds=None,
        business_seconds=None,
    )


def _postponed(course: Course, clock: Obligation, hours: Hours) -> Obligation:
    """Return the clock with the deadline that the pauses leave it."""
    promised = clock.promised_at or clock.due_at
    due = Rested(hours, course.pauses).postponed(clock.started_at, promised)
    if due != clock.due_at or _has_rested(course, clock):
        clock = due_moved(clock, due, course.turn, course.rested(hours))
    return _paused(course, clock)


def _has_rested(course: Course, clock: Obligation) -> bool:
    """True if a pause is or was known: it moves warnings, also where the deadline stays what it was."""
    return bool(course.pauses) or clock.paused_until is not None


def _paused(course: Course, clock: Obligation) -> Obligation:
    """Return the clock with the last pause that began before its deadline."""
    last = next((pause for pause in reversed(course.pauses) if pause.at < clock.due_at), None)
    at, until = (last.at, last.until) if last else (None, None)
    return clock if clock.paused_until == until else changed(clock, paused_at=at, paused_until=until)


def _stop(course: Course, clock: Obligation, rule: str) -> Stop | None:
    terms = course.turn.terms
    never = course.last_contact is None and course.contact_before is None
    ran = course.silent_run(terms.stop_touches) if terms.stop_touches is not None else None
    if ran is not None and ran <= clock.due_at:
        then: Literal["unreachable", "gone_dark"] = "unreachable" if never else "gone_dark"
        return Stop(ran, "stop_touches", terms.stop_reason, terms.stop_touches or 0, then)
    if clock.expired_at != clock.due_at:
        return None
    count = len(course.unanswered())
    if rule == "stop_after":
        return Stop(clock.due_at, rule, terms.stop_reason, count, "unreachable" if never else "gone_dark")
    return Stop(clock.due_at, rule, terms.work_reason, count, _after_work(terms, never))


def _after_work(terms: Terms, never: bool) -> Literal["recycle", "unreachable"]:
    """Somebody who was in contact is not unreachable, whatever the policy expected."""
    return terms.work_then if never else "recycle"


def _deed_judged(course: Course, clock: Obligation, hours: Hours, ends: list[End]) -> Obligation:
    clock = _postponed(course, clock, kind_of_time(clock.promise, hours))
    hours = course.rested(hours)
    deed = _deed(course, clock)
    end = min([*ends, *_own_ends(course, clock)], default=None)
    if deed is not None and deed <= clock.due_at and (end is None or deed <= end.at):
        return _timed(changed(clock, state="met", reason=None, escalate_at=None), deed, hours)
    if end is not None and end.at <= clock.due_at:
        return _closed(clock, "waived", end.at, end.reason)
    clock = _running(clock)
    if clock.state != "breached":
        return clock
    # The measuring goes on, and so does the chain, until it is done after all or no longer binds.
    clock = next_step(clock, course.turn, hours, ended=deed is not None or end is not None)
    return clock if deed is None else _timed(clock, deed, hours)


def _running(clock: Obligation) -> Obligation:
    """Nothing has met or ended it: it is broken if its deadline has passed, at risk if the warning was given."""
    # A contact moves the end of the work: then there is time again, though no second warning of the same share.
    at_risk = clock.warned_at is not None and clock.at_risk_from is not None and clock.warned_at >= clock.at_risk_from
    running: State = "at_risk" if at_risk else "open"
    state = "breached" if clock.expired_at == clock.due_at else running
    if clock.state == state and clock.closed_at is None:
        return clock  # as it was: most clocks, at most facts
    return changed(_unsaid(clock), state=state, is_declared=clock.is_declared or state == "breached")


def _closed(clock: Obligation, state: Literal["waived"], at: datetime, reason: str) -> Obligation:
    return changed(_unsaid(clock), state=state, closed_at=at, reason=reason)


def _unsaid(clock: Obligation) -> Obligation:
    """The clock without anything that an earlier judgement, on less evidence, said of its end."""
    return changed(
        clock,
        closed_at=None,
        reason=None,
        rule=None,
        touches=0,
        becomes=None,
        seconds=None,
        business_seconds=None,
        escalate_at=None,
    )


def _timed(clock: Obligation, deed: datetime, hours: Hours) -> Obligation:
    at = max(deed, clock.started_at)
    return changed(
        clock,
        closed_at=at,
        seconds=(at - clock.started_at).total_seconds(),
        business_seconds=hours.between(clock.started_at, at),
    )


def _deed(course: Course, clock: Obligation) -> datetime | None:
    """When what was promised was done, in time or not; None if it was not."""
    if clock.promise == "first_response":
        return next((max(t.at, clock.started_at) for t in course.touches), None)
    if clock.promise == "first_contact":
        return next((max(t.at, clock.started_at) for t in course.touches if t.reached), None)
    return _minimum_done(course, clock)


def _minimum_done(course: Course, clock: Obligation) -> datetime | None:
    """When both minimums of attempts were complete; calls the person does not want are not asked for (F1)."""
    missing = dict(_asked(course, clock))
    if not missing:
        return None
    for touch in course.touches:
        if touch.outgoing and missing.get(touch.channel):
            missing[touch.channel] -= 1
            if not any(missing.values()):
                return max(touch.at, clock.started_at)
    return None


def _asked(course: Course, clock: Obligation) -> dict[str, int]:
    terms: Terms = course.turn.terms
    calls = 0 if course.calls_unwanted(clock.due_at) else terms.calls
    allowed = _allowed(course, clock)
    calls = min(calls, allowed)
    emails = min(terms.emails, allowed - calls)
    return {channel: count for channel, count in (("call", calls), ("email", emails)) if count}


def _allowed(course: Course, clock: Obligation) -> int:
    """How many contacts fit into the time without breaking the interval the person agreed to (F1)."""
    pace = pace_of(course.evidence.wishes, clock.due_at)
    return 1 + (clock.due_at - clock.started_at) // pace if pace else sys.maxsize


def _own_ends(course: Course, clock: Obligation) -> list[End]:
    """What makes this one promise void: the person was reached before, or the wish leaves nothing of it."""
    if clock.promise == "first_response":
        return []
    if course.contact_before is not None:
        return [End(clock.started_at, "contact_reached")]
    if clock.promise == "first_contact":
        return []
    reached = next((max(t.at, clock.started_at) for t in course.touches if t.reached), None)
    found = [End(reached, "contact_reached")] if reached else []
    if not _asked(course, clock):
        wished = min((w.at for w in course.evidence.wishes if not w.calls), default=clock.started_at)
        found.append(End(max(wished, clock.started_at), "wish"))
    return found
