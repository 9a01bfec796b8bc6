"""A durable partitioned log in one SQLite file, for one process. Small teams, trying it out, tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from sqlalchemy import Connection, text

from baton.runtime.bus.port import RETENTION, Headers, Outgoing, Record, Rewritten, TopicLane
from baton.runtime.failures import OtherLanes
from baton.runtime.store.port import SqliteStore

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS topic (topic TEXT PRIMARY KEY, lanes INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS record (
        topic TEXT NOT NULL, lane INTEGER NOT NULL, record_offset INTEGER NOT NULL,
        key TEXT NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL, written_at REAL NOT NULL,
        PRIMARY KEY (topic, lane, record_offset)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS record_age ON record (written_at)",
    # The end of a lane outlives its records: offsets are never given twice.
    """CREATE TABLE IF NOT EXISTS lane_end (
        topic TEXT NOT NULL, lane INTEGER NOT NULL, next_off INTEGER NOT NULL,
        PRIMARY KEY (topic, lane)) WITHOUT ROWID""",
)

_REWRITE = "UPDATE record SET headers = ?, value = ? WHERE topic = ? AND lane = ? AND record_offset = ?"


def _pack(headers: Headers) -> bytes:
    return orjson.dumps([[name, value.decode()] for name, value in headers])


def _unpack(raw: bytes) -> Headers:
    return tuple((name, value.encode()) for name, value in orjson.loads(raw))


class EmbeddedBus:
    """The log. `publish` returns once the records are synced to disk and visible to readers."""

    def __init__(self, path: Path, retention: timedelta = RETENTION) -> None:
        self._store = SqliteStore(path, readers=4)
        self._retention = retention
        self._ends: dict[TopicLane, int] = {}
        self._news = asyncio.Condition()
        self._one_at_a_time = asyncio.Lock()
        self._swept_at = 0.0

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        def work(tx: Connection) -> dict[TopicLane, int]:
            for statement in _SCHEMA:
                tx.exec_driver_sql(statement)
            for topic in topics:
                tx.exec_driver_sql("INSERT OR IGNORE INTO topic VALUES (?, ?)", (topic, lanes))
                tx.exec_driver_sql(
                    "INSERT OR IGNORE INTO lane_end SELECT ?, value, 0 FROM json_each(?)",
                    (topic, orjson.dumps(list(range(lanes))).decode()),
                )
            there = {row.topic: row.lanes for row in tx.exec_driver_sql("SELECT topic, lanes FROM topic")}
            for topic in topics:
                if there[topic] != lanes:
                    raise OtherLanes(f"topic {topic} has {there[topic]} partitions, but BATON_PARTITIONS says {lanes}")
            ends = tx.exec_driver_sql("SELECT topic, lane, next_off FROM lane_end").all()
            return {(topic, lane): end for topic, lane, end in ends}

        async with self._one_at_a_time:  # whoever publishes at this moment has a copy of the ends without these topics
            self._ends.update(await self._store.write(work))

    async def publish(self, records: Sequence[Outgoing]) -> None:
        written_at = time.time()

        def work(tx: Connection) -> dict[TopicLane, int]:
            ends = dict(self._ends)
            rows = []
            for record in records:
                place = (record.topic, record.lane)
                if place not in ends:
                    raise ValueError(f"no partition {record.lane} of topic {record.topic}")
                rows.append((*place, ends[place], record.key, _pack(record.headers), record.value, written_at))
                ends[place] += 1
            tx.exec_driver_sql("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            moved = [(end, *place) for place, end in ends.items() if end != self._ends[place]]
            tx.exec_driver_sql("UPDATE lane_end SET next_off = ? WHERE topic = ? AND lane = ?", moved)
            return ends

        if records:
            # Shielded as a whole: who is cancelled while the records are written must not leave us with stale ends.
            await asyncio.shield(self._append(work))
        await self._sweep()

    async def _append(self, work: Callable[[Connection], dict[TopicLane, int]]) -> None:
        async with self._one_at_a_time:
            self._ends = await self._store.write(work)
        async with self._news:
            self._news.notify_all()

    async def _sweep(self) -> None:
        """Once a minute drop what is older than the retention, a bounded number at a time."""
        if time.monotonic() - self._swept_at < 60:
            return
        self._swept_at = time.monotonic()
        old = (datetime.now(UTC) - self._retention).timestamp()
        await self._store.write(
            lambda tx: (
                tx.execute(
                    text(
                        "DELETE FROM record WHERE (topic, lane, record_offset) IN "
                        "(SELECT topic, lane, record_offset FROM record WHERE written_at < :old LIMIT 10000)"
                    ),
                    {"old": old},
                ).rowcount
            )
        )

    async def rewrite(
        self, places: Sequence[TopicLane], key: str, change: Callable[[Headers, bytes], Rewritten]
    ) -> bool:
        """A walk through the lanes: a small house's log is small, and people are erased now and then."""

        def work(tx: Connection) -> None:
            for place in places:
                query = "SELECT record_offset, headers, value FROM record WHERE topic = ? AND lane = ? AND key = ?"
                for offset, headers, value in tx.exec_driver_sql(query, (*place, key)).all():
                    if (after := change(_unpack(headers), value)) is not None:
                        tx.exec_driver_sql(_REWRITE, (_pack(after[0]), after[1], *place, offset))

        await self._store.write(work)
        return await self._store.scrub()

    async def reader(self, patience: float = 0.0) -> EmbeddedReader:
        return EmbeddedReader(self)

    async def close(self) -> None:
        await self._store.close()

    def end_of(self, place: TopicLane) -> int:
        """Return the offset after the last record of the lane."""
        return self._ends.get(place, 0)

    async def wait_for_news(self, wait: float) -> None:
        """Return when something was published, or after `wait` seconds."""
        try:
            async with asyncio.timeout(wait), self._news:
                await self._news.wait()
        except TimeoutError:
            return

    async def select(self, place: TopicLane, first: int, limit: int) -> list[Record]:
        """Return up to `limit` records of a lane from offset `first` on."""
        topic, lane = place
        sql = (
            "SELECT record_offset, key, headers, value FROM record "
            "WHERE topic = ? AND lane = ? AND record_offset >= ? ORDER BY record_offset LIMIT ?"
        )
        rows = await self._store.read(lambda tx: tx.exec_driver_sql(sql, (topic, lane, first, limit)).all())
        return [Record(topic, lane, offset, key, _unpack(headers), value) for offset, key, headers, value in rows]

    async def first_of(self, place: TopicLane) -> int:
        """Return the lowest offset still kept, or the end of an empty lane."""
        sql = "SELECT min(record_offset) FROM record WHERE topic = ? AND lane = ?"
        first = await self._store.read(lambda tx: tx.exec_driver_sql(sql, place).scalar())
        return self.end_of(place) if first is None else int(first)


