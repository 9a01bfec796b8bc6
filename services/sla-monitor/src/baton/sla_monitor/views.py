"""Obligations as the API and the board show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from baton.playbook import Playbook
from baton.sla_monitor.decide import hours_of
from baton.sla_monitor.domain.obligation import RUNNING
from baton.sla_monitor.store import obligation_of

LABELS = {
    "first_response": "First attempt",
    "first_contact": "First contact",
    "minimum_touches": "Minimum of touches",
    "work_time": "Time of work",
}


def shown(row: Row[Any], names: dict[str, str], playbook: Playbook, now: datetime) -> dict[str, Any]:
    """Return one obligation with the time that is left: on the wall, and while its calendar is open."""
    clock = obligation_of(row)
    left = None
    if clock.state in RUNNING:
        hours = hours_of(clock.calendar, playbook)
        left = {
            "seconds": (clock.due_at - now).total_seconds(),
            "business_seconds": hours.between(now, clock.due_at),
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
        "warned_at": clock.warned_at,
        "warned": clock.warned or None,
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
