"""A store that is older than what its service has said: noticed at every start, and rolled forward when asked to.

The service's own topics say what was said since the backup, the topics it hears what it was said on. First what was
said goes into the journal, under its sequences; then everything heard since is folded anew (`relive.py`) until state
and words agree again. Until then nobody's command is taken, no timer fires, and nothing is said about a subject that
has words to come. docs/adr/0008 tells why; docs/runbooks/restore.md, what people do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from baton.runtime import journal
from baton.runtime.batch import Batch
from baton.runtime.bus.port import Bus, Reader, Record, TopicLane
from baton.runtime.envelope import Undecodable, read_envelope
from baton.runtime.failures import BrokenInvariant, NotNow
from baton.runtime.fold import Fold, Tally
from baton.runtime.handler import Service
from baton.runtime.observe import log
from baton.runtime.relive import Reliving
from baton.runtime.store.port import Store
from baton.runtime.store.rows import fetch, insert_missing
from baton.runtime.store.tables import RuntimeTables, first_version

MARK = "roll_forward"
"""The row of `meta` that is there while the store is being rolled forward: the journal's last id before it began."""
PAGE = 500
LOOK_SECONDS = 0.2
ANSWER_SECONDS = 30.0


class RollForward:
    """Notices that the journal is behind the service's own topics, and brings state and journal up to them."""

    def __init__(
        self,
        service: Service[Any, Any],
        store: Store,
        tables: RuntimeTables,
        bus: Bus,
        lanes: int,
        *,
        is_asked_for: bool,
        new_fold: Callable[[Connection], Fold],
        committed: Callable[[Tally], None],
    ) -> None:
        self._service = service
        self._store = store
        self._tables = tables
        self._bus = bus
        self._lanes = lanes
        self._is_asked_for = is_asked_for
        self._new_fold = new_fold
        self._committed = committed
        self.is_under_way = False
        self.is_checked = not service.says
        self._ends: dict[TopicLane, int] = {}

    @property
    def problem(self) -> str | None:
        """Why nothing new may be taken in or said; None if it may."""
        if self.is_under_way:
            return "the store is being rolled forward from the topics (docs/runbooks/restore.md)"
        if self._is_asked_for and not self.is_checked:
            return "asked to roll forward, and waiting for the bus"
        return None

    async def check(self) -> None:
        """Compare the journal with the ends of the service's own topics; begin to roll forward if it is behind.

        Raises BrokenInvariant if it is behind and nobody has asked to roll forward, NotNow while the bus is away.
        """
        if self.is_checked:
            return
        reader = await self._bus.reader()
        try:
            mark = await self._store.read(self._mark)
            if mark is None and (behind := await self._unknown_ends(reader)):
                mark = await self._begin(behind)
            if mark is not None:
                self.is_under_way = True
                await self._take_words(reader)
                await self._measure(reader)
                await self._settle(at_all_costs=False)
        finally:
            await reader.close()
        self.is_checked = True

    async def run(self, places: Callable[[Connection], dict[TopicLane, int]]) -> None:
        """Wait until everything that was on the topics is heard, then settle what is left and end."""
        while self.is_under_way:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look(places)
            except NotNow as problem:
                log.warning("roll_forward_waits", service=self._service.name, reason=str(problem)[:200])

    async def _look(self, places: Callable[[Connection], dict[TopicLane, int]]) -> None:
        read = await self._store.read(places)
        if any(read.get(place, 0) < end for place, end in self._ends.items()):
            return
        relived = await self._settle(at_all_costs=True)
        await self._store.write(lambda tx: tx.execute(delete(self._meta).where(self._meta.c.key == MARK)))
        self.is_under_way = False
        log.warning("rolled_forward", service=self._service.name, without_their_causes=relived)

    # -- is the journal behind? -------------------------------------------------------------------------------------

    @property
    def _meta(self) -> Any:
        return self._tables.meta

    def _mark(self, tx: Connection) -> int | None:
        row = tx.execute(select(self._meta.c.value).where(self._meta.c.key == MARK)).first()
        return None if row is None else int(row.value)

    def _own(self) -> list[TopicLane]:
        return [(topic, lane) for topic in self._service.says for lane in range(self._lanes)]

    async def _unknown_ends(self, reader: Reader) -> list[TopicLane]:
        """The lanes of the service's own topics that end with a fact its journal does not know."""
        starts, ends = await reader.starts(self._own()), await reader.ends(self._own())
        last = {place: end - 1 for place, end in ends.items() if end > starts.get(place, 0)}
        ids = {place: _id_of(record) for place, record in (await self._first_of(reader, last)).items()}
        known = await self._store.read(lambda tx: self._known(tx, ids.values()))
        return sorted(place for place, identity in ids.items() if identity not in known)

    async def _first_of(self, reader: Reader, places: dict[TopicLane, int]) -> dict[TopicLane, Record]:
        found: dict[TopicLane, Record] = {}
        async for records in _read(reader, places, {place: offset + 1 for place, offset in places.items()}):
            for record in records:
                found.setdefault((record.topic, record.lane), record)
        return found

    def _known(self, tx: Connection, ids: Iterable[str]) -> dict[str, Any]:
        columns = ("id", "event_id")
        return {row.event_id: row for row in fetch(tx, self._tables.journal, "event_id", ids, columns=columns)}

    async def _begin(self, behind: Sequence[TopicLane]) -> int:
        lanes = [f"{topic}/{lane}" for topic, lane in behind]
        if not self._is_asked_for:
            raise BrokenInvariant(
                f"the store of {self._service.name} is older than what it has said on {', '.join(lanes[:5])}: going on "
                "would say other things under the same sequences. See docs/runbooks/restore.md"
            )

        def work(tx: Connection) -> int:
            now = self._new_fold(tx).now
            mark = tx.execute(select(func.max(self._tables.journal.c.id))).scalar() or 0
            insert_missing(tx, self._meta, [{"key": MARK, "value": mark}])
            # What the timers of the lost life said is said under their versions: from here on there are others.
            tx.execute(update(self._tables.timer).values(version=first_version(now)))
            return int(mark)

        mark = await self._store.write(work)
        log.warning("roll_forward_begun", service=self._service.name, behind=lanes)
        return mark

    # -- what was said, back into the journal -----------------------------------------------------------------------

    async def _take_words(self, reader: Reader) -> None:
        starts, ends = await reader.starts(self._own()), await reader.ends(self._own())
        # Above every position ever given, so that a reader of v1/events sees a fact again rather than never.
        floor = {lane: sum(end for (_, of), end in ends.items() if of == lane) for lane in range(self._lanes)}
        taken = 0
        async for records in _read(reader, starts, ends):
            page = sorted(filter(None, map(self._row, records)), key=lambda row: row["recorded_at"])
            taken += await self._store.write(lambda tx, page=page: self._keep_words(tx, page, floor))  # type: ignore[misc]
        log.warning("roll_forward_read_own_topics", service=self._service.name, facts=taken)

    def _row(self, record: Record) -> dict[str, Any] | None:
        try:
            envelope = read_envelope(record)
        except Undecodable:
            return None  # not ours: every fact of ours can be read
        return {
            "lane": record.lane,
            "topic": record.topic,
            "subject": envelope.subject,
            "sequence": envelope.sequence,
            "event_id": envelope.id,
            "type": envelope.type,
            "headers": {name: value.decode() for name, value in record.headers},
            "value": record.value,
            "recorded_at": envelope.recorded_at,
        }

    def _keep_words(self, tx: Connection, page: Sequence[dict[str, Any]], floor: dict[int, int]) -> int:
        """Put what the journal lacks into it as published; what it has and took for unpublished leaves the outbox."""
        lane = self._tables.lane
        rows = tx.execute(select(lane.c.lane, lane.c.position).order_by(lane.c.lane).with_for_update()).all()
        for row in rows:
            if row.position < floor[row.lane]:
                tx.execute(update(lane).where(lane.c.lane == row.lane).values(position=floor[row.lane]))
        known = self._known(tx, [row["event_id"] for row in page])
        unsent = journal.waiting_ids(tx, self._tables)
        new = {row["event_id"]: row for row in page if row["event_id"] not in known}
        found = {known[row["event_id"]].id: row["lane"] for row in page if row["event_id"] in known}
        self._refuse_other_words(tx, new.values())
        waiting = [(number, of) for number, of in found.items() if number in unsent]
        journal.keep_published(tx, self._tables, list(new.values()), waiting)
        return len(new)

    def _refuse_other_words(self, tx: Connection, new: Iterable[dict[str, Any]]) -> None:
        wanted = {(row["subject"], row["sequence"]) for row in new}
        rows = fetch(tx, self._tables.journal, "subject", {s for s, _ in wanted}, columns=("subject", "sequence"))
        if clash := wanted & {(row.subject, row.sequence) for row in rows}:
            subject, sequence = min(clash)
            raise BrokenInvariant(
                f"fact {sequence} about {subject} is another in the journal than on the topic: this store has gone on "
                "after it was brought back. Restore the backup again; see docs/runbooks/restore.md"
            )

    # -- state, up to what was said ---------------------------------------------------------------------------------

    async def _measure(self, reader: Reader) -> None:
        """Up to where the topics must be heard: by then everything is there that was said on them."""
        heard = [(topic, lane) for topic in self._service.hears for lane in range(self._lanes)]
        self._ends = await reader.ends(heard) if heard else {}

    async def _settle(self, *, at_all_costs: bool) -> int:
        """Go once through what came into the journal; return how many facts were taken in without their causes."""
        after = await self._store.read(self._mark)
        without = 0
        while after is not None:
            start = after
            rows = await self._store.read(lambda tx, start=start: self._page(tx, start))  # type: ignore[misc]
            if not rows:
                break
            tally = await self._store.write(
                lambda tx, rows=rows: self._settled(tx, {row.subject for row in rows}, at_all_costs)  # type: ignore[misc]
            )
            self._committed(tally)
            without += tally.relived["unheard"]
            after = rows[-1].id
        return without

    def _page(self, tx: Connection, after: int) -> list[Any]:
        fact = self._tables.journal.c
        query = select(fact.id, fact.subject).where(fact.id > after).order_by(fact.id).limit(PAGE)
        return list(tx.execute(query))

    def _settled(self, tx: Connection, subjects: set[str], at_all_costs: bool) -> Tally:
        fold = self._new_fold(tx)
        Reliving(fold, Batch()).settle(subjects, at_all_costs=at_all_costs)
        return fold.flush()


def _id_of(record: Record) -> str:
    return dict(record.headers).get("ce_id", b"").decode()


async def _read(reader: Reader, starts: dict[TopicLane, int], ends: dict[TopicLane, int]) -> Any:
    """Yield what stands between `starts` and `ends`, as it comes. Raises NotNow if it does not come."""
    places = {place: offset for place, offset in starts.items() if offset < ends.get(place, 0)}
    await reader.assign(places)
    silent_since = asyncio.get_running_loop().time()
    while places:
        polled = await reader.poll(PAGE, 0.1)
        if polled:
            silent_since = asyncio.get_running_loop().time()
        elif asyncio.get_running_loop().time() - silent_since > ANSWER_SECONDS:
            raise NotNow(f"nothing more comes of {sorted(places)[:3]}")
        for place, records in polled.items():
            yield [record for record in records if record.offset < ends[place]]
            if records[-1].offset + 1 >= ends[place]:
                places.pop(place, None)
