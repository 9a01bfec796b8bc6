"""Obligations as the API and the board show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from baton.calendars import Calendar
from baton.playbook import Playbook
from baton.sla_monitor.calendars import hours_of
from baton.sla_monitor.domain.obligation import RUNNING, Obligation
from baton.sla_monitor.store import obligation_of

LABELS = {
    "first_response": "First attempt",
    "first_contact": "First contact",
    "minimum_touches": "Minimum of touches",
    "work_time": "Time of work",
}
ON_THE_WALL = frozenset({"minimum_touches", "work_time"})
WINDOWS = 8
"""Windows of working time told with a clock: more than a working day, so that a browser counts down without asking."""


def working_time(row: Row[Any], playbook: Playbook, now: datetime) -> dict[str, Any] | None:
    """Return when its calendar is open until a running clock's deadline: the next windows, and the seconds after them.

    None where every hour counts, and where the clock does not run.
    """
    clock = obligation_of(row)
    hours = hours_of(clock.calendar, playbook)
    if clock.state not in RUNNING or clock.promise in ON_THE_WALL or not isinstance(hours, Calendar):
        return None
    windows = hours.windows(now, clock.due_at, WINDOWS) if now < clock.due_at else []
    told = sum((end - start).total_seconds() for start, end in windows)
    return {"windows": windows, "later": max(0.0, hours.between(now, clock.due_at) - told)}


def shown(row: Row[Any], names: dict[str, str], playbook: Playbook, now: datetime) -> dict[str, Any]:
    """Return one obligation with the time that is left: on the wall, and while its calendar is open."""
    clock = obligation_of(row)
    left = None
    if clock.state in RUNNING:
        hours = hours_of(clock.calendar, playbook)
        left = {
            "seconds": (clock.due_at - now).total_seconds(),
            "business_seconds": hours.between(_runs_from(clock, now), clock.due_at),
        }
    return {
        "lead_id": row.lead_id,
        "round": clock.round,
        "attempt": clock.attempt,
        "promise": clock.promise,
        "label": LABELS[clock.promise],
        "policy": clock.policy,
        "owner": clock.owner,
        "owner_name": names.get(clock.owner),
        "team": clock.team,
        "state": clock.state,
        "started_at": clock.started_at,
        "warn_at": clock.warn_at,
        "due_at": clock.due_at,
        "was_due_at": clock.was_due_at,
        "warned_at": clock.warned_at,
        "warned": clock.warned or None,
        "paused_at": clock.paused_at if clock.rests else None,
        "paused_until": clock.paused_until if clock.rests else None,
        "escalated": clock.escalated,
        "escalate_at": clock.escalate_at,
        "closed_at": clock.closed_at,
        "reason": clock.reason,
        "rule": clock.rule,
        "touches": clock.touches if clock.state == "stopped" else None,
        "seconds": clock.seconds,
        "business_seconds": clock.business_seconds,
        "calendar": clock.calendar,
        "calendar_version": clock.calendar_version,
        "left": left,
    }


def _runs_from(clock: Obligation, now: datetime) -> datetime:
    """From when on its time goes by: at once, or from the end of the pause."""
    return max(now, clock.paused_until) if clock.rests and clock.paused_until else now
