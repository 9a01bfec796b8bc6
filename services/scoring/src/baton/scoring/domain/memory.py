"""Judgements remembered as long as nothing that is judged has changed: for history lived through again (pure).

Most facts of a lead in sales' hands are touches, and hardly a definition looks at those.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from baton.playbook import Playbook
from baton.scoring.domain.judge import Judgement, judge
from baton.scoring.domain.person import Person

_ALWAYS: Final = ("source", "external_id", "is_test", "contact", "properties", "consent", "answers", "absorbed")
"""What a person was before somebody worked on him. Compared by identity: what has not changed is the same object."""
_GROUPS: Final = {"touches": ("touches",), "details": ("statuses",), "deal": ("statuses",)}
_PLAIN: Final = {"occurred_at": ("last_fact_at",), "first_seen_at": ("first_seen_at",)}
_TIMED: Final = frozenset({"touches.days_since_last", "derived.days_since_first_seen"})


class Memory:
    """The last judgement of each lead by one playbook."""

    def __init__(self, playbook: Playbook) -> None:
        paths = [field.source for field in playbook.definition.fields]
        self._playbook = playbook
        self._parts = tuple(dict.fromkeys((*_ALWAYS, *_parts_of(paths))))
        self._reads_round = "round" in paths
        self._is_timed = any(path in _TIMED for path in paths)
        self._last: dict[str, tuple[Person, Judgement]] = {}

    def judge(self, person: Person, now: datetime) -> Judgement:
        """What `judge` says of the person now."""
        if self._is_timed or person.all_activity:  # interest fades, and so it is another every moment
            self._last.pop(person.lead_id, None)
            return judge(self._playbook, person, now)
        known = self._last.get(person.lead_id)
        if known is None or not self._is_same(known[0], person):
            known = person, judge(self._playbook, person, now)
            self._last[person.lead_id] = known
        return known[1]

    def _is_same(self, before: Person, person: Person) -> bool:
        if self._reads_round and before.round.number != person.round.number:
            return False
        was, now = before.__dict__, person.__dict__
        return all(was[part] is now[part] for part in self._parts)


def _parts_of(paths: Iterable[Any]) -> Iterable[str]:
    """What else of a person the definition's fields read."""
    for path in paths:
        group = str(path).partition(".")[0]
        yield from _PLAIN.get(str(path), ()) or _GROUPS.get(group, ())
