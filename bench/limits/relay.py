"""A bare relay: five processes, the topics of Baton, its transactions and its fsyncs, and no work.

    python -m bench.limits.relay <stage> <port> <kafka> <postgres url> <lanes>

`intake` takes leads over HTTP, commits those of concurrent requests together, and answers after COMMIT. Every other
stage reads the topics its service reads and does per poll one transaction: its places, the state of the leads it saw
(locked, then written), what it says. A relay of its own reads what was said, sends it in batches by lane with an
idempotent producer, awaits the acknowledgements and marks the page as sent in one more transaction.

Fair, because all that Baton's promises ask of disk and network is here: the same hops, a commit with its fsync per
poll, page and group of requests, the same clients (aiokafka, asyncpg) with the same settings, the same serializer
(orjson), the same event loop and garbage collection, batches of the most that Baton allows itself, and as many bytes on
Kafka per lead. A limit, because nothing else is: no SQLAlchemy between it and asyncpg, one journal and one state table
where Baton has indexes that refuse what was said twice, and it decides nothing, guards nothing, checks nothing.
`python -m bench cpu` prints the traffic of both, so that this can be checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import asyncpg
import orjson
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI, Request, Response

BATCH = 500
PAGE = 500
BATCH_BYTES = FETCH_BYTES = 256 * 1024
SAFETY_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Stage:
    """What a stage hears, which of it moves it, and how large the facts are that it says then."""

    hears: tuple[str, ...]
    moved_by: str
    says: tuple[int, ...]


# What pads our records to what Baton's facts about one lead of bench/leads.py take on Kafka, headers included.
STAGES = {
    "intake": Stage((), "", (1800,)),
    "scoring": Stage(("intake", "routing"), "intake", (2640, 4530)),
    "routing": Stage(("intake", "scoring", "sla"), "scoring", (4945,)),
    "sla": Stage(("intake", "scoring", "routing"), "routing", (950, 950, 950, 950)),
    "reporting": Stage(("intake", "scoring", "routing", "sla"), "", ()),
}
TABLES = """
CREATE TABLE IF NOT EXISTS place (topic text, lane int, next_off bigint, PRIMARY KEY (topic, lane));
CREATE TABLE IF NOT EXISTS state (lead text PRIMARY KEY, heard int, value text);
CREATE TABLE IF NOT EXISTS journal (id bigserial PRIMARY KEY, lane int, lead text, value bytea, position bigint);
CREATE INDEX IF NOT EXISTS outbox ON journal (id) WHERE position IS NULL;
"""
KEEP = """
INSERT INTO state SELECT lead, 1, value FROM unnest($1::text[], $2::text[]) AS n(lead, value)
ON CONFLICT (lead) DO UPDATE SET heard = state.heard + 1, value = excluded.value
"""
MOVE = """
INSERT INTO place SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])
ON CONFLICT (topic, lane) DO UPDATE SET next_off = excluded.next_off
"""
OUTBOX = f"SELECT id, lane, lead, value FROM journal WHERE position IS NULL ORDER BY id LIMIT {PAGE}"
SENT = "UPDATE journal SET position = id WHERE id = ANY($1::bigint[])"
SAY = "INSERT INTO journal (lane, lead, value) SELECT * FROM unnest($1::int[], $2::text[], $3::bytea[])"


class Bare:
    """One stage."""

    def __init__(self, name: str, kafka: str, database: str, lanes: int) -> None:
        self.lanes = lanes
        self.name, self.stage = name, STAGES[name]
        self.kafka, self.database = kafka, database
        self.news = asyncio.Event()
        self.waiting: asyncio.Queue[tuple[list[dict[str, Any]], asyncio.Future[None]]] = asyncio.Queue()

    async def start(self) -> None:
        await self.open_store()
        if self.stage.says:
            self.producer = AIOKafkaProducer(
                bootstrap_servers=self.kafka, enable_idempotence=True, linger_ms=0, max_batch_size=BATCH_BYTES
            )
            await self.producer.start()

    async def open_store(self) -> None:
        self.pool = await asyncpg.create_pool(self.database, min_size=3, max_size=3)
        await self.pool.execute(TABLES)

    def said(self, lead: str, kind: int) -> tuple[int, str, bytes]:
        value = orjson.dumps({"lead": lead, "kind": kind, "rest": "x" * self.stage.says[kind]})
        return crc32(lead.encode()) % self.lanes, lead, value

    async def relay(self) -> None:
        while True:
            self.news.clear()
            rows = await self.pool.fetch(OUTBOX)
            if rows:
                await self.publish(rows)
                async with self.pool.acquire() as connection, connection.transaction():
                    await connection.execute(SENT, [row["id"] for row in rows])
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAFETY_POLL_SECONDS):
                    await self.news.wait()

    async def publish(self, rows: list[Any]) -> None:
        """Send the rows in batches by lane, in order, and wait until the broker has them."""
        batches: dict[int, list[Any]] = {}
        for row in rows:
            record = {"key": row["lead"].encode(), "value": row["value"], "timestamp": None}
            of_lane = batches.setdefault(row["lane"], [])
            if not of_lane or of_lane[-1].append(**record) is None:
                of_lane.append(self.producer.create_batch())
                of_lane[-1].append(**record)
        topic = f"bare.{self.name}"
        acks = [
            await self.producer.send_batch(batch, topic, partition=lane)
            for lane, of_lane in batches.items()
            for batch in of_lane
        ]
        await asyncio.gather(*acks)

    async def read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka,
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        await consumer.start()
        topics = [f"bare.{topic}" for topic in self.stage.hears]
        consumer.assign([TopicPartition(topic, lane) for topic in topics for lane in range(self.lanes)])
        await consumer.seek_to_beginning()
        for row in await self.pool.fetch("SELECT topic, lane, next_off FROM place"):
            consumer.seek(TopicPartition(row["topic"], row["lane"]), row["next_off"])
        while True:
            polled = await consumer.getmany(timeout_ms=50, max_records=BATCH)
            if polled:
                await self.handle(polled)

    async def handle(self, polled: dict[Any, Any]) -> None:
        places = [(part.topic, part.partition, records[-1].offset + 1) for part, records in sorted(polled.items())]
        facts = [(part.topic, orjson.loads(record.value)) for part, found in polled.items() for record in found]
        last = {fact["lead"]: orjson.dumps(fact).decode() for _, fact in facts}
        moved = [fact["lead"] for topic, fact in facts if topic == f"bare.{self.stage.moved_by}" and fact["kind"] == 0]
        out = [self.said(lead, kind) for lead in moved for kind in range(len(self.stage.says))]
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(MOVE, *_columns(places))
            await connection.fetch("SELECT * FROM state WHERE lead = ANY($1::text[]) FOR UPDATE", sorted(last))
            await connection.execute(KEEP, *_columns(sorted(last.items())))
            if out:
                await connection.execute(SAY, *_columns(out))
        self.news.set()

    async def accept(self, leads: list[dict[str, Any]]) -> None:
        """Commit the leads together with those of other requests."""
        done = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait((leads, done))
        await done

    async def commit(self) -> None:
        while True:
            group = [await self.waiting.get()]
            await asyncio.sleep(0)  # those that are already here come along
            while sum(len(leads) for leads, _ in group) < BATCH and not self.waiting.empty():
                group.append(self.waiting.get_nowait())
            leads = [lead for of_one, _ in group for lead in of_one]
            kept = sorted((lead["external_id"], orjson.dumps(lead).decode()) for lead in leads)
            async with self.pool.acquire() as connection, connection.transaction():
                await connection.execute(KEEP, *_columns(kept))
                await connection.execute(SAY, *_columns([self.said(lead["external_id"], 0) for lead in leads]))
            self.news.set()
            for _, done in group:
                if not done.done():
                    done.set_result(None)


def _columns(rows: list[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def main(name: str, port: int, kafka: str, database: str, lanes: int) -> None:
    bare = Bare(name, kafka, database, lanes)
    await bare.start()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    app = FastAPI(openapi_url=None)

    @app.get("/ready")
    async def ready() -> str:
        return "yes"

    @app.post("/leads")
    async def take(request: Request) -> Response:
        body = orjson.loads(await request.body())
        leads = body if isinstance(body, list) else [body]
        await bare.accept(leads)
        receipts = [{"status": "accepted", "lead_id": lead["external_id"], "event_id": "-"} for lead in leads]
        return Response(orjson.dumps(receipts), 202, media_type="application/json")

    config = uvicorn.Config(app, host="127.0.0.1", port=port, access_log=False, log_config=None, lifespan="off")
    async with asyncio.TaskGroup() as group:
        group.create_task(uvicorn.Server(config).serve())
        if bare.stage.hears:
            group.create_task(bare.read())
        else:
            group.create_task(bare.commit())
        if bare.stage.says:
            group.create_task(bare.relay())


if __name__ == "__main__":
    uvloop = __import__("uvloop")
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])))
