"""From the journal to the bus: oldest first, per lane, awaited, then given positions; never a transaction open
meanwhile.

Pages without a position are the outbox (`journal.py`). Reading what is still there, oldest first, loses nothing; going
on above the highest id seen would, because ids commit out of order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from baton.runtime.bus.port import Bus, Outgoing
from baton.runtime.envelope import to_wire
from baton.runtime.failures import LONGEST_PAUSE, Fenced, NotNow
from baton.runtime.journal import FULL, Page, outbox, waiting
from baton.runtime.lanes import Lanes
from baton.runtime.observe import RuntimeMetrics, log
from baton.runtime.pace import rest_after
from baton.runtime.store.port import Store
from baton.runtime.store.tables import RuntimeTables
from baton.runtime.traces import Traces

PAGE = 500
"""Small enough to be acknowledged well before the bus gives up waiting, also on a machine that is short of breath."""
POLL_SECONDS = 0.05
"""Every commit in this process wakes the relay; what other replicas commit for our lanes is found by polling."""
POLL_ALONE_SECONDS = 1.0
"""Where this process has all lanes, polling is a safety net."""

# One statement does what two do on SQLite; each round trip costs half a millisecond of processor.
_MARK_POSTGRES = text("""
WITH mine AS MATERIALIZED (
    SELECT lane.lane, m.more FROM lane
    JOIN unnest(CAST(:lanes AS bigint[]), CAST(:epochs AS bigint[]), CAST(:more AS bigint[])) AS m(lane, epoch, more)
      ON lane.lane = m.lane AND lane.epoch = m.epoch AND lane.owner = :owner
    ORDER BY lane.lane FOR UPDATE OF lane),
advanced AS (
    UPDATE lane SET position = position + mine.more FROM mine WHERE lane.lane = mine.lane
    RETURNING lane.lane, lane.position - mine.more AS before),
marked AS (
    UPDATE page SET position = advanced.before + m.reach
    FROM unnest(CAST(:pages AS bigint[]), CAST(:page_lanes AS bigint[]), CAST(:reaches AS bigint[]))
         AS m(id, lane, reach)
    JOIN advanced ON advanced.lane = m.lane
    WHERE page.id = m.id AND page.position IS NULL RETURNING 1)
SELECT (SELECT count(*) FROM advanced), (SELECT count(*) FROM marked)
""")
_ADVANCE_SQLITE = """
UPDATE lane SET position = position + ? WHERE lane = ? AND epoch = ? AND owner = ? RETURNING position - ?
"""
_MARK_SQLITE = "UPDATE page SET position = ? WHERE id = ? AND position IS NULL"


class Relay:
    """Publishes this process's lanes. One task; woken after each commit."""

    def __init__(
        self,
        store: Store,
        tables: RuntimeTables,
        bus: Bus,
        lanes: Lanes,
        metrics: RuntimeMetrics,
    ) -> None:
        self._store = store
        self._tables = tables
        self._bus = bus
        self._lanes = lanes
        self._metrics = metrics
        self._news = asyncio.Event()
        self.traces: Traces | None = None
        """Where spans go."""
        self.problem: str | None = None
        """Why nothing can be published at the moment, for readiness."""

    def wake(self) -> None:
        """There is something new in the journal."""
        self._news.set()

    async def run(self) -> None:
        """Publish for ever."""
        pause = 0.1
        while True:
            self._news.clear()  # before looking: what is written from now on wakes us again
            try:
                begun = time.monotonic()
                sent = await self.once()
                self.problem, pause = None, 0.1
                if sent <= PAGE - FULL:  # nothing is left of what was there
                    await asyncio.sleep(rest_after(time.monotonic() - begun) if sent else 0.0)
                    await self._wait_for_news(POLL_ALONE_SECONDS if self._lanes.has_all else POLL_SECONDS)
            except NotNow as problem:
                self.problem = str(problem)
                log.warning("relay_waits", reason=str(problem)[:200], seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except Fenced:
                await asyncio.sleep(POLL_SECONDS)

    async def _wait_for_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def once(self) -> int:
        """Publish one page; return how many facts that were."""
        held = {lane: lease.epoch for lane, lease in self._lanes.held.items()}
        if not held:
            return 0
        pages = await self._store.read(lambda tx: self._outbox(tx, list(held)))
        facts = sum(len(page.facts) for page in pages)
        self._metrics.outbox_pending.set(facts)
        if not pages:
            return 0
        began = time.time_ns()
        await self._bus.publish([_outgoing(page, row) for page in pages for row in page.facts])
        if self.traces is not None:
            self.traces.sent((row.headers for page in pages for row in page.facts), began)
        await self._store.write(lambda tx: self._mark(tx, pages, held))
        return facts

    def _outbox(self, tx: Connection, lanes: Sequence[int]) -> list[Page]:
        return outbox(tx, self._tables, lanes, PAGE)

    def _mark(self, tx: Connection, pages: Sequence[Page], held: dict[int, int]) -> None:
        """Give the pages their positions, fenced: one writer a lane, positions without a gap."""
        more: dict[int, int] = {}
        reaches = []
        for page in pages:
            more[page.lane] = more.get(page.lane, 0) + len(page.facts)
            reaches.append(more[page.lane])
        epochs = {lane: held[lane] for lane in more}
        mark = self._mark_on_postgres if tx.dialect.name == "postgresql" else self._mark_on_sqlite
        lanes, marked = mark(tx, pages, reaches, epochs, more)
        if lanes != len(more) or marked != len(pages):
            raise Fenced(f"{lanes} of {len(more)} lanes were ours, {marked} of {len(pages)} pages unpublished")

    def _mark_on_postgres(
        self, tx: Connection, pages: Sequence[Page], reaches: list[int], epochs: dict[int, int], more: dict[int, int]
    ) -> tuple[int, int]:
        bound = {
            "lanes": list(more),
            "epochs": list(epochs.values()),
            "more": list(more.values()),
            "owner": self._lanes.owner,
            "pages": [page.id for page in pages],
            "page_lanes": [page.lane for page in pages],
            "reaches": reaches,
        }
        lanes, marked = tx.execute(_MARK_POSTGRES, bound).one()
        return lanes, marked

    def _mark_on_sqlite(
        self, tx: Connection, pages: Sequence[Page], reaches: list[int], epochs: dict[int, int], more: dict[int, int]
    ) -> tuple[int, int]:
        before: dict[int, int] = {}
        for lane, epoch in sorted(epochs.items()):
            moved = tx.exec_driver_sql(
                _ADVANCE_SQLITE, (more[lane], lane, epoch, self._lanes.owner, more[lane])
            ).first()
            if moved is not None:
                before[lane] = moved[0]
        ours = [
            (before[page.lane] + reach, page.id)
            for page, reach in zip(pages, reaches, strict=True)
            if page.lane in before
        ]
        return len(before), tx.exec_driver_sql(_MARK_SQLITE, ours).rowcount if ours else 0

    async def pending(self) -> int:
        """Return how many facts wait in the whole outbox."""
        return await self._store.read(lambda tx: waiting(tx, self._tables))


def _outgoing(page: Page, row: Row[Any]) -> Outgoing:
    return Outgoing(row.topic, page.lane, row.subject, to_wire(row.headers), row.value)
