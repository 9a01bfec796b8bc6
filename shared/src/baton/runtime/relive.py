"""One transaction of a store that is rolled forward: causes are folded anew, and what was said of them stands.

The facts that an earlier life said stand in the journal already, above what their subjects have `published`. Each says
how far every publisher had been heard when it was said, so the order of then can be kept: no fact of another is taken
in before the own facts that came before it, and none is decided on anew while an own fact is still to come.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from baton.runtime.batch import Batch, Work, heard
from baton.runtime.bus.port import Record
from baton.runtime.envelope import Envelope, heard_of, read_envelope, to_wire
from baton.runtime.failures import BrokenInvariant
from baton.runtime.fold import Fold, Guard
from baton.runtime.handler import Due, Heard, JobDone, Service, Subject
from baton.runtime.queues import Waiting, parked_record
from baton.runtime.store.rows import fetch
from baton.runtime.store.tables import RuntimeTables

_COLUMNS = ("topic", "lane", "subject", "sequence", "headers", "value")


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one cause made the service say about one subject: facts whose sequences follow each other."""

    cause: str
    heard: Mapping[str, int]
    said: tuple[Heard, ...]
    values: tuple[bytes, ...]

    def lacks(self, guard: Guard, but: str | None = None) -> bool:
        """True while a fact that was heard before this was said is still to come; `but` is a publisher to leave out."""
        return any(guard.heard.get(source, 0) < last for source, last in self.heard.items() if source != but)


def pending(
    fold: Fold, subjects: Iterable[Subject], service: Service[Any, Any], tables: RuntimeTables
) -> dict[Subject, deque[Utterance]]:
    """Return what each subject's own earlier life said beyond its state, oldest first. The subjects are locked."""
    rows = fetch(fold.tx, tables.journal, "subject", subjects, columns=_COLUMNS)
    ahead = [row for row in rows if row.sequence > fold.guards[row.subject].published]
    ahead.sort(key=lambda row: (row.subject, row.sequence))
    _refuse_holes(fold, ahead)
    found: dict[Subject, deque[Utterance]] = defaultdict(deque)
    for (subject, cause), group in groupby(ahead, key=lambda row: (row.subject, row.headers["ce_causationid"])):
        found[subject].append(_utterance(cause, list(group), service))
    return found


def _refuse_holes(fold: Fold, ahead: Sequence[Row[Any]]) -> None:
    last = {row.subject: fold.guards[row.subject].published for row in ahead}
    for row in ahead:
        if row.sequence != last[row.subject] + 1:
            raise BrokenInvariant(
                f"facts {last[row.subject] + 1} to {row.sequence - 1} about {row.subject} have left the service's own "
                "topic since the backup: it is too old to be rolled forward. See docs/runbooks/restore.md"
            )
        last[row.subject] = row.sequence


def _utterance(cause: str, rows: Sequence[Row[Any]], service: Service[Any, Any]) -> Utterance:
    values = tuple(bytes(row.value) for row in rows)
    return Utterance(cause, heard_of(rows[-1].headers), tuple(_own(row, service) for row in rows), values)


def _own(row: Row[Any], service: Service[Any, Any]) -> Heard:
    envelope = read_envelope(Record(row.topic, row.lane, 0, row.subject, to_wire(row.headers), row.value))
    body = service.vocabulary[envelope.type].model_validate_json(row.value)
    return heard(envelope, body, row.headers["ce_causationid"])


