"""One transaction's work: lock, load, fold the causes in order, keep, write down what was said.

The same fold serves records, timers, jobs' answers and people's commands. It writes nothing until `flush`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from baton.runtime.envelope import MAX_RECORD_BYTES, data_of, headers_of
from baton.runtime.failures import BrokenInvariant
from baton.runtime.forgetting import forget, told_too, wipe_journal
from baton.runtime.handler import Cause, Command, Decision, Draft, Due, Heard, JobDone, Refusal, Service, Span, Subject
from baton.runtime.ids import event_id
from baton.runtime.journal import write_down
from baton.runtime.partition import lane_of
from baton.runtime.store.rows import fetch, insert_missing, upsert
from baton.runtime.store.tables import RuntimeTables, first_version, set_timers

_ERASED = Refusal(404, "Erased lead", "This person was erased: nothing is known here, and nothing may be done.")
JOB = "job:"
"""Timers whose kind begins with this are jobs."""


@dataclass(slots=True)
class Guard:
    """How far a subject's publishers were heard, and how many facts about it were published here."""

    published: int = 0
    heard: dict[str, int] = field(default_factory=dict)
    touched: bool = False
    erased_at: datetime | None = None
    """Since when the subject is erased."""


@dataclass(slots=True)
class Tally:
    """What a transaction did; counted in the metrics only after COMMIT."""

    began: int = field(default_factory=time.time_ns)
    """Nanoseconds since 1970, by this machine: for traces alone."""
    spans: dict[str, str] = field(default_factory=dict)
    """Command id to the span it follows from."""
    facts: Counter[str] = field(default_factory=Counter)
    handled: int = 0
    duplicates: int = 0
    gaps: int = 0
    bases: int = 0
    parked: int = 0
    erased: int = 0
    """Subjects whose data was wiped."""
    dropped: int = 0
    """Facts about subjects that had been erased."""
    relived: Counter[str] = field(default_factory=Counter)
    """Own facts of an earlier life that were taken in again, by how."""
    stage_seconds: list[float] = field(default_factory=list)
    soonest: datetime | None = None
    """The earliest timer that was set."""
    journal: list[dict[str, Any]] = field(default_factory=list)
    """What was said, for the log."""
    books_changed: bool = False
    """Then `keep` may have woken subjects by itself."""


