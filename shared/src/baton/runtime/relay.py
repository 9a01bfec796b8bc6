"""From the journal to the bus: oldest first, per lane, awaited, then given positions; never a transaction open
meanwhile.

Pages without a position are the outbox (`journal.py`). Reading what is still there, oldest first, loses nothing; going
on above the highest id seen would, because ids commit out of order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from baton.runtime.bus.port import Bus, Outgoing
from baton.runtime.envelope import to_wire
from baton.runtime.failures import LONGEST_PAUSE, Fenced, NotNow
from baton.runtime.journal import Page, outbox, waiting
from baton.runtime.lanes import Lanes
from baton.runtime.observe import RuntimeMetrics, log
from baton.runtime.store.port import Store
from baton.runtime.store.tables import RuntimeTables

PAGE = 500
"""Small enough to be acknowledged well before the bus gives up waiting, also on a machine that is short of breath."""
POLL_SECONDS = 0.05
"""Every commit in this process wakes the relay; what other replicas commit for our lanes is found by polling."""
POLL_ALONE_SECONDS = 1.0
"""Where this process has all lanes, polling is a safety net."""

_ADVANCE_POSTGRES = """
WITH mine AS MATERIALIZED (
    SELECT lane.lane, m.more FROM lane
    JOIN unnest(CAST(:lanes AS bigint[]), CAST(:epochs AS bigint[]), CAST(:more AS bigint[])) AS m(lane, epoch, more)
      ON lane.lane = m.lane AND lane.epoch = m.epoch AND lane.owner = :owner
    ORDER BY lane.lane FOR UPDATE OF lane)
UPDATE lane SET position = position + mine.more FROM mine WHERE lane.lane = mine.lane
RETURNING lane.lane, lane.position - mine.more
"""
_ADVANCE_SQLITE = """
UPDATE lane SET position = position + ? WHERE lane = ? AND epoch = ? AND owner = ? RETURNING lane, position - ?
"""
_MARK_POSTGRES = """
UPDATE page SET position = m.position
FROM unnest(CAST(:ids AS bigint[]), CAST(:positions AS bigint[])) AS m(id, position)
WHERE page.id = m.id AND page.position IS NULL
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
                sent = await self.once()
                self.problem, pause = None, 0.1
                if not sent:
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
        await self._bus.publish([_outgoing(page, row) for page in pages for row in page.facts])
        await self._store.write(lambda tx: self._mark(tx, pages, held))
        return facts

    def _outbox(self, tx: Connection, lanes: Sequence[int]) -> list[Page]:
        return outbox(tx, self._tables, lanes, PAGE)

    def _mark(self, tx: Connection, pages: Sequence[Page], held: dict[int, int]) -> None:
        """Give the pages their positions, fenced: one writer a lane, positions without a gap."""
        more: dict[int, int] = {}
        for page in pages:
            more[page.lane] = more.get(page.lane, 0) + len(page.facts)
        reached = self._advance(tx, {lane: (held[lane], number) for lane, number in more.items()})
        if len(reached) != len(more):
            raise Fenced(f"lanes {sorted(more.keys() - reached.keys())} are not ours any more")
        pairs = []
        for page in pages:
            reached[page.lane] += len(page.facts)
            pairs.append((reached[page.lane], page.id))
        if tx.dialect.name == "postgresql":
            bound = {"ids": [page_id for _, page_id in pairs], "positions": [position for position, _ in pairs]}
            done = tx.execute(text(_MARK_POSTGRES), bound).rowcount
        else:
            done = tx.exec_driver_sql(_MARK_SQLITE, pairs).rowcount
        if done != len(pairs):
            raise Fenced(f"{done} of {len(pairs)} pages were unpublished")

    def _advance(self, tx: Connection, wanted: dict[int, tuple[int, int]]) -> dict[int, int]:
        """Move the lanes' positions on (lane to epoch and number); return the positions before, of those still ours."""
        owner = self._lanes.owner
        if tx.dialect.name == "postgresql":
            bound = {
                "lanes": list(wanted),
                "epochs": [epoch for epoch, _ in wanted.values()],
                "more": [more for _, more in wanted.values()],
                "owner": owner,
            }
            rows = tx.execute(text(_ADVANCE_POSTGRES), bound).all()
        else:
            rows = [
                row
                for lane, (epoch, more) in sorted(wanted.items())
                for row in tx.exec_driver_sql(_ADVANCE_SQLITE, (more, lane, epoch, owner, more))
            ]
        return {row[0]: row[1] for row in rows}

    async def pending(self) -> int:
        """Return how many facts wait in the whole outbox."""
        return await self._store.read(lambda tx: waiting(tx, self._tables))


def _outgoing(page: Page, row: Row[Any]) -> Outgoing:
    return Outgoing(row.topic, page.lane, row.subject, to_wire(row.headers), row.value)
