"""Wakes the leads whose deadlines were counted by a calendar that has changed since: each is then counted anew."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from baton.playbook import Playbook
from baton.runtime.store import wake
from baton.sla_monitor import store

if TYPE_CHECKING:
    from baton.runtime.engine import Engine
    from baton.sla_monitor.service import SlaMonitor

AT_ONCE = 500
"""Leads woken in one transaction; more would keep others waiting behind it."""


async def wake_for_calendars(engine: Engine, monitor: SlaMonitor, playbook: Playbook) -> int:
    """Wake every lead with a clock whose calendar has another version now; return how many.

    One pass over the open clocks if there are any; replicas may both do it. Raises NotNow while the store is away.
    """
    woken = 0
    for calendar, version in await engine.read(lambda tx: store.counted_by(tx, monitor.tables)):
        if _version_of(playbook, calendar) in (None, version):
            continue
        after = ""
        while leads := await engine.store.write(partial(_wake, engine, monitor, calendar, version, after)):
            after, woken = leads[-1], woken + len(leads)
    return woken


def _wake(engine: Engine, monitor: SlaMonitor, calendar: str, version: str, after: str, tx: Connection) -> list[str]:
    leads = store.leads_counted_by(tx, monitor.tables, calendar, version, after, AT_ONCE)
    now: datetime = engine.clock.now()
    wake(tx, monitor.metadata, leads, now, engine.settings.partitions)
    return leads


def _version_of(playbook: Playbook, calendar: str) -> str | None:
    try:
        return playbook.calendar(calendar).version
    except KeyError:
        return None  # it is gone, and every hour counts: what was promised by it stands