class Fold:
    """Folds causes into states, and says what to write. Made anew for every transaction (and every retry)."""

    def __init__(
        self, service: Service[Any, Any], tables: RuntimeTables, tx: Connection, now: datetime, lanes: int
    ) -> None:
        self.service = service
        self.tables = tables
        self.tx = tx
        self.now = now
        self.lanes = lanes
        self.tally = Tally()
        self.guards: dict[Subject, Guard] = {}
        # Versions begin with the time, so that a store brought back from a backup never gives one again (ADR 0008).
        self._first_version = first_version(now)
        self._is_prepared = False
        self._states: dict[Subject, Any] = {}
        self._changed: dict[Subject, Any] = {}
        self._books: Any = None
        self._books_changed = False
        self._journal: list[dict[str, Any]] = []
        self._timers: dict[tuple[Subject, str], tuple[datetime | None, Any]] = {}
        self._ended: list[Subject] = []
        self._told: list[tuple[Subject, Span]] = []

    def prepare(self, subjects: Iterable[Subject], concerned: Collection[Subject] | None = None) -> None:
        """Lock books, then subjects in order, and load the states of those `concerned` (None: of all).

        A fact of which a service hears only that there was one needs the lock and the guard, not the lead.
        """
        self._is_prepared = True
        self._books = self.service.books(self.tx)
        wanted = sorted(set(subjects))
        self._lock(wanted)
        self._states = self.service.load(self.tx, wanted if concerned is None else sorted(concerned))

    def also(self, subjects: Iterable[Subject]) -> None:
        """Lock and load those of these that are not prepared yet: all of them, the first time."""
        more = sorted({subject for subject in subjects if subject not in self.guards})
        if not self._is_prepared:
            self.prepare(more)
        elif more:
            self._lock(more)
            self._states.update(self.service.load(self.tx, more))

    def begin(self, states: Mapping[Subject, Any]) -> None:
        """Take in subjects whose ids this transaction has made, with their states.

        Nobody else can know them before the commit, so that there is nothing to lock, to look for or to load.
        """
        self.also(())
        self.guards.update({subject: Guard() for subject in states})
        self._states.update(states)

    def state(self, subject: Subject) -> Any:
        """The state of a subject by now."""
        return self._state(subject)

    def _state(self, subject: Subject) -> Any:
        if subject not in self._states:
            self._states.update(self.service.load(self.tx, [subject]))
        return self._states[subject]

    def _lock(self, subjects: Sequence[Subject]) -> None:
        new = self._lock_known(subjects)
        if new and self.tx.dialect.name == "postgresql":
            # A row that is not there cannot be locked: make it, or wait for whoever is making it at this moment.
            rows = [{"subject": subject, "published": 0, "heard": {}} for subject in new]
            made = {row[0] for row in insert_missing(self.tx, self.tables.subject, rows, returning=["subject"])}
            self.guards.update({subject: Guard() for subject in made})
            new = self._lock_known([subject for subject in new if subject not in made])
        self.guards.update({subject: Guard() for subject in new})

    def _lock_known(self, subjects: Sequence[Subject]) -> list[Subject]:
        """Lock the rows that are there; return the subjects that have none."""
        for row in fetch(self.tx, self.tables.subject, "subject", subjects, lock=True):
            self.guards[row.subject] = Guard(row.published, dict(row.heard), erased_at=row.erased_at)
        return [subject for subject in subjects if subject not in self.guards]

    def apply(self, cause: Cause, *, said_before: bool = False) -> Decision[Any]:
        """Let the service decide on one cause and take the decision in. Whatever the handler raises goes through."""
        if self._is_void(cause):
            return Decision(None, reply=_ERASED)
        decision = self.service.decide(self._state(cause.subject), self._books, cause, self.now)
        if isinstance(decision.reply, Refusal):
            return decision
        if isinstance(cause, Command) and cause.span is not None:
            self.tally.spans[cause.id] = cause.span
        if said_before:
            decision = replace(decision, facts=())
        rows = self._compose(cause, decision.facts)  # may raise: nothing is taken in before it
        self._journal.extend(rows)
        if isinstance(cause, Due):
            self._timers.setdefault((cause.subject, cause.kind), (None, None))
        self._take(cause.subject, decision)
        for draft in decision.facts:
            self.tally.facts[draft.body.type] += 1
        self._end(cause, [draft.body for draft in decision.facts])
        return decision

    def _is_void(self, cause: Cause) -> bool:
        """True where the subject is erased, so that nothing may follow."""
        is_erased = self.guards[cause.subject].erased_at is not None
        return is_erased and not (isinstance(cause, Heard) and cause.type in self.service.follows_erased)

    def _end(self, cause: Cause | None, said: Sequence[Any], subject: Subject | None = None) -> None:
        """Where the cause, or what is said of it, ends the subject: what is kept of it is wiped with `flush`."""
        types = {*(body.type for body in said), *((cause.type,) if isinstance(cause, Heard) else ())}
        ended = subject or (cause.subject if cause is not None else None)
        if ended is not None and types & self.service.erased_by and self.guards[ended].erased_at is None:
            guard = self.guards[ended]
            guard.erased_at, guard.touched = self.now, True
            self._ended.append(ended)
            heard = [cause.body] if isinstance(cause, Heard) else []
            self._told += told_too([*heard, *said], self.service.repeats_for)

    def _take(self, subject: Subject, decision: Decision[Any]) -> None:
        if decision.state is not self._states[subject]:
            self._states[subject] = self._changed[subject] = decision.state
        if decision.books is not None:
            self._books, self._books_changed = decision.books, True
            self.tally.books_changed = True
        for kind, due_at in decision.due.items():
            self._timers[subject, kind] = (due_at, None)
        for job in decision.jobs:
            self._timers[subject, f"{JOB}{job.kind}:{job.key}"] = (job.due_at or self.now, job.payload)

    def relive(self, subject: Subject, cause: Heard | None, said: Sequence[Heard], values: Sequence[bytes]) -> bool:
        """Take in what followed from a cause in an earlier life: `said`, with these values, and nothing else.

        True if deciding again says the same; else the service has adopted what was said. Nothing goes to the journal.
        """
        state, now = self._state(subject), said[-1].recorded_at if said else self.now
        if cause is not None:
            now = now if said else cause.recorded_at
            decision = self.service.decide(state, self._books, cause, now)
            if [data_of(draft.body) for draft in decision.facts] == list(values):
                self._take(subject, decision)
                return True
        self._take(subject, self.service.adopt(state, self._books, cause, said, now))
        self._end(cause, [fact.body for fact in said], subject)
        return False

    def clear_timer(self, subject: Subject, kind: str) -> None:
        """Clear a timer that has done its work, unless something in this transaction has set it again."""
        self._timers.setdefault((subject, kind), (None, None))

    def timer_was_touched(self, subject: Subject, kind: str) -> bool:
        """True if a decision in this transaction has set or cleared the timer."""
        return (subject, kind) in self._timers

    def _compose(self, cause: Cause, drafts: Sequence[Draft]) -> list[dict[str, Any]]:
        if not drafts:
            return []  # most causes only teach something
        count: Counter[str] = Counter()
        rows = []
        published: Counter[Subject] = Counter()
        for draft in drafts:
            subject = draft.subject or cause.subject
            if subject not in self.guards:
                self._lock([subject])
            if self.guards[subject].erased_at is not None:
                continue  # of whom nothing may be known nothing is said
            kind = draft.body.type
            identity = draft.event_id or event_id(self.service.name, cause.id, kind, subject, count[kind])
            count[kind] += 1
            published[subject] += 1
            sequence = self.guards[subject].published + published[subject]
            rows.append(self._row(cause, draft, subject, identity, sequence))
        for subject, more in published.items():
            self.guards[subject].published += more
            self.guards[subject].touched = True
        return rows

    def _row(self, cause: Cause, draft: Draft, subject: Subject, identity: str, sequence: int) -> dict[str, Any]:
        value = data_of(draft.body)
        if len(value) > MAX_RECORD_BYTES:
            raise ValueError(f"{draft.body.type} is {len(value)} bytes; a record may have {MAX_RECORD_BYTES}")
        headers = headers_of(
            service=self.service.name,
            event_id=identity,
            type=draft.body.type,
            subject=subject,
            sequence=sequence,
            at=draft.at or self.now,
            now=self.now,
            cause_id=cause.id,
            playbook=self.service.playbook_version(),
            trace=None if isinstance(cause, Due | JobDone) else cause.trace,
            heard=self._heard(cause, subject),
        )
        return {
            "lane": lane_of(subject, self.lanes),
            "topic": draft.body.topic,
            "subject": subject,
            "sequence": sequence,
            "event_id": identity,
            "type": draft.body.type,
            "headers": headers,
            "value": value,
            "recorded_at": self.now,
        }

    def _heard(self, cause: Cause, subject: Subject) -> dict[str, int]:
        heard = self.guards[subject].heard
        if isinstance(cause, Heard) and cause.subject == subject:
            return {**heard, cause.source: cause.sequence}
        return heard

    def flush(self) -> Tally:
        """Write states, books, journal, guards and timers; the caller commits. Returns what to count after that."""
        if self._told:
            self._part()
        # Timers before keep: a held lead that `keep` wakes must not be put back to sleep by its own timer.
        self._write_timers()
        if self._changed or self._books_changed:
            changed = {subject: self._changed[subject] for subject in sorted(self._changed)}
            self.service.keep(self.tx, changed, self._books if self._books_changed else None, self.now)
        self.tally.journal = self._journal
        try:
            write_down(self.tx, self.tables, self._journal)
        except IntegrityError as problem:
            raise BrokenInvariant(f"a fact was said twice or out of sequence: {problem.orig}") from problem
        guards = [
            {"subject": subject, "published": guard.published, "heard": guard.heard}
            for subject, guard in sorted(self.guards.items())
            if guard.touched
        ]
        upsert(self.tx, self.tables.subject, guards)
        if self._ended:
            service = self.service
            forget(self.tx, self.tables, service.vocabulary, service.erased_by, self._ended, self.now)
            self.service.forget(self.tx, sorted(self._ended), self.now)
            self.tally.erased += len(self._ended)
        for subject, span in self._told:
            wipe_journal(self.tx, self.tables, self.service.vocabulary, self.service.erased_by, [subject], span)
            self.service.forget_told(self.tx, subject, span)
        return self.tally

    def _part(self) -> None:
        """Leave those who were one with somebody erased without what they may repeat of him."""
        self.also(sorted({subject for subject, _ in self._told}))
        self._told = [(subject, span) for subject, span in self._told if self.guards[subject].erased_at is None]
        for subject, _ in self._told:
            before = self._state(subject)
            after = self.service.parted(before)
            if after is not before:
                self._states[subject] = self._changed[subject] = after

    def _write_timers(self) -> None:
        rows = [
            {
                "subject": subject,
                "kind": kind,
                "lane": lane_of(subject, self.lanes),
                "due_at": due_at,
                "version": self._first_version,
                "tries": 0,
                "payload": payload,
            }
            for (subject, kind), (due_at, payload) in sorted(self._timers.items(), key=lambda item: item[0])
        ]
        set_timers(self.tx, self.tables.timer, rows)
        self.tally.soonest = min((due_at for due_at, _ in self._timers.values() if due_at is not None), default=None)
