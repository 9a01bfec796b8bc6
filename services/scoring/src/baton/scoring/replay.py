"""Scoring without its store, for living history through again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from baton.contracts import AccountAssigned
from baton.playbook import Playbook
from baton.runtime.handler import Cause, Decision
from baton.runtime.replay import Part
from baton.scoring.decide import decide
from baton.scoring.domain.memory import Memory
from baton.scoring.domain.person import Person
from baton.scoring.service import HEARS, Scoring


class ScoringPart(Part):
    """Judges people by one playbook."""

    name = Scoring.name
    hears = frozenset(type_ for types in HEARS.values() for type_ in types) - {AccountAssigned.type}
    deadlines = Scoring.deadlines
    erased_by = Scoring.erased_by

    def __init__(self, playbook: Playbook, _: Mapping[str, Any]) -> None:
        self._playbook = playbook
        self._memory = Memory(playbook)

    def fresh(self, subject: str) -> Person:
        return Person(subject)

    def decide(self, state: Person, cause: Cause, now: datetime) -> Decision[Person]:
        return decide(state, cause, self._playbook, now, self._memory)
