"""The loop that reads, folds and fires: one poll, one transaction over all lanes held."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from baton.runtime.batch import Batch, JobAnswer, Key, Work, record_key, run_batch, timer_key
from baton.runtime.bus.port import Bus, Reader, Record, TopicLane
from baton.runtime.clock import Clock
from baton.runtime.failures import LONGEST_PAUSE, BrokenInvariant, Fenced, NotNow, Poison
from baton.runtime.fence import Move, pass_fence
from baton.runtime.fold import Tally
from baton.runtime.handler import Service
from baton.runtime.lanes import Lanes
from baton.runtime.observe import RuntimeMetrics, log
from baton.runtime.pace import Pace
from baton.runtime.relive import Reliving
from baton.runtime.store.port import Store
from baton.runtime.store.tables import RuntimeTables
from baton.runtime.timers import Timers
from baton.runtime.traces import Traces

POLL_SECONDS = 0.05
POISON_TRIES = 3
PARK_LIMIT = 10
PARK_WINDOW = 1000
"""More than 10 leads newly parked within 1,000 facts is no bad luck but a bug: stop loudly."""


class Worker:
    """Reads the lanes held. Everything it writes is one transaction per poll."""

    def __init__(
        self,
        service: Service[Any, Any],
        store: Store,
        tables: RuntimeTables,
        bus: Bus,
        lanes: Lanes,
        timers: Timers,
        metrics: RuntimeMetrics,
        clock: Clock,
        on_said: Callable[[], None],
    ) -> None:
        self._service = service
        self._store = store
        self._tables = tables
        self._bus = bus
        self._lanes = lanes
        self._timers = timers
        self._metrics = metrics
        self._clock = clock
        self._on_said = on_said
        self._reader: Reader | None = None
        self._seen_generation = -1
        self._truncated: frozenset[TopicLane] = frozenset()
        self._gap_seen: dict[TopicLane, int] = {}
        self._parked: deque[tuple[int, int]] = deque()
        self._handled = 0
        self._pace = Pace(service.patience)
        self.places: dict[TopicLane, int] = {}
        self.answers: list[JobAnswer] = []
        """What jobs have answered, oldest first; taken off once it is written, or known to be out of date."""
        self.problem: str | None = None
        """Why nothing can be read at the moment, for readiness."""
        self.is_reliving: Callable[[], bool] = lambda: False
        """True while the store is rolled forward: what was said once stands, no timer fires, no base is taken."""
        self.traces: Traces | None = None
        """Where spans go."""
        self.is_told_all = False
        """True if the publishers told every fact anew from where this began: then none is the first but number 1."""

    async def run(self) -> None:
        """Work for ever. Raises BrokenInvariant when it must stop."""
        wait = 0.1
        while True:
            try:
                await self.once()
                self.problem, wait = None, 0.1
                await asyncio.sleep(self._pace.rest)
            except NotNow as problem:
                self.problem = str(problem)
                self._pace.slow_down()
                log.warning("worker_waits", reason=str(problem)[:200], seconds=wait)
                await self.let_go()
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_PAUSE)

    async def once(self, wait: float = POLL_SECONDS) -> int:
        """One round: follow the lanes, poll, see what is due, do it. Returns how many causes there were."""
        self._pace.rest = 0.0
        if self._seen_generation != self._lanes.generation:
            await self._reassign()
        if not self._lanes.held:
            await asyncio.sleep(wait)
            return 0
        reader = await self._get_reader()
        polled = await reader.poll(self._pace.limit, wait) if self._service.hears else await self._idle(wait)
        polled = await self._without_holes(polled)
        timers = [] if self.is_reliving() else await self._timers.due(reader, self.places)
        answers = list(self.answers)
        records = [record for place in sorted(polled) for record in polled[place]]
        if not (records or timers or answers):
            return 0
        timers = timers[: self._pace.limit]  # the others are still due in the next round
        begun = self._clock.monotonic()
        try:
            truncated = frozenset() if self.is_reliving() or self.is_told_all else self._truncated
            await self._process(Batch(records, timers, answers, truncated=truncated))
        except Fenced as problem:
            log.info("fenced", reason=str(problem))
            await asyncio.sleep(wait)
            await self._reassign()
            return 0
        del self.answers[: len(answers)]
        self._pace.note(len(records), self._clock.monotonic() - begun)
        return len(records) + len(timers) + len(answers)

    async def _idle(self, wait: float) -> dict[TopicLane, list[Record]]:
        await asyncio.sleep(wait)
        return {}

    async def _get_reader(self) -> Reader:
        if self._reader is None:
            self._reader = await self._bus.reader(self._service.patience)
            await self._reader.assign(self.places)
        return self._reader

    async def let_go(self) -> None:
        """Close the reader; after a failure the next round starts from what the store says, with a new one."""
        if self._reader is not None:
            await self._reader.close()
        self._reader = None
        self._gap_seen.clear()  # a hole is real once the same reader, sought there again, has found it twice
        self._seen_generation = -1

    async def _reassign(self) -> None:
        """Read the places of the lanes held from the store and seek there."""
        generation = self._lanes.generation
        held = set(self._lanes.held)
        places = await self._store.read(self.places_of)
        self.places = {place: offset for place, offset in places.items() if place[1] in held}
        self._timers.forget()
        reader = self._reader or await self._bus.reader(self._service.patience)
        self._reader = reader
        starts = await reader.starts(list(self.places)) if self.places else {}
        await self._refuse_a_log_that_went_back(reader)
        self._truncated = frozenset(place for place, start in starts.items() if start > 0)
        await reader.assign({place: max(offset, starts.get(place, 0)) for place, offset in self.places.items()})
        self._seen_generation = generation
        self._metrics.lanes.set(len(held))

    def places_of(self, tx: Connection) -> dict[TopicLane, int]:
        """Up to where every lane of what the service hears is read, whoever reads it."""
        place = self._tables.place.c
        rows = tx.execute(select(place.topic, place.lane, place.next_off))
        return {(row.topic, row.lane): row.next_off for row in rows if row.topic in self._service.hears}

    async def _refuse_a_log_that_went_back(self, reader: Reader) -> None:
        """A log that ends before what was read of it is another log, or has lost records: going on would skip facts."""
        ends = await reader.ends(list(self.places)) if self.places else {}
        for (topic, lane), end in ends.items():
            if end < self.places[topic, lane]:
                read = self.places[topic, lane]
                raise NotNow(f"{topic}/{lane} ends at {end} but was read to {read}: see docs/runbooks/restore.md")

    async def _without_holes(self, polled: dict[TopicLane, list[Record]]) -> dict[TopicLane, list[Record]]:
        """A poll must begin where the last one ended. If it does not, seek again; if it still does not, the hole is
        real."""
        missed = {
            place: records[0].offset for place, records in polled.items() if records[0].offset != self.places.get(place)
        }
        for place in polled.keys() - missed.keys():
            self._gap_seen.pop(place, None)
        if not missed:
            return polled
        if all(self._gap_seen.get(place) == offset for place, offset in missed.items()):
            log.error("offsets_missing", places=[[*place, self.places.get(place), at] for place, at in missed.items()])
            self._metrics.gaps.inc(len(missed))
            self._gap_seen.clear()
            return polled
        self._gap_seen = missed
        await self._reassign()
        return {}

    async def _process(self, batch: Batch) -> None:
        tries: dict[Key, int] = {}
        while True:
            try:
                tally = await self._store.write(partial(self._transaction, batch))
            except Poison as poison:
                tries[poison.key] = tries.get(poison.key, 0) + 1
                if tries[poison.key] >= POISON_TRIES:
                    log.error("parked", key=poison.key, error=type(poison.cause).__name__)
                    batch = replace(batch, poison={**batch.poison, poison.key: poison.cause})
                continue
            except (Fenced, NotNow, BrokenInvariant):
                raise
            except Exception as problem:  # noqa: BLE001  (the store refuses something in it: find what)
                await self._bisect(batch, problem)
                return
            self._committed(batch, tally)
            return

    async def _bisect(self, batch: Batch, problem: Exception) -> None:
        keys = _keys(batch)
        if len(keys) <= 1:
            if not keys or keys[0] in batch.poison:
                raise BrokenInvariant(f"a transaction cannot be written: {type(problem).__name__}") from problem
            await self._process(replace(batch, poison={**batch.poison, keys[0]: problem}))
            return
        for part in _halves(batch):
            await self._process(part)

    def _transaction(self, batch: Batch, tx: Connection) -> Tally:
        def fence(tx: Connection) -> datetime:
            return pass_fence(
                tx,
                owner=self._lanes.owner,
                epochs={lane: lease.epoch for lane, lease in self._lanes.held.items()},
                moves=[Move(place, self.places[place], after) for place, after in _ends(batch.records).items()],
                ttl=self._lanes.ttl,
                clock=self._clock,
            )

        kind = Reliving if self.is_reliving() else Work
        return run_batch(self._service, self._tables, tx, batch, fence, self._lanes.count, kind)

    def _committed(self, batch: Batch, tally: Tally) -> None:
        self.places.update(_ends(batch.records))
        self._metrics.count(tally)
        if self.traces is not None:
            self.traces.committed(tally, batch.records)
        self._timers.note(tally)
        now = self._clock.now()
        for timer in batch.timers:
            self._metrics.timers.inc()
            self._metrics.lateness.observe(max(0.0, (now - timer.due_at).total_seconds()))
        if tally.facts:
            self._on_said()
        self._watch_parking(tally)

    def _watch_parking(self, tally: Tally) -> None:
        self._handled += tally.handled
        # Where journals are told anew, what is new may come before what is old, and waits for it.
        parked = tally.parked - (tally.gaps if self.is_told_all else 0)
        if parked:
            self._parked.append((self._handled, parked))
        while self._parked and self._parked[0][0] < self._handled - PARK_WINDOW:
            self._parked.popleft()
        if sum(number for _, number in self._parked) > PARK_LIMIT:
            raise BrokenInvariant(f"more than {PARK_LIMIT} facts were parked within {PARK_WINDOW}")

    async def lag(self) -> Mapping[str, int]:
        """Return how many records are not yet read, per topic, over the lanes held."""
        if self._reader is None:
            return {}
        ends = await self._reader.ends(list(self.places))
        lag: dict[str, int] = dict.fromkeys(self._service.hears, 0)
        for place, end in ends.items():
            lag[place[0]] += max(0, end - self.places.get(place, 0))
        return lag


def _ends(records: Sequence[Record]) -> dict[TopicLane, int]:
    return {(record.topic, record.lane): record.offset + 1 for record in records}


def _keys(batch: Batch) -> list[Key]:
    timers = [*batch.timers, *(answer.timer for answer in batch.answers)]
    return [*map(record_key, batch.records), *map(timer_key, timers)]


def _halves(batch: Batch) -> list[Batch]:
    """Records first by lane, then by half; timers and answers apart from records."""
    parts: list[Batch] = []
    lanes = sorted({record.lane for record in batch.records})
    if len(lanes) > 1:
        parts += [
            replace(batch, records=[r for r in batch.records if r.lane == n], timers=(), answers=()) for n in lanes
        ]
    else:
        middle = max(1, len(batch.records) // 2)
        for records in (batch.records[:middle], batch.records[middle:]):
            if records:
                parts.append(replace(batch, records=records, timers=(), answers=()))
    if len(parts) == 1 and not (batch.timers or batch.answers):
        return parts
    for timer in batch.timers:
        parts.append(replace(batch, records=(), timers=[timer], answers=()))
    for answer in batch.answers:
        parts.append(replace(batch, records=(), timers=(), answers=[answer]))
    return parts
