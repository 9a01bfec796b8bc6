"""A bare relay: five processes, the topics of Baton, its transactions and its fsyncs, and no work.

    python -m bench.limits.relay <stage> <port> <kafka> <postgres url>

`intake` takes leads over HTTP and answers after COMMIT. Every other stage reads the topics its service reads and does
per poll one transaction: its positions, the state of the leads it saw, what it says. A relay sends what was said with
an idempotent producer and marks it as sent in a transaction of its own. Same clients (aiokafka, asyncpg), same
serializer (orjson), records of the sizes Baton's have; it decides nothing, guards nothing, checks nothing.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import asyncpg
import orjson
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI, Request, Response

LANES = 12
LINGER_SECONDS = 0.05


@dataclass(frozen=True)
class Stage:
    """What a stage hears, which of it moves it, and how large the facts are that it says then."""

    hears: tuple[str, ...]
    moved_by: str
    says: tuple[int, ...]


# What pads our records to the size of Baton's facts for one lead of bench/leads.py (1135; 1990, 3881; 4293; 4 × 310).
STAGES = {
    "intake": Stage((), "", (1080,)),
    "scoring": Stage(("intake", "routing"), "intake", (1930, 3820)),
    "routing": Stage(("intake", "scoring"), "scoring", (4230,)),
    "sla": Stage(("intake", "scoring", "routing"), "routing", (250, 250, 250, 250)),
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
SAY = "INSERT INTO journal (lane, lead, value) SELECT * FROM unnest($1::int[], $2::text[], $3::bytea[])"


class Bare:
    """One stage."""

    def __init__(self, name: str, kafka: str, database: str) -> None:
        self.name, self.stage = name, STAGES[name]
        self.kafka, self.database = kafka, database
        self.news = asyncio.Event()
        self.waiting: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self.arrived = asyncio.Event()

    async def start(self) -> None:
        self.pool = await asyncpg.create_pool(self.database, min_size=3, max_size=3)
        await self.pool.execute(TABLES)
        if self.stage.says:
            self.producer = AIOKafkaProducer(bootstrap_servers=self.kafka, enable_idempotence=True, linger_ms=0)
            await self.producer.start()

    def said(self, lead: str, kind: int) -> tuple[int, str, bytes]:
        value = orjson.dumps({"lead": lead, "kind": kind, "rest": "x" * self.stage.says[kind]})
        return crc32(lead.encode()) % LANES, lead, value

    async def relay(self) -> None:
        topic = f"bare.{self.name}"
        while True:
            async with self.pool.acquire() as connection:
                query = "SELECT id, lane, lead, value FROM journal WHERE position IS NULL ORDER BY id LIMIT 500"
                rows = await connection.fetch(query)
                if not rows:
                    self.news.clear()
                else:
                    acks = [
                        await self.producer.send(topic, row["value"], key=row["lead"].encode(), partition=row["lane"])
                        for row in rows
                    ]
                    await asyncio.gather(*acks)
                    sent = "UPDATE journal SET position = id WHERE id = ANY($1::bigint[])"
                    await connection.execute(sent, [row["id"] for row in rows])
                    continue
            try:
                async with asyncio.timeout(LINGER_SECONDS):
                    await self.news.wait()
            except TimeoutError:
                continue

    async def read(self) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False, fetch_max_wait_ms=50)
        await consumer.start()
        consumer.assign([TopicPartition(f"bare.{topic}", lane) for topic in self.stage.hears for lane in range(LANES)])
        await consumer.seek_to_beginning()
        while True:
            polled = await consumer.getmany(timeout_ms=200, max_records=1000)
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
        self.waiting += [(lead["external_id"], orjson.dumps(lead), done) for lead in leads]
        self.arrived.set()
        await done

    async def commit(self) -> None:
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            batch, self.waiting = self.waiting, []
            if not batch:
                continue
            out = [self.said(lead, 0) for lead, _, _ in batch]
            kept = {lead: raw.decode() for lead, raw, _ in batch}
            async with self.pool.acquire() as connection, connection.transaction():
                await connection.execute(KEEP, *_columns(sorted(kept.items())))
                await connection.execute(SAY, *_columns(out))
            self.news.set()
            for done in {id(done): done for _, _, done in batch}.values():
                done.set_result(None)


def _columns(rows: list[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def main(name: str, port: int, kafka: str, database: str) -> None:
    bare = Bare(name, kafka, database)
    await bare.start()
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
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
