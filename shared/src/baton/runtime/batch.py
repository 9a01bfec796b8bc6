"""One poll as one transaction: fence, guard, fold, park what must be parked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.exc import SQLAlchemyError

from baton.runtime.blank import blank
from baton.runtime.bus.port import Record, TopicLane
from baton.runtime.envelope import Envelope, Undecodable, read_envelope
from baton.runtime.failures import OutOfTurn, Poison
from baton.runtime.fold import Fold, Guard, Tally
from baton.runtime.forgetting import is_erased
from baton.runtime.handler import Due, Heard, JobDone, Service, Subject
from baton.runtime.ids import event_id
from baton.runtime.partition import lane_of
from baton.runtime.queues import Queues, Waiting, parked_record
from baton.runtime.store.rows import fetch
from baton.runtime.store.tables import RuntimeTables

Fence = Callable[[Connection], datetime]
Key = tuple[str, str, str]
TIMER_TOPIC = "(timer)"
GRACE = timedelta(seconds=2)
"""How long after a deadline the end of the inputs is taken: more than a healthy relay needs to publish."""


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer that was seen to be due, outside the transaction that will fire it."""

    subject: Subject
    kind: str
    due_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """What a job said, with the timer row it ran for."""

    timer: TimerRow
    done: JobDone


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll brought, with what is already known to be poison."""

    records: Sequence[Record] = ()
    timers: Sequence[TimerRow] = ()
    answers: Sequence[JobAnswer] = ()
    poison: Mapping[Key, BaseException] = field(default_factory=dict)
    truncated: frozenset[TopicLane] = frozenset()
    """Lanes whose log no longer starts at 0: there a first sequence above 1 may be taken as base."""


def record_key(record: Record) -> Key:
    """Return what names a record in the list of poison."""
    return (record.topic, str(record.lane), str(record.offset))


def timer_key(timer: TimerRow) -> Key:
    """Return what names a timer in the list of poison."""
    return (TIMER_TOPIC, timer.subject, timer.kind)


def run_batch(
    service: Service[Any, Any],
    tables: RuntimeTables,
    tx: Connection,
    batch: Batch,
    fence: Fence,
    lanes: int,
    kind: type[Work] | None = None,
) -> Tally:
    """Do the whole batch in the open transaction. Raises Fenced, Poison, or what the store raises."""
    now = fence(tx)
    return (kind or Work)(Fold(service, tables, tx, now, lanes), batch).run()


class Work:
    """One batch, folded into its transaction. `relive.py` has the kind for a store that is rolled forward."""

    def __init__(self, fold: Fold, batch: Batch) -> None:
        self._fold = fold
        self._batch = batch
        self._queues = Queues(fold)

    def run(self) -> Tally:
        envelopes = [_try_envelope(record) for record in self._batch.records]
        subjects = {e.subject for e in envelopes if isinstance(e, Envelope)} | self._due()
        self._prepare(subjects, self._concerned(envelopes))
        for record, envelope in zip(self._batch.records, envelopes, strict=True):
            self._record(record, envelope)
        live = self._live_timers()
        for answer in self._batch.answers:
            self._answer(answer, live)
        for timer in self._batch.timers:
            self._timer(timer, live)
        self._queues.write()
        return self._fold.flush()

    def _due(self) -> set[Subject]:
        return {t.subject for t in self._batch.timers} | {a.timer.subject for a in self._batch.answers}

    def _concerned(self, envelopes: Sequence[Envelope | Undecodable]) -> set[Subject]:
        """The subjects whose states will be asked for, unless something parked goes on."""
        hears = self._fold.service.hears
        read = [(r, e) for r, e in zip(self._batch.records, envelopes, strict=True) if isinstance(e, Envelope)]
        return self._due() | {e.subject for r, e in read if e.type in hears.get(r.topic, ())}

    def _prepare(self, subjects: set[Subject], concerned: set[Subject] | None = None) -> None:
        self._fold.prepare(subjects, concerned)
        self._queues.load(subjects)

    def replay(self, row: Row[Any], *, discard: bool) -> None:
        """Handle the head of its subject's queue (or count it as handled) and let the rest go on."""
        subject = row.subject
        self._queues.load({subject})
        waiting = next(entry for entry in self._queues.of(subject) if entry.id == row.id)
        if before := self._queues.before(waiting):
            raise OutOfTurn(f"parked fact {before.id} of the same lead stands before it")
        guard = self._fold.guards[subject]
        last = guard.heard.get(waiting.source, 0)
        self._queues.take_out(waiting)
        if discard:
            guard.heard[waiting.source] = max(waiting.sequence, last)
            guard.touched = True
        elif waiting.sequence > last + 1:
            raise OutOfTurn(f"{waiting.source} has not said fact {last + 1} about this lead yet")
        elif waiting.sequence == last + 1:  # below that it has been applied since, and only needs to go
            record = parked_record(waiting)
            self._apply(record, read_envelope(record), guard)
        self._drain(subject, guard)
        self._queues.write()

    def _record(self, record: Record, envelope: Envelope | Undecodable) -> None:
        self._fold.tally.handled += 1
        if isinstance(envelope, Undecodable):
            if is_erased(self._fold.tx, self._fold.tables, record.key):
                self._fold.tally.dropped += 1
            else:
                self._queues.park(record, None, "undecodable", envelope)
            return
        guard = self._fold.guards[envelope.subject]
        if guard.erased_at is not None:
            if not self._fold.service.follows_erased:
                self._drop(envelope, guard)
                return
            record = self._without_person(record, envelope)
        if guard.erased_at is None and envelope.type in self._fold.service.erased_by:
            self._end(record, envelope, guard)
            return
        verdict = self._verdict(record, envelope, guard)
        if verdict == "duplicate":
            self._fold.tally.duplicates += 1
        elif verdict == "apply":
            self._apply(record, envelope, guard)
            self._drain(envelope.subject, guard)
        else:
            self._fold.tally.gaps += verdict == "gap"
            self._queues.park(record, envelope, verdict, None)

    def _end(self, record: Record, envelope: Envelope, guard: Guard) -> None:
        """The subject is erased. Whatever of it is parked or missing: nothing waits, and nothing is waited for."""
        last = guard.heard.get(envelope.source, 0)
        self._apply(record, envelope, guard)
        if guard.erased_at is not None:
            guard.heard[envelope.source] = max(last, envelope.sequence)
            self._queues.clear(envelope.subject)

    def _without_person(self, record: Record, envelope: Envelope) -> Record:
        return record._replace(value=blank(self._fold.service.follows_erased.get(envelope.type), record.value))

    def _drop(self, envelope: Envelope, guard: Guard) -> None:
        """A fact about an erased subject, whatever it says: nobody is told."""
        self._fold.tally.dropped += 1
        guard.heard[envelope.source] = max(envelope.sequence, guard.heard.get(envelope.source, 0))
        guard.touched = True

    def _verdict(self, record: Record, envelope: Envelope, guard: Guard) -> str:
        """apply, duplicate, gap, or behind (a parked fact of the same subject)."""
        last = guard.heard.get(envelope.source, 0)
        queue = self._queues.of(envelope.subject)
        waiting = {(entry.source, entry.sequence) for entry in queue}
        if envelope.sequence <= last or (envelope.source, envelope.sequence) in waiting:
            return "duplicate"
        if any(entry.reason == "poison" for entry in queue) or (queue and envelope.sequence != last + 1):
            return "behind"
        if envelope.sequence == last + 1:
            return "apply"
        if last == 0 and (record.topic, record.lane) in self._batch.truncated:
            self._fold.tally.bases += 1
            return "apply"
        return "gap"

    def _apply(self, record: Record, envelope: Envelope, guard: Guard) -> None:
        key = record_key(record)
        if key in self._batch.poison:
            self._queues.park(record, envelope, "poison", self._batch.poison[key])
            return
        service = self._fold.service
        model = service.hears.get(record.topic, {}).get(envelope.type)
        if model is not None and (service.follows_erased or not envelope.is_erased):
            try:
                body = model.model_validate_json(record.value)
            except ValueError as problem:
                raise Poison(key, problem) from problem
            self._decide(key, heard(envelope, body))
            self._fold.tally.stage_seconds.append((self._fold.now - envelope.recorded_at).total_seconds())
        guard.heard[envelope.source] = envelope.sequence
        guard.touched = True

    def _decide(self, key: Key, cause: Heard | Due | JobDone) -> None:
        try:
            self._fold_in(cause)
        except SQLAlchemyError:  # the store's: locking a draft's subject may fail, and no fact is to blame for that
            raise
        except Exception as problem:  # the handler's own failure: this fact's, not its neighbours'
            raise Poison(key, problem) from problem

    def _fold_in(self, cause: Heard | Due | JobDone) -> None:
        self._fold.apply(cause)

    def _drain(self, subject: Subject, guard: Guard) -> None:
        """A gap was filled: what waited behind it goes on, in order, as far as it is next."""
        while waiting := self._next(subject, guard):
            record = parked_record(waiting)
            if record_key(record) in self._batch.poison:
                self._queues.mark_poison(waiting, self._batch.poison[record_key(record)])
                break
            self._apply(record, read_envelope(record), guard)
            self._queues.take_out(waiting)

    def _next(self, subject: Subject, guard: Guard) -> Waiting | None:
        return self._queues.next_of(subject, guard)

    def _answer(self, answer: JobAnswer, live: set[tuple[Subject, str, int]]) -> None:
        timer, key = answer.timer, timer_key(answer.timer)
        if (timer.subject, timer.kind, timer.version) not in live:
            return
        if key in self._batch.poison:
            self._park_timer(timer, self._batch.poison[key], answer.done)
            return
        self._fold.clear_timer(timer.subject, timer.kind)
        self._decide(key, answer.done)

    def _live_timers(self) -> set[tuple[Subject, str, int]]:
        """Timers of the batch whose rows are still as they were seen."""
        table = self._fold.tables.timer
        rows = fetch(self._fold.tx, table, "subject", self._due(), lock=True, and_where="due_at IS NOT NULL")
        return {(row.subject, row.kind, row.version) for row in rows}

    def _timer(self, timer: TimerRow, live: set[tuple[Subject, str, int]]) -> None:
        if (timer.subject, timer.kind, timer.version) not in live:
            return
        if self._fold.timer_was_touched(timer.subject, timer.kind):
            return
        if timer.kind in self._fold.service.deadlines and not self._may_pass(timer):
            return  # it stays due
        key = timer_key(timer)
        if key in self._batch.poison:
            self._park_timer(timer, self._batch.poison[key])
            return
        identity = event_id(timer.subject, timer.kind, timer.version)
        self._decide(key, Due(identity, timer.subject, timer.kind, timer.due_at, timer.version))

    def _may_pass(self, timer: TimerRow) -> bool:
        """False while the lead has parked facts: it is judged with what waits. False also if by the transaction's own
        clock it is too early: the one by which the timer was found has been put right since."""
        return not self._queues.of(timer.subject) and self._fold.now >= timer.due_at + GRACE

    def _park_timer(self, timer: TimerRow, problem: BaseException, done: JobDone | None = None) -> None:
        """A timer (or a job's answer) that makes the handler raise is cleared and kept for people to see.

        It blocks nobody's facts.
        """
        self._fold.clear_timer(timer.subject, timer.kind)
        said = {"kind": timer.kind, "due_at": timer.due_at, "version": timer.version}
        if done is not None:
            said["done"] = {"kind": done.kind, "result": done.result, "failed": done.failed}
        value = orjson.dumps(said, default=str)
        record = Record(TIMER_TOPIC, lane_of(timer.subject, self._fold.lanes), timer.version, timer.subject, (), value)
        self._queues.park(record, None, "timer", problem, subject=timer.subject)


