"""Who has which lane: leases in the service's own store, shared fairly among its live processes.

A lease only makes for liveness; what is safe is the epoch, which every transaction proves (`fence.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from baton.runtime.clock import Clock
from baton.runtime.failures import OtherLanes
from baton.runtime.fence import store_now
from baton.runtime.store.port import Store
from baton.runtime.store.rows import insert_missing, upsert
from baton.runtime.store.tables import RuntimeTables

SET_BACK = timedelta(seconds=60)
"""No lease reaches further ahead than its length. One that does, by more than replicas' settings may differ, was
written before the clock was set back: it would keep the dead alive for as long as that was."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lane that is ours: under which epoch, and since when (by the store's clock)."""

    epoch: int
    claimed_at: datetime


SURE_SECONDS = 0.5
"""What the store's clock said is of no use if the answer took longer: when within that time did it say so?"""


class Lanes:
    """Keeps this process's share of the lanes. `held` changes only in `tend`; `generation` says that it did."""

    def __init__(self, store: Store, tables: RuntimeTables, owner: str, count: int, ttl: float, clock: Clock) -> None:
        self.owner = owner
        self.count = count
        self.ttl = ttl
        self.held: dict[int, Lease] = {}
        self.generation = 0
        self.seen: tuple[datetime, float] | None = None
        """What the store's clock said when it was last asked, and our monotonic one then."""
        self._store = store
        self._tables = tables
        self._clock = clock

    @property
    def has_all(self) -> bool:
        """True if no other process works on any lane."""
        return len(self.held) == self.count

    async def prepare(self, topics: list[str], *, alone: bool) -> None:
        """Make the rows of lanes and places that are missing. `alone`: nobody else can be alive, so free all leases.

        Raises OtherLanes if the store was made with another number of lanes.
        """

        def work(tx: Connection) -> None:
            lane, place = self._tables.lane, self._tables.place
            there = tx.execute(select(func.count()).select_from(lane)).scalar_one()
            if there not in (0, self.count):
                raise OtherLanes(f"this store has {there} lanes, but BATON_PARTITIONS says {self.count}")
            empty = {"owner": None, "epoch": 0, "until": None, "position": 0}
            insert_missing(tx, lane, [{"lane": i, **empty} for i in range(self.count)])
            places = [{"topic": t, "lane": i, "next_off": 0} for t in topics for i in range(self.count)]
            insert_missing(tx, place, places)
            if alone:
                tx.execute(update(lane).values(owner=None, until=None))
                tx.execute(delete(self._tables.member))

        await self._store.write(work)

    async def tend(self) -> None:
        """Say that we live, renew what is ours, give back what is too much, claim what is free or expired."""
        asked = self._clock.monotonic()
        held, now = await self._store.write(self._tend)
        if self.seen is None or self._clock.monotonic() - asked < SURE_SECONDS:
            self.seen = (now, asked)
        if held != self.held:
            self.held = held
            self.generation += 1

    async def leave(self) -> None:
        """Give everything back at once, so that others need not wait for the leases to run out."""

        def work(tx: Connection) -> None:
            lane, member = self._tables.lane, self._tables.member
            tx.execute(update(lane).where(lane.c.owner == self.owner).values(owner=None, until=None))
            tx.execute(delete(member).where(member.c.owner == self.owner))

        self.held = {}
        self.generation += 1
        await self._store.write(work)

    def _tend(self, tx: Connection) -> tuple[dict[int, Lease], datetime]:
        lane = self._tables.lane
        now = store_now(tx, self._clock)
        until = now + timedelta(seconds=self.ttl)
        quota = math.ceil(self.count / self._live_members(tx, now, until))
        rows = tx.execute(select(lane).order_by(lane.c.lane).with_for_update()).all()
        mine = [row for row in rows if row.owner == self.owner and self._known(row.lane, row.epoch)]
        keep, extra = mine[:quota], mine[quota:]
        furthest = until + SET_BACK
        free = [row for row in rows if row.owner is None or row.until is None or not now <= row.until <= furthest]
        orphans = [row for row in rows if row.owner == self.owner and not self._known(row.lane, row.epoch)]
        claim = [row for row in [*orphans, *free] if row not in mine][: max(0, quota - len(keep))]
        claimed = {row.lane: row.epoch + 1 for row in claim}
        if extra:
            ids = [row.lane for row in extra]
            tx.execute(update(lane).where(lane.c.lane.in_(ids)).values(owner=None, until=None))
        if keep:
            tx.execute(update(lane).where(lane.c.lane.in_([row.lane for row in keep])).values(until=until))
        for number, epoch in claimed.items():
            mine_now = {"owner": self.owner, "epoch": epoch, "until": until}
            tx.execute(update(lane).where(and_(lane.c.lane == number)).values(**mine_now))
        held = {row.lane: self.held[row.lane] for row in keep}
        held.update({number: Lease(epoch, now) for number, epoch in claimed.items()})
        return held, now

    def _known(self, lane: int, epoch: int) -> bool:
        return lane in self.held and self.held[lane].epoch == epoch

    def _live_members(self, tx: Connection, now: datetime, until: datetime) -> int:
        member = self._tables.member
        upsert(tx, member, [{"owner": self.owner, "until": until}])
        furthest = until + SET_BACK
        tx.execute(delete(member).where(or_(member.c.until < now - timedelta(seconds=60), member.c.until > furthest)))
        live: int = tx.execute(select(func.count()).select_from(member).where(member.c.until >= now)).scalar_one()
        return max(1, live)
