"""The SLA monitor without its store, for living history through again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from baton.playbook import Playbook
from baton.runtime.handler import Cause, Decision
from baton.runtime.replay import Part
from baton.sla_monitor.decide import Watched, decide
from baton.sla_monitor.hearing import HEARS
from baton.sla_monitor.service import SlaMonitor
from baton.values import changed


class SlaPart(Part):
    """Watches the promises of one playbook."""

    name = SlaMonitor.name
    hears = frozenset(type_ for types in HEARS.values() for type_ in types)
    deadlines = SlaMonitor.deadlines
    erased_by = SlaMonitor.erased_by

    def __init__(self, playbook: Playbook, _: Mapping[str, Any]) -> None:
        self._playbook = playbook

    def fresh(self, subject: str) -> Watched:
        return Watched()

    def decide(self, state: Watched, cause: Cause, now: datetime) -> Decision[Watched]:
        decision = decide(state, cause, self._playbook, now)
        if any(decision.state.told.values()):
            nothing: dict[str, Any] = dict.fromkeys(decision.state.told, ())
            return replace(decision, state=changed(decision.state, **nothing))
        return decision
