"""Both pipelines inside this process, on Postgres, with a log in memory for Kafka: nothing runs beside what is timed.

So processor time is all that counts, and batches are as large on a busy machine as on a quiet one. Left out on both
sides alike: the HTTP server, Kafka and its client, and what Postgres itself uses.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from fastapi import FastAPI

from baton.runtime.bus.port import Outgoing, Record, TopicLane
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.http.app import create_app
from baton.runtime.migrate import migrate_now
from baton.runtime.run import build_service
from baton.runtime.settings import Settings
from baton.runtime.store.port import open_store
from bench import leads
from bench.limits.relay import OUTBOX, SENT, STAGES, Bare
from bench.world import SERVICES, TOKEN

LANES = 4
CHUNK = 200
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)  # a Monday morning: everybody is at work
Spent = dict[str, float]


class Log:
    """A bus of lists. It is its own reader's memory: as exact as Kafka, and free."""

    def __init__(self) -> None:
        self.lanes: dict[TopicLane, list[Record]] = defaultdict(list)

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        """Topics need no making."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        for topic, lane, key, headers, value in records:
            there = self.lanes[topic, lane]
            there.append(Record(topic, lane, len(there), key, headers, value))

    async def reader(self, patience: float = 0.0) -> LogReader:
        return LogReader(self)

    async def close(self) -> None:
        """Nothing to let go of."""


class LogReader:
    """Reads the lists from where it was told to."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._places: dict[TopicLane, int] = {}

    async def assign(self, places: Mapping[TopicLane, int]) -> None:
        self._places = dict(places)

    async def poll(self, limit: int, wait: float) -> dict[TopicLane, list[Record]]:
        found: dict[TopicLane, list[Record]] = {}
        for place, offset in self._places.items():
            if limit > 0 and (records := self._log.lanes[place][offset : offset + limit]):
                found[place] = records
                self._places[place] += len(records)
                limit -= len(records)
        if not found:
            await asyncio.sleep(wait)  # who polls in a task of his own would else do nothing but poll
        return found

    async def starts(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        return dict.fromkeys(lanes, 0)

    async def ends(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        return {lane: len(self._log.lanes[lane]) for lane in lanes}

    async def close(self) -> None:
        """Nothing to let go of."""


class Baton:
    """The five services' engines, one step at a time."""

    def __init__(self, intake: FastAPI, engines: Mapping[str, Engine]) -> None:
        self.intake = intake
        self._engines = engines

    async def take(self, run: str, amount: int) -> Spent:
        """Let so many leads in and everywhere; return the processor seconds of each service."""
        spent: Spent = defaultdict(float)
        for _ in range(amount // CHUNK):
            body = leads.body(run, CHUNK)
            started = time.process_time()
            await ask(self.intake, "/intake/v1/leads", body)
            while await self._engines["intake"].relay.pending():
                await asyncio.sleep(0.001)  # its own task publishes
            spent["intake"] += time.process_time() - started
        moved = True
        while moved:
            moved = False
            for name in SERVICES[1:]:
                started = time.process_time()
                moved |= bool(await self._step(self._engines[name]))
                spent[name] += time.process_time() - started
        return spent

    @staticmethod
    async def _step(engine: Engine) -> int:
        await engine.lanes.tend()
        read = await engine.worker.once(0)
        return read + (await engine.relay.once() if engine.service.says else 0)


@contextlib.asynccontextmanager
async def baton(home: Path, playbook: Path, tokens: Path, urls: Mapping[str, str]) -> AsyncIterator[Baton]:
    """Yield Baton on databases that are empty."""
    log, engines = Log(), {}
    for name in SERVICES:
        await migrate_now(name, urls[name])
        settings = Settings(home=home, database_url=urls[name], partitions=LANES, playbook=playbook, tokens=tokens)
        engine = Engine(
            build_service(name, settings), settings, open_store(urls[name]), log, FixedClock(NOW), alone=True
        )
        engines[name] = engine
    app = create_app(engines["intake"])
    await engines["intake"].start()
    for name in SERVICES[1:]:
        await engines[name].lanes.prepare(list(engines[name].service.hears), alone=True)
        await engines[name].lanes.tend()
    routing: Any = engines["routing"].service
    await routing.take_playbook(engines["routing"], routing.watch.current)
    try:
        yield Baton(app, engines)
    finally:
        await engines["intake"].stop()
        for name in SERVICES[1:]:
            await engines[name].store.close()


class Relay:
    """The bare relay's stages, one step at a time."""

    def __init__(self, stages: Mapping[str, Bare]) -> None:
        self._stages = stages
        self._log: dict[TopicPartition, list[bytes]] = defaultdict(list)
        self._read: dict[tuple[str, TopicPartition], int] = defaultdict(int)

    async def take(self, run: str, amount: int) -> Spent:
        """Let so many leads in and everywhere; return the processor seconds of each stage."""
        spent: Spent = defaultdict(float)
        for _ in range(amount // CHUNK):
            made = [leads.new_lead(run) for _ in range(CHUNK)]
            started = time.process_time()
            await self._stages["intake"].accept(made)
            spent["intake"] += time.process_time() - started
        moved = True
        while moved:
            moved = False
            for name, stage in self._stages.items():
                started = time.process_time()
                moved |= await self._step(name, stage)
                spent[name] += time.process_time() - started
        return spent

    async def _step(self, name: str, stage: Bare) -> bool:
        polled = self._poll(name, stage)
        if polled:
            await stage.handle(polled)
        rows = await stage.pool.fetch(OUTBOX) if STAGES[name].says else []
        for row in rows:
            self._log[TopicPartition(f"bare.{name}", row["lane"])].append(row["value"])
        if rows:
            async with stage.pool.acquire() as connection, connection.transaction():
                await connection.execute(SENT, [row["id"] for row in rows])
        return bool(polled or rows)

    def _poll(self, name: str, stage: Bare) -> dict[TopicPartition, list[Any]]:
        polled = {}
        for place in [TopicPartition(f"bare.{topic}", lane) for topic in stage.stage.hears for lane in range(LANES)]:
            first = self._read[name, place]
            if values := self._log[place][first:]:
                polled[place] = [SimpleNamespace(value=value, offset=first + n) for n, value in enumerate(values)]
                self._read[name, place] += len(values)
        return polled


@contextlib.asynccontextmanager
async def relay(urls: Mapping[str, str]) -> AsyncIterator[Relay]:
    """Yield the bare relay on databases that are empty."""
    stages = {name: Bare(name, "", urls[name], LANES) for name in STAGES}
    for stage in stages.values():
        await stage.open_store()
    committing = asyncio.create_task(stages["intake"].commit())
    try:
        yield Relay(stages)
    finally:
        committing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await committing
        for stage in stages.values():
            await stage.pool.close()


async def ask(app: Any, path: str, body: bytes) -> None:
    """Post JSON to an application as a server would. Raises RuntimeError unless it says 202."""
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    headers += [(b"content-length", str(len(body)).encode()), (b"authorization", f"Bearer {TOKEN}".encode())]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
    }
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "root_path": ""}
    scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {}}
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    if said[0]["status"] != 202:
        raise RuntimeError(f"{path} said {said}")