class Reliving(Work):
    """A batch of facts heard before, in a life whose words are known."""

    def __init__(self, fold: Fold, batch: Batch) -> None:
        super().__init__(fold, batch)
        self._pending: dict[Subject, deque[Utterance]] = {}
        self._was_said = False
        """The fact that is handled ended its subject, and what had to be said of that stands in the journal already."""
        self.relived: Counter[str] = fold.tally.relived

    def settle(self, subjects: set[Subject], *, at_all_costs: bool) -> None:
        """Take in what was said without any fact that is still to come.

        `at_all_costs`: the rest, too; what it was said on will not come any more.
        """
        self._prepare(subjects)
        for subject in sorted(subjects):
            guard = self._fold.guards[subject]
            self._drain(subject, guard)
            while at_all_costs and (utterance := self._ahead(subject)):
                self._go_on_without(subject, guard, utterance)
                self._drain(subject, guard)
        self._queues.write()

    def _go_on_without(self, subject: Subject, guard: Guard, utterance: Utterance) -> None:
        """Some of what this was said on is lost: take in what there is, and count the rest as heard, as it was."""
        self.relived["unheard"] += len(utterance.said)
        for waiting in sorted(self._queues.of(subject), key=lambda waiting: waiting.sequence):
            if waiting.reason != "poison" and waiting.sequence <= utterance.heard.get(waiting.source, 0):
                record = parked_record(waiting)
                self._apply(record, read_envelope(record), guard)
                self._queues.take_out(waiting)
        for source, last in utterance.heard.items():
            guard.heard[source] = max(last, guard.heard.get(source, 0))
        if self._ahead(subject) is utterance:
            self._relive(subject, None, utterance)

    def _prepare(self, subjects: set[Subject], concerned: set[Subject] | None = None) -> None:
        super()._prepare(subjects)  # what an earlier life said of them may be taken in whatever is heard
        self._pending = pending(self._fold, subjects, self._fold.service, self._fold.tables)
        for subject in [one for one in self._pending if self._fold.guards[one].erased_at is not None]:
            self._fold.guards[subject].published = self._pending.pop(subject)[-1].said[-1].sequence
            self._fold.guards[subject].touched = True

    def _ahead(self, subject: Subject) -> Utterance | None:
        waiting = self._pending.get(subject)
        return waiting[0] if waiting else None

    def _verdict(self, record: Record, envelope: Envelope, guard: Guard) -> str:
        verdict = super()._verdict(record, envelope, guard)
        known = (envelope.subject, envelope.source, envelope.sequence, envelope.id)
        return "behind" if verdict == "apply" and not self._is_its_turn(known, guard) else verdict

    def _end(self, record: Record, envelope: Envelope, guard: Guard) -> None:
        """What an earlier life said of an erased subject stands as said; nobody needs to know what it was said on."""
        words = self._pending.pop(envelope.subject, deque())
        if words:
            guard.published = words[-1].said[-1].sequence
        self._was_said = any(utterance.cause == envelope.id for utterance in words)
        super()._end(record, envelope, guard)
        self._was_said = False

    def _is_its_turn(self, fact: tuple[Subject, str, int, str], guard: Guard) -> bool:
        subject, source, sequence, identity = fact
        utterance = self._ahead(subject)
        if utterance is None:
            return True
        if sequence > utterance.heard.get(source, 0):
            return False  # it was heard later
        return identity != utterance.cause or not utterance.lacks(guard, but=source)

    def _fold_in(self, cause: Heard | Due | JobDone) -> None:
        if isinstance(cause, Heard) and self._ahead(cause.subject) is not None:
            self._relive(cause.subject, cause, self._of(cause))
        else:
            self._fold.apply(cause, said_before=self._was_said)

    def _of(self, cause: Heard) -> Utterance | None:
        utterance = self._ahead(cause.subject)
        return utterance if utterance is not None and utterance.cause == cause.id else None

    def _relive(self, subject: Subject, cause: Heard | None, utterance: Utterance | None) -> None:
        said, values = (utterance.said, utterance.values) if utterance else ((), ())
        agreed = self._fold.relive(subject, cause, said, values)
        if utterance is not None:
            self.relived["agreed" if agreed else "adopted"] += len(said)
            self._pending[subject].popleft()
            self._fold.guards[subject].published = said[-1].sequence
            self._fold.guards[subject].touched = True

    def _next(self, subject: Subject, guard: Guard) -> Waiting | None:
        """Before each fact that waited: what was said, of timers and commands, on what is heard by now."""
        while (utterance := self._ahead(subject)) and not utterance.lacks(guard):
            try:
                self._relive(subject, None, utterance)
            except Exception as problem:
                raise BrokenInvariant(f"what was said about {subject} cannot be taken in again") from problem
        return self._queues.next_of(subject, guard, lambda waiting: self._lets(waiting, guard))

    def _lets(self, waiting: Waiting, guard: Guard) -> bool:
        identity = dict(waiting.headers)["ce_id"]
        return self._is_its_turn((waiting.subject, waiting.source, waiting.sequence, identity), guard)
