"""Work outside the transaction: fetches, deliveries, notices. Rows of the timer table, answered as causes.

A job runs at least once. It is fenced by its lane only when its answer is written, so what it does outside must be
safe to
repeat (send an idempotency key along).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from baton.runtime.batch import JobAnswer, TimerRow
from baton.runtime.clock import Clock
from baton.runtime.failures import NotNow
from baton.runtime.fence import store_now
from baton.runtime.fold import JOB
from baton.runtime.handler import JobDone
from baton.runtime.ids import event_id
from baton.runtime.lanes import Lanes
from baton.runtime.observe import log
from baton.runtime.store.port import Store
from baton.runtime.store.tables import RuntimeTables

AT_ONCE = 16
TRIES = 12
LONGEST_PAUSE = timedelta(hours=6)


class Jobs:
    """Runs the due jobs of the lanes held.

    `answers` is the worker's list: it takes one off when it is written, and until then the job is not run again.
    """

    def __init__(
        self,
        store: Store,
        tables: RuntimeTables,
        lanes: Lanes,
        clock: Clock,
        runners: Mapping[str, Callable[[Any], Awaitable[Any]]],
        answers: list[JobAnswer],
    ) -> None:
        self._store = store
        self._timer = tables.timer
        self._lanes = lanes
        self._clock = clock
        self._runners = runners
        self._answers = answers
        self._running: set[tuple[str, str, int]] = set()

    async def run(self) -> None:
        """Look for due jobs for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    for timer, payload, tries in await self._store.read(self._due):
                        self._running.add((timer.subject, timer.kind, timer.version))
                        group.create_task(self._one(timer, payload, tries))
                except NotNow as problem:
                    log.warning("jobs_wait", reason=str(problem)[:200])
                await asyncio.sleep(0.25)

    def _due(self, tx: Connection) -> list[tuple[TimerRow, Any, int]]:
        timer = self._timer.c
        free = AT_ONCE - len(self._running)
        if free <= 0 or not self._lanes.held:
            return []
        # Taken before the query: an answer that is written while it runs leaves no row that could be taken for due.
        busy = self._running | {(a.timer.subject, a.timer.kind, a.timer.version) for a in list(self._answers)}
        query = (
            select(timer.subject, timer.kind, timer.due_at, timer.version, timer.payload, timer.tries)
            .where(timer.due_at <= store_now(tx, self._clock), timer.kind.like(f"{JOB}%"))
            .where(timer.lane.in_(list(self._lanes.held)))
            .order_by(timer.due_at)
            .limit(AT_ONCE * 2)
        )
        rows = [(TimerRow(*row[:4]), row.payload, row.tries) for row in tx.execute(query)]
        return [row for row in rows if (row[0].subject, row[0].kind, row[0].version) not in busy][:free]

    async def _one(self, timer: TimerRow, payload: Any, tries: int) -> None:
        kind = timer.kind.split(":")[1]
        try:
            result = await self._runners[kind](payload)
        except asyncio.CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001  (whatever a job meets outside: again later)
            log.warning("job_failed", job=kind, error=type(problem).__name__, tries=tries + 1)
            if tries + 1 >= TRIES:
                self._answers.append(self._done(timer, kind, None, type(problem).__name__))
            else:
                await self._later(timer, tries + 1)
        else:
            self._answers.append(self._done(timer, kind, result, None))
        finally:
            self._running.discard((timer.subject, timer.kind, timer.version))

    @staticmethod
    def _done(timer: TimerRow, kind: str, result: Any, failed: str | None) -> JobAnswer:
        identity = event_id(timer.subject, timer.kind, timer.version)
        return JobAnswer(timer, JobDone(identity, timer.subject, kind, result, failed))

    async def _later(self, timer: TimerRow, tries: int) -> None:
        pause = min(timedelta(seconds=2**tries), LONGEST_PAUSE)

        def work(tx: Connection) -> None:
            t = self._timer.c
            same = (t.subject == timer.subject) & (t.kind == timer.kind) & (t.version == timer.version)
            again = store_now(tx, self._clock) + pause
            tx.execute(update(self._timer).where(same).values(due_at=again, tries=tries))

        try:
            await self._store.write(work)
        except NotNow as problem:  # then it is due still, and runs again sooner than it should
            log.warning("jobs_wait", reason=str(problem)[:200])
