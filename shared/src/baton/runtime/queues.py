"""What waits: parked facts in their subjects' queues, as one transaction sees and changes them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, update

from baton.runtime.bus.port import Record
from baton.runtime.envelope import Envelope, Undecodable
from baton.runtime.fold import Fold, Guard
from baton.runtime.handler import Subject
from baton.runtime.store.rows import fetch, insert


@dataclass(slots=True, eq=False)
class Waiting:
    """A parked fact in its subject's queue."""

    id: int
    subject: Subject
    source: str
    sequence: int
    reason: str
    topic: str
    lane: int
    record_offset: int
    headers: Any
    value: bytes
    new: dict[str, Any] | None = None
    """Its row to be, if it was parked in this very transaction."""


_KEPT = ("subject", "source", "sequence", "reason", "topic", "lane", "record_offset", "headers", "value")


class Queues:
    """The queues of the subjects of one transaction. Nothing is written until `write`, save a change of reason."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._of: dict[Subject, list[Waiting]] = {}
        self._new: list[dict[str, Any]] = []
        self._gone: list[int] = []

    def load(self, subjects: Iterable[Subject]) -> None:
        """Read the parked facts of these subjects, oldest first; records that cannot be decoded block nobody."""
        table = self._fold.tables.parked
        rows = fetch(self._fold.tx, table, "subject", subjects, and_where="source IS NOT NULL")
        for row in sorted(rows, key=lambda row: row.id):
            waiting = Waiting(row.id, **{name: getattr(row, name) for name in _KEPT})
            self._of.setdefault(row.subject, []).append(waiting)

    def of(self, subject: Subject) -> list[Waiting]:
        """Return what waits of a subject, oldest first."""
        return self._of.get(subject, [])

    def next_of(
        self, subject: Subject, guard: Guard, lets: Callable[[Waiting], bool] = lambda _: True
    ) -> Waiting | None:
        """The oldest waiting fact that is its publisher's next, and let go on; none while poison stands before it."""
        for waiting in self.of(subject):
            if waiting.reason == "poison":
                return None
            if waiting.sequence == guard.heard.get(waiting.source, 0) + 1 and lets(waiting):
                return waiting
        return None

    def before(self, waiting: Waiting) -> Waiting | None:
        """What must be settled first: older poison of the same subject, or an earlier fact of the same publisher."""
        for other in self.of(waiting.subject):
            is_older_poison = other.reason == "poison" and other.id < waiting.id
            if is_older_poison or (other.source == waiting.source and other.sequence < waiting.sequence):
                return other
        return None

    def park(
        self,
        record: Record,
        envelope: Envelope | None,
        reason: str,
        problem: BaseException | None,
        subject: Subject | None = None,
    ) -> None:
        """Put a record aside. With an envelope it takes its place in its subject's queue."""
        owner = envelope.subject if envelope else subject or record.key.replace("\x00", "\ufffd")
        row: dict[str, Any] = {
            "subject": owner,
            "lane": record.lane,
            "topic": record.topic,
            "record_offset": record.offset,
            "type": envelope.type if envelope else None,
            "source": envelope.source if envelope else None,
            "sequence": envelope.sequence if envelope else None,
            "headers": [[name, value.decode(errors="replace")] for name, value in record.headers],
            "value": record.value,
            "reason": reason,
            "error": _said(problem),
            "stack": _stack(problem),
            "parked_at": self._fold.now,
        }
        self._new.append(row)
        if envelope is not None:
            self._of.setdefault(owner, []).append(Waiting(0, **{name: row[name] for name in _KEPT}, new=row))

    def take_out(self, waiting: Waiting) -> None:
        """It waits no longer: its row goes, or is never written if it was parked in this very transaction."""
        self._of[waiting.subject].remove(waiting)
        if waiting.new is None:
            self._gone.append(waiting.id)
        else:
            self._new = [row for row in self._new if row is not waiting.new]

    def clear(self, subject: Subject) -> None:
        """Nothing of this subject waits any longer."""
        for waiting in list(self.of(subject)):
            self.take_out(waiting)

    def mark_poison(self, waiting: Waiting, problem: BaseException) -> None:
        """A fact that waited turned out to be poison itself; it keeps its place in the queue."""
        table = self._fold.tables.parked
        said = {"reason": "poison", "error": _said(problem), "stack": _stack(problem)}
        waiting.reason = "poison"
        if waiting.new is not None:
            waiting.new.update(said)
            return
        self._fold.tx.execute(update(table).where(table.c.id == waiting.id).values(**said))
        self._fold.tally.parked += 1

    def write(self) -> None:
        """Write what was put aside, delete what waits no longer."""
        table = self._fold.tables.parked
        insert(self._fold.tx, table, self._new)
        self._fold.tally.parked += sum(row["reason"] != "behind" for row in self._new)
        if self._gone:
            self._fold.tx.execute(delete(table).where(table.c.id.in_(self._gone)))


def parked_record(row: Any) -> Record:
    """Return a parked row as the record it was."""
    headers = tuple((name, value.encode()) for name, value in row.headers)
    return Record(row.topic, row.lane, row.record_offset, row.subject, headers, row.value)


def _said(problem: BaseException | None) -> str | None:
    """The kind of error, without values from the payload: those may be personal data."""
    if problem is None:
        return None
    if isinstance(problem, Undecodable):
        return str(problem)
    errors = getattr(problem, "errors", None)
    if callable(errors):
        places = [".".join(str(part) for part in e["loc"]) + f": {e['type']}" for e in errors()]
        return f"{type(problem).__name__}: {'; '.join(places)}"[:500]
    return type(problem).__name__


def _stack(problem: BaseException | None) -> str | None:
    """Where it was raised: files, lines and functions, without messages."""
    if problem is None or problem.__traceback__ is None:
        return None
    frames = traceback.extract_tb(problem.__traceback__)
    return "".join(f"{frame.filename}:{frame.lineno} in {frame.name}\n" for frame in frames)[-4000:]
