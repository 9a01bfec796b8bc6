"""One running service: its store, its bus, its lanes, and the tasks that move facts through it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select, text

from baton.runtime.bus.port import Bus
from baton.runtime.clock import Clock
from baton.runtime.events import page_of, read_cursor
from baton.runtime.failures import LONGEST_PAUSE, BrokenInvariant, Fenced, NotNow, Refused
from baton.runtime.fence import store_now
from baton.runtime.fold import Fold, Tally
from baton.runtime.forgetting import (
    erased_count,
    erased_page,
    note_scrubbed,
    personal_data,
    unscrubbed,
    without_person,
)
from baton.runtime.handler import Command, Refusal, Reply, Service
from baton.runtime.jobs import Jobs
from baton.runtime.lanes import Lanes
from baton.runtime.micro import MicroBatch, Unit
from baton.runtime.observe import RuntimeMetrics, exposition, log
from baton.runtime.parked import Parked
from baton.runtime.partition import lane_of
from baton.runtime.relay import Relay
from baton.runtime.republish import Offsets, republish, start_from
from baton.runtime.rollforward import RollForward
from baton.runtime.settings import Settings
from baton.runtime.store.port import Store
from baton.runtime.store.tables import runtime_tables
from baton.runtime.timers import Timers
from baton.runtime.traces import open_traces
from baton.runtime.worker import Worker
from baton.runtime.writes import Writes

__all__ = ["Engine", "Refused"]

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")
HOUSEKEEPING_SECONDS = 5.0
APART = 5.0
"""Seconds that two clocks may differ by: what the doctor allows, and signatures bear."""
SCRUB_AT_ONCE = 50


class Engine:
    """Runs one service. Made by `run.py` (or a test), handed to the service's routes and tasks."""

    def __init__(
        self,
        service: Service[Any, Any],
        settings: Settings,
        store: Store,
        bus: Bus,
        clock: Clock,
        *,
        alone: bool,
    ) -> None:
        self.service = service
        self.settings = settings
        self.clock = clock
        self.store = store
        self.bus = bus
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Set with the exception that makes it impossible to go on."""
        self._alone = alone
        self._tables = runtime_tables(service.metadata)
        self._metrics = RuntimeMetrics(service.registry, service.name)
        self.traces = open_traces(settings, service.name)
        """Where spans go; None while nobody asks for them."""
        self._metrics.expect(settings.partitions, service.hears, service.vocabulary)
        self.lanes = Lanes(store, self._tables, self.owner, settings.partitions, settings.lease_seconds, clock)
        self.timers = Timers(
            store,
            self._tables,
            self.lanes,
            clock,
            topics=list(service.hears),
            deadlines=service.deadlines,
            on_jump=self._metrics.clock_jumps.inc,
        )
        self.relay = Relay(store, self._tables, bus, self.lanes, self._metrics)
        self.worker = Worker(
            service, store, self._tables, bus, self.lanes, self.timers, self._metrics, clock, self.relay.wake
        )
        self.jobs = Jobs(store, self._tables, self.lanes, clock, service.jobs(), self.worker.answers)
        self.parked = Parked(store, self._tables, self._new_fold, self._committed)
        self.forward = RollForward(
            service,
            store,
            self._tables,
            bus,
            settings.partitions,
            is_asked_for=settings.may_roll_forward(service.name),
            new_fold=self._any_fold,
            committed=self._committed,
        )
        self.relay.traces = self.worker.traces = self.traces
        self.worker.is_reliving = lambda: self.forward.is_under_way
        self._batches: list[MicroBatch[Any, Any]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._bus_problem: str | None = "not reached yet"
        self._ends_problem: str | None = None
        self._concerns: dict[str, str] = {}
        self._writes = Writes(clock)
        self._stopping = False

    # -- what services use ------------------------------------------------------------------------------------------

    async def command(self, command: Command) -> Reply:
        """Decide on a command in one transaction; return the reply after COMMIT.

        Raises Refused when the service refuses, NotNow while the store cannot be reached.
        """

        def work(tx: Connection) -> tuple[Reply, Tally]:
            fold = self._new_fold(tx)
            fold.prepare([command.subject])
            answer = fold.apply(command).reply or Reply()
            if isinstance(answer, Refusal):
                raise Refused(answer)  # and nothing stays of it
            return answer, fold.flush()

        answer, tally = await self.store.write(work)
        self._committed(tally)
        return answer

    def now(self) -> datetime:
        """Return the present by the store's clock, which all replicas share: a machine's own may be wrong by hours."""
        if self.clock.fixed or self.lanes.seen is None:
            return self.clock.now()
        then, elapsed = self.lanes.seen
        return then + timedelta(seconds=self.clock.monotonic() - elapsed)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that only reads on the service's store. Raises NotNow."""
        return await self.store.read(work)

    def micro_batch(
        self, work: Callable[[Unit, Sequence[Item]], list[Result]], *, limit: int = 200, queue_limit: int = 5000
    ) -> MicroBatch[Item, Result]:
        """Return a micro-batch that commits concurrent submissions together. To be made while the routes are made."""
        batch: MicroBatch[Item, Result] = MicroBatch(
            self._commit_batch, work, limit=limit, queue_limit=queue_limit, on_shed=self.shed
        )
        self._batches.append(batch)
        return batch

    def shed(self) -> None:
        """Count a request that was refused because too much waits already."""
        self._metrics.shed.inc()

    # -- what the HTTP face uses ------------------------------------------------------------------------------------

    async def readiness(self) -> dict[str, str | None]:
        """Return dependency to what keeps it from working, None where nothing does."""
        reasons: dict[str, str | None] = {"store": await self._store_problem()}
        relay = self.relay.problem if self.service.says else None
        bus = self._bus_problem or self.worker.problem or relay or self._ends_problem
        if self.service.hears and self.service.needs_bus:
            reasons["bus"] = bus
        if self.forward.problem:
            reasons["roll_forward"] = self.forward.problem
        if self._stopping:
            reasons["process"] = "stopping"
        return reasons

    def concerns(self) -> dict[str, str]:
        """Return what needs a look, with the reason, though the service works on."""
        apart = (self.now() - self.clock.now()).total_seconds()
        own = {"clock": f"the store's clock and this machine's are {apart:+.0f} s apart"} if abs(apart) > APART else {}
        return {**own, **self.service.concerns()}

    async def _store_problem(self) -> str | None:
        try:
            async with asyncio.timeout(3):
                await self.store.read(lambda tx: tx.execute(text("SELECT 1")).scalar_one())
        except (NotNow, TimeoutError) as problem:
            return f"the store does not answer ({type(problem).__name__})"
        return self._writes.problem()

    def metrics_text(self) -> bytes:
        """Return the service's metrics in Prometheus' text format."""
        return exposition(self.service.registry)[0]

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics as `Accept` asks for them, and their media type; looked at anew what keeps it from
        working, for every other gauge stands still while a dependency is away."""
        self._metrics.show_ready(await self.readiness())
        return exposition(self.service.registry, accept)

    async def ledger(self) -> dict[str, Any]:
        """Return the service's counts, with what is parked and what waits in the outbox."""

        def work(tx: Connection) -> dict[str, Any]:
            parked = self._tables.parked.c
            leads = int(tx.execute(select(func.count(func.distinct(parked.subject)))).scalar_one())
            counts = self.service.ledger(tx)
            erased = erased_count(tx, self._tables)
            return {"service": self.service.name, "counts": counts, "parked_leads": leads, "erased_leads": erased}

        ledger = await self.store.read(work)
        return {**ledger, "outbox_pending": await self.relay.pending()}

    async def ledger_page(self, after: str, limit: int) -> list[dict[str, Any]]:
        """Return up to `limit` leads above `after` with their fate here."""
        return await self.store.read(lambda tx: self.service.ledger_page(tx, after, limit))

    async def erased_page(self, after: str, limit: int) -> list[dict[str, Any]]:
        """Return up to `limit` subjects above `after` that were erased here, each with the time of it."""
        return await self.store.read(lambda tx: erased_page(tx, self._tables, after, limit))

    async def personal_data(self, subject: str) -> dict[str, Any]:
        """Return everything the service holds of this subject."""

        def work(tx: Connection) -> dict[str, Any]:
            kept = {"kept": self.service.personal_data(tx, subject)}
            return {
                "service": self.service.name,
                "lead_id": subject,
                **kept,
                **personal_data(tx, self._tables, subject),
            }

        return await self.store.read(work)

    async def republish(self, since: datetime | None) -> tuple[int, Offsets]:
        """Publish the journal, or what was said `since` then, again; return how much, and from which offsets on."""
        topics, lanes = list(self.service.says), self.settings.partitions
        answer = await republish(self.store, self._tables, self.bus, topics, lanes, since)
        self.relay.wake()
        return answer

    async def events(self, after: str | None, limit: int, wait: float) -> list[bytes]:
        """Return up to `limit` published facts after the cursor as CloudEvents JSON lines, waiting up to `wait`
        seconds.

        Raises ValueError for a cursor that is none.
        """
        positions = read_cursor(after, self.settings.partitions)
        give_up = self.clock.monotonic() + wait
        while True:
            lines = await self.store.read(lambda tx: page_of(tx, self._tables, positions, limit))
            if lines or self.clock.monotonic() >= give_up or self._stopping:
                return lines
            await asyncio.sleep(0.1)

    # -- its life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Make ready and start all tasks. The store must be migrated; the bus may still be away."""
        await self.lanes.prepare(list(self.service.hears), alone=self._alone)
        hears, begins = list(self.service.hears), self.settings.start_from
        self.worker.is_told_all = await start_from(self.store, self._tables, hears, begins)
        with contextlib.suppress(NotNow):
            await self.lanes.tend()
        for batch in self._batches:
            self._spawn(batch.run, "micro_batch")
        self._spawn(self._tend, "lanes")
        self._spawn(self._move, "move")
        self._spawn(self._keep_house, "housekeeping")
        for task in self.service.tasks():
            self._spawn(partial(task, self), getattr(task, "__name__", "task"))

    def begin_to_stop(self) -> None:
        """Say that the end is near: not ready any more, long polls return."""
        self._stopping = True

    async def stop(self) -> None:
        """Stop all tasks, publish what is still in the journal, give the lanes back, close the store."""
        self.begin_to_stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.worker.let_go()
        # Fenced: what the cancelled relay was writing has come to pass meanwhile; the rest can wait.
        with contextlib.suppress(NotNow, TimeoutError, Fenced):
            async with asyncio.timeout(5):
                while self._bus_problem is None and await self.relay.once():
                    pass
        with contextlib.suppress(NotNow, TimeoutError):
            async with asyncio.timeout(5):
                await self.lanes.leave()
        await self.store.close()
        if self.traces is not None:
            await asyncio.to_thread(self.traces.close)

    def _spawn(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        async def guarded() -> None:
            try:
                await _unless_asked_to_end(work())
            except asyncio.CancelledError:
                raise
            except BaseException as problem:  # noqa: BLE001  (whatever ends a task ends the service, loudly)
                log.critical("service_must_stop", service=self.service.name, task=name, exc_info=True)
                if not self.failed.done():
                    self.failed.set_exception(problem if isinstance(problem, Exception) else BrokenInvariant(name))

        self._tasks.append(asyncio.create_task(guarded(), name=f"{self.service.name}:{name}"))

    async def _tend(self) -> None:
        seen = self.clock.monotonic()
        while True:
            try:
                with self._writes.by("lanes"):
                    await self.lanes.tend()
                seen = self.clock.monotonic()
            except NotNow:
                if self.clock.monotonic() - seen > self.settings.lease_seconds and self.lanes.held:
                    self.lanes.held = {}
                    self.lanes.generation += 1
                    self._metrics.lanes.set(0)
            await asyncio.sleep(self.settings.lease_seconds / 6)

    async def _move(self) -> None:
        """Reach the bus, however long that takes; then publish, read and run jobs."""
        pause = 0.2
        while self._bus_problem is not None:
            try:
                topics = sorted({*self.service.hears, *self.service.says})
                await self.bus.prepare(topics, self.settings.partitions)
                await self.forward.check()
                self._bus_problem = None
            except NotNow as problem:
                self._bus_problem = str(problem)[:200]
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        async with asyncio.TaskGroup() as group:
            group.create_task(_unless_asked_to_end(self.worker.run()))
            group.create_task(_unless_asked_to_end(self.forward.run(self.worker.places_of)))
            if self.service.says:
                group.create_task(_unless_asked_to_end(self.relay.run()))
            if self.service.jobs():
                group.create_task(_unless_asked_to_end(self.jobs.run()))

    async def _keep_house(self) -> None:
        while True:
            self._tell_concerns()
            await self._measure_lag()
            with contextlib.suppress(NotNow):
                await self.scrub()
                await self._count_parked()
                if self.service.says:
                    self._metrics.outbox_pending.set(await self.relay.pending())
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def scrub(self) -> None:
        """Clear the embedded log and the store's own files of who was erased; in the distributed set-up the topics'
        retention and the database's vacuum do that."""
        erased = await self.store.read(lambda tx: unscrubbed(tx, self._tables, SCRUB_AT_ONCE))
        if not erased:
            return
        change = partial(without_person, self.service.vocabulary, self.service.erased_by)
        for subject in erased:
            lane = lane_of(subject, self.settings.partitions)
            if not await self.bus.rewrite([(topic, lane) for topic in self.service.says], subject, change):
                return
        if await self.store.scrub():
            await self.store.write(lambda tx: note_scrubbed(tx, self._tables, erased, store_now(tx, self.clock)))

    def _tell_concerns(self) -> None:
        """Log what has newly come to need a look, or no longer does; the service works on meanwhile."""
        now = self.concerns()
        for about in self._concerns.keys() | now.keys():
            self._metrics.concerns.labels(about).set(about in now)
            if now.get(about) != self._concerns.get(about):
                why = now.get(about)
                say = log.warning if why else log.info
                say("concern" if why else "concern_settled", service=self.service.name, about=about, reason=why)
        self._concerns = now

    async def _measure_lag(self) -> None:
        """A client that has lost its broker polls on and finds nothing; only asking for the ends tells."""
        try:
            for topic, lag in (await self.worker.lag()).items():
                self._metrics.lag.labels(topic).set(lag)
            self._ends_problem = None
        except NotNow as problem:
            self._ends_problem = str(problem)[:200]

    async def _count_parked(self) -> None:
        table = self._tables.parked.c
        query = select(table.reason, func.count(func.distinct(table.subject))).group_by(table.reason)
        rows = await self.store.read(lambda tx: tx.execute(query).all())
        counts: dict[str, int] = {row[0]: row[1] for row in rows}
        for reason in ("poison", "undecodable", "gap", "behind", "timer"):
            self._metrics.parked.labels(reason).set(counts.get(reason, 0))

    def _new_fold(self, tx: Connection) -> Fold:
        """A fold for what people ask. Raises NotNow while the store does not yet know all that was said."""
        if self.forward.problem:
            raise NotNow(self.forward.problem)
        return self._any_fold(tx)

    def _any_fold(self, tx: Connection) -> Fold:
        return Fold(self.service, self._tables, tx, store_now(tx, self.clock), self.settings.partitions)

    def _committed(self, tally: Tally) -> None:
        self._metrics.count(tally)
        if self.traces is not None:
            self.traces.committed(tally)
        self.timers.note(tally)
        if tally.facts:
            self.relay.wake()

    async def _commit_batch(self, work: Callable[[Unit, Sequence[Any]], list[Any]], items: Sequence[Any]) -> list[Any]:
        def transaction(tx: Connection) -> tuple[list[Any], Tally]:
            fold = self._new_fold(tx)
            results = work(Unit(fold), items)
            return results, fold.flush()

        with self._writes.by("requests"):
            results, tally = await self.store.write(transaction)
        self._committed(tally)
        return results


async def _unless_asked_to_end(work: Awaitable[None]) -> None:
    """Wait for what goes on until it is cancelled. Raises BrokenInvariant if it ends so and nobody has cancelled it: a
    group takes that for an end in order, and the service would stand still and call itself ready."""
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and not task.cancelling():
            raise BrokenInvariant("a task ended as if cancelled, and nobody has cancelled it") from None
        raise
