"""Deadlines counted anew because the calendar they were counted by has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from baton.calendars import Calendar
from baton.sla_monitor.domain.obligation import Key, Obligation
from baton.values import changed


def recounted(
    obligations: Mapping[Key, Obligation], calendars: Mapping[str, Calendar], now: datetime
) -> dict[Key, Obligation]:
    """Return the obligations with the running ones as the calendars of now have them; the old deadline is kept.

    What would have been due already stays as it was: nobody learns afterwards that his time was over.
    """
    return {key: _recounted(ob, calendars.get(ob.calendar or ""), now) for key, ob in obligations.items()}


def _recounted(ob: Obligation, calendar: Calendar | None, now: datetime) -> Obligation:
    if calendar is None or not ob.runs or ob.allowed is None or calendar.version == ob.calendar_version:
        return ob
    due = calendar.add(ob.started_at, ob.allowed)
    if due <= now:
        return ob
    return changed(ob, promised_at=due, calendar_version=calendar.version, was_due_at=ob.due_at)
