"""Who waits, kept in memory, and who of them may have become free: as `store_waking.py` has it, for replaying."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from baton.routing.domain.lead import Lead
from baton.routing.domain.roster import Roster
from baton.routing.domain.waiting import EVERY_POOL, Stir, fitting
from baton.routing.store_waking import MOST_WOKEN

Place = tuple[datetime, str]
"""Since when it waits, and its id."""


class _Waits(NamedTuple):
    place: Place
    pool: str
    kind: str
    prefers: tuple[str, ...]
    had: frozenset[str]
    may_wake: bool
    """False in a queue: what happens in its pool does not wake it."""


class Held:
    """The leads that are held and may be woken."""

    def __init__(self) -> None:
        self._leads: dict[str, _Waits] = {}
        self._kinds: dict[str, dict[str, list[Place]]] = defaultdict(lambda: defaultdict(list))
        """Pool to what is asked for there to who asks for it, the longest waiting first."""
        self._wishes: dict[str, list[Place]] = defaultdict(list)
        """Rep to who prefers him."""

    def note(self, lead: Lead) -> None:
        """Take in how the lead is now."""
        now, before = _waits(lead), self._leads.get(lead.lead_id)
        if now == before:
            return
        if before is not None:
            del self._leads[lead.lead_id]
            for queue in self._queues(before):
                del queue[bisect_left(queue, before.place)]
        if now is not None:
            self._leads[lead.lead_id] = now
            for queue in self._queues(now):
                insort(queue, now.place)

    def woken(self, stirred: Collection[Stir], roster: Roster) -> list[str]:
        """The leads that may have become free."""
        if any(one.pool == EVERY_POOL for one in stirred):
            return sorted(self._leads)
        reps: dict[str, set[str]] = defaultdict(set)
        for one in stirred:
            reps[one.pool].add(one.rep)
        found: dict[str, None] = {}
        for pool in sorted(reps):
            there = [roster.reps[rep] for rep in sorted(reps[pool]) if rep in roster.reps]
            for kind, queue in sorted(self._kinds[pool].items()):
                if able := fitting(kind, there):
                    found.update(dict.fromkeys(self._longest_waiting(queue, able)))
        for rep in sorted({one.rep for one in stirred}):
            found.update(dict.fromkeys(self._longest_waiting(self._wishes[rep], frozenset({rep}))))
        return list(found)

    def _longest_waiting(self, queue: Iterable[Place], reps: frozenset[str]) -> Iterator[str]:
        return islice((lead for _, lead in queue if not reps <= self._leads[lead].had), MOST_WOKEN)

    def _queues(self, waits: _Waits) -> list[list[Place]]:
        if not waits.may_wake:
            return []
        return [self._kinds[waits.pool][waits.kind], *(self._wishes[rep] for rep in waits.prefers)]


def _waits(lead: Lead) -> _Waits | None:
    hold = lead.hold
    if hold is None or hold.reason == "manager" or not lead.is_waiting:
        return None
    may_wake, place = hold.reason == "nobody_eligible", (hold.since, lead.lead_id)
    return _Waits(place, hold.pool or "", hold.needs, hold.prefers, frozenset(lead.had), may_wake)
