"""From the journal to the bus: oldest first, per lane, awaited, then given a position; never a transaction open
meanwhile.

Rows without a position are the outbox. Reading what is still there, in id order, loses nothing; paging by the
highest id
seen would, because ids commit out of order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, select, text

from baton.runtime.bus.port import Bus, Outgoing
from baton.runtime.envelope import to_wire
from baton.runtime.failures import Fenced, NotNow
from baton.runtime.lanes import Lanes
from baton.runtime.observe import RuntimeMetrics, log
from baton.runtime.store.port import Store
from baton.runtime.store.tables import RuntimeTables

PAGE = 2000
POLL_SECONDS = 0.05
"""Every commit in this process wakes the relay; other replicas' commits, by people's commands, are found by polling."""
POLL_ALONE_SECONDS = 1.0
"""Where this process is the only one, polling is a safety net."""

_MARK_POSTGRES = """
UPDATE journal SET position = :base + m.nth
FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS m(id, nth) WHERE journal.id = m.id AND journal.position IS NULL
"""
_MARK_SQLITE = "UPDATE journal SET position = ? WHERE id = ? AND position IS NULL"


class Relay:
    """Publishes this process's lanes. One task; woken after each commit."""

    def __init__(
        self,
        store: Store,
        tables: RuntimeTables,
        bus: Bus,
        lanes: Lanes,
        metrics: RuntimeMetrics,
        *,
        alone: bool = False,
    ) -> None:
        self._store = store
        self._tables = tables
        self._bus = bus
        self._lanes = lanes
        self._metrics = metrics
        self._poll = POLL_ALONE_SECONDS if alone else POLL_SECONDS
        self._news = asyncio.Event()
        self.problem: str | None = None
        """Why nothing can be published at the moment, for readiness."""

    def wake(self) -> None:
        """There is something new in the journal."""
        self._news.set()

    async def run(self) -> None:
        """Publish for ever."""
        wait = self._poll
        while True:
            try:
                sent = await self.once()
                self.problem, wait = None, self._poll
                if sent:
                    continue
            except NotNow as problem:
                self.problem = str(problem)
                wait = min(max(wait, 0.1) * 2, 5.0)
                log.warning("relay_waits", reason=type(problem).__name__, seconds=wait)
            except Fenced:
                await asyncio.sleep(POLL_SECONDS)
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    async def once(self) -> int:
        """Publish one page; return how many facts that were."""
        held = {lane: lease.epoch for lane, lease in self._lanes.held.items()}
        if not held:
            return 0
        rows = await self._store.read(lambda tx: self._page(tx, list(held)))
        if not rows:
            self._metrics.outbox_pending.set(0)
            return 0
        self._metrics.outbox_pending.set(len(rows))
        await self._bus.publish([_outgoing(row) for row in rows])
        marks = {lane: [row.id for row in of] for lane, of in groupby(sorted(rows, key=_lane), key=_lane)}
        await self._store.write(lambda tx: self._mark(tx, marks, held))
        self._metrics.outbox_pending.set(max(0, len(rows) - sum(map(len, marks.values()))))
        return len(rows)

    def _page(self, tx: Connection, lanes: Sequence[int]) -> list[Row[Any]]:
        journal = self._tables.journal.c
        columns = (journal.id, journal.lane, journal.topic, journal.subject, journal.headers, journal.value)
        outbox = select(*columns).where(journal.position.is_(None), journal.lane.in_(lanes))
        return list(tx.execute(outbox.order_by(journal.id).limit(PAGE)))

    def _mark(self, tx: Connection, marks: dict[int, list[int]], held: dict[int, int]) -> None:
        """Give the rows their positions, fenced: one writer a lane, positions without a gap."""
        for lane, ids in sorted(marks.items()):
            base = self._advance(tx, lane, held[lane], len(ids))
            if tx.dialect.name == "postgresql":
                done = tx.execute(text(_MARK_POSTGRES), {"base": base, "ids": ids}).rowcount
            else:
                pairs = [(base + nth, row_id) for nth, row_id in enumerate(ids, start=1)]
                done = tx.exec_driver_sql(_MARK_SQLITE, pairs).rowcount
            if done != len(ids):
                raise Fenced(f"lane {lane}: {done} of {len(ids)} facts were unpublished")

    def _advance(self, tx: Connection, lane: int, epoch: int, by: int) -> int:
        sql = (
            "UPDATE lane SET position = position + :by "
            "WHERE lane = :lane AND epoch = :epoch AND owner = :owner RETURNING position"
        )
        bound = {"by": by, "lane": lane, "epoch": epoch, "owner": self._lanes.owner}
        position = tx.execute(text(sql), bound).scalar()
        if position is None:
            raise Fenced(f"lane {lane} is not ours any more")
        return int(position) - by

    async def pending(self) -> int:
        """Return how many facts wait in the whole outbox."""
        table = self._tables.journal
        count = select(func.count()).select_from(table).where(table.c.position.is_(None))
        return await self._store.read(lambda tx: int(tx.execute(count).scalar_one()))


def _lane(row: Row[Any]) -> int:
    return int(row.lane)


def _outgoing(row: Row[Any]) -> Outgoing:
    return Outgoing(row.topic, row.lane, row.subject, to_wire(row.headers), row.value)