def _try_envelope(record: Record) -> Envelope | Undecodable:
    try:
        return read_envelope(record)
    except Undecodable as problem:
        return problem


def heard(envelope: Envelope, body: Any, cause: str | None = None) -> Heard:
    """Return a fact as services are told of it."""
    return Heard(
        id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        source=envelope.source,
        sequence=envelope.sequence,
        at=envelope.at,
        recorded_at=envelope.recorded_at,
        body=body,
        playbook=envelope.playbook,
        trace=envelope.trace,
        cause=cause,
    )


def replay_parked(fold: Fold, subject: Subject, parked_id: int, *, discard: bool) -> None:
    """Try the parked fact again (or count it as handled), then let what waited behind it go on.

    Raises LookupError if there is none, OutOfTurn if another fact of the lead stands before it, Poison if the handler
    raises.
    """
    fold.prepare([subject])
    work = Work(fold, Batch())
    rows = fold.tx.execute(select(fold.tables.parked).where(fold.tables.parked.c.id == parked_id)).all()
    if not rows:
        raise LookupError(parked_id)
    row = rows[0]
    if row.source is None:
        _free_standing(fold, row, discard=discard)
        return
    work.replay(row, discard=discard)


def _free_standing(fold: Fold, row: Row[Any], *, discard: bool) -> None:
    """A timer fires again; a record that cannot be decoded can only be discarded."""
    if not discard:
        if row.topic != TIMER_TOPIC:
            raise OutOfTurn("this record cannot be decoded; it can only be discarded")
        try:
            fold.apply(_cause_of(row))
        except SQLAlchemyError:
            raise
        except Exception as problem:
            raise Poison((TIMER_TOPIC, row.subject, "replay"), problem) from problem
    fold.tx.execute(delete(fold.tables.parked).where(fold.tables.parked.c.id == row.id))


def _cause_of(row: Row[Any]) -> Due | JobDone:
    """Return the timer, or the job's answer, that a parked row was."""
    timer = orjson.loads(row.value)
    identity = event_id(row.subject, timer["kind"], timer["version"])
    if "done" in timer:
        return JobDone(identity, row.subject, **timer["done"])
    due_at = datetime.fromisoformat(timer["due_at"])
    return Due(identity, row.subject, timer["kind"], due_at, timer["version"])