class EmbeddedReader:
    """Reads lanes of an `EmbeddedBus`, a full round over the lanes that have news at each poll."""

    def __init__(self, bus: EmbeddedBus) -> None:
        self._bus = bus
        self._places: dict[TopicLane, int] = {}

    async def assign(self, places: Mapping[TopicLane, int]) -> None:
        self._places = dict(places)

    async def poll(self, limit: int, wait: float) -> dict[TopicLane, list[Record]]:
        ready = self._ready()
        if not ready:
            await self._bus.wait_for_news(wait)
            ready = self._ready()
        found: dict[TopicLane, list[Record]] = {}
        for place in ready:
            if limit <= 0:
                break
            records = await self._bus.select(place, self._places[place], limit)
            if records:
                found[place] = records
                limit -= len(records)
                self._places[place] = records[-1].offset + 1
        # Whoever came last this time comes first the next.
        for place in found:
            self._places[place] = self._places.pop(place)
        return found

    def _ready(self) -> list[TopicLane]:
        return [place for place, offset in self._places.items() if self._bus.end_of(place) > offset]

    async def starts(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        return {place: await self._bus.first_of(place) for place in lanes}

    async def ends(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        return {place: self._bus.end_of(place) for place in lanes}

    async def close(self) -> None:
        self._places = {}
