"""History lived through again under virtual time, by the same pure functions that live leads are decided by.

No store, no bus, no clock: states and books stay in memory, and what one service says the others hear at once. Facts
come in the order in which they were recorded; between two of them whatever fell due is done, at its time. So the same
history and the same parts give the same decisions, byte for byte, in any process and however the history is cut up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

from baton.runtime.handler import Cause, Command, Decision, Due, Heard, Refusal

BEGINNING = datetime.min.replace(tzinfo=UTC)
GRACE = timedelta(seconds=2)
"""How much later than due a deadline is judged, as live: evidence recorded in the meantime still counts."""


class Part(ABC):
    """A service without its store: what it hears and how it decides. It keeps what its leads share by itself."""

    name: str
    hears: frozenset[str]
    """Types of facts."""
    deadlines: frozenset[str] = frozenset()
    """Kinds of timers that wait for evidence."""
    erased_by: frozenset[str] = frozenset()
    answers: bool = False
    """True if people's commands go to it."""

    @abstractmethod
    def fresh(self, subject: str) -> Any:
        """The state of a subject nothing was heard of."""

    @abstractmethod
    def decide(self, state: Any, cause: Cause, now: datetime) -> Decision[Any]:
        """What follows; its state carries nothing that belongs to one transaction only."""

    def woken(self) -> Sequence[tuple[str, str]]:
        """Subject and kind of the timers that the last decision has set to now, beside its own."""
        return ()

    def document(self) -> Any:
        """What its leads share, as plain data."""
        return None


Said = Callable[[str, Heard], None]
"""Told of every fact the parts say: the name of the part, and the fact."""


class Replay:
    """The parts with all their states, at one moment of the history."""

    def __init__(self, parts: Sequence[Part], said: Said) -> None:
        self.parts = tuple(parts)
        self.now = BEGINNING
        self.refused = 0
        """Commands of people that could not be followed."""
        self._said = said
        self._hearers: dict[str, list[int]] = {}
        for index, part in enumerate(parts):
            for type_ in part.hears:
                self._hearers.setdefault(type_, []).append(index)
        self._states: list[dict[str, Any]] = [{} for _ in parts]
        self._gone: set[str] = set()
        self._sequences: dict[tuple[str, str], int] = {}
        self._armed: dict[tuple[int, str, str], tuple[int, datetime]] = {}
        self._heap: list[tuple[datetime, int, int, str, str]] = []
        self._timers = 0

    def feed(self, causes: Iterable[Heard | Command], at: Callable[[Heard | Command], datetime]) -> None:
        """Live through these; `at` says when each was recorded, never earlier than the one before."""
        for cause in causes:
            self.until(at(cause))
            if isinstance(cause, Heard):
                self._tell(cause)
            else:
                self._ask(cause)

    def until(self, moment: datetime) -> None:
        """Do whatever falls due before `moment`."""
        while self._heap and self._heap[0][0] < moment:
            fires_at, number, index, subject, kind = heappop(self._heap)
            armed = self._armed.get((index, subject, kind))
            if armed is None or armed[0] != number:
                continue
            del self._armed[index, subject, kind]
            self.now = max(self.now, fires_at)
            self._decide(index, subject, Due("", subject, kind, armed[1], 0))
        self.now = max(self.now, moment)

    def _tell(self, fact: Heard) -> None:
        told = deque([fact])
        while told:
            fact = told.popleft()
            if fact.subject in self._gone:
                continue
            for index in self._hearers.get(fact.type, ()):
                told.extend(self._decided(index, fact.subject, fact))
            if any(fact.type in part.erased_by for part in self.parts):
                self._forget(fact.subject)

    def _ask(self, command: Command) -> None:
        for index, part in enumerate(self.parts):
            if part.answers and command.subject not in self._gone:
                self._decide(index, command.subject, command)

    def _decide(self, index: int, subject: str, cause: Cause) -> None:
        for fact in self._decided(index, subject, cause):
            self._tell(fact)

    def _decided(self, index: int, subject: str, cause: Cause) -> list[Heard]:
        part, states = self.parts[index], self._states[index]
        state = states.get(subject)
        decision = part.decide(part.fresh(subject) if state is None else state, cause, self.now)
        if isinstance(decision.reply, Refusal):
            self.refused += 1
            return []
        states[subject] = decision.state
        for kind, due in decision.due.items():
            self._set(index, subject, kind, due)
        for woken, kind in part.woken():
            self._set(index, woken, kind, self.now)
        return [self._published(part.name, draft, subject) for draft in decision.facts]

    def _published(self, source: str, draft: Any, subject: str) -> Heard:
        about = draft.subject or subject
        sequence = self._sequences.get((source, about), 0) + 1
        self._sequences[source, about] = sequence
        body = draft.body
        fact = Heard("", body.type, about, source, sequence, draft.at or self.now, self.now, body)
        self._said(source, fact)
        return fact

    def _set(self, index: int, subject: str, kind: str, due: datetime | None) -> None:
        key = (index, subject, kind)
        if due is None:
            self._armed.pop(key, None)
            return
        self._timers += 1
        self._armed[key] = (self._timers, due)
        fires_at = due + GRACE if kind in self.parts[index].deadlines else due
        heappush(self._heap, (fires_at, self._timers, index, subject, kind))

    def _forget(self, subject: str) -> None:
        self._gone.add(subject)
        for index in range(len(self.parts)):
            self._states[index].pop(subject, None)
            for key in [key for key in self._armed if key[0] == index and key[1] == subject]:
                del self._armed[key]
